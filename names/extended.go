package names

import (
	"encoding/binary"
	"errors"

	"github.com/names-dns/names/wire"
)

// ExtendedErrorer is an error that tells the client why a query failed, in an
// extended DNS error (RFC 8914). A server that replies SERVFAIL because a
// resolver returned such an error, or one that wraps it, adds that to the reply.
type ExtendedErrorer interface {
	error

	// ExtendedError returns the INFO-CODE and the EXTRA-TEXT, which may be
	// empty. Clients see the text.
	ExtendedError() (code uint16, text string)
}

// MaxExtendedText is how many octets of EXTRA-TEXT a reply has at most. Longer
// text is cut off.
const MaxExtendedText = 120

// AddExtendedError appends an extended error to the OPT record of the reply, if
// the query had one and there is room.
func (x *Exchange) AddExtendedError(code wire.ExtendedErrorCode, text string) {
	var data [2 + MaxExtendedText]byte
	binary.BigEndian.PutUint16(data[:], uint16(code))
	n := copy(data[2:], text)
	x.AddOption(wire.OptionExtendedError, data[:2+n])
}

// explain appends the extended error that err carries, if it does.
func (x *Exchange) explain(err error) {
	var extended ExtendedErrorer
	if errors.As(err, &extended) {
		code, text := extended.ExtendedError()
		x.AddExtendedError(wire.ExtendedErrorCode(code), text)
	}
}
