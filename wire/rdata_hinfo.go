package wire

import "cmp"

// HINFO is the kind of hardware and of operating system (RFC 1035 3.3.2), or
// the sign that ANY is not answered in full (RFC 8482 4.2).
type HINFO struct {
	CPU []byte
	OS  []byte
}

// Type returns [TypeHINFO].
func (*HINFO) Type() Type { return TypeHINFO }

// Parse reads the wire form.
func (d *HINFO) Parse(c *Cursor) error {
	d.CPU = c.CharacterString()
	d.OS = c.CharacterString()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *HINFO) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = appendString(b, d.CPU)
	return appendString(b, d.OS)
}

func (d *HINFO) validate() error {
	return cmp.Or(requireString("CPU", d.CPU), requireString("OS", d.OS))
}

// Len is the length of the wire form in octets.
func (d *HINFO) Len() int { return stringLen(d.CPU) + stringLen(d.OS) }

func (d HINFO) String() string { return rdataString(&d) }

// X25 is the X.121 address of the owner in a public data network (RFC 1183
// 3.1).
type X25 struct {
	Address []byte
}

// Type returns [TypeX25].
func (*X25) Type() Type { return TypeX25 }

// Parse reads the wire form.
func (d *X25) Parse(c *Cursor) error {
	d.Address = c.CharacterString()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *X25) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return appendString(b, d.Address)
}

func (d *X25) validate() error { return requireString("Address", d.Address) }

// Len is the length of the wire form in octets.
func (d *X25) Len() int { return stringLen(d.Address) }

func (d X25) String() string { return rdataString(&d) }

// ISDN is the telephone number of the owner (RFC 1183 3.2).
type ISDN struct {
	Address    []byte
	Subaddress CharacterStrings // one or none
}

// Type returns [TypeISDN].
func (*ISDN) Type() Type { return TypeISDN }

// Parse reads the wire form.
func (d *ISDN) Parse(c *Cursor) error {
	d.Address = c.CharacterString()
	d.Subaddress = c.optionalString()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *ISDN) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = appendString(b, d.Address)
	return append(b, d.Subaddress...)
}

func (d *ISDN) validate() error {
	return cmp.Or(requireString("Address", d.Address), fieldOptionalString.require("Subaddress", d.Subaddress))
}

// Len is the length of the wire form in octets.
func (d *ISDN) Len() int { return stringLen(d.Address) + len(d.Subaddress) }

func (d ISDN) String() string { return rdataString(&d) }

// GPOS is where the owner is, as decimal numbers; LOC replaced it (RFC 1712
// 3).
type GPOS struct {
	Longitude []byte // degrees
	Latitude  []byte // degrees
	Altitude  []byte // metres
}

// Type returns [TypeGPOS].
func (*GPOS) Type() Type { return TypeGPOS }

// Parse reads the wire form.
func (d *GPOS) Parse(c *Cursor) error {
	d.Longitude = c.CharacterString()
	d.Latitude = c.CharacterString()
	d.Altitude = c.CharacterString()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *GPOS) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = appendString(b, d.Longitude)
	b = appendString(b, d.Latitude)
	return appendString(b, d.Altitude)
}

func (d *GPOS) validate() error {
	return cmp.Or(requireString("Longitude", d.Longitude), requireString("Latitude", d.Latitude), requireString("Altitude", d.Altitude))
}

// Len is the length of the wire form in octets.
func (d *GPOS) Len() int {
	return stringLen(d.Longitude) + stringLen(d.Latitude) + stringLen(d.Altitude)
}

func (d GPOS) String() string { return rdataString(&d) }
