package wire

import "cmp"

// MINFO names who is responsible for a mailing list, and where errors go (RFC
// 1035 3.3.7).
type MINFO struct {
	Responsible Name
	Errors      Name
}

// Type returns [TypeMINFO].
func (*MINFO) Type() Type { return TypeMINFO }

// Parse reads the wire form.
func (d *MINFO) Parse(c *Cursor) error {
	d.Responsible = c.CompressedName()
	d.Errors = c.CompressedName()
	return c.Close()
}

// AppendTo appends the wire form, names compressed.
func (d *MINFO) AppendTo(b []byte, c *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = c.AppendName(b, d.Responsible)
	return c.AppendName(b, d.Errors)
}

func (d *MINFO) validate() error {
	return cmp.Or(requireName("Responsible", d.Responsible), requireName("Errors", d.Errors))
}

// Len is the length of the wire form in octets.
func (d *MINFO) Len() int { return d.Responsible.Len() + d.Errors.Len() }

func (d MINFO) String() string { return rdataString(&d) }

// RP names a responsible person (RFC 1183 2.2).
type RP struct {
	Mailbox Name
	Text    Name // owner of TXT records about the person
}

// Type returns [TypeRP].
func (*RP) Type() Type { return TypeRP }

// Parse reads the wire form.
func (d *RP) Parse(c *Cursor) error {
	d.Mailbox = c.Name()
	d.Text = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *RP) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = d.Mailbox.AppendTo(b)
	return d.Text.AppendTo(b)
}

func (d *RP) validate() error {
	return cmp.Or(requireName("Mailbox", d.Mailbox), requireName("Text", d.Text))
}

// Len is the length of the wire form in octets.
func (d *RP) Len() int { return d.Mailbox.Len() + d.Text.Len() }

func (d RP) String() string { return rdataString(&d) }

// TALINK links the trust anchor histories of a zone.
type TALINK struct {
	Previous Name
	Next     Name
}

// Type returns [TypeTALINK].
func (*TALINK) Type() Type { return TypeTALINK }

// Parse reads the wire form.
func (d *TALINK) Parse(c *Cursor) error {
	d.Previous = c.Name()
	d.Next = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *TALINK) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = d.Previous.AppendTo(b)
	return d.Next.AppendTo(b)
}

func (d *TALINK) validate() error {
	return cmp.Or(requireName("Previous", d.Previous), requireName("Next", d.Next))
}

// Len is the length of the wire form in octets.
func (d *TALINK) Len() int { return d.Previous.Len() + d.Next.Len() }

func (d TALINK) String() string { return rdataString(&d) }
