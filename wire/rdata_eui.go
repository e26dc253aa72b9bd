package wire

import "bytes"

// EUI48 is a 48 bit hardware address (RFC 7043 3.1).
type EUI48 struct {
	Address [6]byte
}

// Type returns [TypeEUI48].
func (*EUI48) Type() Type { return TypeEUI48 }

// Parse reads the wire form.
func (d *EUI48) Parse(c *Cursor) error {
	copy(d.Address[:], c.take(6))
	return c.Close()
}

// AppendTo appends the wire form.
func (d *EUI48) AppendTo(b []byte, _ *Compressor) []byte {
	return append(b, d.Address[:]...)
}

// Len is the length of the wire form in octets.
func (*EUI48) Len() int { return 6 }

func (d EUI48) String() string { return rdataString(&d) }

// EUI64 is a 64 bit hardware address (RFC 7043 4.1).
type EUI64 struct {
	Address [8]byte
}

// Type returns [TypeEUI64].
func (*EUI64) Type() Type { return TypeEUI64 }

// Parse reads the wire form.
func (d *EUI64) Parse(c *Cursor) error {
	copy(d.Address[:], c.take(8))
	return c.Close()
}

// AppendTo appends the wire form.
func (d *EUI64) AppendTo(b []byte, _ *Compressor) []byte {
	return append(b, d.Address[:]...)
}

// Len is the length of the wire form in octets.
func (*EUI64) Len() int { return 8 }

func (d EUI64) String() string { return rdataString(&d) }

// eui reads a hardware address of so many octets: two hex digits each, hyphens
// in between.
func (w *wordReader) eui(octets int) {
	what := "six pairs of hex digits such as 00-00-5e-00-53-2a"
	if octets == 8 {
		what = "eight pairs of hex digits such as 00-00-5e-ef-10-00-00-2a"
	}
	text := w.word(what)
	if text == nil {
		return
	}
	for more := true; more && octets > 0; octets-- {
		var pair []byte
		pair, text, more = bytes.Cut(text, []byte("-"))
		if more != (octets > 1) || len(pair) > 2 {
			break
		}
		if len(pair) == 1 { // a zero may be left out, as BIND has it
			pair = []byte{'0', pair[0]}
		}
		w.hexWord(pair, what)
	}
	if octets > 0 {
		w.expected(what)
	}
}

func appendEUIText(b, octets []byte) []byte {
	for i, c := range octets {
		if i > 0 {
			b = append(b, '-')
		}
		b = appendLowerHex(b, []byte{c})
	}
	return b
}
