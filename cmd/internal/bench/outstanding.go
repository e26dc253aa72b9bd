package bench

import (
	"math"
	"time"
)

// outstanding is the queries of one socket that wait for their replies, a slot each.
// Replies are matched by ID: its low bits are the slot, the others change each
// time that is used, so that a reply that comes too late or twice is noticed as
// long as there are fewer slots than IDs. Times are counted from the start of
// the run.
//
// Each slot is in one of two rings, closed by an element of slots that is not a
// slot: those that wait, sent longest ago first, or those that are free, used
// longest ago first.
type outstanding struct {
	slots []inFlight
	size  int // how many there are: a power of two
	used  int // how many wait
}

// inFlight is a query, and its place in a ring.
type inFlight struct {
	due, sent     time.Duration
	question      uint32 // its number in the file
	before, after uint32 // in the ring
	id            uint16
	waits         bool
}

// maxOutstanding is how many IDs there are.
const maxOutstanding = 1 << 16

// forever is later than any time of a run.
const forever = time.Duration(math.MaxInt64)

// newOutstanding makes room for at least n queries, at most maxOutstanding.
func newOutstanding(n int) *outstanding {
	size := 64
	for size < min(n, maxOutstanding) {
		size *= 2
	}
	o := &outstanding{slots: make([]inFlight, size+2), size: size}
	for i := range o.slots {
		o.slots[i] = inFlight{before: uint32(i), after: uint32(i), id: uint16(i)}
	}
	for i := range size {
		o.move(uint32(i), o.free())
	}
	return o
}

// waiting and free are the elements that close the rings.
func (o *outstanding) waiting() uint32 { return uint32(o.size) }
func (o *outstanding) free() uint32    { return uint32(o.size + 1) }

// move makes a slot the last of a ring.
func (o *outstanding) move(slot, ring uint32) {
	s, end := &o.slots[slot], &o.slots[ring]
	o.slots[s.before].after, o.slots[s.after].before = s.after, s.before
	s.before, s.after = end.before, ring
	o.slots[end.before].after, end.before = slot, slot
}

// full reports whether another query would find no slot.
func (o *outstanding) full() bool { return o.used == o.size }

// add gives an ID to a query that was due, and sent, at a time. There must be
// a free slot.
func (o *outstanding) add(due, sent time.Duration, question int) (id uint16) {
	slot := o.slots[o.free()].after
	o.move(slot, o.waiting())
	o.used++
	s := &o.slots[slot]
	s.due, s.sent, s.question, s.waits = due, sent, uint32(question), true
	return s.id
}

// find is the query with an ID, or nil if none that waits has it.
func (o *outstanding) find(id uint16) *inFlight {
	if s := &o.slots[int(id)&(o.size-1)]; s.waits && s.id == id {
		return s
	}
	return nil
}

// end ends the wait of s.
func (o *outstanding) end(s *inFlight) {
	o.move(uint32(s.id)&uint32(o.size-1), o.free())
	o.used--
	s.waits = false
	s.id += uint16(o.size) // of 65536 slots: the same
}

// oldest is when the query that waits longest was sent, or forever.
func (o *outstanding) oldest() time.Duration {
	if o.used == 0 {
		return forever
	}
	return o.slots[o.slots[o.waiting()].after].sent
}

// expire ends the wait for what was sent until a time, and returns how many of
// it were due at countFrom or later.
func (o *outstanding) expire(until, countFrom time.Duration) (counted int64) {
	for o.used > 0 && o.oldest() <= until {
		s := &o.slots[o.slots[o.waiting()].after]
		if s.due >= countFrom {
			counted++
		}
		o.end(s)
	}
	return counted
}
