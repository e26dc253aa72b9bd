package recursor

import (
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Failure is why a query has no answer. The client gets SERVFAIL, with an
// extended error (RFC 8914).
type Failure struct {
	Code wire.ExtendedErrorCode
	Text string // for the client: it does not name a server
	Err  error  // for the operator; may be nil
	// Answered: a server did reply, but not with an answer.
	Answered bool
}

// Error returns the whole reason, for the operator.
func (f *Failure) Error() string {
	text := f.Text
	if text == "" {
		text = f.Code.String()
	}
	if f.Err != nil {
		text += ": " + f.Err.Error()
	}
	return text
}

func (f *Failure) Unwrap() error { return f.Err }

// ExtendedError returns the extended error for the client.
func (f *Failure) ExtendedError() (code uint16, text string) { return uint16(f.Code), f.Text }

// refuse answers REFUSED and says why.
func refuse(x *names.Exchange, code wire.ExtendedErrorCode, text string) error {
	x.RCode = wire.RCodeRefused
	x.AddExtendedError(code, text)
	return nil
}
