package wire

import (
	"cmp"
	"encoding/binary"
)

// TKEY establishes a key between two programs (RFC 2930 2).
type TKEY struct {
	Algorithm  Name
	Inception  Serial // seconds since 1970
	Expiration Serial // seconds since 1970
	Mode       uint16
	Error      RCode
	Key        []byte
	Other      []byte
}

// Type returns [TypeTKEY].
func (*TKEY) Type() Type { return TypeTKEY }

// Parse reads the wire form.
func (d *TKEY) Parse(c *Cursor) error {
	d.Algorithm = c.Name()
	d.Inception = Serial(c.Uint32())
	d.Expiration = Serial(c.Uint32())
	d.Mode = c.Uint16()
	d.Error = RCode(c.Uint16())
	d.Key = c.sized()
	d.Other = c.sized()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *TKEY) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = d.Algorithm.AppendTo(b)
	b = binary.BigEndian.AppendUint32(b, uint32(d.Inception))
	b = binary.BigEndian.AppendUint32(b, uint32(d.Expiration))
	b = binary.BigEndian.AppendUint16(b, d.Mode)
	b = binary.BigEndian.AppendUint16(b, uint16(d.Error))
	b = appendSized(b, d.Key)
	return appendSized(b, d.Other)
}

func (d *TKEY) validate() error {
	return cmp.Or(requireName("Algorithm", d.Algorithm), requireLength("Key", d.Key, maxRdataLen), requireLength("Other", d.Other, maxRdataLen))
}

// Len is the length of the wire form in octets.
func (d *TKEY) Len() int { return 12 + d.Algorithm.Len() + sizedLen(d.Key) + sizedLen(d.Other) }

func (d TKEY) String() string { return rdataString(&d) }
