package wire

// SINK is data of any kind, said in its first three octets; it never got
// beyond a draft.
type SINK struct {
	Meaning   uint8
	Coding    uint8
	Subcoding uint8
	Data      []byte
}

// Type returns [TypeSINK].
func (*SINK) Type() Type { return TypeSINK }

// Parse reads the wire form.
func (d *SINK) Parse(c *Cursor) error {
	d.Meaning = c.Uint8()
	d.Coding = c.Uint8()
	d.Subcoding = c.Uint8()
	d.Data = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *SINK) AppendTo(b []byte, _ *Compressor) []byte {
	b = append(b, d.Meaning, d.Coding, d.Subcoding)
	return append(b, d.Data...)
}

// Len is the length of the wire form in octets.
func (d *SINK) Len() int { return 3 + len(d.Data) }

func (d SINK) String() string { return rdataString(&d) }
