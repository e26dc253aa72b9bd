package cache

import (
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/names-dns/names/wire"
)

// Config describes a cache. The zero value is a cache of 64 MiB that follows
// the RFCs and serves nothing stale.
//
// Durations are rounded up to whole seconds; 0 stands for the default.
type Config struct {
	// Size is how many octets the cache may take, tables included: 64 MiB by
	// default, at least 64 KiB. They are taken at once, in one piece. Questions
	// that wait for an answer are not in it: see MaxInFlight.
	Size int64
	// Shards is how many parts the cache has, each with a lock for writers: a
	// power of two. By default there are enough for all processors.
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

	// ServeStale is how long past its time an answer may be given to clients that
	// would get none otherwise (RFC 8767). By default that is never done.
	ServeStale time.Duration
	// Prefetch asks again for popular answers in the last tenth of their life,
	// so that no client has to wait when it is over.
	Prefetch bool

	// Timeout bounds how long the next resolver may take: 10 s by
	// default. Each client has a deadline of its own, too.
	Timeout time.Duration
	// MaxInFlight is how many different questions the next resolver may work on
	// at a time: 10 000 by default, of some 4 KiB each. A client (an IPv4 address
	// or a /56) may have three times as many of them as it leaves free. Of these
	// MaxPrefetch may be prefetches: 100.
	MaxInFlight, MaxPrefetch int
	// MaxWaiting is how many may wait for the answer to the same question:
	// 10 000 by default.
	MaxWaiting int

	Events Events
}

// Events are functions that are called when something happens. Each may be nil.
// They are called from many goroutines, by the one that serves the query, and must
// not wait. The question is lent.
type Events struct {
	Hit    func(q wire.Question) // answered from the cache
	Miss   func(q wire.Question) // not
	Stored func(q wire.Question, life time.Duration)
	Busy   func(q wire.Question) // refused: too many wait already
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
		{"MaxInFlight", &c.MaxInFlight, 10000},
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
		return fmt.Errorf("cache: Shards is %d, which is not a power of two", c.Shards)
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
