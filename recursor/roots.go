package recursor

import (
	"net/netip"

	"github.com/names-dns/names/wire"
)

// Hint is a server of the root zone and where it is to be found.
type Hint struct {
	Name      wire.Name
	Addresses []netip.AddrPort
}

// RootHints returns the servers of the root zone as IANA publishes them. They
// are asked for the present ones, which are used from then on (RFC 8109).
func RootHints() []Hint {
	hints := make([]Hint, 0, len(rootServers))
	for letter, addresses := range rootServers {
		name, err := wire.NameFromLabels(string(rune('a'+letter)), "root-servers", "net")
		if err != nil {
			panic(err) // the labels are fine
		}
		hint := Hint{Name: name}
		for _, a := range addresses {
			hint.Addresses = append(hint.Addresses, netip.AddrPortFrom(netip.MustParseAddr(a), dnsPort))
		}
		hints = append(hints, hint)
	}
	return hints
}

// rootServers has the addresses of a.root-servers.net to m.root-servers.net,
// from https://www.internic.net/domain/named.root of December 2023.
var rootServers = [...][2]string{
	{"198.41.0.4", "2001:503:ba3e::2:30"},
	{"170.247.170.2", "2801:1b8:10::b"},
	{"192.33.4.12", "2001:500:2::c"},
	{"199.7.91.13", "2001:500:2d::d"},
	{"192.203.230.10", "2001:500:a8::e"},
	{"192.5.5.241", "2001:500:2f::f"},
	{"192.112.36.4", "2001:500:12::d0d"},
	{"198.97.190.53", "2001:500:1::53"},
	{"192.36.148.17", "2001:7fe::53"},
	{"192.58.128.30", "2001:503:c27::2:30"},
	{"193.0.14.129", "2001:7fd::1"},
	{"199.7.83.42", "2001:500:9f::42"},
	{"202.12.27.33", "2001:dc3::35"},
}

// hintsDelegation makes a delegation of hints.
func hintsDelegation(hints []Hint) delegation {
	d := delegation{zone: wire.Root, source: fromHints}
	for _, h := range hints {
		d.servers = append(d.servers, nameServer{h.Name, h.Addresses})
	}
	return d
}

// primingQuestion asks for the servers of the root (RFC 8109 3).
var primingQuestion = wire.Question{Name: wire.Root, Type: wire.TypeNS, Class: wire.ClassIN}
