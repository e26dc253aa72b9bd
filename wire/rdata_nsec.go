package wire

import "cmp"

// NSEC says which names and types do not exist (RFC 4034 4.1).
type NSEC struct {
	Next  Name // the next owner in canonical order
	Types TypeBitmap
}

// Type returns [TypeNSEC].
func (*NSEC) Type() Type { return TypeNSEC }

// Parse reads the wire form.
func (d *NSEC) Parse(c *Cursor) error {
	d.Next = c.Name()
	d.Types = c.typeBitmap()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *NSEC) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = d.Next.AppendTo(b)
	return append(b, d.Types...)
}

func (d *NSEC) validate() error {
	return cmp.Or(requireName("Next", d.Next), fieldTypes.require("Types", d.Types))
}

// Len is the length of the wire form in octets.
func (d *NSEC) Len() int { return d.Next.Len() + len(d.Types) }

func (d NSEC) String() string { return rdataString(&d) }
