package cache

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Cache keeps answers. It is safe for use by many goroutines.
type Cache struct {
	config    Config
	lifetimes lifetimes
	seed      maphash.Seed
	begin     time.Time
	shards    []shard
	shift     int // of a hash, to get the number of its shard
	packers   sync.Pool
	flushes   atomic.Uint64
	counts    [stripes]sharedCounts
}

// New returns an empty cache.
func New(config Config) (*Cache, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	c := &Cache{config: config, seed: maphash.MakeSeed(), begin: time.Now()}
	if err := c.lifetimes.set(&config); err != nil {
		return nil, err
	}
	c.packers.New = func() any { return new(packer) }
	c.shards = make([]shard, config.Shards)
	c.shift = 64 - bits.TrailingZeros(uint(config.Shards))
	// One piece of memory for everything, less what the structures themselves
	// take, in whole pages: the runtime would round up.
	const page = 8192 / 8
	words := (int(config.Size) - int(unsafe.Sizeof(*c)) - len(c.shards)*int(unsafe.Sizeof(shard{}))) / 8 &^ (page - 1)
	memory := make([]uint64, words)
	each := words / len(c.shards)
	for i := range c.shards {
		c.shards[i].init(memory[i*each:(i+1)*each:(i+1)*each], config.ServeStale.Milliseconds())
	}
	return c, nil
}

// now is the time on the cache's clock, in milliseconds. It runs whatever
// happens to the wall clock, and is never 0.
func (c *Cache) now() int64 { return int64(time.Since(c.begin)/time.Millisecond) + clockStart }

// clockStart is what a cache's clock shows when the cache is made: enough for
// what is loaded to have been stored before, however long it lives.
const clockStart = (maxTTL + 1) * 1000

func (c *Cache) shard(k *key) *shard { return &c.shards[k.hash>>c.shift] }

// Get answers x from the cache alone, and reports whether it could.
func (c *Cache) Get(x *names.Exchange) bool {
	var k key
	if !c.setKey(&k, x) {
		return false
	}
	found, _ := c.answer(x, &k, c.now())
	return found == answered
}

// Put keeps a reply in wire form, as it came from a server that is not
// authoritative unless AA says so. It fails with [ErrNotKept] for what must not
// be kept, with a [*wire.Error] for what cannot be read.
func (c *Cache) Put(reply []byte) error {
	h, err := wire.ParseHeader(reply)
	if err != nil {
		return err
	}
	p := c.packers.Get().(*packer)
	defer c.packers.Put(p)
	if err := p.pack(reply, h.Flags.RCode(), &c.lifetimes, c.largest()); err != nil {
		return err
	}
	if p.edns.Extended != 0 {
		return errRCode
	}
	var s variant
	if p.edns.DO() {
		s |= variantDO
	}
	if p.edns.Flags&wire.FlagCO != 0 {
		s |= variantCO
	}
	if h.Flags.Has(wire.FlagCD) {
		s |= variantCD
	}
	var k key
	k.set(c.seed, p.question, s)
	e := extra{rank: rankOf(h.Flags, Unchecked), flags: keptFlags(h.Flags), rcode: h.Flags.RCode()}
	return c.store(p, &k, p.question, s, e, c.flushes.Load())
}

// largest is how many words an entry may have.
func (c *Cache) largest() int { return c.shards[0].largest }
