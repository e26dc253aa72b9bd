package wire

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
	b = d.Next.AppendTo(b)
	return append(b, d.Types...)
}

// Len is the length of the wire form in octets.
func (d *NSEC) Len() int { return d.Next.Len() + len(d.Types) }

func (d *NSEC) String() string { return rdataString(d) }
