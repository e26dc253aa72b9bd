package bench

import (
	"math"
	"time"
)

// flight is the queries of one socket that wait for their replies, a slot each.
// Replies are matched by ID: its low bits are the slot, the others change each
// time that is used, so that a reply that comes too late or twice is noticed as
// long as there are fewer slots than IDs. Times are counted from the start of
// the run.
//
// Each slot is in one of two rings, closed by an element of slots that is not a
// slot: those that wait, sent longest ago first, or those that are free, used
// longest ago first.
type flight struct {
	slots       []inFlight
	size        int // how many there are: a power of two
	outstanding int // how many wait
}

// inFlight is a query, and its place in a ring.
type inFlight struct {
	due, sent     time.Duration
	question      uint32 // its number in the file
	before, after uint32 // in the ring
	id            uint16
	waits         bool
}

// maxFlight is how many IDs there are.
const maxFlight = 1 << 16

// forever is later than any time of a run.
const forever = time.Duration(math.MaxInt64)

// newFlight makes room for at least n queries, at most maxFlight.
func newFlight(n int) *flight {
	size := 64
	for size < min(n, maxFlight) {
		size *= 2
	}
	f := &flight{slots: make([]inFlight, size+2), size: size}
	for i := range f.slots {
		f.slots[i] = inFlight{before: uint32(i), after: uint32(i), id: uint16(i)}
	}
	for i := range size {
		f.move(uint32(i), f.free())
	}
	return f
}

// waiting and free are the elements that close the rings.
func (f *flight) waiting() uint32 { return uint32(f.size) }
func (f *flight) free() uint32    { return uint32(f.size + 1) }

// move makes a slot the last of a ring.
func (f *flight) move(slot, ring uint32) {
	s, end := &f.slots[slot], &f.slots[ring]
	f.slots[s.before].after, f.slots[s.after].before = s.after, s.before
	s.before, s.after = end.before, ring
	f.slots[end.before].after, end.before = slot, slot
}

// full reports whether another query would find no slot.
func (f *flight) full() bool { return f.outstanding == f.size }

// add gives an ID to a query that was due, and sent, at a time. There must be
// a free slot.
func (f *flight) add(due, sent time.Duration, question int) (id uint16) {
	slot := f.slots[f.free()].after
	f.move(slot, f.waiting())
	f.outstanding++
	s := &f.slots[slot]
	s.due, s.sent, s.question, s.waits = due, sent, uint32(question), true
	return s.id
}

// find is the query with an ID, or nil if none that waits has it.
func (f *flight) find(id uint16) *inFlight {
	if s := &f.slots[int(id)&(f.size-1)]; s.waits && s.id == id {
		return s
	}
	return nil
}

// end ends the wait of s.
func (f *flight) end(s *inFlight) {
	f.move(uint32(s.id)&uint32(f.size-1), f.free())
	f.outstanding--
	s.waits = false
	s.id += uint16(f.size) // of 65536 slots: the same
}

// oldest is when the query that waits longest was sent, or forever.
func (f *flight) oldest() time.Duration {
	if f.outstanding == 0 {
		return forever
	}
	return f.slots[f.slots[f.waiting()].after].sent
}

// expire ends the wait for what was sent until a time, and returns how many of
// it were due at countFrom or later.
func (f *flight) expire(until, countFrom time.Duration) (counted int64) {
	for f.outstanding > 0 && f.oldest() <= until {
		s := &f.slots[f.slots[f.waiting()].after]
		if s.due >= countFrom {
			counted++
		}
		f.end(s)
	}
	return counted
}
