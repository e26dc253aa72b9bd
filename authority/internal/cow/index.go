package cow

import "slices"

// Index maps hashes to refs. A small one is one hash table. A larger one consists of
// buckets: hash tables for the hashes that start with the same bits. Versions share
// all buckets but those that changed, and an index that grows splits one bucket at a
// time.
type Index struct {
	small   []uint64  // slots; nil if there are buckets
	buckets []*bucket // adjacent places may hold the same one, which is split when it is full
	shift   uint8     // see place
}

// bucket has a slot for each item: the hash in the upper half, the ref in the lower; 0 is
// a free slot.
type bucket [bucketSize]uint64

const (
	smallestTable = 4
	largestSmall  = 4096 // slots of an index without buckets
	bucketSize    = 2048 // slots: 16 KiB, what a change of one copies
)

// Bucket returns the hash table that has the items with that hash. Its length
// is a power of two; the search starts at the low bits of the hash and ends at
// a slot that is 0.
func (x *Index) Bucket(hash uint32) []uint64 {
	if x.small != nil {
		return x.small
	}
	return x.buckets[x.place(hash)][:]
}

// Buckets yields all hash tables, each once.
func (x *Index) Buckets(yield func([]uint64) bool) {
	if x.small != nil {
		yield(x.small)
		return
	}
	var previous *bucket
	for _, b := range x.buckets {
		if b != previous && !yield(b[:]) {
			return
		}
		previous = b
	}
}

// place is where the bucket for hash is. There are at least two places, so
// that the shift is below 32 and compiles to one instruction.
func (x *Index) place(hash uint32) uint32 { return hash >> (x.shift & 31) }

// Only returns the hash table if there is only one, nil otherwise.
func (x *Index) Only() []uint64 { return x.small }

// MakeIndex returns an index that has room for n items.
func MakeIndex(n int) Index {
	size := smallestTable
	for 2*size < 3*n && size < largestSmall {
		size *= 2
	}
	if 2*size >= 3*n {
		return Index{small: make([]uint64, size)}
	}
	x := Index{shift: 31}
	for (2*bucketSize/3)<<(32-x.shift) < n {
		x.shift--
	}
	for range 1 << (32 - x.shift) {
		x.buckets = append(x.buckets, new(bucket))
	}
	return x
}

// Insert adds an item to an index that is not shared yet and has room.
func (x *Index) Insert(hash, ref uint32) { insertSlot(x.Bucket(hash), hash, ref) }

func insertSlot(slots []uint64, hash, ref uint32) {
	mask := uint32(len(slots) - 1)
	i := hash & mask
	for slots[i] != 0 {
		i = (i + 1) & mask
	}
	slots[i] = uint64(hash)<<32 | uint64(ref)
}

// IndexEditor makes a new version of an index.
type IndexEditor struct {
	Index
	owned map[*uint64]*ownTable // those that only this version has, by their first slot
}

// ownTable is a hash table, and how many of its slots are in use.
type ownTable struct {
	slots []uint64
	used  int
}

// EditIndex begins a new version of x.
func EditIndex(x Index) IndexEditor { return IndexEditor{Index: x} }

// Insert adds an item.
func (x *IndexEditor) Insert(hash, ref uint32) {
	t := x.own(hash)
	for 4*(t.used+1) > 3*len(t.slots) {
		x.grow(hash, t)
		t = x.own(hash)
	}
	insertSlot(t.slots, hash, ref)
	t.used++
}

// Move changes the ref of an item.
func (x *IndexEditor) Move(hash, from, to uint32) {
	slots := x.own(hash).slots
	slots[slotOf(slots, hash, from)] = uint64(hash)<<32 | uint64(to)
}

// Remove removes an item. The slots after it move up, so that no search ends at
// a free slot before its item.
func (x *IndexEditor) Remove(hash, ref uint32) {
	t := x.own(hash)
	mask := uint32(len(t.slots) - 1)
	hole := slotOf(t.slots, hash, ref)
	for i := (hole + 1) & mask; t.slots[i] != 0; i = (i + 1) & mask {
		home := uint32(t.slots[i]>>32) & mask
		if (i-home)&mask >= (i-hole)&mask {
			t.slots[hole] = t.slots[i]
			hole = i
		}
	}
	t.slots[hole] = 0
	t.used--
}

// slotOf returns the slot of an item.
func slotOf(slots []uint64, hash, ref uint32) uint32 {
	mask := uint32(len(slots) - 1)
	i := hash & mask
	for slots[i] != uint64(hash)<<32|uint64(ref) {
		i = (i + 1) & mask
	}
	return i
}

// own copies the table for hash if other versions share it.
func (x *IndexEditor) own(hash uint32) *ownTable {
	slots := x.Bucket(hash)
	if t := x.owned[&slots[0]]; t != nil {
		return t
	}
	if x.owned == nil {
		x.owned = make(map[*uint64]*ownTable)
		x.buckets = slices.Clone(x.buckets)
	}
	t := &ownTable{slots: slices.Clone(slots)}
	for _, slot := range t.slots {
		if slot != 0 {
			t.used++
		}
	}
	x.set(hash, t)
	return t
}

// set puts a table where the one for hash is.
func (x *IndexEditor) set(hash uint32, t *ownTable) {
	x.owned[&t.slots[0]] = t
	if x.small != nil {
		x.small = t.slots
		return
	}
	first, end := x.places(int(x.place(hash)))
	for i := first; i < end; i++ {
		x.buckets[i] = (*bucket)(t.slots)
	}
}

// places returns the range of places that have the same bucket as place k.
func (x *IndexEditor) places(k int) (first, end int) {
	for first = k; first > 0 && x.buckets[first-1] == x.buckets[k]; first-- {
	}
	for end = k + 1; end < len(x.buckets) && x.buckets[end] == x.buckets[k]; end++ {
	}
	return first, end
}

// grow makes room in the table for hash: a small index doubles or gets buckets, and a
// bucket is split in two.
func (x *IndexEditor) grow(hash uint32, t *ownTable) {
	switch {
	case x.small == nil:
		x.split(hash, t)
	case len(t.slots) < largestSmall:
		larger := &ownTable{make([]uint64, 2*len(t.slots)), t.used}
		for _, slot := range t.slots {
			if slot != 0 {
				insertSlot(larger.slots, uint32(slot>>32), uint32(slot))
			}
		}
		x.set(hash, larger)
	default:
		x.Index = MakeIndex(t.used + 1)
		for slots := range x.Buckets {
			x.owned[&slots[0]] = &ownTable{slots: slots}
		}
		for _, slot := range t.slots {
			if slot != 0 {
				x.Insert(uint32(slot>>32), uint32(slot))
			}
		}
	}
}

// split puts two buckets where the full one for hash is.
func (x *IndexEditor) split(hash uint32, full *ownTable) {
	first, end := x.places(int(x.place(hash)))
	if end-first == 1 {
		x.double()
		first, end = 2*first, 2*end
	}
	middle := (first + end) / 2
	var halves [2]ownTable
	for i := range halves {
		halves[i].slots = new(bucket)[:]
	}
	for _, slot := range full.slots {
		if slot == 0 {
			continue
		}
		half := &halves[0]
		if int(x.place(uint32(slot>>32))) >= middle {
			half = &halves[1]
		}
		insertSlot(half.slots, uint32(slot>>32), uint32(slot))
		half.used++
	}
	for i := first; i < end; i++ {
		half := &halves[0]
		if i >= middle {
			half = &halves[1]
		}
		x.buckets[i] = (*bucket)(half.slots)
	}
	for i := range halves {
		x.owned[&halves[i].slots[0]] = &halves[i]
	}
}

// double gives each bucket twice as many places.
func (x *IndexEditor) double() {
	buckets := make([]*bucket, 0, 2*len(x.buckets))
	for _, b := range x.buckets {
		buckets = append(buckets, b, b)
	}
	x.buckets = buckets
	x.shift--
}
