package recursor

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// blame collects why servers did not answer.
type blame struct {
	texts  []string // for the operator: which server, and why
	unsent int      // how many of them were not even sent
	isBusy bool     // a server was left out, for too many queries wait for it or it had too many
	worst  *Failure // for the client: the failure that says most
	rank   int      // how much
}

// add notes a failure; s may be nil.
func (b *blame) add(s *server, err error, rank int, code wire.ExtendedErrorCode, text string) {
	why := err.Error()
	if s != nil {
		why = s.String() + ": " + why
	}
	if s != nil || !slices.Contains(b.texts, why) { // what is about no server in particular is said once
		b.texts = append(b.texts, why)
		if isNotSent(err) {
			b.unsent++
		}
	}
	b.isBusy = b.isBusy || err == errBusy || err == errTooFast
	if rank > b.rank {
		b.worst, b.rank = &Failure{Code: code, Text: text}, rank
	}
}

// failure returns why there is no answer; nil if nothing is known.
func (b *blame) failure() error {
	if b.worst == nil {
		return nil
	}
	b.worst.Answered = b.rank > rankNetwork
	b.worst.Err = errors.New(strings.Join(b.texts, "; "))
	if b.unsent == len(b.texts) {
		b.worst.Err = fmt.Errorf("%w: %w", errUnsent, b.worst.Err)
	}
	if b.isBusy {
		b.worst.Err = fmt.Errorf("%w: %w", names.ErrBusy, b.worst.Err)
	}
	return b.worst
}
