package wire

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// NID is a node identifier of ILNP (RFC 6742 2.1).
type NID struct {
	Preference uint16
	NodeID     uint64
}

// Type returns [TypeNID].
func (*NID) Type() Type { return TypeNID }

// Parse reads the wire form.
func (d *NID) Parse(c *Cursor) error {
	d.Preference = c.Uint16()
	d.NodeID = c.Uint64()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *NID) AppendTo(b []byte, _ *Compressor) []byte {
	b = binary.BigEndian.AppendUint16(b, d.Preference)
	return binary.BigEndian.AppendUint64(b, d.NodeID)
}

// Len is the length of the wire form in octets.
func (*NID) Len() int { return 10 }

func (d NID) String() string { return rdataString(&d) }

// L32 is a 32 bit locator of ILNP (RFC 6742 2.2).
type L32 struct {
	Preference uint16
	Locator    netip.Addr // in the form of an IPv4 address
}

// Type returns [TypeL32].
func (*L32) Type() Type { return TypeL32 }

// Parse reads the wire form.
func (d *L32) Parse(c *Cursor) error {
	d.Preference = c.Uint16()
	d.Locator = c.ipv4()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *L32) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, d.Preference)
	return appendIPv4Octets(b, d.Locator)
}

func (d *L32) validate() error { return requireIPv4("Locator", d.Locator) }

// Len is the length of the wire form in octets.
func (*L32) Len() int { return 6 }

func (d L32) String() string { return rdataString(&d) }

// L64 is a 64 bit locator of ILNP (RFC 6742 2.3).
type L64 struct {
	Preference uint16
	Locator    uint64
}

// Type returns [TypeL64].
func (*L64) Type() Type { return TypeL64 }

// Parse reads the wire form.
func (d *L64) Parse(c *Cursor) error {
	d.Preference = c.Uint16()
	d.Locator = c.Uint64()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *L64) AppendTo(b []byte, _ *Compressor) []byte {
	b = binary.BigEndian.AppendUint16(b, d.Preference)
	return binary.BigEndian.AppendUint64(b, d.Locator)
}

// Len is the length of the wire form in octets.
func (*L64) Len() int { return 10 }

func (d L64) String() string { return rdataString(&d) }

// LP names where the locators of the owner are (RFC 6742 2.4).
type LP struct {
	Preference uint16
	Target     Name
}

// Type returns [TypeLP].
func (*LP) Type() Type { return TypeLP }

// Parse reads the wire form.
func (d *LP) Parse(c *Cursor) error {
	d.Preference = c.Uint16()
	d.Target = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *LP) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, d.Preference)
	return d.Target.AppendTo(b)
}

func (d *LP) validate() error { return requireName("Target", d.Target) }

// Len is the length of the wire form in octets.
func (d *LP) Len() int { return 2 + d.Target.Len() }

func (d LP) String() string { return rdataString(&d) }

// locator reads 64 bits as four groups of hex digits with colons in between.
func (w *wordReader) locator() {
	const what = "four groups of hex digits such as 2001:db8:1140:1000"
	text := w.word(what)
	if text == nil {
		return
	}
	group, digits, groups := uint16(0), 0, 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && text[i] != ':' {
			d := hexValues[text[i]]
			if digits++; d > 15 || digits > 4 {
				w.expected(what)
				return
			}
			group = group<<4 | uint16(d)
			continue
		}
		if groups++; digits == 0 || groups > 4 {
			w.expected(what)
			return
		}
		w.append16(group)
		group, digits = 0, 0
	}
	if groups != 4 {
		w.expected(what)
	}
}

func appendLocatorText(b, octets []byte) []byte {
	for i := 0; i+2 <= len(octets); i += 2 {
		if i > 0 {
			b = append(b, ':')
		}
		b = strconv.AppendUint(b, uint64(binary.BigEndian.Uint16(octets[i:])), 16)
	}
	return b
}
