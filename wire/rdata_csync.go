package wire

import "encoding/binary"

// CSYNC asks the parent to copy records of the zone (RFC 7477 2.1).
type CSYNC struct {
	Serial Serial
	Flags  uint16
	Types  TypeBitmap
}

// Type returns [TypeCSYNC].
func (*CSYNC) Type() Type { return TypeCSYNC }

// Parse reads the wire form.
func (d *CSYNC) Parse(c *Cursor) error {
	d.Serial = Serial(c.Uint32())
	d.Flags = c.Uint16()
	d.Types = c.typeBitmap()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *CSYNC) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint32(b, uint32(d.Serial))
	b = binary.BigEndian.AppendUint16(b, d.Flags)
	return append(b, d.Types...)
}

func (d *CSYNC) validate() error { return fieldTypes.require("Types", d.Types) }

// Len is the length of the wire form in octets.
func (d *CSYNC) Len() int { return 6 + len(d.Types) }

func (d CSYNC) String() string { return rdataString(&d) }
