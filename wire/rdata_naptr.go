package wire

import (
	"cmp"
	"encoding/binary"
)

// NAPTR rewrites the owner into another name or a URI (RFC 3403 4.1).
type NAPTR struct {
	Order       uint16
	Preference  uint16
	Flags       []byte
	Services    []byte
	Regexp      []byte
	Replacement Name
}

// Type returns [TypeNAPTR].
func (*NAPTR) Type() Type { return TypeNAPTR }

// Parse reads the wire form.
func (d *NAPTR) Parse(c *Cursor) error {
	d.Order = c.Uint16()
	d.Preference = c.Uint16()
	d.Flags = c.CharacterString()
	d.Services = c.CharacterString()
	d.Regexp = c.CharacterString()
	d.Replacement = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *NAPTR) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, d.Order)
	b = binary.BigEndian.AppendUint16(b, d.Preference)
	b = appendString(b, d.Flags)
	b = appendString(b, d.Services)
	b = appendString(b, d.Regexp)
	return d.Replacement.AppendTo(b)
}

func (d *NAPTR) validate() error {
	return cmp.Or(requireString("Flags", d.Flags), requireString("Services", d.Services), requireString("Regexp", d.Regexp), requireName("Replacement", d.Replacement))
}

// Len is the length of the wire form in octets.
func (d *NAPTR) Len() int {
	return 4 + stringLen(d.Flags) + stringLen(d.Services) + stringLen(d.Regexp) + d.Replacement.Len()
}

func (d NAPTR) String() string { return rdataString(&d) }
