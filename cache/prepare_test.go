package cache

import (
	"testing"

	"github.com/names-dns/names/wire"
)

// TestBatchLookupFindsEntries compares where a batch look-up ends with where
// look-ups do.
func TestBatchLookupFindsEntries(t *testing.T) {
	c := newCache(t, Config{Shards: 4})
	const count = 20_000
	if err := putNumbered(c, numbered(t), count); err != nil {
		t.Fatal(err)
	}
	a := new(batchLookup)
	queries := make([]wire.Query, len(a.paths))
	messages := make([][]byte, len(queries))
	for first := 0; first < 2*count; first += len(queries) { // the second half is not there
		for i := range queries {
			messages[i] = ask{name: "n00000000.example.com."}.query(t)
			number(messages[i], first+i)
			if err := queries[i].Parse(messages[i]); err != nil {
				t.Fatal(err)
			}
		}
		a.begin(c, queries)
		a.findSlots()
		a.findEntries()
		for i := range queries {
			var k key
			k.set(c.seed, queries[i].Question, variantOf(&queries[i]))
			s := c.shard(&k)
			if a.paths[i].hash != k.hash || a.paths[i].shard != s {
				t.Fatalf("query %d is prepared elsewhere", first+i)
			}
			// If several have the tag, the first may be of another.
			if at, v := s.find(&k); at != nil && guess(bucketOf(s, at, k.hash), k.hash) == v && a.paths[i].slot != v {
				t.Errorf("query %d: entry %#x is prepared, not %#x", first+i, a.paths[i].slot, v)
			}
		}
	}
}

// bucketOf is the one of the two buckets of a hash that has the slot.
func bucketOf(s *shard, at *slot, hash uint64) []uint64 {
	first, second := s.pair(hash)
	for i := range first {
		if &first[i] == at {
			return first
		}
	}
	return second
}

// TestPrepareAnyBatch: any number of queries, also malformed ones, with a
// cache that others write to.
func TestPrepareAnyBatch(t *testing.T) {
	c := newCache(t, Config{Size: largeCache})
	f := c.Resolver(nil)
	defer f.Close()
	if !f.WantsBatches() {
		t.Error("a large cache is not prepared")
	}
	small := newCache(t, Config{Size: largeCache / 2}).Resolver(nil)
	defer small.Close()
	if small.WantsBatches() {
		t.Error("a small cache is prepared")
	}
	written := make(chan error)
	packet := numbered(t)
	go func() { written <- putNumbered(c, packet, 20_000) }()
	queries := make([]wire.Query, 150)
	for i := range queries {
		if i%7 == 0 {
			continue
		}
		message := ask{name: "n00000000.example.com.", do: i%2 == 0}.query(t)
		number(message, i)
		queries[i].Parse(message[:len(message)-i%3])
	}
	for isWriting := true; isWriting; {
		f.PrepareBatch(queries)
		select {
		case err := <-written:
			if err != nil {
				t.Fatal(err)
			}
			isWriting = false
		default:
		}
	}
	if n := testing.AllocsPerRun(100, func() { f.PrepareBatch(queries) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkBatch is [BenchmarkHitLarge] in batches, with and without a word of
// what is to come.
func BenchmarkBatch(b *testing.B) {
	c := newCache(b, Config{})
	f := c.Resolver(nil)
	defer f.Close()
	const count, batch = 400_000, 64
	if err := putNumbered(c, numbered(b), count); err != nil {
		b.Fatal(err)
	}
	messages := make([][]byte, batch)
	for i := range messages {
		messages[i] = ask{name: "n00000000.example.com."}.query(b)
	}
	for _, prepares := range []bool{false, true} {
		b.Run(map[bool]string{false: "alone", true: "prepared"}[prepares], func(b *testing.B) {
			x := ask{name: "n00000000.example.com.", limit: 1232}.exchange(b)
			buf := x.Reply.Buffer()[:0]
			queries := make([]wire.Query, batch)
			b.ReportAllocs()
			i, found := 0, 0
			for b.Loop() {
				for j := range messages {
					i = (i + 7919) % count
					number(messages[j], i)
					queries[j].Parse(messages[j])
				}
				if prepares {
					f.PrepareBatch(queries)
				}
				for j := range queries {
					x.Query = queries[j]
					x.Open()
					x.Begin(buf, 1232)
					if c.Get(x) {
						found++
					}
				}
			}
			b.ReportMetric(float64(found)/float64(b.N)/batch, "hits/op")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batch, "ns/query")
		})
	}
}
