package wire

import (
	"fmt"
	"net/netip"
)

// A6 is an IPv6 address in parts: the lower bits of it, and the name of an A6
// record that has the upper ones; historic (RFC 2874 3.1).
type A6 struct {
	PrefixLen uint8      // bits that the prefix name has, at most 128
	Suffix    netip.Addr // the other bits, those of the prefix zero
	Prefix    Name       // no name if PrefixLen is 0
}

// Type returns [TypeA6].
func (*A6) Type() Type { return TypeA6 }

// Parse reads the wire form.
func (d *A6) Parse(c *Cursor) error {
	*d = A6{}
	d.PrefixLen, d.Suffix = c.a6Suffix()
	if c.err == nil && d.PrefixLen > 0 {
		d.Prefix = c.uncompressedName()
	}
	return c.Close()
}

// AppendTo appends the wire form.
func (d *A6) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	bits := d.PrefixLen
	octets := d.Suffix.As16()
	b = append(append(b, bits), octets[bits/8:]...)
	if bits > 0 {
		b = d.Prefix.AppendTo(b)
	}
	return b
}

func (d *A6) validate() error {
	switch {
	case d.PrefixLen > 128:
		return fmt.Errorf("%w: PrefixLen of %d is above 128", ErrRdata, d.PrefixLen)
	case d.PrefixLen > 0 && d.Prefix.IsZero():
		return requireName("Prefix", d.Prefix)
	case d.PrefixLen == 0 && !d.Prefix.IsZero():
		return fmt.Errorf("%w: Prefix is set, and PrefixLen is 0", ErrRdata)
	case d.PrefixLen == 128 && !d.Suffix.IsValid():
		return nil // no bit of it is used
	}
	return requireIPv6("Suffix", d.Suffix)
}

// Len is the length of the wire form in octets.
func (d *A6) Len() int {
	bits := min(d.PrefixLen, 128)
	if bits == 0 {
		return 1 + 16
	}
	return 1 + 16 - int(bits/8) + d.Prefix.Len()
}

func (d A6) String() string { return rdataString(&d) }

// a6Suffix reads prefix length and suffix. Bits of the suffix that belong to
// the prefix must be zero (RFC 2874 3.1.1).
func (c *Cursor) a6Suffix() (bits uint8, suffix netip.Addr) {
	bits = c.Uint8()
	if bits > 128 {
		c.Fail(fmt.Errorf("%w: prefix of %d bits", ErrRdata, bits))
	}
	var octets [16]byte
	part := c.take(16 - int(min(bits, 128)/8))
	copy(octets[16-len(part):], part)
	if c.err == nil && len(part) > 0 && part[0]&^(0xFF>>(bits%8)) != 0 {
		c.Fail(fmt.Errorf("%w: address suffix reaches into the prefix", ErrRdata))
	}
	return bits, netip.AddrFrom16(octets)
}

// a6 passes over the whole data.
func (c *Cursor) a6() {
	if bits, _ := c.a6Suffix(); bits > 0 {
		c.uncompressedName()
	}
}

// a6NameOffset is where the prefix name starts in data that is right.
func a6NameOffset(data []byte) int { return 1 + 16 - int(data[0]/8) }

// a6 reads prefix length, suffix and prefix name. At 128 bits there is no
// suffix, at 0 no name.
func (w *wordReader) a6() {
	bits := w.number("a number", 128)
	w.b = append(w.b, byte(bits))
	if bits < 128 {
		from := len(w.b)
		w.ipv6()
		if w.err != nil {
			return
		}
		suffix := w.b[from+int(bits/8):]
		suffix[0] &= 0xFF >> (bits % 8)
		w.b = append(w.b[:from], suffix...)
	}
	if bits > 0 {
		w.name()
	}
}

func appendA6Text(b []byte, c *Cursor) []byte {
	bits, suffix := c.a6Suffix()
	b = appendUint(b, uint64(bits))
	if bits < 128 {
		b = suffix.AppendTo(append(b, ' '))
	}
	if bits > 0 {
		b = c.uncompressedName().AppendText(append(b, ' '))
	}
	return b
}
