package names

import "net/netip"

// Transport is how a query arrived.
type Transport uint8

// The transports a query may arrive by.
const (
	UDP Transport = iota
	TCP
	TLS   // RFC 7858
	HTTPS // RFC 8484
	QUIC  // RFC 9250
)

func (t Transport) String() string {
	switch t {
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	case TLS:
		return "tls"
	case HTTPS:
		return "https"
	case QUIC:
		return "quic"
	}
	return "unknown"
}

// IsEncrypted reports whether those on the way see no more of a message than
// how long it is.
func (t Transport) IsEncrypted() bool { return t >= TLS }

// Peer is who asked and how.
type Peer struct {
	Transport Transport
	Remote    netip.AddrPort // who asked; IPv4 never in its IPv6-mapped form
	Local     netip.AddrPort // the address that was asked; the zero value where it is not known

	// CookieValid: the query has a server cookie (RFC 7873) that this server
	// gave to Remote, which is therefore not forged.
	CookieValid bool
}
