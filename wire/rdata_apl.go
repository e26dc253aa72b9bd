package wire

import (
	"bytes"
	"fmt"
	"iter"
	"net/netip"
)

// APL is a list of address ranges (RFC 3123 4).
type APL struct {
	Items APLItems
}

// Type returns [TypeAPL].
func (*APL) Type() Type { return TypeAPL }

// Parse reads the wire form.
func (d *APL) Parse(c *Cursor) error {
	d.Items = c.apl()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *APL) AppendTo(b []byte, _ *Compressor) []byte {
	return append(b, d.Items...)
}

func (d *APL) validate() error { return fieldAPL.require("Items", d.Items) }

// Len is the length of the wire form in octets.
func (d *APL) Len() int { return len(d.Items) }

func (d APL) String() string { return rdataString(&d) }

// APLItems is a list of address ranges in wire form.
type APLItems []byte

// APLItem is a range of addresses. The address part may be cut short: octets
// that are missing are zero.
type APLItem struct {
	Family  uint16 // 1: IPv4, 2: IPv6
	Prefix  uint8  // bits
	Negated bool
	Address []byte
}

// Families of addresses in APL data (RFC 3123 4).
const (
	aplIPv4 = 1
	aplIPv6 = 2
)

// All goes through the ranges. What they point to is borrowed.
func (l APLItems) All() iter.Seq[APLItem] {
	return func(yield func(APLItem) bool) {
		c := CursorOver(l)
		for c.Len() > 0 {
			item := c.aplItem()
			if c.err != nil || !yield(item) {
				return
			}
		}
	}
}

// aplItem reads a range (RFC 3123 4).
func (c *Cursor) aplItem() APLItem {
	item := APLItem{Family: c.Uint16(), Prefix: c.Uint8()}
	length := c.Uint8()
	item.Negated = length&0x80 != 0
	item.Address = c.take(int(length & 0x7F))
	if c.err != nil {
		return APLItem{}
	}
	most := 127
	switch item.Family {
	case aplIPv4:
		most = 4
	case aplIPv6:
		most = 16
	}
	switch n := len(item.Address); {
	case n > most || most < 127 && int(item.Prefix) > 8*most:
		c.Fail(fmt.Errorf("%w: address or prefix is longer than its family has it", ErrRdata))
	case n > 0 && item.Address[n-1] == 0:
		c.Fail(fmt.Errorf("%w: address part ends in a zero octet", ErrRdata)) // RFC 3123 4
	}
	return item
}

// apl reads ranges up to the end.
func (c *Cursor) apl() APLItems {
	start := c.at
	for c.Len() > 0 {
		c.aplItem()
	}
	return APLItems(c.since(start))
}

// apl reads ranges such as !1:192.168.38.0/28 up to the end.
func (w *wordReader) apl() {
	for w.more() {
		w.aplItem()
	}
}

func (w *wordReader) aplItem() {
	const what = "an address range such as 1:192.168.32.0/21 or !2:ff00::/8"
	text := w.word(what)
	rest, negated := bytes.CutPrefix(text, []byte("!"))
	family, rest, ok1 := bytes.Cut(rest, []byte(":"))
	address, bits, ok2 := bytes.Cut(rest, []byte("/"))
	if !ok1 || !ok2 {
		w.expected(what)
		return
	}
	from := len(w.b)
	ok, most := false, uint64(0)
	switch string(family) {
	case "1":
		w.b = append(w.b, 0, aplIPv4, 0, 0)
		w.b, ok = appendIPv4(w.b, address)
		most = 32
	case "2":
		w.b = append(w.b, 0, aplIPv6, 0, 0)
		w.b, ok = appendIPv6(w.b, address)
		most = 128
	}
	prefix, okBits := parseUint(bits, most)
	if !ok || !okBits {
		w.expected(what)
		return
	}
	octets := bytes.TrimRight(w.b[from+4:], "\x00")
	w.b = w.b[:from+4+len(octets)]
	w.b[from+2] = byte(prefix)
	w.b[from+3] = byte(len(octets))
	if negated {
		w.b[from+3] |= 0x80
	}
}

// appendAPLText appends ranges with a space in between; those of a family
// that is neither IPv4 nor IPv6 have no text.
func appendAPLText(b []byte, c *Cursor) []byte {
	for first := true; c.Len() > 0; first = false {
		if !first {
			b = append(b, ' ')
		}
		item := c.aplItem()
		if item.Negated {
			b = append(b, '!')
		}
		b = append(appendUint(b, uint64(item.Family)), ':')
		var octets [16]byte
		copy(octets[:], item.Address)
		switch item.Family {
		case aplIPv4:
			b = netip.AddrFrom4([4]byte(octets[:4])).AppendTo(b)
		case aplIPv6:
			b = netip.AddrFrom16(octets).AppendTo(b)
		default:
			c.Fail(errNoText)
		}
		b = appendUint(append(b, '/'), uint64(item.Prefix))
	}
	return b
}
