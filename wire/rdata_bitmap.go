package wire

import (
	"fmt"
	"iter"
	"slices"
)

// TypeBitmap is a set of record types in the wire form of RFC 4034 4.1.2:
// blocks of up to 256 types, each after its number and its length.
type TypeBitmap []byte

// Has reports whether t is in the set.
func (m TypeBitmap) Has(t Type) bool {
	for len(m) >= 2 && 2+int(m[1]) <= len(m) {
		block := m[2 : 2+int(m[1])]
		if m[0] == byte(t>>8) {
			at := int(t & 0xFF)
			return at/8 < len(block) && block[at/8]&(0x80>>(at%8)) != 0
		}
		m = m[2+len(block):]
	}
	return false
}

// All goes through the types in the set, the lowest first.
func (m TypeBitmap) All() iter.Seq[Type] {
	return func(yield func(Type) bool) {
		for m := m; len(m) >= 2 && 2+int(m[1]) <= len(m); m = m[2+int(m[1]):] {
			for i, octet := range m[2 : 2+int(m[1])] {
				for bit := 0; octet != 0; bit, octet = bit+1, octet<<1 {
					if octet&0x80 != 0 && !yield(Type(m[0])<<8|Type(8*i+bit)) {
						return
					}
				}
			}
		}
	}
}

// AppendTypeBitmap appends the set of types to b. It sorts types in place.
func AppendTypeBitmap(b []byte, types []Type) []byte {
	slices.Sort(types)
	block := -1 // where the open block starts in b
	for _, t := range types {
		if block < 0 || b[block] != byte(t>>8) {
			block = len(b)
			b = append(b, byte(t>>8), 0)
		}
		at := int(t & 0xFF)
		for int(b[block+1]) <= at/8 {
			b = append(b, 0)
			b[block+1]++
		}
		b[block+2+at/8] |= 0x80 >> (at % 8)
	}
	return b
}

// typeBitmap reads a bitmap up to the end: blocks in ascending order, none
// empty, none with zeros at its end (RFC 4034 4.1.2).
func (c *Cursor) typeBitmap() TypeBitmap {
	start := c.at
	last := -1
	for c.Len() > 0 {
		number := int(c.Uint8())
		block := c.take(int(c.Uint8()))
		if c.err != nil {
			break
		}
		switch {
		case number <= last:
			c.Fail(fmt.Errorf("%w: blocks of the type bitmap are not in ascending order", ErrRdata))
		case len(block) == 0 || len(block) > 32:
			c.Fail(fmt.Errorf("%w: block of the type bitmap has %d octets, not 1 to 32", ErrRdata, len(block)))
		case block[len(block)-1] == 0:
			c.Fail(fmt.Errorf("%w: block of the type bitmap ends in an octet without a type", ErrRdata))
		}
		last = number
	}
	return TypeBitmap(c.since(start))
}

// typeBitmap reads mnemonics of types up to the end.
func (w *wordReader) typeBitmap() {
	var few [32]Type // room enough for nearly every name
	types := few[:0]
	for w.more() {
		types = append(types, w.parseType(w.word("a record type")))
	}
	w.b = AppendTypeBitmap(w.b, types)
}

func (m TypeBitmap) appendText(b []byte) []byte {
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
