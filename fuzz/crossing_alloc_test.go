// Under the race detector sync.Pool drops what it gets at random.

//go:build !race

package fuzz

import (
	"net/netip"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// An answer of a zone that is whole costs nothing more because others may be
// completed, and one that is completed at once allocates little.
func TestCrossingAllocations(t *testing.T) {
	zone := &chainZone{origin: "own.example.", isOwn: true, records: map[string]chainRecord{
		"app.own.example.": {"CNAME", "svc.cloud.example."},
		"www.own.example.": {"A", "192.0.2.1"},
	}}
	set := new(authority.Set)
	if err := set.SetZones([]*authority.Zone{zone.load(t)}); err != nil {
		t.Fatal(err)
	}
	address := &wire.A{Addr: netip.MustParseAddr("203.0.113.7")}
	next := tryFunc(func(x *names.Exchange) error { return x.Reply.Record(x.Question().Name, wire.ClassIN, 60, address) })
	access := &recursor.Access{Allow: names.PrivatePeers(), Public: set, Next: next}
	for name, most := range map[string]float64{"www.own.example.": 0, "app.own.example.": 4} {
		query := wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, nil)
		var x names.Exchange
		buf := make([]byte, 0, 4096)
		got := testing.AllocsPerRun(500, func() {
			x.Read(query, names.Peer{Remote: netip.MustParseAddrPort("192.168.1.7:4242")})
			x.Begin(buf, 1232)
			if err := access.TryResolve(&x); err != nil {
				t.Fatal(err)
			}
		})
		if got > most {
			t.Errorf("%s: %v allocations, more than %v", name, got, most)
		}
		t.Logf("%s: %v allocations", name, got)
	}
}
