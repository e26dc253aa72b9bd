package recursor

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

func TestIteration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var network upstreamtest.Network
		root, com, leaf := netip.MustParseAddrPort("198.41.0.4:53"), netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:53")
		serve := func(a netip.AddrPort, h upstreamtest.Handler) { network.Serve(a, h, nil) }
		serve(root, func(q *upstreamtest.Query) {
			t.Log("root:", q.Message.Questions)
			m := q.Reply()
			if q.Message.Questions[0].Type == wire.TypeNS {
				m.Flags |= wire.FlagAA
				m.Answers = upstreamtest.Records(wire.Root, ". NS a.root-servers.net.")
				m.Additional = upstreamtest.Records(wire.Root, "a.root-servers.net. A 198.41.0.4")
			} else {
				m.Authority = upstreamtest.Records(wire.Root, "com. NS ns.com.")
				m.Additional = upstreamtest.Records(wire.Root, "ns.com. A 192.0.2.1")
			}
			q.SendMessage(m)
		})
		serve(com, func(q *upstreamtest.Query) {
			t.Log("com:", q.Message.Questions)
			m := q.Reply()
			m.Authority = upstreamtest.Records(wire.Root, "example.com. NS ns.example.com.")
			m.Additional = upstreamtest.Records(wire.Root, "ns.example.com. A 192.0.2.2")
			q.SendMessage(m)
		})
		serve(leaf, func(q *upstreamtest.Query) {
			t.Log("leaf:", q.Message.Questions)
			m := q.Reply()
			m.Flags |= wire.FlagAA
			m.Answers = upstreamtest.Records(wire.Root, "www.example.com. A 192.0.2.80")
			q.SendMessage(m)
		})
		c, err := cache.New(cache.Config{Size: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		r, err := New(Config{Cache: c, Network: &network, Hints: RootHints()[:1]})
		if err != nil {
			t.Fatal(err)
		}
		m := namestest.Ask(t, r, "www.example.com.", wire.TypeA)
		t.Log(m)
		r.Close()
		network.Wait()
	})
}
