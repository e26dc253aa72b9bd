package authority

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/internal/cow"
	"github.com/names-dns/names/wire"
)

// largeNames is how many names millionZone has below its apex.
const largeNames = 1_000_000

// millionZone is a zone of a million names: hosts with an A and an AAAA record,
// every tenth name a delegation with a server below it, every hundredth a
// mail domain, and a wildcard.
var millionZone = sync.OnceValue(func() *Snapshot {
	var problems diagnostic.List
	origin := wire.MustParseName("example.")
	b := NewBuilder(origin, wire.ClassIN, &problems)
	add := func(owner string, t wire.Type, data []byte) {
		b.Add(wire.Record{Name: wire.MustParseName(owner), Type: t, Class: wire.ClassIN, TTL: 3600, Data: data}, diagnostic.Position{})
	}
	address := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, 10<<24|uint32(i)) }
	long := func(i int) []byte {
		a := netip.MustParseAddr("2001:db8::").As16()
		binary.BigEndian.PutUint32(a[12:], uint32(i))
		return a[:]
	}
	target := func(name string) []byte { return wire.MustParseName(name).AppendTo(nil) }
	soa := wire.SOA{Primary: wire.MustParseName("ns.example."), Mailbox: wire.Root, Serial: 1, Refresh: 1, Retry: 1, Expire: 1, Minimum: 1}
	add("example.", wire.TypeSOA, soa.AppendTo(nil, nil))
	add("example.", wire.TypeNS, target("ns.example."))
	add("ns.example.", wire.TypeA, address(1))
	add("*.wild.example.", wire.TypeA, address(2))
	for i := range largeNames {
		owner := "host" + strconv.Itoa(i) + ".example."
		switch {
		case i%10 == 0:
			add(owner, wire.TypeNS, target("ns."+owner))
			add("ns."+owner, wire.TypeA, address(i))
		case i%100 == 1:
			add(owner, wire.TypeMX, append([]byte{0, 10}, target("host"+strconv.Itoa(i+1)+".example.")...))
			fallthrough
		default:
			add(owner, wire.TypeA, address(i))
			add(owner, wire.TypeAAAA, long(i))
		}
	}
	s, err := b.Freeze()
	if err != nil {
		panic(err)
	}
	return s
})

// BenchmarkAnswerMillion asks for another name of a large zone each time.
func BenchmarkAnswerMillion(b *testing.B) {
	set := new(Set)
	if err := set.SetZones([]*Zone{NewZone(millionZone())}); err != nil {
		b.Fatal(err)
	}
	for _, test := range []struct{ name, ask string }{
		{"positive", "host%d5.example. A"}, {"noData", "host%d5.example. TXT"}, {"nameError", "nothing%d.example. A"},
		{"referral", "www.host%d0.example. A"}, {"mail", "host%d01.example. MX"},
	} {
		b.Run(test.name, func(b *testing.B) {
			queries := make([][]byte, 8192)
			for i := range queries {
				n := i * 7919 % (largeNames / 100)
				queries[i] = exchange(b, strings.Fields(fmt.Sprintf(test.ask, n))...).Query.Message
			}
			benchmarkAnswers(b, set, queries)
		})
	}
}

// BenchmarkEdit changes one record of a zone of a million names, and serves the
// result.
func BenchmarkEdit(b *testing.B) {
	z := NewZone(millionZone())
	for _, test := range []struct {
		name string
		edit func(t *Txn, i int) error
	}{
		{"change", func(t *Txn, i int) error { return t.Replace(host(i*7919%largeNames, i)) }},
		{"comeAndGo", func(t *Txn, i int) error {
			r := host(largeNames+i/2, 0)
			if i%2 == 1 {
				t.RemoveName(r.Name)
				return nil
			}
			return t.Add(r)
		}},
		{"delegate", func(t *Txn, i int) error {
			servers := wire.Record{Name: host(i*7919/2%largeNames, 0).Name, Type: wire.TypeNS, Class: wire.ClassIN, TTL: 60, Data: target(wire.MustParseName("ns.example."))}
			if i%2 == 1 {
				t.RemoveRRset(servers.Name, wire.TypeNS)
				return nil
			}
			return t.Add(servers)
		}},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := z.Update(FromControl, func(t *Txn) error { return test.edit(t, i) }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// host is an A record of a name of millionZone.
func host(i, address int) wire.Record {
	data := binary.BigEndian.AppendUint32(nil, 10<<24|uint32(address))
	return wire.Record{Name: wire.MustParseName("host" + strconv.Itoa(i) + ".example."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: data}
}

// TestEditsOfLargeZonesAreSmall: what an edit of one record copies is bounded,
// however large the zone is.
func TestEditsOfLargeZonesAreSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("a zone of a million names takes seconds to make")
	}
	z := NewZone(millionZone())
	for i, test := range []struct {
		name string
		edit func(*Txn) error
	}{
		{"first edit", func(t *Txn) error { return t.Replace(host(1, 5)) }},
		{"change", func(t *Txn) error { return t.Replace(host(500_001, 5)) }},
		{"new name", func(t *Txn) error { return t.Add(host(largeNames, 5)) }},
		{"another new name", func(t *Txn) error { return t.Add(host(largeNames+1, 5)) }},
		{"name removed", func(t *Txn) error { t.RemoveName(host(500_003, 0).Name); return nil }},
		{"delegation removed", func(t *Txn) error { t.RemoveRRset(host(500_000, 0).Name, wire.TypeNS); return nil }},
	} {
		before := z.Snapshot()
		changes, err := z.Update(FromControl, test.edit)
		if err != nil || len(changes.Added)+len(changes.Removed) < 3 {
			t.Fatalf("%s: %v, %v", test.name, changes, err)
		}
		after := z.Snapshot()
		fresh := after.memory(before)
		t.Logf("%s: %v", test.name, fresh)
		most := 4 * 16 << 10 // pieces of 16 KiB at most, and tables that have a few words for each piece
		if test.name == "another new name" {
			most = 16 << 10 // of the index; numbers are appended
		}
		if fresh.pieces > most || fresh.tables > after.memory(nil).pieces/100 {
			t.Errorf("%s copies %v", test.name, fresh)
		}
		if i > 0 && fresh.pages > 1024 {
			t.Errorf("%s writes %d octets to pages", test.name, fresh.pages)
		}
	}
}

// memory is how many octets a snapshot takes.
type memory struct{ pages, pieces, tables int }

// memory returns what s takes and before does not have; nil has nothing. Pages
// that both have count with what only s has written to them.
func (s *Snapshot) memory(before *Snapshot) (m memory) {
	if before == nil {
		before = new(Snapshot)
	}
	for i, page := range s.pages.List() {
		m.pages += cap(page)
		if i < len(before.pages.List()) && len(page) > 0 && len(before.pages.List()[i]) > 0 && &page[0] == &before.pages.List()[i][0] {
			m.pages -= cap(page) - (len(page) - len(before.pages.List()[i]))
		}
	}
	count(&m, slices.Collect(s.index.Buckets), slices.Collect(before.index.Buckets))
	count(&m, s.refs.Pieces(), before.refs.Pieces())
	count(&m, s.refCounts.Pieces(), before.refCounts.Pieces())
	countLeaves(&m, s.children, before.children)
	countLeaves(&m, s.offZone, before.offZone)
	countLeaves(&m, s.nsecOrder, before.nsecOrder)
	countLeaves(&m, s.nsec3Chain.entries, before.nsec3Chain.entries)
	m.tables += len(s.pages.List()) * int(unsafe.Sizeof([]byte{})+unsafe.Sizeof(uint32(0)))
	return m
}

func count[E any](m *memory, pieces, before [][]E) {
	var e E
	shared := map[*E]bool{}
	for _, p := range before {
		shared[&p[0]] = true
	}
	if len(pieces) > 0 && (len(before) == 0 || &pieces[0] != &before[0]) {
		m.tables += len(pieces) * int(unsafe.Sizeof(pieces[0]))
	}
	for _, p := range pieces {
		if !shared[&p[0]] {
			m.pieces += cap(p) * int(unsafe.Sizeof(e))
			shared[&p[0]] = true
		}
	}
}

func countLeaves[E any](m *memory, list, before cow.Sorted[E]) {
	var e E
	if len(list.Firsts()) > 0 && (len(before.Firsts()) == 0 || &list.Firsts()[0] != &before.Firsts()[0]) {
		m.tables += len(list.Firsts()) * int(unsafe.Sizeof(e))
	}
	count(m, list.Leaves(), before.Leaves())
}
