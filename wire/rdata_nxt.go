package wire

import (
	"cmp"
	"fmt"
	"iter"
)

// NXT says which names and types do not exist; NSEC replaced it (RFC 2535
// 5.2).
type NXT struct {
	Next  Name
	Types NXTBitmap
}

// Type returns [TypeNXT].
func (*NXT) Type() Type { return TypeNXT }

// Parse reads the wire form.
func (d *NXT) Parse(c *Cursor) error {
	d.Next = c.Name()
	d.Types = c.nxtTypes()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *NXT) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = d.Next.AppendTo(b)
	return append(b, d.Types...)
}

func (d *NXT) validate() error {
	return cmp.Or(requireName("Next", d.Next), fieldNXTTypes.require("Types", d.Types))
}

// Len is the length of the wire form in octets.
func (d *NXT) Len() int { return d.Next.Len() + len(d.Types) }

func (d NXT) String() string { return rdataString(&d) }

// NXTBitmap is a set of types below 128 in wire form: the bit for type 0 is
// the highest of the first octet (RFC 2535 5.2).
type NXTBitmap []byte

// maxNXTOctets is what types below 128 take.
const maxNXTOctets = 16

// Has reports whether t is in the set.
func (m NXTBitmap) Has(t Type) bool {
	return int(t/8) < len(m) && m[t/8]&(0x80>>(t%8)) != 0
}

// All goes through the types in the set, the lowest first.
func (m NXTBitmap) All() iter.Seq[Type] {
	return func(yield func(Type) bool) {
		for t := range Type(8 * len(m)) {
			if m.Has(t) && !yield(t) {
				return
			}
		}
	}
}

// nxtTypes reads a bitmap. One with the lowest bit set is of a form that was
// never defined.
func (c *Cursor) nxtTypes() NXTBitmap {
	m := c.Rest()
	switch {
	case len(m) > maxNXTOctets, len(m) > 0 && m[0]&0x80 != 0:
		c.Fail(fmt.Errorf("%w: type bitmap is not that of an NXT record", ErrRdata))
	case len(m) > 0 && m[len(m)-1] == 0:
		c.Fail(fmt.Errorf("%w: type bitmap ends in an octet without a type", ErrRdata))
	}
	return m
}

// nxtTypes reads mnemonics of types below 128.
func (w *wordReader) nxtTypes() {
	var octets [maxNXTOctets]byte
	used := 0
	for w.more() {
		t := w.parseType(w.word("a record type"))
		if t == 0 || t >= 8*maxNXTOctets {
			w.expected("a record type from 1 to 127")
			return
		}
		octets[t/8] |= 0x80 >> (t % 8)
		used = max(used, int(t/8)+1)
	}
	w.b = append(w.b, octets[:used]...)
}

func appendNXTTypesText(b []byte, m NXTBitmap) []byte {
	first := true
	for t := range m.All() {
		if !first {
			b = append(b, ' ')
		}
		first = false
		b = appendTypeText(b, t)
	}
	return b
}
