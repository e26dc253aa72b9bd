package recursor

import (
	"errors"
	"strings"

	"github.com/names-dns/names/wire"
)

// blame collects why servers did not answer.
type blame struct {
	texts []string // for the operator: who, and why
	worst *Failure // for the asker: the failure that says most
	rank  int      // how much
}

// add notes a failure; s may be nil.
func (b *blame) add(s *server, err error, rank int, code wire.ExtendedErrorCode, text string) {
	why := err.Error()
	if s != nil {
		why = s.Addr().String() + ": " + why
	}
	b.texts = append(b.texts, why)
	if rank > b.rank {
		b.worst, b.rank = &Failure{Code: code, Text: text}, rank
	}
}

// failure returns why there is no answer; nil if nothing is known.
func (b *blame) failure() error {
	if b.worst == nil {
		return nil
	}
	b.worst.Err = errors.New(strings.Join(b.texts, "; "))
	return b.worst
}
