package cache

import (
	"sync"
	"sync/atomic"

	"github.com/names-dns/names/wire"
)

// WantsBatches reports whether the cache is too large to stay near the processor
// by itself.
func (f *Resolver) WantsBatches() bool { return f.cache.config.Size >= largeCache }

// PrepareBatch brings near the processor what the cache answers queries with, if
// it can.
//
// The steps to an answer - one bucket of the index, the other, the entry - wait
// for memory one after the other. Here each step is taken for all queries before
// the next is for any, so that they wait at the same time. It goes by hashes
// alone and decides nothing: if it is mistaken, an answer takes as long as
// without it.
func (f *Resolver) PrepareBatch(queries []wire.Query) {
	a := batchLookups.Get().(*batchLookup)
	for len(queries) > 0 {
		n := min(len(queries), len(a.paths))
		a.begin(f.cache, queries[:n])
		a.findSlots()
		a.findEntries()
		clear(a.paths[:a.count]) // or what they point to would stay as long as a
		queries = queries[n:]
	}
	batchLookups.Put(a)
}

// largeCache is more than a core keeps near itself.
const largeCache = 4 << 20

// batchLookup is the look-ups for a batch of queries.
type batchLookup struct {
	key     key // zero but while one is made
	paths   [64]path
	count   int
	touched uint64 // by adding to it what is read, which the compiler would leave out
}

var batchLookups = sync.Pool{New: func() any { return new(batchLookup) }}

// path is one look-up.
type path struct {
	hash  uint64
	shard *shard
	slot  slot // 0: none of that hash
}

func (a *batchLookup) begin(c *Cache, queries []wire.Query) {
	a.count = 0
	for i := range queries {
		q := &queries[i]
		if q.Question.Name.IsZero() {
			continue
		}
		a.key.set(c.seed, q.Question, variantOf(q))
		a.paths[a.count] = path{hash: a.key.hash, shard: c.shard(&a.key)}
		a.count++
		clear(a.key.octets[:a.key.len])
	}
}

// findSlots takes the steps through the index.
func (a *batchLookup) findSlots() {
	paths := a.paths[:a.count]
	for i := range paths {
		first, _ := paths[i].shard.pair(paths[i].hash)
		a.touched += atomic.LoadUint64(&first[0])
	}
	for i := range paths {
		p := &paths[i]
		first, second := p.shard.pair(p.hash)
		if p.slot = guess(first, p.hash); p.slot == 0 {
			a.touched += atomic.LoadUint64(&second[0])
		}
	}
	for i := range paths {
		p := &paths[i]
		if p.slot == 0 {
			_, second := p.shard.pair(p.hash)
			p.slot = guess(second, p.hash)
		}
	}
}

// guess returns a slot of a bucket that may be of that hash, 0 if there is none.
func guess(bucket []uint64, hash uint64) slot {
	tag := tagOf(hash)
	for i := range bucket {
		if v := atomic.LoadUint64(&bucket[i]); v&slotTag == tag {
			return v
		}
	}
	return 0
}

// findEntries takes the step to the entries.
func (a *batchLookup) findEntries() {
	const line, lines = 64 / 8, 3 // words; what most entries take
	for i := range a.paths[:a.count] {
		p := &a.paths[i]
		if p.slot == 0 {
			continue
		}
		at := int(p.slot >> slotPlace)
		for end := min(at+lines*line, len(p.shard.arena)); at < end; at += line {
			a.touched += atomic.LoadUint64(&p.shard.arena[at])
		}
	}
}
