package cow

import "slices"

// Index maps hashes to refs. It consists of buckets: hash tables for the hashes
// that start with the same bits. Versions share all buckets but those that
// changed, and an index that grows splits one bucket at a time.
type Index struct {
	// buckets has a slot for each item in the bucket for its hash: the hash in
	// the upper half, the ref in the lower; 0 is a free slot. Adjacent places
	// may hold the same bucket, which is split when it is full.
	buckets [][]uint64
	shift   uint8 // see place
}

// Bucket returns the hash table that has the items with that hash. Its length
// is a power of two; the search starts at the low bits of the hash and ends at
// a slot that is 0.
func (x *Index) Bucket(hash uint32) []uint64 { return x.buckets[x.place(hash)] }

// Buckets returns all buckets; adjacent ones may be the same.
func (x *Index) Buckets() [][]uint64 { return x.buckets }

// place is where the bucket for hash is. There are at least two places, so
// that the shift is below 32 and compiles to one instruction.
func (x *Index) place(hash uint32) uint32 { return hash >> (x.shift & 31) }

// Only returns the bucket if there is only one, nil otherwise.
func (x *Index) Only() []uint64 {
	if &x.buckets[0][0] != &x.buckets[len(x.buckets)-1][0] {
		return nil
	}
	return x.buckets[0]
}

const (
	smallestBucket = 4
	largestBucket  = 4096 // slots: 32 KiB, what a change of one copies
)

// MakeIndex returns an index that has room for n items.
func MakeIndex(n int) Index {
	x := Index{shift: 31}
	size := smallestBucket
	for 2*size < 3*n && size < largestBucket {
		size *= 2
	}
	if 2*size >= 3*n {
		bucket := make([]uint64, size)
		x.buckets = [][]uint64{bucket, bucket}
		return x
	}
	for (2*largestBucket/3)<<(32-x.shift) < n {
		x.shift--
	}
	for range 1 << (32 - x.shift) {
		x.buckets = append(x.buckets, make([]uint64, size))
	}
	return x
}

// Insert adds an item to an index that is not shared yet and has room.
func (x *Index) Insert(hash, ref uint32) { insertSlot(x.buckets[x.place(hash)], hash, ref) }

func insertSlot(bucket []uint64, hash, ref uint32) {
	mask := uint32(len(bucket) - 1)
	i := hash & mask
	for bucket[i] != 0 {
		i = (i + 1) & mask
	}
	bucket[i] = uint64(hash)<<32 | uint64(ref)
}

// IndexEditor makes a new version of an index.
type IndexEditor struct {
	Index
	used []int // slots in use of the buckets that only this version has; -1 for shared ones
}

// EditIndex begins a new version of x.
func EditIndex(x Index) IndexEditor { return IndexEditor{Index: x} }

// Insert adds an item.
func (x *IndexEditor) Insert(hash, ref uint32) {
	k := x.own(hash)
	for 4*(x.used[k]+1) > 3*len(x.buckets[k]) {
		x.grow(k)
		k = int(x.place(hash))
	}
	insertSlot(x.buckets[k], hash, ref)
	x.setUsed(k, x.used[k]+1)
}

// Move changes the ref of an item.
func (x *IndexEditor) Move(hash, from, to uint32) {
	bucket := x.buckets[x.own(hash)]
	bucket[slotOf(bucket, hash, from)] = uint64(hash)<<32 | uint64(to)
}

// Remove removes an item. The slots after it move up, so that no search ends at
// a free slot before its item.
func (x *IndexEditor) Remove(hash, ref uint32) {
	k := x.own(hash)
	bucket := x.buckets[k]
	mask := uint32(len(bucket) - 1)
	hole := slotOf(bucket, hash, ref)
	for i := (hole + 1) & mask; bucket[i] != 0; i = (i + 1) & mask {
		home := uint32(bucket[i]>>32) & mask
		if (i-home)&mask >= (i-hole)&mask {
			bucket[hole] = bucket[i]
			hole = i
		}
	}
	bucket[hole] = 0
	x.setUsed(k, x.used[k]-1)
}

// slotOf returns the slot of an item.
func slotOf(bucket []uint64, hash, ref uint32) uint32 {
	mask := uint32(len(bucket) - 1)
	i := hash & mask
	for bucket[i] != uint64(hash)<<32|uint64(ref) {
		i = (i + 1) & mask
	}
	return i
}

// own copies the bucket for hash if other versions share it.
func (x *IndexEditor) own(hash uint32) (k int) {
	if x.used == nil {
		x.buckets = slices.Clone(x.buckets)
		x.used = slices.Repeat([]int{-1}, len(x.buckets))
	}
	k = int(x.place(hash))
	if x.used[k] < 0 {
		bucket, used := slices.Clone(x.buckets[k]), 0
		for _, slot := range bucket {
			if slot != 0 {
				used++
			}
		}
		x.setBucket(k, bucket, used)
	}
	return k
}

// places returns the range of places that have the same bucket as place k.
func (x *IndexEditor) places(k int) (first, end int) {
	same := func(i int) bool { return &x.buckets[i][0] == &x.buckets[k][0] }
	for first = k; first > 0 && same(first-1); first-- {
	}
	for end = k + 1; end < len(x.buckets) && same(end); end++ {
	}
	return first, end
}

func (x *IndexEditor) setBucket(k int, bucket []uint64, used int) {
	first, end := x.places(k)
	for i := first; i < end; i++ {
		x.buckets[i], x.used[i] = bucket, used
	}
}

func (x *IndexEditor) setUsed(k, used int) {
	first, end := x.places(k)
	for i := first; i < end; i++ {
		x.used[i] = used
	}
}

// grow makes room in the bucket at place k: it doubles or, if it has the
// largest size, is split in two.
func (x *IndexEditor) grow(k int) {
	full := x.buckets[k]
	if len(full) < largestBucket {
		larger := make([]uint64, 2*len(full))
		for _, slot := range full {
			if slot != 0 {
				insertSlot(larger, uint32(slot>>32), uint32(slot))
			}
		}
		x.setBucket(k, larger, x.used[k])
		return
	}
	first, end := x.places(k)
	if end-first == 1 {
		x.double()
		first, end = 2*first, 2*end
	}
	middle := (first + end) / 2
	halves, used := [2][]uint64{make([]uint64, largestBucket), make([]uint64, largestBucket)}, [2]int{}
	for _, slot := range full {
		if slot != 0 {
			half := 0
			if int(x.place(uint32(slot>>32))) >= middle {
				half = 1
			}
			insertSlot(halves[half], uint32(slot>>32), uint32(slot))
			used[half]++
		}
	}
	for i := first; i < end; i++ {
		half := 0
		if i >= middle {
			half = 1
		}
		x.buckets[i], x.used[i] = halves[half], used[half]
	}
}

// double gives each bucket twice as many places.
func (x *IndexEditor) double() {
	buckets, used := make([][]uint64, 0, 2*len(x.buckets)), make([]int, 0, 2*len(x.buckets))
	for i := range x.buckets {
		buckets = append(buckets, x.buckets[i], x.buckets[i])
		used = append(used, x.used[i], x.used[i])
	}
	x.buckets, x.used = buckets, used
	x.shift--
}
