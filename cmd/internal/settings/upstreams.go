package settings

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/wire"
)

// Upstreams says how servers are asked over encrypted transports.
type Upstreams struct {
	// Encrypted are the servers that are not asked over UDP and TCP, by the address
	// and port that they are known by in lists of servers.
	Encrypted   map[netip.AddrPort]encrypted.Server
	Bootstrap   []netip.AddrPort // servers that know the addresses of those that have only a name
	Authorities []string         // files of authorities that vouch for servers; none: the system's
	Upgrade     string           // one of Upgrades; "": servers that are asked in the clear stay so
}

// Upgrades are how the encrypted transports of servers may be found that are given by
// their address.
var Upgrades = []string{"ddr"}

// AddForward adds a server to ask: [ZONE=]ADDR[:PORT], or [ZONE=]URL.
func (r *Recursion) AddForward(text string) error {
	zone, server, err := r.parseServer(text)
	switch {
	case err != nil:
		return err
	case zone.IsRoot():
		r.Servers = append(r.Servers, server)
	default:
		r.Zones = AddZoneServer(r.Zones, zone, server)
	}
	return nil
}

// AddStub adds an authoritative server to ask: ZONE=ADDR[:PORT], or ZONE=URL.
func (r *Recursion) AddStub(text string) error {
	zone, server, err := r.parseServer(text)
	if err == nil && zone.IsRoot() {
		err = fmt.Errorf("%q is not ZONE=ADDR", text)
	}
	if err == nil {
		r.Iteration.Stubs = AddZoneServer(r.Iteration.Stubs, zone, server)
	}
	return err
}

// AddTrustAD adds a server whose AD bit is believed: ADDR[:PORT] or URL, as it is among
// those to ask.
func (r *Recursion) AddTrustAD(text string) error {
	zone, server, err := r.parseServer(text)
	if err == nil && !zone.IsRoot() {
		err = fmt.Errorf("%q is not ADDR[:PORT] or a URL: it is for all zones that this server is asked about", text)
	}
	if err == nil {
		r.TrustAD = append(r.TrustAD, server)
	}
	return err
}

// forwards reports whether a server is one of those that are named to be asked.
func (r *Recursion) forwards(server netip.AddrPort) bool {
	return slices.Contains(r.Servers, server) || slices.ContainsFunc(r.Zones, func(z ZoneServers) bool { return slices.Contains(z.Servers, server) })
}

// TrustedInTheOpen are the servers whose AD bit is believed, as they are given, although
// packets to and from them can be changed on the way: they are neither on this machine
// nor have to prove who they are.
func (r *Recursion) TrustedInTheOpen() (all []string) {
	for _, a := range r.TrustAD {
		s, isEncrypted := r.Encrypted[a]
		if isEncrypted && s.NoProof || !isEncrypted && !a.Addr().Unmap().IsLoopback() {
			all = append(all, r.serverText(a))
		}
	}
	return all
}

// parseServer reads a server, after its zone and = if it is not for all names.
func (r *Recursion) parseServer(text string) (zone wire.Name, server netip.AddrPort, err error) {
	zone = wire.Root
	name, rest, ok := strings.Cut(text, "=")
	if ok && !encrypted.IsURL(name) { // which may have = in it
		if zone, err = wire.ParseName(name); err != nil {
			return zone, server, err
		}
		text = rest
	}
	if !encrypted.IsURL(text) {
		server, err = cli.ParseAddress(text, DefaultPort)
		return zone, server, err
	}
	s, err := encrypted.Parse(text)
	if err != nil {
		return zone, server, err
	}
	return zone, r.know(s), nil
}

// know returns what s is known by: where it is, or, if that is to be looked up or is
// another server's, an address that no server has (RFC 6666).
func (r *Recursion) know(s encrypted.Server) netip.AddrPort {
	for known, other := range r.Encrypted {
		if other.String() == s.String() {
			return known
		}
	}
	known := netip.AddrPortFrom(s.Address, s.Port)
	if _, isTaken := r.Encrypted[known]; isTaken || !s.Address.IsValid() {
		known = netip.AddrPortFrom(netip.AddrFrom16([16]byte{0: 1, 14: byte(len(r.Encrypted) >> 8), 15: byte(len(r.Encrypted))}), s.Port)
	}
	if r.Encrypted == nil {
		r.Encrypted = map[netip.AddrPort]encrypted.Server{}
	}
	r.Encrypted[known] = s
	return known
}

// serverText is a server as it is given.
func (r *Recursion) serverText(a netip.AddrPort) string {
	if s, ok := r.Encrypted[a]; ok {
		return s.String()
	}
	return a.String()
}

// ServerTexts are servers as they are given, those of zones after the zone and =.
func (r *Recursion) ServerTexts(zones ...ZoneServers) (all []string) {
	for _, z := range zones {
		for _, s := range z.Servers {
			text := r.serverText(s)
			if !z.Zone.IsZero() {
				text = z.Zone.String() + "=" + text
			}
			all = append(all, text)
		}
	}
	return all
}

// setURL takes a primary that is asked over TLS (RFC 9103) or QUIC (RFC 9250).
func (p *Peer) setURL(text string) error {
	s, err := encrypted.Parse(text)
	switch {
	case err != nil:
		return err
	case s.Protocol != names.TLS && s.Protocol != names.QUIC:
		return fmt.Errorf("%q: zones come over TCP, TLS or QUIC, so tls:// or quic:// is what can be written", text)
	case !s.Address.IsValid():
		return fmt.Errorf("%q: the address is not looked up; add @ADDRESS", text)
	}
	p.Address, p.URL = netip.AddrPortFrom(s.Address, s.Port), s.String()
	return nil
}

func checkUpstreams(s *Settings, found *problems) {
	r := &s.Recursion
	found.addIf(len(r.Upstreams.Authorities) > 0 && len(r.Encrypted) == 0 && r.Upgrade == "", "{recursion.upstream-authority} requires a server with a URL in {recursion.forward} or {recursion.stub}, or {recursion.upgrade}")
	found.addIf(r.Upgrade != "" && !slices.Contains(Upgrades, r.Upgrade), "{recursion.upgrade} %q is not one of %s", r.Upgrade, strings.Join(Upgrades, ", "))
	found.addIf(r.Upgrade != "" && !r.Forward && len(r.Servers)+len(r.Zones) == 0, "{recursion.upgrade} requires {recursion.forward} or {recursion.recursive}")
	isLookedUp := false
	for _, server := range r.Encrypted {
		isLookedUp = isLookedUp || !server.Address.IsValid()
		found.addIf(!server.Address.IsValid() && len(r.Bootstrap) == 0, "{recursion.forward} %s: its address is not known: add @ADDRESS, or name servers that know it with {recursion.bootstrap}", &server)
	}
	found.addIf(len(r.Bootstrap) > 0 && !isLookedUp, "{recursion.bootstrap} requires a server in {recursion.forward} or {recursion.stub} whose URL has a name and no address")
	for _, a := range r.Bootstrap {
		found.addIf(slices.Contains(s.Listen.Addresses, a), "{recursion.bootstrap} %v is this server itself", a)
	}
}
