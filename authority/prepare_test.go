package authority

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// batchLookupOf returns the look-ups that are prepared for one query.
func batchLookupOf(s *Set, question wire.Question) *batchLookup {
	a := new(batchLookup)
	a.bring(s.table.Load(), []wire.Query{{Question: question}})
	return a
}

// TestBatchLookupGoesWhereAnswersGo compares where a batch look-up ends with
// where the look-up does, in zones of one depth.
func TestBatchLookupGoesWhereAnswersGo(t *testing.T) {
	var zones []*Zone
	for i := range 50 {
		zones = append(zones, NewZone(mustZone(t, fmt.Sprintf("zone%d.example.", i), hotZone)))
	}
	set := new(Set)
	if err := set.SetZones(zones); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ ask, node string }{
		{"host A", "host"},
		{"www A", "www"},
		{"HOST AAAA", "host"},
		{"nothing A", ""},
		{"below.host A", "host"},
		{"www.sub A", "sub"},
		{"a.b.c.d A", ""}, // two labels away: the apex will do
	} {
		for i, zone := range zones {
			ask := strings.Fields(test.ask)
			qtype, _ := wire.ParseType(ask[1])
			name := wire.MustParseName(ask[0] + "." + zone.origin.String())
			a := batchLookupOf(set, wire.Question{Name: name, Type: qtype, Class: wire.ClassIN})
			want := zone.origin
			if test.node != "" {
				want = wire.MustParseName(test.node + "." + zone.origin.String())
			}
			p := &a.paths[0]
			if p.zone != zone || p.snapshot != zone.Snapshot() {
				t.Fatalf("%s in zone %d: another zone is prepared", test.ask, i)
			}
			if got := p.snapshot.at(p.ref).name(); !got.Equal(want) {
				t.Errorf("%s in zone %d: node %s is prepared, not %s", test.ask, i, got, want)
			}
		}
	}
}

// TestBatchLookupOfTargets looks at the nodes that records lead to.
func TestBatchLookupOfTargets(t *testing.T) {
	set := new(Set)
	if err := set.SetZones([]*Zone{NewZone(mustZone(t, "example.com.", hotZone))}); err != nil {
		t.Fatal(err)
	}
	for ask, want := range map[string]string{
		"example.com. MX":        "mail.example.com.",
		"www.sub.example.com. A": "ns.sub.example.com.",
		"host.example.com. A":    "",
	} {
		words := strings.Fields(ask)
		qtype, _ := wire.ParseType(words[1])
		a := batchLookupOf(set, wire.Question{Name: wire.MustParseName(words[0]), Type: qtype, Class: wire.ClassIN})
		var got []string
		for _, target := range a.targets[:a.leading] {
			got = append(got, target.snapshot.node(target.id).name().String())
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q are prepared, not %q", ask, got, want)
		}
	}
}

// TestPrepareAnyBatch tells sets of many shapes of all kinds of queries,
// more at once than are taken at a time.
func TestPrepareAnyBatch(t *testing.T) {
	deep := mustZone(t, "a.b.c.d.e.", hotZone)
	root := mustZone(t, ".", "@ SOA ns hostmaster 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n")
	random := rand.New(rand.NewPCG(3, 4))
	for _, snapshots := range [][]*Snapshot{nil, {root}, {deep}, {root, deep, mustZone(t, "d.e.", hotZone)}} {
		set := new(Set)
		set.PrepareBatch(make([]wire.Query, 3)) // before it has a table
		var zones []*Zone
		for _, s := range snapshots {
			zones = append(zones, NewZone(s))
		}
		if err := set.SetZones(zones); err != nil {
			t.Fatal(err)
		}
		queries := make([]wire.Query, 300)
		for i := range queries {
			labels := []string{"a", "b", "c", "d", "e", "host", "sub", strings.Repeat("x", 63)}
			var name []string
			for range random.IntN(4) {
				name = append(name, labels[random.IntN(len(labels))])
			}
			switch i % 10 {
			case 0: // a query without a question
				continue
			case 1:
				name = strings.Split(strings.Repeat("a ", 127), " ")[:127]
			case 2:
				name = append(name, "a", "b", "c", "d", "e")
			}
			queries[i].Question = wire.Question{Name: wire.MustParseName(strings.Join(name, ".") + "."), Type: wire.Type(random.IntN(70)), Class: wire.ClassIN}
			queries[i].EDNS.Flags = wire.EDNSFlags(random.Uint32())
		}
		if n := testing.AllocsPerRun(10, func() { set.PrepareBatch(queries) }); n > 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

// TestWantsBatches: it is worth while for zones that are large, alone or
// together.
func TestWantsBatches(t *testing.T) {
	set := new(Set)
	if set.WantsBatches() {
		t.Error("no zones are prepared")
	}
	for records, want := range map[int]bool{manyRecords - 1: false, manyRecords: true} {
		zones := make([]*Zone, 2)
		for i := range zones {
			s := *mustZone(t, fmt.Sprintf("zone%d.", i), hotZone)
			s.records = records / 2
			if i == 0 {
				s.records += records % 2
			}
			zones[i] = NewZone(&s)
		}
		if err := set.SetZones(zones); err != nil {
			t.Fatal(err)
		}
		if set.WantsBatches() != want {
			t.Errorf("zones of %d records together are prepared: %v", records, !want)
		}
	}
}

// BenchmarkBatchMillion answers queries about a large zone in batches, with and
// without a word of what is to come.
func BenchmarkBatchMillion(b *testing.B) {
	set := new(Set)
	if err := set.SetZones([]*Zone{NewZone(millionZone())}); err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(5, 6))
	queries := make([]wire.Query, 100_000)
	for i := range queries {
		ask := [...]string{"host%d. A", "host%d. AAAA", "host%d. MX", "nothing%d. A", "www.host%d0. A"}[random.IntN(5)]
		ask = fmt.Sprintf(strings.Replace(ask, ". ", ".example. ", 1), random.IntN(largeNames/10))
		queries[i].Parse(exchange(b, strings.Fields(ask)...).Query.Message)
	}
	for _, prepares := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "prepared"}[prepares], func(b *testing.B) {
			x := new(names.Exchange)
			buf := make([]byte, 0, 1232+wire.WriterSlack)
			b.ReportAllocs()
			const batch = 64
			for i := 0; b.Loop(); i++ {
				at := i % (len(queries) / batch) * batch
				if prepares {
					set.PrepareBatch(queries[at : at+batch])
				}
				for j := range batch {
					x.Query = queries[at+j]
					x.Open()
					x.Begin(buf, 1232)
					if err := set.TryResolve(x); err != nil {
						b.Fatal(err)
					}
					x.Finish()
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/query")
		})
	}
}
