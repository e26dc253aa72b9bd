package wire

import (
	"errors"
	"fmt"
)

// What can be wrong with octets or text. Readers wrap these in an [Error]
// that says where.
var (
	ErrShort        = errors.New("data ends too early")
	ErrTrailing     = errors.New("octets are left over after the data")
	ErrLabelType    = errors.New("label type is not one of RFC 1035")
	ErrLabelTooLong = errors.New("label is longer than 63 octets")
	ErrNameTooLong  = errors.New("name is longer than 255 octets")
	ErrEmptyLabel   = errors.New("label is empty")
	ErrEmptyName    = errors.New("name is empty")
	ErrNoOrigin     = errors.New("name is relative and there is no origin to complete it")
	ErrEscape       = errors.New(`escape is not \X or \DDD with DDD up to 255`)
	ErrPointer      = errors.New("compression pointer does not point backward")
	ErrCompressed   = errors.New("name is compressed where that is not allowed")
	ErrSectionDone  = errors.New("no more records in this section")
	ErrRdata        = errors.New("record data is malformed")
	ErrRdataTooLong = errors.New("record data is longer than 65535 octets")
	ErrOPTOwner     = errors.New("owner of the OPT record is not the root")
)

// Error says where in a message it went wrong. It wraps the cause.
type Error struct {
	Section Section // the section that was being read
	Offset  int     // octets from the start of the message
	Err     error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s section, octet %d: %v", e.Section, e.Offset, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }
