package cache

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Config describes a cache. The zero value is a cache of 64 MiB that follows
// the RFCs and serves nothing stale.
//
// Durations are rounded up to whole seconds; 0 stands for the default.
type Config struct {
	// Size is how many octets the cache may take, tables included: 64 MiB by
	// default, at least 64 KiB. They are taken at once, in one piece. Questions
	// that wait for an answer are not in it: see MaxFlights.
	Size int64
	// Shards is how many parts the cache has, each with a lock for those who
	// store: a power of two. By default there are enough for all processors.
	Shards int

	// MinTTL and MaxTTL bound the TTLs of answers: none and one day by default.
	// A TTL of 0 stays 0, such answers are not kept.
	MinTTL, MaxTTL time.Duration
	// MinNegativeTTL and MaxNegativeTTL bound those of NXDOMAIN and NODATA:
	// none and three hours (RFC 2308 5).
	MinNegativeTTL, MaxNegativeTTL time.Duration
	// FailureTTL is how long a question that got no answer is not asked again:
	// 5 s by default, between 1 s and 5 min. It doubles with each failure in a
	// row, up to 5 min (RFC 9520 3.2).
	FailureTTL time.Duration

	// ServeStale is how long past its time an answer may be given to those who
	// would get none otherwise (RFC 8767). By default that is never done.
	ServeStale time.Duration
	// Prefetch asks again for popular answers in the last tenth of their life,
	// so that nobody has to wait when it is over.
	Prefetch bool

	// Timeout bounds how long the resolver behind the cache may take: 10 s by
	// default. Each asker has a deadline of its own beside.
	Timeout time.Duration
	// MaxFlights is how many different questions may be with the resolver
	// behind at a time: 10 000 by default, of some 4 KiB each. Of these
	// MaxPrefetch may be for nobody in particular: 100.
	MaxFlights, MaxPrefetch int
	// MaxWaiting is how many may wait for the answer to the same question:
	// 10 000 by default.
	MaxWaiting int

	Events Events
}

// Events are functions that hear what happens. Each may be nil. They are called
// from many goroutines, by the one that serves the query, and must not wait.
// The question is lent.
type Events struct {
	Hit    func(q wire.Question) // answered from the cache
	Miss   func(q wire.Question) // not
	Stored func(q wire.Question, life time.Duration)
}

const (
	defaultSize = 64 << 20
	minSize     = 64 << 10
)

// complete fills in defaults and refuses what makes no sense.
func (c *Config) complete() error {
	for _, f := range []struct {
		what     string
		value    *int
		fallback int
	}{
		{"Shards", &c.Shards, 1},
		{"MaxFlights", &c.MaxFlights, 10000},
		{"MaxPrefetch", &c.MaxPrefetch, 100},
		{"MaxWaiting", &c.MaxWaiting, 10000},
	} {
		if *f.value < 0 {
			return fmt.Errorf("cache: %s is %d, below 0", f.what, *f.value)
		}
		if *f.value == 0 && f.what != "Shards" {
			*f.value = f.fallback
		}
	}
	if c.Size == 0 {
		c.Size = defaultSize
	}
	if c.Size < minSize || c.Size > math.MaxInt {
		return fmt.Errorf("cache: Size is %d octets, not between %d and %d", c.Size, minSize, math.MaxInt)
	}
	if c.Shards == 0 {
		// More than processors, so that two seldom store in the same one; none
		// so small that it could not hold large answers.
		c.Shards = 1
		for c.Shards < 4*runtime.GOMAXPROCS(0) && c.Size/int64(2*c.Shards) >= 1<<20 {
			c.Shards *= 2
		}
	}
	switch {
	case c.Shards&(c.Shards-1) != 0:
		return fmt.Errorf("cache: Shards is %d, no power of two", c.Shards)
	case c.Size/int64(c.Shards) < minSize:
		return fmt.Errorf("cache: Size is %d octets, below %d for each of %d shards", c.Size, minSize, c.Shards)
	case c.Size/int64(c.Shards) > 1<<34:
		return fmt.Errorf("cache: Size is %d octets, above %d for each of %d shards", c.Size, int64(1)<<34, c.Shards)
	case c.ServeStale < 0:
		return fmt.Errorf("cache: ServeStale is %v, below 0", c.ServeStale)
	case c.Timeout < 0:
		return fmt.Errorf("cache: Timeout is %v, below 0", c.Timeout)
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	return nil
}

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
	tallies   [tallyStripes]tally
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
func (c *Cache) now() int64 { return int64(time.Since(c.begin)/time.Millisecond) + 1 }

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
	var s split
	if p.edns.DO() {
		s |= splitDO
	}
	if p.edns.Flags&wire.FlagCO != 0 {
		s |= splitCO
	}
	if h.Flags.Has(wire.FlagCD) {
		s |= splitCD
	}
	var k key
	k.set(c.seed, p.question, s)
	e := extra{rank: rankOf(h.Flags), flags: keptFlags(h.Flags), rcode: h.Flags.RCode()}
	return c.store(p, &k, p.question, s, e, c.flushes.Load())
}

// largest is how many words an entry may have.
func (c *Cache) largest() int { return c.shards[0].largest }

func keptFlags(f wire.Flags) (kept uint8) {
	if f.Has(wire.FlagAD) {
		kept |= keptAD
	}
	if f.Has(wire.FlagRA) {
		kept |= keptRA
	}
	return kept
}

// keep stores the reply that x holds, which was asked for when the cache had
// been flushed so many times. k is the key of x.
func (c *Cache) keep(x *names.Exchange, k *key, flushes uint64) error {
	options := x.ReplyEDNS.Options
	var extended uint16
	if data, ok := options.Find(wire.OptionExtendedError); ok && len(data) >= 2 {
		extended = uint16(data[0])<<8 | uint16(data[1]) + 1 // 65535 would be none: it is for private use
	}
	if x.RCode == wire.RCodeServFail {
		return c.keepFailure(x.Question(), k, splitOf(x), extended, flushes)
	}
	if data, ok := options.Find(wire.OptionClientSubnet); ok && len(data) >= 4 && data[3] != 0 {
		return errSubnet // RFC 7871 7.3.1
	}
	p := c.packers.Get().(*packer)
	defer c.packers.Put(p)
	if err := p.pack(x.Reply.Finish(), x.RCode, &c.lifetimes, c.largest()); err != nil {
		return err
	}
	q := x.Question()
	if p.question.Type != q.Type || p.question.Class != q.Class || !p.question.Name.Equal(q.Name) {
		return errQuestion
	}
	e := extra{rankOf(x.Reply.Flags), keptFlags(x.Reply.Flags), x.RCode, extended}
	return c.store(p, k, q, splitOf(x), e, flushes)
}

// store puts what p has packed into the shard it belongs to, and takes out what
// it contradicts.
func (c *Cache) store(p *packer, k *key, q wire.Question, s split, e extra, flushes uint64) error {
	target := *k
	if p.wholly {
		target.turn(c.seed, typeAny, s)
	}
	entry, err := p.assemble(&target, e, c.largest())
	if err != nil {
		return err
	}
	if !c.shard(&target).put(&target, entry, c.now()) {
		return errRank
	}
	if c.flushes.Load() != flushes {
		c.shard(&target).remove(&target)
		return errFlushed
	}
	other := *k
	other.turn(c.seed, q.Type, s|splitFailure)
	c.shard(&other).remove(&other)
	if p.wholly {
		c.shard(k).remove(k)
	} else {
		other.turn(c.seed, typeAny, s)
		c.shard(&other).remove(&other)
	}
	c.count(unsafe.Pointer(p), stored)
	if c.config.Events.Stored != nil {
		c.config.Events.Stored(q, time.Duration(p.life)*time.Second)
	}
	return nil
}

// isStale reports whether there is an answer for k that only
// [Config.ServeStale] may serve.
func (c *Cache) isStale(k *key, now int64) bool {
	h, ok := c.peek(k)
	return ok && now >= h.expiry() && c.shard(k).isOfUse(&h, now)
}

// keepFailure remembers that q, of key k, got no answer (RFC 9520 3.2).
func (c *Cache) keepFailure(q wire.Question, k *key, s split, extended uint16, flushes uint64) error {
	now := c.now()
	target := *k
	target.turn(c.seed, q.Type, s|splitFailure)
	life := c.lifetimes.failure
	if before, ok := c.peek(&target); ok {
		life = c.lifetimes.nextFailure(&before, now)
	}
	whole := *k
	whole.turn(c.seed, typeAny, s)
	if c.isStale(k, now) || c.isStale(&whole, now) {
		life = max(life, uint32(staleCooldown/time.Second))
	}
	p := c.packers.Get().(*packer)
	defer c.packers.Put(p)
	p.packFailure(life)
	entry, err := p.assemble(&target, extra{rankFailure, 0, wire.RCodeServFail, extended}, c.largest())
	if err != nil {
		return err
	}
	if c.flushes.Load() != flushes {
		return errFlushed
	}
	c.shard(&target).put(&target, entry, now)
	c.count(unsafe.Pointer(p), storedFailures)
	return nil
}
