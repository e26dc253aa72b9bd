package wire

import (
	"bytes"
	"fmt"
)

// ATMA is an address in an ATM network (ATM Forum af-saa-0069).
type ATMA struct {
	Format  uint8 // 0: an ATM end system address, 1: a telephone number
	Address []byte
}

// Type returns [TypeATMA].
func (*ATMA) Type() Type { return TypeATMA }

// Parse reads the wire form.
func (d *ATMA) Parse(c *Cursor) error {
	d.Format, d.Address = c.atma()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *ATMA) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = append(b, d.Format)
	return append(b, d.Address...)
}

func (d *ATMA) validate() error {
	if d.Format == atmaTelephone && !isDigits(d.Address) {
		return fmt.Errorf("%w: Address is not made of digits", ErrRdata)
	}
	return nil
}

// Len is the length of the wire form in octets.
func (d *ATMA) Len() int { return 1 + len(d.Address) }

func (d ATMA) String() string { return rdataString(&d) }

// Formats of ATM addresses.
const (
	atmaEndSystem uint8 = 0
	atmaTelephone uint8 = 1
)

// atma reads the whole data. Telephone numbers are digits.
func (c *Cursor) atma() (format uint8, address []byte) {
	format = c.Uint8()
	address = c.Rest()
	if format == atmaTelephone && !isDigits(address) {
		c.Fail(fmt.Errorf("%w: telephone number has more than digits in it", ErrRdata))
	}
	return format, address
}

func isDigits(text []byte) bool {
	for _, c := range text {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// atma reads "+" and digits, or hex digits; dots in them mean nothing.
func (w *wordReader) atma() {
	const what = "a telephone number such as +358.400.1234567 or an address in hex"
	text := w.word(what)
	if text == nil {
		return
	}
	number, ok := bytes.CutPrefix(text, []byte("+"))
	if !ok {
		w.b = append(w.b, atmaEndSystem)
		w.dottedHex(text, what)
		return
	}
	number = bytes.ReplaceAll(number, []byte("."), nil)
	if len(number) == 0 || !isDigits(number) {
		w.expected(what)
	}
	w.b = append(append(w.b, atmaTelephone), number...)
}

func appendATMAText(b []byte, c *Cursor) []byte {
	format, address := c.atma()
	switch {
	case len(address) > 0 && format == atmaEndSystem:
		return appendLowerHex(b, address)
	case len(address) > 0 && format == atmaTelephone:
		return append(append(b, '+'), address...)
	}
	c.Fail(errNoText)
	return b
}
