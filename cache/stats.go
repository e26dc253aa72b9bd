package cache

import (
	"sync/atomic"
	"unsafe"
)

// Stats is what a cache holds and what it has done since it was made.
type Stats struct {
	Size    int64 // octets it may take, and has taken
	Used    int64 // octets in which entries lie, replaced ones not yet written over among them
	Entries int64 // NXDOMAIN, NODATA and failures among them

	Hits        uint64 // answered from what was fresh
	StaleHits   uint64 // answered from what was past its time
	FailureHits uint64 // answered SERVFAIL because the question had failed just before
	Misses      uint64 // asked of the resolver behind
	Joined      uint64 // of these, how many found the same question on its way
	Refused     uint64 // of these, how many were refused because too many were waiting
	Prefetched  uint64 // asked before the answer had expired

	Stored         uint64
	StoredFailures uint64
	StoredParts    uint64 // what a recursor makes answers of
	NotKept        uint64 // answers that must not be kept
	Evicted        uint64 // entries that had to go for others
	Expired        uint64 // entries past their time that went for others
}

// event is what is counted by those who serve queries.
type event uint8

const (
	hits event = iota
	staleHits
	failureHits
	misses
	joined
	refused
	prefetched
	stored
	storedFailures
	storedParts
	notKept
	eventCount
)

// tally is a set of counters that few share.
type tally struct {
	counts [eventCount]atomic.Uint64
	_      [128 - eventCount*8]byte
}

const tallyStripes = 16

// count adds one. Whom it is counted for, an exchange or a packer, has an
// address of its own: processors that work on different ones seldom write to
// the same line.
func (c *Cache) count(whom unsafe.Pointer, e event) {
	c.tallies[uintptr(whom)>>9%tallyStripes].counts[e].Add(1)
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
		misses: &s.Misses, joined: &s.Joined, refused: &s.Refused, prefetched: &s.Prefetched,
		stored: &s.Stored, storedFailures: &s.StoredFailures, storedParts: &s.StoredParts, notKept: &s.NotKept,
	} {
		for i := range c.tallies {
			*to += c.tallies[i].counts[e].Load()
		}
	}
	return s
}
