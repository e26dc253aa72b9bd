package wire

import (
	"cmp"
	"encoding/binary"
)

// SOA starts the data of a zone (RFC 1035 3.3.13).
type SOA struct {
	Primary Name // MNAME: the server the data comes from
	Mailbox Name // RNAME: whom to write to, the @ as a dot
	Serial  Serial
	Refresh uint32 // seconds
	Retry   uint32 // seconds
	Expire  uint32 // seconds
	Minimum uint32 // seconds; the TTL of negative answers (RFC 2308 4)
}

// Type returns [TypeSOA].
func (*SOA) Type() Type { return TypeSOA }

// Parse reads the wire form.
func (d *SOA) Parse(c *Cursor) error {
	d.Primary = c.CompressedName()
	d.Mailbox = c.CompressedName()
	d.Serial = Serial(c.Uint32())
	d.Refresh = c.Uint32()
	d.Retry = c.Uint32()
	d.Expire = c.Uint32()
	d.Minimum = c.Uint32()
	return c.Close()
}

// AppendTo appends the wire form, names compressed.
func (d *SOA) AppendTo(b []byte, c *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = c.AppendName(b, d.Primary)
	b = c.AppendName(b, d.Mailbox)
	b = binary.BigEndian.AppendUint32(b, uint32(d.Serial))
	b = binary.BigEndian.AppendUint32(b, d.Refresh)
	b = binary.BigEndian.AppendUint32(b, d.Retry)
	b = binary.BigEndian.AppendUint32(b, d.Expire)
	return binary.BigEndian.AppendUint32(b, d.Minimum)
}

func (d *SOA) validate() error {
	return cmp.Or(requireName("Primary", d.Primary), requireName("Mailbox", d.Mailbox))
}

// Len is the length of the wire form in octets.
func (d *SOA) Len() int { return 20 + d.Primary.Len() + d.Mailbox.Len() }

func (d SOA) String() string { return rdataString(&d) }
