package fuzz

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// TestCrossing: an alias that leaves our zones, a name below our own delegation
// and DS at an apex are completed from elsewhere for clients that may recurse
// and ask for it, and for no others (RFC 1034 4.3.2).
func TestCrossing(t *testing.T) {
	zone := &chainZone{origin: "own.example.", isOwn: true, extra: "sub NS ns.sub\nns.sub A 198.51.100.3\n", records: map[string]chainRecord{
		"app.own.example.":   {"CNAME", "svc.cloud.example."},
		"under.own.example.": {"CNAME", "www.sub.own.example."},
		"far.own.example.":   {"CNAME", "www.nowhere.example."},
		"www.own.example.":   {"A", "192.0.2.1"},
	}}
	set := new(authority.Set)
	if err := set.SetZones([]*authority.Zone{zone.load(t)}); err != nil {
		t.Fatal(err)
	}
	next := tryFunc(func(x *names.Exchange) error {
		q := x.Question()
		address := wire.A{Addr: netip.MustParseAddr("203.0.113.7")}
		switch name := q.Name.String(); {
		case q.Type == wire.TypeDS && name == "own.example.":
			return x.Reply.Record(q.Name, q.Class, 60, &wire.DS{Algorithm: 8, DigestType: 250, Digest: []byte("1")})
		case name == "svc.cloud.example.":
			x.LeadsOn = true
			return x.Reply.Record(q.Name, q.Class, 60, &wire.CNAME{Target: wire.MustParseName("www.own.example.")})
		case name == "www.sub.own.example.":
			return x.Reply.Record(q.Name, q.Class, 60, &address)
		}
		return names.ErrPass
	})
	access := &recursor.Access{Allow: names.PrivatePeers(), Public: set, Next: next}
	inside, outside := netip.MustParseAddrPort("192.168.1.7:4242"), netip.MustParseAddrPort("198.51.100.7:4242")
	app := "app.own.example. CNAME svc.cloud.example."
	under := "under.own.example. CNAME www.sub.own.example."
	for _, c := range []struct {
		name  string
		kind  wire.Type
		whole []string // for clients that may recurse
		aa    bool
		part  []string // for the others
		partA bool
	}{
		{"app.own.example.", wire.TypeA, []string{app, "svc.cloud.example. CNAME www.own.example.", "www.own.example. A 192.0.2.1"}, true, []string{app}, true},
		{"under.own.example.", wire.TypeA, []string{under, "www.sub.own.example. A 203.0.113.7"}, true, []string{under}, true},
		{"www.sub.own.example.", wire.TypeA, []string{"www.sub.own.example. A 203.0.113.7"}, false, nil, false},
		{"ftp.sub.own.example.", wire.TypeA, nil, false, nil, false}, // Next passes: the referral is what there is
		{"far.own.example.", wire.TypeA, []string{"far.own.example. CNAME www.nowhere.example."}, true, []string{"far.own.example. CNAME www.nowhere.example."}, true},
		{"own.example.", wire.TypeDS, []string{"own.example. DS 0 8 250 31"}, false, nil, true},
		{"app.own.example.", wire.TypeCNAME, []string{app}, true, []string{app}, true},
	} {
		for _, who := range []struct {
			from  netip.AddrPort
			flags wire.Flags
			whole bool
		}{{inside, wire.FlagRD, true}, {inside, 0, false}, {outside, wire.FlagRD, false}, {outside, 0, false}} {
			m := namestest.Ask(t, access, c.name, c.kind, namestest.From(who.from), namestest.WithFlags(who.flags))
			var got []string
			for _, r := range m.Answers {
				f := strings.Fields(r.String())
				got = append(got, strings.Join(append([]string{f[0]}, f[3:]...), " "))
			}
			want, aa := c.part, c.partA
			if who.whole {
				want, aa = c.whole, c.aa
			}
			if !slices.Equal(got, want) || m.Flags.Has(wire.FlagAA) != aa || m.RCode != wire.RCodeNoError || m.Flags.Has(wire.FlagRA) != (who.from == inside) {
				t.Errorf("%s %v from %v, flags %v: want %q, AA %v, got\n%v", c.name, c.kind, who.from, who.flags, want, aa, m)
			}
		}
	}
}

// Names below our own delegations are resolved elsewhere also if they are in a zone
// that is local otherwise, and our zones exist there for clients that ask for their
// DS records.
func TestCrossingFromLocalNames(t *testing.T) {
	for _, origin := range []string{"own.test.", "10.in-addr.arpa.", "lan.home.arpa.", "2.0.192.in-addr.arpa."} {
		zone := &chainZone{origin: origin, isOwn: true, extra: "sub NS ns.sub\nns.sub A 198.51.100.3\n", records: map[string]chainRecord{
			"under." + origin: {"CNAME", "www.sub." + origin},
		}}
		set := new(authority.Set)
		if err := set.SetZones([]*authority.Zone{zone.load(t)}); err != nil {
			t.Fatal(err)
		}
		local, err := recursor.NewLocalNames()
		if err != nil {
			t.Fatal(err)
		}
		local.LeaveTo(set)
		elsewhere := tryFunc(func(x *names.Exchange) error {
			return x.Reply.Record(x.Question().Name, wire.ClassIN, 60, &wire.A{Addr: netip.MustParseAddr("203.0.113.7")})
		})
		access := &recursor.Access{Allow: names.PrivatePeers(), Public: set, Next: names.Chain{local, elsewhere}}
		ask := func(name string, kind wire.Type) *wire.Message {
			return namestest.Ask(t, access, name, kind, namestest.From(netip.MustParseAddrPort("192.168.1.7:4242")), namestest.WithFlags(wire.FlagRD))
		}
		for name, answers := range map[string]int{"www.sub." + origin: 1, "under." + origin: 2} {
			if m := ask(name, wire.TypeA); m.RCode != wire.RCodeNoError || len(m.Answers) != answers {
				t.Errorf("%s: got\n%v", name, m)
			}
		}
		if m := ask("nothing."+origin, wire.TypeA); m.RCode != wire.RCodeNXDomain {
			t.Errorf("a name that is not in the zone %s: got\n%v", origin, m)
		}
		if m := ask(origin, wire.TypeDS); m.RCode != wire.RCodeNoError || len(m.Answers) != 0 && origin != "10.in-addr.arpa." && origin != "2.0.192.in-addr.arpa." {
			t.Errorf("DS of %s: got\n%v", origin, m)
		}
	}
}

// tryFunc is a resolver that answers at once.
type tryFunc func(x *names.Exchange) error

func (f tryFunc) Resolve(_ context.Context, x *names.Exchange) error { return f(x) }
func (f tryFunc) TryResolve(x *names.Exchange) error                 { return f(x) }
