package wire

import (
	"cmp"
	"encoding/binary"
)

// MX names a host that takes mail for the owner (RFC 1035 3.3.9).
type MX struct {
	Preference uint16 // the lowest is tried first
	Exchange   Name
}

// Type returns [TypeMX].
func (*MX) Type() Type { return TypeMX }

// Parse reads the wire form.
func (d *MX) Parse(c *Cursor) error {
	d.Preference = c.Uint16()
	d.Exchange = c.CompressedName()
	return c.Close()
}

// AppendTo appends the wire form, names compressed.
func (d *MX) AppendTo(b []byte, c *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, d.Preference)
	return c.AppendName(b, d.Exchange)
}

func (d *MX) validate() error { return requireName("Exchange", d.Exchange) }

// Len is the length of the wire form in octets.
func (d *MX) Len() int { return 2 + d.Exchange.Len() }

func (d MX) String() string { return rdataString(&d) }

// AFSDB names a database server of AFS or DCE (RFC 1183 1).
type AFSDB struct {
	Subtype uint16
	Host    Name
}

// Type returns [TypeAFSDB].
func (*AFSDB) Type() Type { return TypeAFSDB }

// Parse reads the wire form.
func (d *AFSDB) Parse(c *Cursor) error {
	d.Subtype = c.Uint16()
	d.Host = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *AFSDB) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, d.Subtype)
	return d.Host.AppendTo(b)
}

func (d *AFSDB) validate() error { return requireName("Host", d.Host) }

// Len is the length of the wire form in octets.
func (d *AFSDB) Len() int { return 2 + d.Host.Len() }

func (d AFSDB) String() string { return rdataString(&d) }

// RT names a host that routes to the owner (RFC 1183 3.3).
type RT struct {
	Preference uint16
	Host       Name
}

// Type returns [TypeRT].
func (*RT) Type() Type { return TypeRT }

// Parse reads the wire form.
func (d *RT) Parse(c *Cursor) error {
	d.Preference = c.Uint16()
	d.Host = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *RT) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, d.Preference)
	return d.Host.AppendTo(b)
}

func (d *RT) validate() error { return requireName("Host", d.Host) }

// Len is the length of the wire form in octets.
func (d *RT) Len() int { return 2 + d.Host.Len() }

func (d RT) String() string { return rdataString(&d) }

// KX names a key exchanger for the owner (RFC 2230 3.1).
type KX struct {
	Preference uint16
	Exchanger  Name
}

// Type returns [TypeKX].
func (*KX) Type() Type { return TypeKX }

// Parse reads the wire form.
func (d *KX) Parse(c *Cursor) error {
	d.Preference = c.Uint16()
	d.Exchanger = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *KX) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, d.Preference)
	return d.Exchanger.AppendTo(b)
}

func (d *KX) validate() error { return requireName("Exchanger", d.Exchanger) }

// Len is the length of the wire form in octets.
func (d *KX) Len() int { return 2 + d.Exchanger.Len() }

func (d KX) String() string { return rdataString(&d) }

// PX maps between mail addresses of the Internet and of X.400 (RFC 2163 4).
type PX struct {
	Preference uint16
	Map822     Name
	MapX400    Name
}

// Type returns [TypePX].
func (*PX) Type() Type { return TypePX }

// Parse reads the wire form.
func (d *PX) Parse(c *Cursor) error {
	d.Preference = c.Uint16()
	d.Map822 = c.Name()
	d.MapX400 = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *PX) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, d.Preference)
	b = d.Map822.AppendTo(b)
	return d.MapX400.AppendTo(b)
}

func (d *PX) validate() error {
	return cmp.Or(requireName("Map822", d.Map822), requireName("MapX400", d.MapX400))
}

// Len is the length of the wire form in octets.
func (d *PX) Len() int { return 2 + d.Map822.Len() + d.MapX400.Len() }

func (d PX) String() string { return rdataString(&d) }
