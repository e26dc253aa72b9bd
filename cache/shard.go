package cache

import (
	"sync"
	"sync/atomic"
)

// shard is one part of the cache: an index, and the arena its entries lie in.
//
// Readers take no lock. They find a slot of the index, read the entry it
// points to, and look at the slot again: a writer that gives an entry's memory to
// another clears or moves its slot first, so that an unchanged slot says that
// the entry was whole all the time. All words that readers see are read and
// written atomically.
//
// Writers hold mu. What has to go when there is no room is said by S3-FIFO
// (Yang and others, SOSP 2023): new entries go to the small ring, a tenth of
// the arena. Those that were asked for again by the time they have got to its
// tail move on to the main ring; the others go, and leave a print in the ghost
// table. An entry that comes back while the print is there goes to the main ring at
// once. At the tail of the main ring an entry that was asked for since it last
// passed is moved to the head, others go. A flood of questions that are never asked
// twice so runs through the small ring and leaves the main one alone.
type shard struct {
	index   []uint64 // buckets of bucketSlots slots; see slot
	arena   []uint64 // small ring, main ring
	buckets uint64
	largest int   // words an entry may have
	window  int64 // milliseconds an entry is of use past its expiry

	_ [64]byte // what follows is written to often, what is above is read by all

	mu          sync.Mutex // nothing is waited for under it; what flush calls does not come back here
	small, main ring
	ghosts      []uint64 // four prints to a word, the newest at the low end
	number      uint64   // of the last entry
	entries     int
	evicted     uint64
	expired     uint64
}

// slot is a word of the index; 0 is a free one.
//
//	63                     32 31                            3     2     1  0
//	+------------------------+-------------------------------+---------+------+
//	| place of the entry,    | tag: part of the hash,        | refresh | used |
//	| in words of the arena  | never 0                       |         |      |
//	+------------------------+-------------------------------+---------+------+
type slot = uint64

const (
	slotUsed    slot = 3      // how often it was asked for, up to 3
	slotRefresh slot = 1 << 2 // a query has started to ask for it again
	slotTag     slot = 1<<32 - 1<<3
	slotNotes        = slotUsed | slotRefresh // what readers change
	slotPlace        = 32                     // bits below the place

	bucketSlots = 8 // one line of the processor's cache

	// promotedAt is how often an entry must have been asked for to move from
	// the small ring to the main one.
	promotedAt = 1

	// mostSpared bounds how many entries one writer moves to the head of the
	// main ring; one more is evicted even though it was asked for.
	mostSpared = 128
)

// How a shard's memory is divided: to each slot of the index belong 16 bits of
// ghosts and slotArena words of arena, a little less than a small answer takes:
// the arena is full before the index is.
const (
	slotArena   = 10
	bucketWords = bucketSlots + bucketSlots/4 + bucketSlots*slotArena
)

// init divides memory, which is all zero.
func (s *shard) init(memory []uint64, window int64) {
	s.buckets = uint64(len(memory) / bucketWords)
	index, ghosts := int(s.buckets)*bucketSlots, int(s.buckets)*bucketSlots/4
	s.index = memory[:index:index]
	s.ghosts = memory[index : index+ghosts : index+ghosts]
	s.arena = memory[index+ghosts:]
	s.window = window
	small := len(s.arena) / 10
	s.largest = min(maxEntryWords, small/4)
	s.small = newRing(0, small)
	s.main = newRing(small, len(s.arena))
}

// maxEntryWords bounds an entry in a cache of any size.
const maxEntryWords = 16 << 10 / 8

func tagOf(hash uint64) slot { return hash>>32&slotTag | 1<<3 }

// pair returns the two buckets in which an entry may have its slot.
func (s *shard) pair(hash uint64) (first, second []uint64) {
	other := hash * 0x9E3779B97F4A7C15 // spreads bits that choose neither shard nor first bucket
	return s.bucket(uint64(uint32(hash))), s.bucket(other >> 32)
}

func (s *shard) bucket(choice uint64) []uint64 {
	at := choice * s.buckets >> 32 * bucketSlots
	return s.index[at : at+bucketSlots : at+bucketSlots]
}

// find returns the slot of k and what it held. It is right for readers too, but
// what they then read of the entry must be confirmed.
func (s *shard) find(k *key) (*slot, slot) {
	tag := tagOf(k.hash)
	first, second := s.pair(k.hash)
	for i := range first {
		if v := atomic.LoadUint64(&first[i]); v&slotTag == tag && s.holds(v, k) {
			return &first[i], v
		}
	}
	for i := range second {
		if v := atomic.LoadUint64(&second[i]); v&slotTag == tag && s.holds(v, k) {
			return &second[i], v
		}
	}
	return nil, 0
}

// holds reports whether the entry of v has the key k.
func (s *shard) holds(v slot, k *key) bool {
	words := k.words()
	at := int(v >> slotPlace)
	if at+headerWords+words > len(s.arena) {
		return false
	}
	e := s.arena[at : at+headerWords+words]
	if atomic.LoadUint64(&e[1]) != k.hash || int(uint16(atomic.LoadUint64(&e[4]))) != k.len {
		return false
	}
	for i, stored := 0, e[headerWords:]; i < words; i++ {
		if atomic.LoadUint64(&stored[i]) != k.word(i) {
			return false
		}
	}
	return true
}

// load returns the header of the entry at v; ok is false if it cannot be
// one: for a reader, whose entry has just made way for another.
func (s *shard) load(v slot) (h header, ok bool) {
	at := int(v >> slotPlace)
	if at+headerWords > len(s.arena) {
		return h, false
	}
	for i := range h {
		h[i] = atomic.LoadUint64(&s.arena[at+i])
	}
	n := h.words()
	return h, n <= s.largest && at+n <= len(s.arena)
}

// confirm reports whether the entry of v, of which h was read, was there all
// the time.
func (s *shard) confirm(at *slot, v slot, h *header) bool {
	return (atomic.LoadUint64(at)^v)&^slotNotes == 0 && atomic.LoadUint64(&s.arena[v>>slotPlace]) == h[0]
}

// countUse counts that the entry was asked for. What is asked for often is written
// to no more.
func countUse(at *slot, v slot) {
	if v&slotUsed != slotUsed {
		atomic.CompareAndSwapUint64(at, v, v+1) // one count less matters not
	}
}

// put stores an entry, whose header lacks only word 0. It reports false if
// what is there has the higher rank.
func (s *shard) put(k *key, e []uint64, now int64) bool { return s.restore(k, e, now, now, 0) }

// restore is put for an entry that was stored at another time, and has been
// used since.
func (s *shard) restore(k *key, e []uint64, now, storedAt int64, used slot) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(e) > s.largest {
		return false
	}
	h := header(e)
	target := &s.small
	if at, v := s.find(k); at != nil {
		old, _ := s.load(v)
		if !h.rank().mayReplace(old.rank(), now < old.expiry()) {
			return false
		}
		// It is stored again because it was asked for: it had expired, or soon would.
		used = min(v&slotUsed+1, slotUsed)
		if int(v>>slotPlace) >= s.main.low {
			target = &s.main
		}
	} else if used > 0 || s.hasGhost(k.hash) {
		target = &s.main
	}
	pos, ok := s.makeRoom(target, len(e), now)
	if !ok {
		return false
	}
	s.number++
	atomic.StoreUint64(&s.arena[pos], uint64(storedAt)<<numberBits|s.number&(1<<numberBits-1))
	for i := 1; i < len(e); i++ {
		atomic.StoreUint64(&s.arena[pos+i], e[i])
	}
	target.push(len(e))

	at, _ := s.find(k) // making room may have moved or evicted it
	if at == nil {
		at = s.freeSlot(k.hash)
		s.entries++
	}
	atomic.StoreUint64(at, slot(pos)<<slotPlace|tagOf(k.hash)|used)
	return true
}

// remove takes the entry of k out.
func (s *shard) remove(k *key) {
	if at, _ := s.find(k); at == nil {
		return // nearly always, and then without the lock
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, _ := s.find(k); at != nil {
		s.clear(at)
	}
}

// clear takes the entry of a slot out. Its words stay until the tail of its
// ring has passed.
func (s *shard) clear(at *slot) {
	atomic.StoreUint64(at, 0)
	s.entries--
}

// freeSlot returns a slot that an entry of that hash may use: a free one of the
// emptier bucket, or that of the entry that would go first anyway.
func (s *shard) freeSlot(hash uint64) *slot {
	first, second := s.pair(hash)
	if countFree(second) > countFree(first) {
		first, second = second, first
	}
	var least *slot
	var leastWorth slot
	for _, bucket := range [...][]uint64{first, second} {
		for i := range bucket {
			v := atomic.LoadUint64(&bucket[i])
			if v == 0 {
				return &bucket[i]
			}
			worth := 2 * (v & slotUsed)
			if int(v>>slotPlace) >= s.main.low {
				worth++
			}
			if least == nil || worth < leastWorth {
				least, leastWorth = &bucket[i], worth
			}
		}
	}
	s.clear(least)
	s.evicted++
	return least
}

func countFree(bucket []uint64) (free int) {
	for i := range bucket {
		if atomic.LoadUint64(&bucket[i]) == 0 {
			free++
		}
	}
	return free
}
