package authority

// arena is memory that only grows, in chunks without pointers that the garbage
// collector does not look into and that need not be moved when there is to be
// more. What is in it is found by a ref, as nodes are in a snapshot; no ref is 0.
type arena struct {
	chunks [][]byte
	full   bool // something did not fit
}

// firstChunk is how large the first chunk is. Each is twice as large as the one
// before, up to a page, so that a small zone takes little and a large one few.
const firstChunk = 1 << 10

// add returns room for size octets, a page at most, and their ref. Where there
// is no more they are lost, and full is set.
func (a *arena) add(size int) (ref uint32, room []byte) {
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
		chunk := make([]byte, 0, max(capacity, alignUp(size)+refUnit))
		if last < 0 {
			chunk = chunk[:refUnit]
		}
		a.chunks = append(a.chunks, chunk)
		last++
	}
	chunk := a.chunks[last]
	at := len(chunk)
	a.chunks[last] = chunk[:min(at+alignUp(size), cap(chunk))]
	return makeRef(last, at), chunk[at : at+size : at+size]
}

// empty takes out all that is in the arena. The last chunk, the largest, is kept.
func (a *arena) empty() {
	if last := len(a.chunks) - 1; last >= 0 {
		a.chunks = append(a.chunks[:0], a.chunks[last][:refUnit])
	}
	a.full = false
}

// at returns what is at ref, and what is behind it.
func (a *arena) at(ref uint32) []byte {
	return a.chunks[ref>>refUnitBits][int(ref&(1<<refUnitBits-1))*refUnit:]
}

// size is how many octets are in use.
func (a *arena) size() int {
	size := 0
	for _, c := range a.chunks {
		size += len(c)
	}
	return size
}
