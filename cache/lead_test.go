package cache

import (
	"bytes"
	"context"
	"net/netip"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// An answer that ends with an alias, with neither the records asked for nor an
// SOA record, is never taken for a whole one: fresh, from the cache, and from a
// cache that was saved and loaded.
func TestAnswersThatLeadOn(t *testing.T) {
	site, edge := wire.MustParseName("site.example."), wire.MustParseName("edge.example.net.")
	for title, c := range map[string]struct {
		kind  wire.Type
		write func(w *wire.Writer)
		want  bool
	}{
		"alias only":               {wire.TypeA, func(w *wire.Writer) {}, true},
		"alias, asked for as such": {wire.TypeCNAME, func(w *wire.Writer) {}, false},
		"alias and address": {wire.TypeA, func(w *wire.Writer) {
			w.Record(edge, wire.ClassIN, 60, &wire.A{Addr: netip.AddrFrom4([4]byte{192, 0, 2, 1})})
		}, false},
		"alias and another address": {wire.TypeA, func(w *wire.Writer) {
			w.Record(wire.MustParseName("other.example."), wire.ClassIN, 60, &wire.A{Addr: netip.AddrFrom4([4]byte{192, 0, 2, 1})})
		}, true},
		"alias and no data": {wire.TypeA, func(w *wire.Writer) {
			w.SetSection(wire.SectionAuthority)
			w.Record(edge, wire.ClassIN, 60, &wire.SOA{Primary: edge, Mailbox: edge, Minimum: 60})
		}, false},
	} {
		t.Run(title, func(t *testing.T) {
			asked := 0
			next := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
				asked++
				x.Reply.Record(site, wire.ClassIN, 60, &wire.CNAME{Target: edge})
				c.write(&x.Reply)
				return nil
			})
			old, loaded := newCache(t, Config{}), newCache(t, Config{})
			front := old.Resolver(next)
			for _, what := range []string{"fresh", "from the cache"} {
				x := ask{name: "site.example.", kind: c.kind}.exchange(t)
				if err := front.Resolve(t.Context(), x); err != nil {
					t.Fatal(err)
				}
				if x.LeadsOn != c.want {
					t.Errorf("%s: leads on: %v", what, x.LeadsOn)
				}
			}
			front.Close()
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
			var dump bytes.Buffer
			if _, err := old.Save(&dump, "here"); err != nil {
				t.Fatal(err)
			}
			if _, err := loaded.Load(&dump, "here"); err != nil {
				t.Fatal(err)
			}
			x := ask{name: "site.example.", kind: c.kind}.exchange(t)
			if !loaded.Get(x) || x.LeadsOn != c.want {
				t.Errorf("loaded: leads on: %v", x.LeadsOn)
			}
		})
	}
}
