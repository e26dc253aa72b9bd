package wire

// IPSECKEY is the public key of a host for IPsec, and the gateway in front of
// it (RFC 4025 2).
type IPSECKEY struct {
	Precedence uint8 // the lowest is tried first
	Algorithm  uint8 // of the key; 0: there is none
	Gateway    Gateway
	PublicKey  []byte
}

// Type returns [TypeIPSECKEY].
func (*IPSECKEY) Type() Type { return TypeIPSECKEY }

// Parse reads the wire form.
func (d *IPSECKEY) Parse(c *Cursor) error {
	d.Precedence = c.Uint8()
	d.Algorithm, d.Gateway = c.gateway()
	d.PublicKey = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *IPSECKEY) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = append(b, d.Precedence, d.Gateway.kind(), d.Algorithm)
	return append(d.Gateway.appendTo(b), d.PublicKey...)
}

func (d *IPSECKEY) validate() error { return d.Gateway.validate("Gateway") }

// Len is the length of the wire form in octets.
func (d *IPSECKEY) Len() int { return 3 + d.Gateway.len() + len(d.PublicKey) }

func (d IPSECKEY) String() string { return rdataString(&d) }

// gateway reads the kind of gateway, the algorithm, and the gateway.
func (c *Cursor) gateway() (algorithm uint8, g Gateway) {
	kind := c.Uint8()
	algorithm = c.Uint8()
	return algorithm, c.gatewayOf(kind)
}

// gateway reads the kind of gateway, the algorithm, and the gateway from text.
func (w *wordReader) gateway() {
	kind := uint8(w.number("a gateway type", uint64(gatewayName)))
	w.b = append(w.b, kind)
	w.uint8()
	w.gatewayOf(kind)
}

func appendGatewayText(b []byte, c *Cursor) []byte {
	algorithm, g := c.gateway()
	b = append(appendUint(b, uint64(g.kind())), ' ')
	b = append(appendUint(b, uint64(algorithm)), ' ')
	return g.appendText(b)
}
