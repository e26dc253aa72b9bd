package cache

import "sync/atomic"

// makeRoom returns a place for n words in r, and evicts what lies there.
//
// In the main ring it leaves room for one entry more, so that those that are
// moved to its head go there while readers can still have them at the tail.
func (s *shard) makeRoom(r *ring, n int, now int64) (pos int, ok bool) {
	if r == &s.main {
		n += s.largest
	}
	spare := mostSpared
	for {
		if pos, ok := r.place(n); ok {
			return pos, true
		}
		if r.isEmpty() {
			return 0, false
		}
		if r == &s.main {
			s.passMain(now, &spare)
		} else {
			s.passSmall(now)
		}
	}
}

// passMain takes the entry at the tail of the main ring away, or to the head if
// it was asked for since it was last there.
func (s *shard) passMain(now int64, spare *int) {
	h := header(s.arena[s.main.tail:])
	n := h.words()
	if at := s.slotOf(h[1], s.main.tail); at != nil {
		used := atomic.LoadUint64(at) & slotUsed
		pos, hasRoom := s.main.place(n)
		if used > 0 && *spare > 0 && hasRoom && s.isOfUse(&h, now) {
			*spare--
			s.move(at, pos, n, used-1)
			s.main.push(n)
		} else {
			s.evict(at, &h, now)
		}
	}
	s.main.pop(n)
}

// passSmall takes the entry at the tail of the small ring away, or to the main
// ring if it was asked for, or if there is still unused room.
func (s *shard) passSmall(now int64) {
	h := header(s.arena[s.small.tail:])
	n := h.words()
	if at := s.slotOf(h[1], s.small.tail); at != nil {
		used := atomic.LoadUint64(at) & slotUsed
		s.sweepMain(now)
		_, isRoomy := s.main.place(n + s.largest)
		if (used >= promotedAt || isRoomy) && s.isOfUse(&h, now) {
			pos, _ := s.makeRoom(&s.main, n, now) // there is: it is larger than the small one
			s.move(at, pos, n, 0)
			s.main.push(n)
		} else {
			s.addGhost(h[1])
			s.evict(at, &h, now)
		}
	}
	s.small.pop(n)
}

// sweepMain takes entries that have become useless away from the tail
// of the main ring, up to sweepStep of them.
func (s *shard) sweepMain(now int64) {
	for range sweepStep {
		if s.main.isEmpty() {
			return
		}
		h := header(s.arena[s.main.tail:])
		if at := s.slotOf(h[1], s.main.tail); at != nil {
			if s.isOfUse(&h, now) {
				return
			}
			s.evict(at, &h, now)
		}
		s.main.pop(h.words())
	}
}

const sweepStep = 4

// isOfUse reports whether an entry may still be served, fresh or stale. Parts
// are never stale.
func (s *shard) isOfUse(h *header, now int64) bool {
	return now < h.expiry() || h.flags()&keptPart == 0 && now < h.expiry()+s.window
}

func (s *shard) evict(at *slot, h *header, now int64) {
	s.clear(at)
	if s.isOfUse(h, now) {
		s.evicted++
	} else {
		s.expired++
	}
}

// slotOf returns the slot of the entry at pos, nil if there is none: another
// has been stored in its place, or it was taken out.
func (s *shard) slotOf(hash uint64, pos int) *slot {
	first, second := s.pair(hash)
	for _, bucket := range [...][]uint64{first, second} {
		for i := range bucket {
			if v := atomic.LoadUint64(&bucket[i]); v != 0 && v>>slotPlace == slot(pos) {
				return &bucket[i]
			}
		}
	}
	return nil
}

// move copies the n words of an entry to pos and turns its slot there.
func (s *shard) move(at *slot, pos, n int, used slot) {
	from := int(atomic.LoadUint64(at) >> slotPlace)
	for i := range n {
		atomic.StoreUint64(&s.arena[pos+i], s.arena[from+i])
	}
	for {
		v := atomic.LoadUint64(at)
		if atomic.CompareAndSwapUint64(at, v, slot(pos)<<slotPlace|v&(slotTag|slotRefresh)|used) {
			return
		}
	}
}

// The ghost table remembers prints of entries that left the small ring, four
// for each word, which is a queue of its own: a new print pushes the oldest
// out.

func (s *shard) ghost(hash uint64) (word *uint64, print uint64) {
	at := hash >> 8 & (1<<32 - 1) * uint64(len(s.ghosts)) >> 32
	return &s.ghosts[at], hash>>48 ^ hash&0xFFFF
}

func (s *shard) addGhost(hash uint64) {
	word, print := s.ghost(hash)
	*word = *word<<16 | print
}

func (s *shard) hasGhost(hash uint64) bool {
	word, print := s.ghost(hash)
	for w := *word; w != 0; w >>= 16 {
		if w&0xFFFF == print {
			return true
		}
	}
	return false
}
