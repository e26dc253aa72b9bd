package wire

import "encoding/binary"

// IPN is the number of a node of the bundle protocol.
type IPN struct {
	Node uint64
}

// Type returns [TypeIPN].
func (*IPN) Type() Type { return TypeIPN }

// Parse reads the wire form.
func (d *IPN) Parse(c *Cursor) error {
	d.Node = c.Uint64()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *IPN) AppendTo(b []byte, _ *Compressor) []byte {
	return binary.BigEndian.AppendUint64(b, d.Node)
}

// Len is the length of the wire form in octets.
func (*IPN) Len() int { return 8 }

func (d IPN) String() string { return rdataString(&d) }
