package cache

import (
	"testing"

	"github.com/names-dns/names/wire"
)

// BenchmarkHitSecure is a hit that was validated, for a client that asks for AD and for
// one that does not: AD costs nothing.
func BenchmarkHitSecure(b *testing.B) {
	for _, c := range []struct {
		name  string
		flags wire.Flags
	}{{"plain", 0}, {"AD", wire.FlagAD}} {
		b.Run(c.name, func(b *testing.B) {
			next := &tableResolver{table: map[string]*answer{"www.example.com. A": {flags: wire.FlagAD, answers: []string{"www.example.com. 86400 A 192.0.2.1"}}}}
			f := newCache(b, Config{}).Resolver(next)
			q := ask{name: "www.example.com.", limit: 1232, flags: c.flags}
			if err := f.TryResolve(q.exchange(b)); err != nil {
				b.Fatal(err)
			}
			x := q.exchange(b)
			b.ReportAllocs()
			for b.Loop() {
				x.Restart()
				if err := f.TryResolve(x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
