package wire

// DHCID says which DHCP client the owner belongs to (RFC 4701 3).
type DHCID struct {
	Data []byte
}

// Type returns [TypeDHCID].
func (*DHCID) Type() Type { return TypeDHCID }

// Parse reads the wire form.
func (d *DHCID) Parse(c *Cursor) error {
	d.Data = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *DHCID) AppendTo(b []byte, _ *Compressor) []byte {
	return append(b, d.Data...)
}

// Len is the length of the wire form in octets.
func (d *DHCID) Len() int { return len(d.Data) }

func (d DHCID) String() string { return rdataString(&d) }

// OPENPGPKEY is a public key of a mail user (RFC 7929 2).
type OPENPGPKEY struct {
	Key []byte
}

// Type returns [TypeOPENPGPKEY].
func (*OPENPGPKEY) Type() Type { return TypeOPENPGPKEY }

// Parse reads the wire form.
func (d *OPENPGPKEY) Parse(c *Cursor) error {
	d.Key = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *OPENPGPKEY) AppendTo(b []byte, _ *Compressor) []byte {
	return append(b, d.Key...)
}

// Len is the length of the wire form in octets.
func (d *OPENPGPKEY) Len() int { return len(d.Key) }

func (d OPENPGPKEY) String() string { return rdataString(&d) }

// HHIT is about a hierarchical host identity tag of a drone, in CBOR (RFC 9886
// 5.1).
type HHIT struct {
	Data []byte
}

// Type returns [TypeHHIT].
func (*HHIT) Type() Type { return TypeHHIT }

// Parse reads the wire form.
func (d *HHIT) Parse(c *Cursor) error {
	d.Data = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *HHIT) AppendTo(b []byte, _ *Compressor) []byte {
	return append(b, d.Data...)
}

// Len is the length of the wire form in octets.
func (d *HHIT) Len() int { return len(d.Data) }

func (d HHIT) String() string { return rdataString(&d) }

// BRID is what a drone broadcasts about itself, in CBOR (RFC 9886 5.2).
type BRID struct {
	Data []byte
}

// Type returns [TypeBRID].
func (*BRID) Type() Type { return TypeBRID }

// Parse reads the wire form.
func (d *BRID) Parse(c *Cursor) error {
	d.Data = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *BRID) AppendTo(b []byte, _ *Compressor) []byte {
	return append(b, d.Data...)
}

// Len is the length of the wire form in octets.
func (d *BRID) Len() int { return len(d.Data) }

func (d BRID) String() string { return rdataString(&d) }

// EID is an endpoint identifier of the Nimrod architecture.
type EID struct {
	Endpoint []byte
}

// Type returns [TypeEID].
func (*EID) Type() Type { return TypeEID }

// Parse reads the wire form.
func (d *EID) Parse(c *Cursor) error {
	d.Endpoint = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *EID) AppendTo(b []byte, _ *Compressor) []byte {
	return append(b, d.Endpoint...)
}

// Len is the length of the wire form in octets.
func (d *EID) Len() int { return len(d.Endpoint) }

func (d EID) String() string { return rdataString(&d) }

// NIMLOC is a locator of the Nimrod architecture.
type NIMLOC struct {
	Locator []byte
}

// Type returns [TypeNIMLOC].
func (*NIMLOC) Type() Type { return TypeNIMLOC }

// Parse reads the wire form.
func (d *NIMLOC) Parse(c *Cursor) error {
	d.Locator = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *NIMLOC) AppendTo(b []byte, _ *Compressor) []byte {
	return append(b, d.Locator...)
}

// Len is the length of the wire form in octets.
func (d *NIMLOC) Len() int { return len(d.Locator) }

func (d NIMLOC) String() string { return rdataString(&d) }
