package wire

import (
	"fmt"
	"net/netip"
)

// Kinds of gateways (RFC 4025 2.3) and relays (RFC 8777 4.2.3).
const (
	gatewayNone uint8 = iota
	gatewayIPv4
	gatewayIPv6
	gatewayName
)

// Gateway is where something is to be sent: an address, a name, or nowhere.
type Gateway struct {
	Addr netip.Addr
	Name Name // used if Addr is not valid
}

func (g Gateway) kind() uint8 {
	switch {
	case g.Addr.Is4():
		return gatewayIPv4
	case g.Addr.Is6():
		return gatewayIPv6
	case !g.Name.IsZero():
		return gatewayName
	}
	return gatewayNone
}

// validate wants an address without a zone, which records cannot say.
func (g Gateway) validate(field string) error {
	if g.Addr.Is6() {
		return requireIPv6(field, g.Addr)
	}
	return nil
}

// len is the length of the wire form in octets.
func (g Gateway) len() int { return g.Addr.BitLen()/8 + g.nameLen() }

func (g Gateway) nameLen() int {
	if g.Addr.IsValid() {
		return 0
	}
	return g.Name.Len()
}

func (g Gateway) appendTo(b []byte) []byte {
	switch g.kind() {
	case gatewayIPv4:
		return appendIPv4Octets(b, g.Addr)
	case gatewayIPv6:
		return appendIPv6Octets(b, g.Addr)
	case gatewayName:
		return g.Name.AppendTo(b)
	}
	return b
}

// gatewayOf reads a gateway of a kind that came before it.
func (c *Cursor) gatewayOf(kind uint8) (g Gateway) {
	switch kind {
	case gatewayNone:
	case gatewayIPv4:
		g.Addr = c.ipv4()
	case gatewayIPv6:
		g.Addr = c.ipv6()
	case gatewayName:
		g.Name = c.uncompressedName()
	default:
		c.Fail(fmt.Errorf("%w: gateway of unknown type %d", ErrRdata, kind))
	}
	return g
}

// gatewayOf reads the text of a gateway of a kind that came before it: "." for
// none.
func (w *wordReader) gatewayOf(kind uint8) {
	switch kind {
	case gatewayNone:
		if text := w.word(`"." for no gateway`); text != nil && string(text) != "." {
			w.expected(`"." for no gateway`)
		}
	case gatewayIPv4:
		w.ipv4()
	case gatewayIPv6:
		w.ipv6()
	case gatewayName:
		w.name()
	}
}

func (g Gateway) appendText(b []byte) []byte {
	switch g.kind() {
	case gatewayNone:
		return append(b, '.')
	case gatewayName:
		return g.Name.AppendText(b)
	}
	return g.Addr.AppendTo(b)
}
