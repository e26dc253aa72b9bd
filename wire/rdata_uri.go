package wire

import "encoding/binary"

// URI is a URI for the owner (RFC 7553 4).
type URI struct {
	Priority uint16 // the lowest is tried first
	Weight   uint16 // share among those of one priority
	Target   []byte // the URI
}

// Type returns [TypeURI].
func (*URI) Type() Type { return TypeURI }

// Parse reads the wire form.
func (d *URI) Parse(c *Cursor) error {
	d.Priority = c.Uint16()
	d.Weight = c.Uint16()
	d.Target = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *URI) AppendTo(b []byte, _ *Compressor) []byte {
	b = binary.BigEndian.AppendUint16(b, d.Priority)
	b = binary.BigEndian.AppendUint16(b, d.Weight)
	return append(b, d.Target...)
}

// Len is the length of the wire form in octets.
func (d *URI) Len() int { return 4 + len(d.Target) }

func (d URI) String() string { return rdataString(&d) }
