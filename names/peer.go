package names

import "net/netip"

// Transport is how a query arrived.
type Transport uint8

// The transports a query may arrive by.
const (
	UDP Transport = iota
	TCP
)

func (t Transport) String() string {
	switch t {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	}
	return "unknown"
}

// Peer is who asked and how.
type Peer struct {
	Transport Transport
	Remote    netip.AddrPort // who asked; IPv4 never in its IPv6-mapped form
	Local     netip.AddrPort // the address that was asked; the zero value where it is not known

	// CookieValid: the query has a server cookie (RFC 7873) that this server
	// gave to Remote, which is therefore not forged.
	CookieValid bool
}
