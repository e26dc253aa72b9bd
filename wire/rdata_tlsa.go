package wire

// TLSA says which certificate a TLS server has (RFC 6698 2.1).
type TLSA struct {
	Usage        uint8
	Selector     uint8
	MatchingType uint8
	Data         []byte // certificate, key or digest
}

// Type returns [TypeTLSA].
func (*TLSA) Type() Type { return TypeTLSA }

// Parse reads the wire form.
func (d *TLSA) Parse(c *Cursor) error {
	d.Usage = c.Uint8()
	d.Selector = c.Uint8()
	d.MatchingType = c.Uint8()
	d.Data = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *TLSA) AppendTo(b []byte, _ *Compressor) []byte {
	b = append(b, d.Usage, d.Selector, d.MatchingType)
	return append(b, d.Data...)
}

// Len is the length of the wire form in octets.
func (d *TLSA) Len() int { return 3 + len(d.Data) }

func (d TLSA) String() string { return rdataString(&d) }

// SMIMEA says which certificate a mail user has (RFC 8162 2).
type SMIMEA struct{ TLSA }

// Type returns [TypeSMIMEA].
func (*SMIMEA) Type() Type { return TypeSMIMEA }

func (d SMIMEA) String() string { return rdataString(&d) }
