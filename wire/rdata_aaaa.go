package wire

import "net/netip"

// AAAA is an IPv6 address of a host (RFC 3596 2.2).
type AAAA struct {
	Addr netip.Addr // an IPv6 address without a zone
}

// Type returns [TypeAAAA].
func (*AAAA) Type() Type { return TypeAAAA }

// Parse reads the wire form.
func (d *AAAA) Parse(c *Cursor) error {
	d.Addr = c.ipv6()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *AAAA) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	return appendIPv6Octets(b, d.Addr)
}

func (d *AAAA) validate() error { return requireIPv6("Addr", d.Addr) }

// Len is the length of the wire form in octets.
func (*AAAA) Len() int { return 16 }

func (d AAAA) String() string { return rdataString(&d) }
