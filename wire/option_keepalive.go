package wire

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Keepalive says how long a server keeps an idle TCP connection (RFC 7828).
// It is empty in queries.
type Keepalive struct {
	Timeout uint16 // in tenths of a second
	Empty   bool
}

// OptionCode implements [Option].
func (o *Keepalive) OptionCode() OptionCode { return OptionKeepalive }

// Parse implements [Option].
func (o *Keepalive) Parse(data []byte) error {
	switch len(data) {
	case 0:
		*o = Keepalive{Empty: true}
	case 2:
		*o = Keepalive{Timeout: binary.BigEndian.Uint16(data)}
	default:
		return fmt.Errorf("%w: neither empty nor two octets", ErrOption)
	}
	return nil
}

// Len implements [Option].
func (o *Keepalive) Len() int {
	if o.Empty {
		return 0
	}
	return 2
}

// AppendTo implements [Option].
func (o *Keepalive) AppendTo(b []byte) []byte {
	if o.Empty {
		return b
	}
	return binary.BigEndian.AppendUint16(b, o.Timeout)
}

// AppendText implements [Option]: 12.5 secs.
func (o *Keepalive) AppendText(b []byte) []byte {
	if o.Empty {
		return b
	}
	b = strconv.AppendUint(b, uint64(o.Timeout/10), 10)
	b = append(b, '.', '0'+byte(o.Timeout%10))
	return append(b, " secs"...)
}

// ParseText implements [Option].
func (o *Keepalive) ParseText(text string) error {
	if text == "" {
		*o = Keepalive{Empty: true}
		return nil
	}
	seconds, tenths, _ := strings.Cut(strings.TrimSpace(strings.TrimSuffix(text, "secs")), ".")
	whole, err := parseNumber(seconds, 16)
	if err != nil {
		return err
	}
	var tenth uint64
	if tenths != "" {
		tenth, err = parseNumber(tenths, 16)
	}
	if err != nil || len(tenths) > 1 || 10*whole+tenth > 65535 {
		return fmt.Errorf("%w: %s is not a number of tenths of a second up to 6553.5", ErrOption, quoteForError(text))
	}
	*o = Keepalive{Timeout: uint16(10*whole + tenth)}
	return nil
}
