package settings

import (
	"net/netip"
	"slices"

	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/wire"
)

// TLS says where queries are received in encrypted form, and with which certificates.
type TLS struct {
	Addresses []netip.AddrPort // DNS over TLS; none: nowhere

	Name wire.Name // in the certificate, by which clients learn of encrypted transports (DDR); zero: they do not

	Certificates []string // files
	Keys         []string // files of their keys, in any order
	SelfSigned   string   // a file for a key and a certificate that is made at the first start; "": none
	Only13       bool     // not TLS 1.2
	TicketKeys   string   // a file of keys of session tickets; "": each side makes its own

	ClientAuthorities []string // files of authorities that vouch for clients
	ClientPins        []string // public keys of clients
	ClientOptional    bool     // clients without a certificate may connect too
}

// HTTPS says where queries are received over HTTP.
type HTTPS struct {
	Addresses []netip.AddrPort // over TLS, and over QUIC (HTTP/3) at the same ports
	Path      string           // "": the usual one
	NoHTTP3   bool
	JSON      bool             // the JSON form, too
	Oblivious bool             // queries that are encrypted for the server (RFC 9230), too
	Plain     []netip.AddrPort // in the clear, from proxies
	Proxies   []string         // clients whose X-Forwarded-For is believed, as names.ParsePeerSet reads them
}

// QUIC says where queries are received over QUIC (RFC 9250).
type QUIC struct {
	Addresses []netip.AddrPort
	EarlyData bool // queries in early data (0-RTT) are answered at once
}

// The ports of addresses without one.
const (
	DefaultHTTPSPort = 443
	DefaultPlainPort = 80
	DefaultQUICPort  = 853 // RFC 9250 4.1.1
)

// DefaultTLSPort is the port of DNS over TLS (RFC 7858 3.1).
const DefaultTLSPort = 853

// UsesTLS reports whether anything is received in encrypted form.
func (s *Settings) UsesTLS() bool { return len(s.EncryptedAddresses()) > 0 }

// EncryptedAddresses are those where anything is received in encrypted form.
func (s *Settings) EncryptedAddresses() []netip.AddrPort {
	return slices.Concat(s.TLS.Addresses, s.HTTPS.Addresses, s.QUIC.Addresses)
}

func checkTLS(s *Settings, found *problems) {
	t := &s.TLS
	for _, a := range t.Addresses {
		found.addIf(!a.IsValid(), "{tls.address} %v is not an address", a)
		found.addIf(slices.Contains(s.Listen.Addresses, a) && a.Port() != 0, "{tls.address} %v is one of {listen.address}: TLS needs a port of its own", a)
	}
	setting, ok := anyGiven(given{"tls.certificate", len(t.Certificates) > 0}, given{"tls.key", len(t.Keys) > 0}, given{"tls.self-signed", t.SelfSigned != ""},
		given{"tls.only-13", t.Only13}, given{"tls.client-authority", len(t.ClientAuthorities) > 0}, given{"tls.client-pin", len(t.ClientPins) > 0},
		given{"tls.client-optional", t.ClientOptional}, given{"tls.ticket-keys", t.TicketKeys != ""}, given{"tls.name", !t.Name.IsZero()})
	found.addIf(ok && !s.UsesTLS(), "{%s} requires {tls.address}, {https.address} or {quic.address}", setting)
	found.addIf(len(t.Keys) > 0 && len(t.Certificates) == 0, "{tls.key} requires {tls.certificate}")
	found.addIf(t.SelfSigned != "" && len(t.Certificates) > 0, "{tls.self-signed} and {tls.certificate} exclude each other: give one of them")
	found.addIf(len(t.ClientAuthorities) > 0 && len(t.ClientPins) > 0, "{tls.client-authority} and {tls.client-pin} exclude each other: give one of them")
	found.addIf(t.ClientOptional && len(t.ClientAuthorities)+len(t.ClientPins) == 0, "{tls.client-optional} requires {tls.client-authority} or {tls.client-pin}")
	h := &s.HTTPS
	for setting, all := range map[string][]netip.AddrPort{"https.address": h.Addresses, "https.plain": h.Plain, "quic.address": s.QUIC.Addresses} {
		for _, a := range all {
			found.addIf(!a.IsValid(), "{%s} %v is not an address", setting, a)
		}
	}
	for _, a := range slices.Concat(h.Addresses, h.Plain) {
		found.addIf(a.Port() != 0 && (slices.Contains(s.Listen.Addresses, a) || slices.Contains(t.Addresses, a)), "{https.address} %v is taken by {listen.address} or {tls.address}", a)
	}
	if !h.NoHTTP3 {
		for _, a := range s.QUIC.Addresses {
			found.addIf(a.Port() != 0 && slices.Contains(h.Addresses, a), "{quic.address} %v is one of {https.address}: give one of them another port, or {https.no-http3}", a)
		}
	}
	found.addIf(h.Path != "" && h.Path[0] != '/', "{https.path} %q does not begin with /", h.Path)
	setting, ok = anyGiven(given{"https.path", h.Path != ""}, given{"https.json", h.JSON}, given{"https.oblivious", h.Oblivious}, given{"https.proxy", len(h.Proxies) > 0})
	found.addIf(ok && len(h.Addresses)+len(h.Plain) == 0, "{%s} requires {https.address} or {https.plain}", setting)
	found.addIf(h.NoHTTP3 && len(h.Addresses) == 0, "{https.no-http3} requires {https.address}")
	found.addIf(s.QUIC.EarlyData && len(s.QUIC.Addresses) == 0, "{quic.early-data} requires {quic.address}")
	for _, text := range t.ClientPins {
		_, err := certificate.ParsePin(text)
		found.addIf(err != nil, "{tls.client-pin}: %v", err)
	}
}
