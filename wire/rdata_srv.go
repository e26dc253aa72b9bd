package wire

import "encoding/binary"

// SRV names a host that offers a service (RFC 2782).
type SRV struct {
	Priority uint16 // the lowest is tried first
	Weight   uint16 // share among those of one priority
	Port     uint16
	Target   Name // the root: not offered here
}

// Type returns [TypeSRV].
func (*SRV) Type() Type { return TypeSRV }

// Parse reads the wire form.
func (d *SRV) Parse(c *Cursor) error {
	d.Priority = c.Uint16()
	d.Weight = c.Uint16()
	d.Port = c.Uint16()
	d.Target = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *SRV) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, d.Priority)
	b = binary.BigEndian.AppendUint16(b, d.Weight)
	b = binary.BigEndian.AppendUint16(b, d.Port)
	return d.Target.AppendTo(b)
}

func (d *SRV) validate() error { return requireName("Target", d.Target) }

// Len is the length of the wire form in octets.
func (d *SRV) Len() int { return 6 + d.Target.Len() }

func (d SRV) String() string { return rdataString(&d) }
