package cache

import (
	"container/list"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/race"
	"github.com/names-dns/names/names"
)

// policy is a cache of numbers, as far as hits and misses go.
type policy interface {
	// ask reports whether n is there, and puts it there.
	ask(n int) bool
}

// queue is a policy of the textbook: what came first goes first, or what was
// not asked for for the longest time.
type queue struct {
	room    int
	recency bool // LRU; FIFO otherwise
	order   list.List
	at      map[int]*list.Element
}

func (q *queue) ask(n int) bool {
	if e, ok := q.at[n]; ok {
		if q.recency {
			q.order.MoveToFront(e)
		}
		return true
	}
	if len(q.at) == q.room {
		delete(q.at, q.order.Remove(q.order.Back()).(int))
	}
	q.at[n] = q.order.PushFront(n)
	return false
}

// ours asks the cache for the names of numbered.
type ours struct {
	t     testing.TB
	cache *Cache
	reply []byte
	x     *names.Exchange
}

func newOurs(t testing.TB, c Config) *ours {
	return &ours{t: t, cache: newCache(t, c), reply: numbered(t), x: ask{name: "n00000000.example.com."}.exchange(t)}
}

func (o *ours) has(n int) bool {
	number(o.x.Query.Message, n)
	o.x.Restart()
	return o.cache.Get(o.x)
}

func (o *ours) ask(n int) bool {
	if o.has(n) {
		return true
	}
	number(o.reply, n)
	if err := o.cache.Put(o.reply); err != nil {
		o.t.Fatal(err)
	}
	return false
}

// trace is a row of numbers that are asked for.
type trace func() int

// zipf asks for a few numbers often and for many seldom.
func zipf(seed uint64) trace {
	z := rand.NewZipf(rand.New(rand.NewPCG(seed, 2)), 1.01, 1, 1<<20)
	return func() int { return int(z.Uint64()) }
}

// mixed is a trace with every second number new: a scan, or a flood of random
// subdomains.
func mixed(t trace) trace {
	n, isScan := 1<<24, false
	return func() int {
		if isScan = !isScan; isScan {
			n++
			return n
		}
		return t()
	}
}

// popularRatio is how many of the numbers that are not part of a scan are hits.
func popularRatio(p policy, t trace, asks int) float64 {
	hits, popular := 0, 0
	for i := range 2 * asks {
		n := t()
		hit := p.ask(n)
		if n > 1<<24 || i < asks { // the first half only fills
			continue
		}
		popular++
		if hit {
			hits++
		}
	}
	return float64(hits) / float64(popular)
}

// TestHitRatios compares the policy with those of the textbook.
func TestHitRatios(t *testing.T) {
	asks, sizes := 400_000, []int64{512 << 10, 4 << 20}
	switch {
	case race.Enabled:
		asks, sizes = 30_000, sizes[:1]
	case testing.Short():
		asks = 100_000
	}
	for _, test := range []struct {
		what  string
		trace func() trace
	}{
		{"Zipf", func() trace { return zipf(1) }},
		{"Zipf and a scan", func() trace { return mixed(zipf(1)) }},
	} {
		for _, size := range sizes {
			o := newOurs(t, Config{Size: size, Shards: 1})
			s3 := popularRatio(o, test.trace(), asks)
			room := int(o.cache.Stats().Entries)
			lru := popularRatio(&queue{room: room, recency: true, at: map[int]*list.Element{}}, test.trace(), asks)
			fifo := popularRatio(&queue{room: room, at: map[int]*list.Element{}}, test.trace(), asks)
			t.Logf("%-16s %6d entries: ours %.3f, LRU %.3f, FIFO %.3f", test.what, room, s3, lru, fifo)
			if s3 < lru || s3 < fifo {
				t.Errorf("%s, %d entries: ours %.3f, LRU %.3f, FIFO %.3f", test.what, room, s3, lru, fifo)
			}
		}
	}
}

// flood asks p for new names, and now and then for a favourite: for each once in
// the time in which the new ones could fill a cache of room nearly twice. It
// returns how often a favourite was asked for and how often it was gone.
func flood(p policy, room, refills int) (asked, gone int) {
	const favourites = 200
	for range 3 {
		for n := range favourites {
			p.ask(n)
		}
	}
	every := 2 * room / favourites
	for n := range refills * room {
		p.ask(1<<20 + n)
		if n%every == 0 {
			asked++
			if !p.ask(n / every % favourites) {
				gone++
			}
		}
	}
	return asked, gone
}

// TestFloodLeavesPopularEntriesAlone floods the cache with many times the names
// it has room for.
func TestFloodLeavesPopularEntriesAlone(t *testing.T) {
	refills := 100
	if race.Enabled {
		refills = 20
	}
	const room = 2200 // about
	o := newOurs(t, Config{Size: 256 << 10, Shards: 1})
	asked, gone := flood(o, room, refills)
	s := o.cache.Stats()
	_, goneLRU := flood(&queue{room: int(s.Entries), recency: true, at: map[int]*list.Element{}}, room, refills)
	t.Logf("%d entries, favourites asked for %d times, gone %d times, with LRU %d times", s.Entries, asked, gone, goneLRU)
	// Some are lost while the cache finds out which are popular, however long the flood.
	if gone > 100 {
		t.Errorf("of %d questions for a favourite %d found it gone", asked, gone)
	}
	if s.Entries > room*11/10 || s.Used > s.Size {
		t.Errorf("grown to %+v", s)
	}
	if s.Evicted < room*uint64(refills-2) {
		t.Errorf("there was no flood: %+v", s)
	}
}

func TestExpiredEntriesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOurs(t, Config{Size: 256 << 10, Shards: 1})
		const favourites = 1000
		for range 3 {
			for n := range favourites {
				o.ask(n)
			}
		}
		time.Sleep(time.Hour) // all of them expire
		for n := range 20 * favourites {
			o.ask(1<<20 + n)
		}
		if s := o.cache.Stats(); s.Expired < favourites {
			t.Errorf("%+v", s)
		}
	})
}
