package wire

import (
	"strconv"
	"strings"
)

// AlgorithmList lists the algorithms a validator understands (RFC 6975): of
// signatures, of DS digests, of NSEC3 hashes.
type AlgorithmList struct {
	Code       OptionCode // OptionDAU, OptionDHU or OptionN3U
	Algorithms []uint8
}

// OptionCode implements [Option].
func (o *AlgorithmList) OptionCode() OptionCode { return o.Code }

// Parse implements [Option]. It never fails.
func (o *AlgorithmList) Parse(data []byte) error {
	o.Algorithms = data
	return nil
}

// Len implements [Option].
func (o *AlgorithmList) Len() int { return len(o.Algorithms) }

// AppendTo implements [Option].
func (o *AlgorithmList) AppendTo(b []byte) []byte { return append(b, o.Algorithms...) }

// AppendText implements [Option]: 8 13 15.
func (o *AlgorithmList) AppendText(b []byte) []byte {
	for i, a := range o.Algorithms {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendUint(b, uint64(a), 10)
	}
	return b
}

// ParseText implements [Option].
func (o *AlgorithmList) ParseText(text string) error {
	o.Algorithms = nil
	for field := range strings.FieldsSeq(text) {
		a, err := parseNumber(field, 8)
		if err != nil {
			return err
		}
		o.Algorithms = append(o.Algorithms, uint8(a))
	}
	return nil
}
