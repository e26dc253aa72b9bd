package fuzz

import (
	"net/netip"
	"os"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// zoneQuestions are put to every zone that loads: each kind of outcome in the
// zones the target starts from.
var zoneQuestions = []string{
	"example.com.", "a.example.com.", "A.b.c.d.example.com.", "*.example.com.", "x.*.example.com.",
	"sub.example.com.", "ns.sub.example.com.", "x.dn.example.com.", "alias.example.com.", "zzz.example.com.",
	"w.example.com.", "anything.w.example.com.", "ent.example.com.",
}

// FuzzZone loads any text as a zone and asks it questions. What is wrong in a
// zone may refuse it; it must not come up later as a panic, or as a reply that
// is none.
func FuzzZone(f *testing.F) {
	for _, file := range []string{"nsec.zone", "nsec3.zone"} {
		text, err := os.ReadFile("../authority/testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	const apex = "@ 5 SOA a b 1 2 3 4 5\n@ 5 NS ns.sub\n"
	for _, zone := range []string{
		"@ 5 RRSIG SOA 13 2 5 20300101000000 20200101000000 1 @ AAAA\n@ 5 NSEC3PARAM 1 0 0 -\n" +
			"a 5 NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n",
		"@ 5 RRSIG SOA 13 2 5 20300101000000 20200101000000 1 @ AAAA\na 5 NSEC @ A RRSIG\n",
		"* 5 CNAME x.dn\nsub 5 NS ns.sub\nns.sub 5 A 192.0.2.1\ndn 5 DNAME @\n*.w 5 CNAME zzz.*.w\n",
		"a 5 SVCB 0 .\n@ 5 HTTPS 1 . alpn=h2\n* 5 NAPTR 1 2 a b c d\nsub 5 DS 1 8 2 AA\nsub 5 NS @\n",
	} {
		f.Add([]byte(apex + zone))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		zone := loadZone(t, text)
		if zone == nil {
			return
		}
		set := new(authority.Set)
		if err := set.SetZones([]*authority.Zone{zone}); err != nil {
			t.Fatal(err)
		}
		edge, err := listener.NewEdge(listener.Config{Resolver: set})
		if err != nil {
			t.Fatal(err)
		}
		var x names.Exchange
		for _, name := range zoneQuestions {
			for _, qtype := range []wire.Type{wire.TypeA, wire.TypeDS, wire.TypeANY, wire.TypeNS, wire.TypeRRSIG} {
				for _, transport := range []names.Transport{names.UDP, names.TCP} {
					q := wire.Question{Name: wire.MustParseName(name), Type: qtype, Class: wire.ClassIN}
					query := wire.AppendQuery(nil, 1, 0, q, &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO})
					peer := names.Peer{Transport: transport, Remote: netip.MustParseAddrPort("192.0.2.1:5353")}
					reply := edge.Answer(t.Context(), &x, query, peer, nil)
					checkReply(t, query, reply, transport)
					if m, _ := wire.ParseMessage(reply); m.RCode == wire.RCodeServFail {
						t.Fatalf("%v failed: %v", q, m)
					}
				}
			}
		}
	})
}

// loadZone is the zone that text makes, nil if it makes none.
func loadZone(t *testing.T, text []byte) *authority.Zone {
	if !loadWhole(t, text, signedZone) {
		return nil
	}
	var problems diagnostic.List
	b := authority.NewBuilder(signedZone, wire.ClassIN, &problems)
	o := zonefile.Options{Origin: signedZone, Open: noFiles}
	zonefile.Read(text, "zone", o, &problems, func(r *zonefile.Record) error {
		b.Add(r.Record, r.Position)
		return nil
	})
	s, err := b.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	return authority.NewZone(s)
}
