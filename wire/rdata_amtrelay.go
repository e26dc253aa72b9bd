package wire

// AMTRELAY is a relay for multicast (RFC 8777 4).
type AMTRELAY struct {
	Precedence        uint8 // the lowest is tried first
	DiscoveryOptional bool
	Relay             Gateway
}

// Type returns [TypeAMTRELAY].
func (*AMTRELAY) Type() Type { return TypeAMTRELAY }

// Parse reads the wire form.
func (d *AMTRELAY) Parse(c *Cursor) error {
	d.Precedence = c.Uint8()
	d.DiscoveryOptional, d.Relay = c.relay()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *AMTRELAY) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	kind := d.Relay.kind()
	if d.DiscoveryOptional {
		kind |= flagDiscoveryOptional
	}
	return d.Relay.appendTo(append(b, d.Precedence, kind))
}

func (d *AMTRELAY) validate() error { return d.Relay.validate("Relay") }

// Len is the length of the wire form in octets.
func (d *AMTRELAY) Len() int { return 2 + d.Relay.len() }

func (d AMTRELAY) String() string { return rdataString(&d) }

// flagDiscoveryOptional shares an octet with the kind of relay (RFC 8777 4.2.2).
const flagDiscoveryOptional uint8 = 0x80

// relay reads the D bit, the kind of relay, and the relay.
func (c *Cursor) relay() (optional bool, relay Gateway) {
	kind := c.Uint8()
	return kind&flagDiscoveryOptional != 0, c.gatewayOf(kind &^ flagDiscoveryOptional)
}

// relay reads the D bit, the kind of relay, and the relay from text.
func (w *wordReader) relay() {
	optional := w.number("the discovery optional bit", 1)
	kind := uint8(w.number("a relay type", uint64(gatewayName)))
	w.b = append(w.b, byte(optional)<<7|kind)
	w.gatewayOf(kind)
}

func appendRelayText(b []byte, c *Cursor) []byte {
	optional, relay := c.relay()
	if optional {
		b = append(b, "1 "...)
	} else {
		b = append(b, "0 "...)
	}
	b = append(appendUint(b, uint64(relay.kind())), ' ')
	return relay.appendText(b)
}
