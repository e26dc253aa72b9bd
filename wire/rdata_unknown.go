package wire

// Unknown is the data of a type without a struct of its own (RFC 3597).
type Unknown struct {
	Code Type
	Data []byte
}

// Type returns the code.
func (d *Unknown) Type() Type { return d.Code }

// Parse takes all there is. Names in it cannot be compressed (RFC 3597 4).
func (d *Unknown) Parse(c *Cursor) error {
	d.Data = c.Rest()
	return c.Close()
}

// AppendTo appends the data as it is.
func (d *Unknown) AppendTo(b []byte, _ *Compressor) []byte { return append(b, d.Data...) }

// validate takes what the type of a known code takes.
func (d *Unknown) validate() error { return CheckRdata(d.Code, d.Data) }

// Len is the length of the data in octets.
func (d *Unknown) Len() int { return len(d.Data) }

func (d Unknown) String() string { return string(appendGeneric(nil, d.Data)) }
