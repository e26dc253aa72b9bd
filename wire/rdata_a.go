package wire

import "net/netip"

// A is an IPv4 address of a host (RFC 1035 3.4.1).
type A struct {
	Addr netip.Addr // an IPv4 address, or one in its IPv6-mapped form
}

// Type returns [TypeA].
func (*A) Type() Type { return TypeA }

// Parse reads the wire form.
func (d *A) Parse(c *Cursor) error {
	d.Addr = c.ipv4()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *A) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return appendIPv4Octets(b, d.Addr)
}

func (d *A) validate() error { return requireIPv4("Addr", d.Addr) }

// Len is the length of the wire form in octets.
func (*A) Len() int { return 4 }

func (d A) String() string { return rdataString(&d) }
