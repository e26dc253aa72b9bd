package recursor

import (
	"fmt"
	"testing"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/internal/race"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/ranges"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// deniedZone returns a recursor with a cache in front of it that knows what denies
// all names of zone "test" but those from n0 to n299.
func deniedZone(tb testing.TB) (front *cache.Resolver, r *Recursor, c *cache.Cache) {
	tb.Helper()
	c, err := cache.New(cache.Config{Size: 1 << 20})
	if err != nil {
		tb.Fatal(err)
	}
	r, err = New(Config{Cache: c, Validation: &validate.Config{}})
	if err != nil {
		tb.Fatal(err)
	}
	apex := wire.MustParseName("test.")
	signature := make([]byte, 18+6+64)
	signature[18+5] = 0
	signature[18] = 4
	copy(signature[19:], "test")
	add := func(owner wire.Name, t wire.Type, data []byte) {
		r.ranges.Add(apex, &ranges.Set{Owner: owner, Type: t, TTL: 3600, Data: data, Signatures: [][]byte{signature}})
	}
	soa := wire.SOA{Primary: apex, Mailbox: apex, Serial: 1, Refresh: 2, Retry: 3, Expire: 4, Minimum: 3600}
	add(apex, wire.TypeSOA, soa.AppendTo(nil, nil))
	types := []wire.Type{wire.TypeA, wire.TypeRRSIG, wire.TypeNSEC}
	owner := apex
	for i := range 301 {
		next := apex
		if i < 300 {
			next = wire.MustParseName(fmt.Sprintf("n%03d.test.", i))
		}
		here := types
		if i == 0 {
			here = []wire.Type{wire.TypeNS, wire.TypeSOA, wire.TypeRRSIG, wire.TypeNSEC}
		}
		add(owner, wire.TypeNSEC, wire.AppendTypeBitmap(next.AppendTo(nil), here))
		owner = next
	}
	front = c.Resolver(r)
	tb.Cleanup(func() { front.Close(); r.Close() })
	return front, r, c
}

// tried asks the front without waiting.
func tried(tb testing.TB, front names.Resolver, x *names.Exchange, query, room []byte) {
	if rcode, err := x.Read(query, names.Peer{Transport: names.UDP}); err != nil || rcode != wire.RCodeNoError {
		tb.Fatal(rcode, err)
	}
	x.Begin(room, 1232)
	if err := names.Try(front, x); err != nil {
		tb.Fatal(err)
	}
}

// TestSynthesisAtOnce: what is proved not to exist is answered on the receive loop,
// without an allocation, and is not kept: a flood of random names leaves the cache
// alone.
func TestSynthesisAtOnce(t *testing.T) {
	front, r, c := deniedZone(t)
	room := make([]byte, 0, 4096)
	x := new(names.Exchange)
	n := uint64(0)
	for _, flags := range []wire.Flags{wire.FlagRD, wire.FlagRD | wire.FlagAD, wire.FlagRD | wire.FlagCD} {
		for _, edns := range []*wire.EDNS{nil, {UDPSize: 1232}, {UDPSize: 1232, Flags: wire.FlagDO}} {
			for _, name := range []string{"random", "N150.x", "zz"} {
				q := wire.Question{Name: wire.MustParseName(name + ".test."), Type: wire.TypeA, Class: wire.ClassIN}
				query := wire.AppendQuery(nil, 1, flags, q, edns)
				tried(t, front, x, query, room)
				n++
				m, err := wire.ParseMessage(x.Finish())
				if err != nil {
					t.Fatal(err)
				}
				isDO := edns != nil && edns.DO()
				records := 1
				if isDO {
					records = len(m.Authority)
				}
				if m.RCode != wire.RCodeNXDomain || len(m.Answers) != 0 || len(m.Authority) != records || records == 0 ||
					m.Flags.Has(wire.FlagAD) != (isDO || flags.Has(wire.FlagAD)) {
					t.Errorf("%s with %v, %v:\n%v", name, flags, edns, m)
				}
			}
		}
	}
	q := wire.Question{Name: wire.MustParseName("random.test."), Type: wire.TypeA, Class: wire.ClassIN}
	query := wire.AppendQuery(nil, 1, wire.FlagRD, q, &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO})
	if !race.Enabled {
		if n := testing.AllocsPerRun(100, func() { tried(t, front, x, query, room) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
	if s := c.Stats(); s.Stored != 0 {
		t.Errorf("%d synthesised answers were stored", s.Stored)
	}
	s := r.Stats()
	checkSums(t, s)
	if s.Synthesised < n || s.Synthesised != s.Answered || s.UpstreamSent != 0 {
		t.Errorf("%+v", s)
	}
	if err := names.Try(front, ask(t, x, "n001.test.", room)); err != names.ErrSlow {
		t.Errorf("a name that exists: %v", err)
	}
}

func ask(t *testing.T, x *names.Exchange, name string, room []byte) *names.Exchange {
	t.Helper()
	query := wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	if _, err := x.Read(query, names.Peer{Transport: names.UDP}); err != nil {
		t.Fatal(err)
	}
	x.Begin(room, 1232)
	return x
}

// BenchmarkSynthesis is the whole way of a query for a random name, from the packet
// to the reply, through the cache.
func BenchmarkSynthesis(b *testing.B) {
	for _, isDO := range []bool{false, true} {
		b.Run(fmt.Sprintf("DO=%v", isDO), func(b *testing.B) {
			front, _, _ := deniedZone(b)
			edns := &wire.EDNS{UDPSize: 1232}
			if isDO {
				edns.Flags = wire.FlagDO
			}
			var queries [][]byte
			for i := range 1000 {
				q := wire.Question{Name: wire.MustParseName(fmt.Sprintf("random%d.test.", i*7919)), Type: wire.TypeA, Class: wire.ClassIN}
				queries = append(queries, wire.AppendQuery(nil, 1, wire.FlagRD, q, edns))
			}
			room := make([]byte, 0, 4096)
			x := new(names.Exchange)
			b.ReportAllocs()
			for i := range b.N {
				tried(b, front, x, queries[i%len(queries)], room)
				x.Finish()
			}
		})
	}
}
