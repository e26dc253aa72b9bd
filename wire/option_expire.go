package wire

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Expire says in how many seconds a secondary's copy of the zone expires (RFC
// 7314). It is empty in queries.
type Expire struct {
	Seconds uint32
	Empty   bool
}

// OptionCode implements [Option].
func (o *Expire) OptionCode() OptionCode { return OptionExpire }

// Parse implements [Option].
func (o *Expire) Parse(data []byte) error {
	switch len(data) {
	case 0:
		*o = Expire{Empty: true}
	case 4:
		*o = Expire{Seconds: binary.BigEndian.Uint32(data)}
	default:
		return fmt.Errorf("%w: neither empty nor four octets", ErrOption)
	}
	return nil
}

// Len implements [Option].
func (o *Expire) Len() int {
	if o.Empty {
		return 0
	}
	return 4
}

// AppendTo implements [Option].
func (o *Expire) AppendTo(b []byte) []byte {
	if o.Empty {
		return b
	}
	return binary.BigEndian.AppendUint32(b, o.Seconds)
}

// AppendText implements [Option]: the number of seconds.
func (o *Expire) AppendText(b []byte) []byte {
	if o.Empty {
		return b
	}
	return strconv.AppendUint(b, uint64(o.Seconds), 10)
}

// ParseText implements [Option]. What dig adds in parentheses, the time in
// days and hours, is not looked at.
func (o *Expire) ParseText(text string) error {
	if text == "" {
		*o = Expire{Empty: true}
		return nil
	}
	seconds, _, _ := strings.Cut(text, "(")
	n, err := parseNumber(seconds, 32)
	if err != nil {
		return err
	}
	*o = Expire{Seconds: uint32(n)}
	return nil
}
