package cache

// ring is a stretch of the arena in which entries lie in the order they came.
// It is filled at the head and emptied at the tail; no entry lies across its
// end.
type ring struct {
	low, high int // what is the ring's, in words of the arena
	head      int // where the next entry goes
	tail      int // the oldest entry
	end       int // where the entries after tail stop, if wrapped
	wrapped   bool
}

func newRing(low, high int) ring { return ring{low: low, high: high, head: low, tail: low} }

func (r *ring) isEmpty() bool { return !r.wrapped && r.head == r.tail }

// place finds room for n words at the head. It takes nothing yet, but the head
// may have gone back to the start for it.
func (r *ring) place(n int) (pos int, ok bool) {
	switch {
	case r.wrapped:
		return r.head, r.head+n <= r.tail
	case r.head+n <= r.high:
		return r.head, true
	case r.low+n <= r.tail:
		r.end, r.head, r.wrapped = r.head, r.low, true
		return r.head, true
	}
	return 0, false
}

// push takes the n words at the head.
func (r *ring) push(n int) { r.head += n }

// pop gives the n words at the tail back.
func (r *ring) pop(n int) {
	r.tail += n
	switch {
	case r.wrapped && r.tail == r.end:
		r.tail, r.wrapped = r.low, false
	case r.isEmpty():
		r.head, r.tail = r.low, r.low
	}
}

// used is how many words are taken.
func (r *ring) used() int {
	if r.wrapped {
		return r.end - r.tail + r.head - r.low
	}
	return r.head - r.tail
}
