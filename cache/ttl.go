package cache

import (
	"errors"
	"fmt"
	"time"

	"github.com/names-dns/names/wire"
)

// How long answers may stay if [Config] does not say.
const (
	defaultMaxTTL         = 24 * time.Hour
	defaultMaxNegativeTTL = 3 * time.Hour // RFC 2308 5: one to three hours work well
	defaultFailureTTL     = 5 * time.Second

	maxFailureTTL = 5 * time.Minute // RFC 9520 3.2
	minFailureTTL = time.Second     // RFC 9520 3.2
	maxBogusTTL   = uint32(maxFailureTTL / time.Second)
)

// lifetimes are the bounds of [Config], in seconds.
type lifetimes struct {
	least, most                 uint32
	leastNegative, mostNegative uint32
	failure                     uint32
}

// seconds checks and rounds a duration of the configuration.
func seconds(what string, d time.Duration, fallback time.Duration) (uint32, error) {
	if d == 0 {
		d = fallback
	}
	if d < 0 || d/time.Second > maxTTL {
		return 0, fmt.Errorf("cache: %s is %v, not between 0 and 2^31-1 seconds", what, d)
	}
	return uint32((d + time.Second - 1) / time.Second), nil
}

// maxTTL is the largest TTL there is, in seconds.
const maxTTL = 1<<31 - 1

func (l *lifetimes) set(c *Config) (err error) {
	for _, f := range []struct {
		what     string
		value    time.Duration
		fallback time.Duration
		to       *uint32
	}{
		{"MinTTL", c.MinTTL, 0, &l.least},
		{"MaxTTL", c.MaxTTL, defaultMaxTTL, &l.most},
		{"MinNegativeTTL", c.MinNegativeTTL, 0, &l.leastNegative},
		{"MaxNegativeTTL", c.MaxNegativeTTL, defaultMaxNegativeTTL, &l.mostNegative},
		{"FailureTTL", c.FailureTTL, defaultFailureTTL, &l.failure},
	} {
		if *f.to, err = seconds(f.what, f.value, f.fallback); err != nil {
			return err
		}
	}
	switch {
	case l.least > l.most:
		return errors.New("cache: MinTTL is above MaxTTL")
	case l.leastNegative > l.mostNegative:
		return errors.New("cache: MinNegativeTTL is above MaxNegativeTTL")
	case c.FailureTTL != 0 && (c.FailureTTL < minFailureTTL || c.FailureTTL > maxFailureTTL):
		return fmt.Errorf("cache: FailureTTL is %v, not between %v and %v (RFC 9520 3.2)", c.FailureTTL, minFailureTTL, maxFailureTTL)
	}
	return nil
}

// clampWire returns a TTL of a message as it is meant: one with the top bit set is 0
// (RFC 2181 8).
func clampWire(ttl uint32) uint32 {
	if ttl > maxTTL {
		return 0
	}
	return ttl
}

// clamp puts the TTL of an answer's record between the bounds. A TTL of 0 is
// its owner's wish not to be kept, and stays.
func (l *lifetimes) clamp(ttl uint32, k kind) uint32 {
	switch {
	case ttl == 0:
		return 0
	case k == negative:
		return min(max(ttl, l.leastNegative), l.mostNegative)
	}
	return min(max(ttl, l.least), l.most)
}

// negativeTTL is how long a negative answer with this SOA may live: the lower
// of the record's own TTL and its MINIMUM field (RFC 2308 5).
func negativeTTL(ttl uint32, soa *wire.SOA) uint32 { return min(ttl, clampWire(soa.Minimum)) }

// nextFailure is how long a failure is remembered, in seconds: twice as long as
// the one before, unless that is over for longer than it took (RFC 9520 3.2).
func (l *lifetimes) nextFailure(before *header, now int64) uint32 {
	if now >= before.expiry()+before.life() {
		return l.failure
	}
	return min(2*uint32(before.life()/1000), uint32(maxFailureTTL/time.Second))
}
