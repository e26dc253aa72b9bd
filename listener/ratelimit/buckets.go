package ratelimit

import (
	"sync/atomic"
	"time"
)

// buckets says for many keys whether one more event is within a rate. Each key has
// a place in each of two tables and is held back if both places have had their share:
// two keys get in each other's way only if they have both in common. The tables
// never grow, and no lock is taken.
//
// What a place holds is when all its events so far have had their time, each of them
// 1/rate long (the generic cell rate algorithm). Most keys are far below their rate,
// and are counted in the first table only; the second has what comes after the first
// half of a second's worth.
type buckets struct {
	began  time.Time // what times count from
	latest atomic.Int64
	tables [2][places]atomic.Int64
}

const (
	places    = 1 << 16 // 512 KiB for each table
	burstTime = int64(time.Second)
)

func (b *buckets) now() int64 { return int64(time.Since(b.began)) }

// allow takes one event out of the share of a key, if there is any left of it.
// interval is the time of one event in nanoseconds, at least 1.
//
// The clock is read only if the time that was read last says that much of the share
// is gone: an earlier time never allows what a later one would not.
func (b *buckets) allow(key uint64, interval int64) bool {
	first := &b.tables[0][key%places]
	now, until := b.latest.Load(), first.Load()
	if until-now >= burstTime/2 {
		now = b.now()
		b.latest.Store(now)
	}
	if until-now < burstTime/2 {
		take(first, now, interval, burstTime)
		return true
	}
	second := &b.tables[1][key>>32%places]
	if until-now > burstTime-interval && max(second.Load()-now, 0) > burstTime/2-interval {
		return false
	}
	take(first, now, interval, burstTime)
	take(second, now, interval, burstTime/2)
	return true
}

// take counts an event. If others count at the same moment one may be lost.
func take(place *atomic.Int64, now, interval, most int64) {
	until := place.Load()
	place.CompareAndSwap(until, min(max(until, now)+interval, now+most))
}

// intervalOf is how long one event takes at a rate, in nanoseconds; 0 if there is
// no limit.
func intervalOf(perSecond int) int64 {
	if perSecond <= 0 {
		return 0
	}
	return max(int64(time.Second)/int64(perSecond), 1)
}
