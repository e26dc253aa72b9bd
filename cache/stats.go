package cache

import (
	"sync/atomic"
	"unsafe"
)

// Stats is what a cache holds and what it has done since it was made. Every query
// that may be answered from a cache and has been answered is one of these:
//
//	Lookups() = Hits + StaleHits + FailureHits + Misses
//
// Joined, Refused and StaleMisses are those of Misses with which that happened;
// a query may be in two of them.
type Stats struct {
	Size    int64 // octets it may take, and has taken
	Used    int64 // octets in which entries lie, replaced ones not yet written over among them
	Entries int64 // NXDOMAIN, NODATA and failures among them

	Hits        uint64 // answered from what was fresh
	StaleHits   uint64 // answered from what was past its time, because the question had failed just before
	FailureHits uint64 // answered SERVFAIL because the question had failed just before
	Misses      uint64 // given to the next resolver
	Joined      uint64 // of these, how many found the same question on its way
	Refused     uint64 // of these, how many were refused because too many were waiting
	StaleMisses uint64 // of these, how many were answered from what was past its time
	Prefetched  uint64 // sent for before the answer had expired

	Stored         uint64
	StoredFailures uint64
	StoredParts    uint64 // what a recursor makes answers of
	NotKept        uint64 // answers that must not be kept
	Evicted        uint64 // entries that had to go for others
	Expired        uint64 // entries past their time that went for others
}

// Lookups returns how many queries the cache was asked to answer.
func (s *Stats) Lookups() uint64 { return s.Hits + s.StaleHits + s.FailureHits + s.Misses }

// event is what is counted while queries are served.
type event uint8

const (
	hits event = iota
	staleHits
	failureHits
	misses
	joined
	refused
	staleMisses
	prefetched
	stored
	storedFailures
	storedParts
	notKept
	eventCount
)

// sharedCounts is a set of counters that few share.
type sharedCounts struct {
	counts [eventCount]atomic.Uint64
	_      [128 - eventCount*8]byte
}

const stripes = 16

// count adds one. Whom it is counted for, an exchange or a packer, has an
// address of its own: processors that work on different ones seldom write to
// the same line.
func (c *Cache) count(whom unsafe.Pointer, e event) {
	c.counts[uintptr(whom)>>9%stripes].counts[e].Add(1)
}

// Stats returns the figures of now.
func (c *Cache) Stats() Stats {
	s := Stats{Size: c.config.Size}
	for i := range c.shards {
		h := &c.shards[i]
		h.mu.Lock()
		s.Entries += int64(h.entries)
		s.Used += int64(h.small.used()+h.main.used()) * 8
		s.Evicted += h.evicted
		s.Expired += h.expired
		h.mu.Unlock()
	}
	for e, to := range [eventCount]*uint64{
		hits: &s.Hits, staleHits: &s.StaleHits, failureHits: &s.FailureHits,
		misses: &s.Misses, joined: &s.Joined, refused: &s.Refused, staleMisses: &s.StaleMisses, prefetched: &s.Prefetched,
		stored: &s.Stored, storedFailures: &s.StoredFailures, storedParts: &s.StoredParts, notKept: &s.NotKept,
	} {
		for i := range c.counts {
			*to += c.counts[i].counts[e].Load()
		}
	}
	return s
}
