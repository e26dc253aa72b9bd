package wire

// NS names an authoritative server of the zone (RFC 1035 3.3.11).
type NS struct {
	Host Name
}

// Type returns [TypeNS].
func (*NS) Type() Type { return TypeNS }

// Parse reads the wire form.
func (d *NS) Parse(c *Cursor) error {
	d.Host = c.CompressedName()
	return c.Close()
}

// AppendTo appends the wire form, names compressed.
func (d *NS) AppendTo(b []byte, c *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return c.AppendName(b, d.Host)
}

func (d *NS) validate() error { return requireName("Host", d.Host) }

// Len is the length of the wire form in octets.
func (d *NS) Len() int { return d.Host.Len() }

func (d NS) String() string { return rdataString(&d) }

// CNAME says what the owner is an alias of (RFC 1035 3.3.1).
type CNAME struct {
	Target Name
}

// Type returns [TypeCNAME].
func (*CNAME) Type() Type { return TypeCNAME }

// Parse reads the wire form.
func (d *CNAME) Parse(c *Cursor) error {
	d.Target = c.CompressedName()
	return c.Close()
}

// AppendTo appends the wire form, names compressed.
func (d *CNAME) AppendTo(b []byte, c *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return c.AppendName(b, d.Target)
}

func (d *CNAME) validate() error { return requireName("Target", d.Target) }

// Len is the length of the wire form in octets.
func (d *CNAME) Len() int { return d.Target.Len() }

func (d CNAME) String() string { return rdataString(&d) }

// PTR points to another place in the name space (RFC 1035 3.3.12).
type PTR struct {
	Target Name
}

// Type returns [TypePTR].
func (*PTR) Type() Type { return TypePTR }

// Parse reads the wire form.
func (d *PTR) Parse(c *Cursor) error {
	d.Target = c.CompressedName()
	return c.Close()
}

// AppendTo appends the wire form, names compressed.
func (d *PTR) AppendTo(b []byte, c *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return c.AppendName(b, d.Target)
}

func (d *PTR) validate() error { return requireName("Target", d.Target) }

// Len is the length of the wire form in octets.
func (d *PTR) Len() int { return d.Target.Len() }

func (d PTR) String() string { return rdataString(&d) }

// DNAME says where the names below the owner have moved (RFC 6672 2.1).
type DNAME struct {
	Target Name
}

// Type returns [TypeDNAME].
func (*DNAME) Type() Type { return TypeDNAME }

// Parse reads the wire form.
func (d *DNAME) Parse(c *Cursor) error {
	d.Target = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *DNAME) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return d.Target.AppendTo(b)
}

func (d *DNAME) validate() error { return requireName("Target", d.Target) }

// Len is the length of the wire form in octets.
func (d *DNAME) Len() int { return d.Target.Len() }

func (d DNAME) String() string { return rdataString(&d) }

// MD names a mail destination; obsolete (RFC 1035 3.3.4).
type MD struct {
	Host Name
}

// Type returns [TypeMD].
func (*MD) Type() Type { return TypeMD }

// Parse reads the wire form.
func (d *MD) Parse(c *Cursor) error {
	d.Host = c.CompressedName()
	return c.Close()
}

// AppendTo appends the wire form, names compressed.
func (d *MD) AppendTo(b []byte, c *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return c.AppendName(b, d.Host)
}

func (d *MD) validate() error { return requireName("Host", d.Host) }

// Len is the length of the wire form in octets.
func (d *MD) Len() int { return d.Host.Len() }

func (d MD) String() string { return rdataString(&d) }

// MF names a mail forwarder; obsolete (RFC 1035 3.3.5).
type MF struct {
	Host Name
}

// Type returns [TypeMF].
func (*MF) Type() Type { return TypeMF }

// Parse reads the wire form.
func (d *MF) Parse(c *Cursor) error {
	d.Host = c.CompressedName()
	return c.Close()
}

// AppendTo appends the wire form, names compressed.
func (d *MF) AppendTo(b []byte, c *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return c.AppendName(b, d.Host)
}

func (d *MF) validate() error { return requireName("Host", d.Host) }

// Len is the length of the wire form in octets.
func (d *MF) Len() int { return d.Host.Len() }

func (d MF) String() string { return rdataString(&d) }

// MB names the host that has the mailbox (RFC 1035 3.3.3).
type MB struct {
	Host Name
}

// Type returns [TypeMB].
func (*MB) Type() Type { return TypeMB }

// Parse reads the wire form.
func (d *MB) Parse(c *Cursor) error {
	d.Host = c.CompressedName()
	return c.Close()
}

// AppendTo appends the wire form, names compressed.
func (d *MB) AppendTo(b []byte, c *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return c.AppendName(b, d.Host)
}

func (d *MB) validate() error { return requireName("Host", d.Host) }

// Len is the length of the wire form in octets.
func (d *MB) Len() int { return d.Host.Len() }

func (d MB) String() string { return rdataString(&d) }

// MG names a mailbox that belongs to the mail group (RFC 1035 3.3.6).
type MG struct {
	Mailbox Name
}

// Type returns [TypeMG].
func (*MG) Type() Type { return TypeMG }

// Parse reads the wire form.
func (d *MG) Parse(c *Cursor) error {
	d.Mailbox = c.CompressedName()
	return c.Close()
}

// AppendTo appends the wire form, names compressed.
func (d *MG) AppendTo(b []byte, c *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return c.AppendName(b, d.Mailbox)
}

func (d *MG) validate() error { return requireName("Mailbox", d.Mailbox) }

// Len is the length of the wire form in octets.
func (d *MG) Len() int { return d.Mailbox.Len() }

func (d MG) String() string { return rdataString(&d) }

// MR names the mailbox that the owner was renamed to (RFC 1035 3.3.8).
type MR struct {
	Mailbox Name
}

// Type returns [TypeMR].
func (*MR) Type() Type { return TypeMR }

// Parse reads the wire form.
func (d *MR) Parse(c *Cursor) error {
	d.Mailbox = c.CompressedName()
	return c.Close()
}

// AppendTo appends the wire form, names compressed.
func (d *MR) AppendTo(b []byte, c *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return c.AppendName(b, d.Mailbox)
}

func (d *MR) validate() error { return requireName("Mailbox", d.Mailbox) }

// Len is the length of the wire form in octets.
func (d *MR) Len() int { return d.Mailbox.Len() }

func (d MR) String() string { return rdataString(&d) }

// NSAPPTR names the host of an OSI address; historic (RFC 1706 6).
type NSAPPTR struct {
	Target Name
}

// Type returns [TypeNSAPPTR].
func (*NSAPPTR) Type() Type { return TypeNSAPPTR }

// Parse reads the wire form.
func (d *NSAPPTR) Parse(c *Cursor) error {
	d.Target = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *NSAPPTR) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return d.Target.AppendTo(b)
}

func (d *NSAPPTR) validate() error { return requireName("Target", d.Target) }

// Len is the length of the wire form in octets.
func (d *NSAPPTR) Len() int { return d.Target.Len() }

func (d NSAPPTR) String() string { return rdataString(&d) }
