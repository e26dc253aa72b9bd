package recursor

import (
	"encoding/binary"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Failure is why a question got no answer. Servers make SERVFAIL of it, with
// an extended error (RFC 8914) for the asker.
type Failure struct {
	Code wire.ExtendedErrorCode
	Text string // for the asker: names no server
	Err  error  // for the operator; may be nil
}

// Error tells the operator all there is to tell.
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

// ExtendedError returns what the asker is told.
func (f *Failure) ExtendedError() (code uint16, text string) { return uint16(f.Code), f.Text }

// refuse answers REFUSED and says why.
func refuse(x *names.Exchange, code wire.ExtendedErrorCode, text string) error {
	x.RCode = wire.RCodeRefused
	addExtendedError(x, code, text)
	return nil
}

// addExtendedError adds an extended error to a reply that is none of a failure.
func addExtendedError(x *names.Exchange, code wire.ExtendedErrorCode, text string) {
	var data [2 + maxExtendedText]byte
	binary.BigEndian.PutUint16(data[:], uint16(code))
	n := copy(data[2:], text)
	x.AddOption(wire.OptionExtendedError, data[:2+n])
}

// maxExtendedText is how many octets of an extended error's text are passed on.
const maxExtendedText = 120
