package names

import (
	"net/netip"

	"github.com/names-dns/names/wire"
)

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

// Peer is the client that sent a query, and how.
type Peer struct {
	Transport Transport
	Remote    netip.AddrPort // the client; IPv4 never in its IPv6-mapped form
	Local     netip.AddrPort // the address that was asked; the zero value if it is not known

	// CookieValid: the query has a server cookie (RFC 7873) that this server
	// gave to Remote, which is therefore not forged.
	CookieValid bool

	// Key is the name of the TSIG key that the query was signed with, which was
	// proved (RFC 8945 5.2). No name: it was not signed.
	Key wire.Name

	// TLS is what the handshake of an encrypted transport said, if it is known.
	TLS *PeerTLS

	// Proxy is the address that connected to us, if Remote is what the header of a proxy
	// said. The zero value: no proxy in between.
	Proxy netip.AddrPort
}

// PeerTLS is what a TLS handshake said of the client. It is not changed once it
// is in a Peer.
type PeerTLS struct {
	ServerName  string   // the name of ours that the client connected to (SNI), in lower case
	Protocol    string   // what both agreed on (ALPN)
	ClientNames []string // DNS names in the client's certificate, if it was verified
	ClientKey   []byte   // SHA-256 of the public key in the client's certificate; nil: it has none
}
