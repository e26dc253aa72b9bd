package wire

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// KeyTag tells which trust anchors a validator uses (RFC 8145 4).
type KeyTag struct {
	Tags []uint16
}

// OptionCode implements [Option].
func (o *KeyTag) OptionCode() OptionCode { return OptionKeyTag }

// Parse implements [Option].
func (o *KeyTag) Parse(data []byte) error {
	if len(data) == 0 || len(data)%2 != 0 {
		return fmt.Errorf("%w: not one or more tags of two octets", ErrOption)
	}
	o.Tags = o.Tags[:0]
	for i := 0; i < len(data); i += 2 {
		o.Tags = append(o.Tags, binary.BigEndian.Uint16(data[i:]))
	}
	return nil
}

// Len implements [Option].
func (o *KeyTag) Len() int { return 2 * len(o.Tags) }

// AppendTo implements [Option].
func (o *KeyTag) AppendTo(b []byte) []byte {
	for _, tag := range o.Tags {
		b = binary.BigEndian.AppendUint16(b, tag)
	}
	return b
}

// AppendText implements [Option]: 20326, 38696.
func (o *KeyTag) AppendText(b []byte) []byte {
	for i, tag := range o.Tags {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendUint(b, uint64(tag), 10)
	}
	return b
}

// ParseText implements [Option].
func (o *KeyTag) ParseText(text string) error {
	o.Tags = o.Tags[:0]
	for field := range strings.SplitSeq(text, ",") {
		tag, err := parseNumber(field, 16)
		if err != nil {
			return err
		}
		o.Tags = append(o.Tags, uint16(tag))
	}
	return nil
}
