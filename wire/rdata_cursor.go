package wire

import (
	"iter"
	"net/netip"
)

// What the data of several types has in common, read off a cursor.

func (c *Cursor) ipv4() netip.Addr {
	if b := c.take(4); b != nil {
		return netip.AddrFrom4([4]byte(b))
	}
	return netip.IPv4Unspecified()
}

func (c *Cursor) ipv6() netip.Addr {
	if b := c.take(16); b != nil {
		return netip.AddrFrom16([16]byte(b))
	}
	return netip.IPv6Unspecified()
}

// appendIPv4Octets appends an IPv4 address, which may be in its IPv6-mapped
// form.
func appendIPv4Octets(b []byte, a netip.Addr) []byte {
	octets := a.Unmap().As4()
	return append(b, octets[:]...)
}

// appendIPv6Octets appends an IPv6 address.
func appendIPv6Octets(b []byte, a netip.Addr) []byte {
	octets := a.As16()
	return append(b, octets[:]...)
}

// uncompressedName reads a name that may not be compressed even inside a
// message. It is borrowed from the data itself.
func (c *Cursor) uncompressedName() Name {
	n, length, err := BorrowName(c.msg[c.at:c.end])
	if err != nil {
		c.Fail(err)
		return Name{}
	}
	c.at += length
	return n
}

// nameList passes over names up to the end and returns their octets.
func (c *Cursor) nameList() NameList {
	start := c.at
	for c.Len() > 0 {
		c.uncompressedName()
	}
	return NameList(c.since(start))
}

// since returns the octets between start and the cursor, none after an error.
func (c *Cursor) since(start int) []byte {
	if c.err != nil {
		return nil
	}
	return c.msg[start:c.at:c.at]
}

// NameList is a list of uncompressed names in wire form, one after the other.
type NameList []byte

// All goes through the names, which are borrowed from the list.
func (l NameList) All() iter.Seq[Name] {
	return func(yield func(Name) bool) {
		for len(l) > 0 {
			n, length, err := BorrowName(l)
			if err != nil || !yield(n) {
				return
			}
			l = l[length:]
		}
	}
}

// CharacterStrings is a list of character-strings in wire form: each after
// its length octet (RFC 1035 3.3).
type CharacterStrings []byte

// Append appends a string; what is longer than 255 octets becomes several.
func (l CharacterStrings) Append(s string) CharacterStrings {
	for len(s) > maxStringLen {
		l = append(append(l, maxStringLen), s[:maxStringLen]...)
		s = s[maxStringLen:]
	}
	return append(append(l, byte(len(s))), s...)
}

// All goes through the strings, which are borrowed from the list.
func (l CharacterStrings) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(l) > 0 {
			end := 1 + int(l[0])
			if end > len(l) || !yield(l[1:end:end]) {
				return
			}
			l = l[end:]
		}
	}
}

// characterStrings reads character-strings up to the end, at least one.
func (c *Cursor) characterStrings() CharacterStrings {
	start := c.at
	c.CharacterString()
	for c.Len() > 0 {
		c.CharacterString()
	}
	return CharacterStrings(c.since(start))
}

// optionalString reads a character-string if there is anything left.
func (c *Cursor) optionalString() CharacterStrings {
	start := c.at
	if c.Len() > 0 {
		c.CharacterString()
	}
	return CharacterStrings(c.since(start))
}

// appendString appends a character-string, cut to what one can hold.
func appendString(b, s []byte) []byte {
	s = s[:min(len(s), maxStringLen)]
	return append(append(b, byte(len(s))), s...)
}

// sized reads octets after a length of 16 bits.
func (c *Cursor) sized() []byte { return c.take(int(c.Uint16())) }
