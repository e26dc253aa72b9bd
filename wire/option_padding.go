package wire

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Padding makes a message longer (RFC 7830). Its octets should be zero, but
// those of others may be anything.
type Padding struct {
	Octets []byte
}

// OptionCode implements [Option].
func (o *Padding) OptionCode() OptionCode { return OptionPadding }

// Parse implements [Option]. It never fails.
func (o *Padding) Parse(data []byte) error {
	o.Octets = data
	return nil
}

// Len implements [Option].
func (o *Padding) Len() int { return len(o.Octets) }

// AppendTo implements [Option].
func (o *Padding) AppendTo(b []byte) []byte { return append(b, o.Octets...) }

// AppendText implements [Option]: (468 bytes), or the octets if they are
// not zero.
func (o *Padding) AppendText(b []byte) []byte {
	if slices.ContainsFunc(o.Octets, func(c byte) bool { return c != 0 }) {
		return appendDump(b, o.Octets)
	}
	if len(o.Octets) == 0 {
		return b
	}
	b = append(b, '(')
	b = strconv.AppendInt(b, int64(len(o.Octets)), 10)
	return append(b, " bytes)"...)
}

// ParseText implements [Option].
func (o *Padding) ParseText(text string) (err error) {
	count, ok := strings.CutPrefix(text, "(")
	if !ok {
		o.Octets, err = parseDump(text)
		return err
	}
	count, ok = strings.CutSuffix(count, "bytes)")
	if !ok {
		return fmt.Errorf("%w: not of the form (N bytes)", ErrOption)
	}
	n, err := parseNumber(count, 16)
	if err != nil {
		return err
	}
	o.Octets = make([]byte, n)
	return nil
}
