package wire

// ALIAS says whose addresses the owner has: the server that has the zone looks them up
// and publishes them as A and AAAA records of the owner. There is no standard for it.
type ALIAS struct {
	Target Name
}

// Type returns [TypeALIAS].
func (*ALIAS) Type() Type { return TypeALIAS }

// Parse reads the wire form.
func (d *ALIAS) Parse(c *Cursor) error {
	d.Target = c.Name()
	return c.Close()
}

// AppendTo appends the wire form. The name is not compressed (RFC 3597 4).
func (d *ALIAS) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return d.Target.AppendTo(b)
}

func (d *ALIAS) validate() error { return requireName("Target", d.Target) }

// Len is the length of the wire form in octets.
func (d *ALIAS) Len() int { return d.Target.Len() }

func (d ALIAS) String() string { return rdataString(&d) }
