package cow

// Arena is memory that only grows, in chunks without pointers: the garbage
// collector does not scan them, and growth does not move them. Items are found
// by a ref, as in [Pages]; no ref is 0.
type Arena struct {
	chunks [][]byte
	full   bool // an item did not fit
}

// firstChunk is the size of the first chunk. Each is twice as large as the one
// before, up to a page.
const firstChunk = 1 << 10

// Add returns room for size octets, a page at most, and their ref. If the arena
// is full, the octets are lost and [Arena.IsFull] reports it.
func (a *Arena) Add(size int) (ref uint32, room []byte) {
	last := len(a.chunks) - 1
	if last < 0 || cap(a.chunks[last])-len(a.chunks[last]) < size {
		if len(a.chunks) == maxPages {
			a.full = true
			return 0, make([]byte, size)
		}
		capacity := firstChunk
		if last >= 0 {
			capacity = min(2*cap(a.chunks[last]), pageSize)
		}
		chunk := make([]byte, 0, max(capacity, AlignUp(size)+RefUnit))
		if last < 0 {
			chunk = chunk[:RefUnit]
		}
		a.chunks = append(a.chunks, chunk)
		last++
	}
	chunk := a.chunks[last]
	at := len(chunk)
	a.chunks[last] = chunk[:min(at+AlignUp(size), cap(chunk))]
	return MakeRef(last, at), chunk[at : at+size : at+size]
}

// Empty removes all items. The last chunk, the largest, is kept for new ones.
func (a *Arena) Empty() {
	if last := len(a.chunks) - 1; last >= 0 {
		a.chunks = append(a.chunks[:0], a.chunks[last][:RefUnit])
	}
	a.full = false
}

// At returns the item at ref, and what follows it in its chunk.
func (a *Arena) At(ref uint32) []byte {
	return a.chunks[ref>>RefUnitBits][int(ref&(1<<RefUnitBits-1))*RefUnit:]
}

// IsFull reports whether an item did not fit.
func (a *Arena) IsFull() bool { return a.full }

// Chunks is the number of chunks.
func (a *Arena) Chunks() int { return len(a.chunks) }

// IsPage reports whether chunk i has the size of a page.
func (a *Arena) IsPage(i int) bool { return cap(a.chunks[i]) == pageSize }

// Take removes chunk i, whose items must not be read again, and returns its
// memory, emptied.
func (a *Arena) Take(i int) []byte {
	chunk := a.chunks[i]
	a.chunks[i] = nil
	return chunk[:0]
}

// Size is how many octets are in use.
func (a *Arena) Size() int {
	size := 0
	for _, c := range a.chunks {
		size += len(c)
	}
	return size
}
