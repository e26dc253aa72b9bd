package authority

import (
	"slices"
)

// index finds nodes by a hash of their names. It lies in buckets, each a hash
// table of its own for the names whose hashes begin alike, so that versions of
// a zone share all buckets but those that changed, and so that a zone that
// grows splits one bucket at a time.
type index struct {
	// buckets has a slot for each node in the bucket for its hash: the hash,
	// and the ref of the node; 0 is a free slot. Places next to each other may
	// hold the same bucket: it is split when it is full.
	buckets [][]uint64
	shift   uint8 // see place
}

// place is where the bucket for hash is. There are two places at least, which
// spares the machine a look whether it is to shift by 32.
func (x *index) place(hash uint32) uint32 { return hash >> (x.shift & 31) }

// only is the bucket, if there is no other.
func (x *index) only() []uint64 {
	if &x.buckets[0][0] != &x.buckets[len(x.buckets)-1][0] {
		return nil
	}
	return x.buckets[0]
}

const (
	smallestBucket = 4
	largestBucket  = 4096 // slots: 32 KiB, what a change of one copies
)

// makeIndex returns an index that has room for n names.
func makeIndex(n int) index {
	x := index{shift: 31}
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

// insert adds a name to an index that nobody else has, and that has room.
func (x *index) insert(hash, ref uint32) { insertSlot(x.buckets[x.place(hash)], hash, ref) }

func insertSlot(bucket []uint64, hash, ref uint32) {
	mask := uint32(len(bucket) - 1)
	i := hash & mask
	for bucket[i] != 0 {
		i = (i + 1) & mask
	}
	bucket[i] = uint64(hash)<<32 | uint64(ref)
}

// indexEditor makes a new version of an index.
type indexEditor struct {
	index
	used []int // slots that are taken, of the buckets that the new version has for itself; -1 of others
}

func editIndex(x index) indexEditor { return indexEditor{index: x} }

// insert adds a name.
func (x *indexEditor) insert(hash, ref uint32) {
	k := x.own(hash)
	for 4*(x.used[k]+1) > 3*len(x.buckets[k]) {
		x.grow(k)
		k = int(x.place(hash))
	}
	insertSlot(x.buckets[k], hash, ref)
	x.setUsed(k, x.used[k]+1)
}

// move changes where a node is.
func (x *indexEditor) move(hash, from, to uint32) {
	bucket := x.buckets[x.own(hash)]
	bucket[slotOf(bucket, hash, from)] = uint64(hash)<<32 | uint64(to)
}

// remove takes a name out. The slots behind it move up, so that none of them
// is behind a free one that its search would end at.
func (x *indexEditor) remove(hash, ref uint32) {
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

// slotOf returns the slot that a node has.
func slotOf(bucket []uint64, hash, ref uint32) uint32 {
	mask := uint32(len(bucket) - 1)
	i := hash & mask
	for bucket[i] != uint64(hash)<<32|uint64(ref) {
		i = (i + 1) & mask
	}
	return i
}

// own makes the bucket for hash one that may be changed.
func (x *indexEditor) own(hash uint32) (k int) {
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

// places returns the first place that has the same bucket as place k, and the
// one behind the last.
func (x *indexEditor) places(k int) (first, end int) {
	same := func(i int) bool { return &x.buckets[i][0] == &x.buckets[k][0] }
	for first = k; first > 0 && same(first-1); first-- {
	}
	for end = k + 1; end < len(x.buckets) && same(end); end++ {
	}
	return first, end
}

func (x *indexEditor) setBucket(k int, bucket []uint64, used int) {
	first, end := x.places(k)
	for i := first; i < end; i++ {
		x.buckets[i], x.used[i] = bucket, used
	}
}

func (x *indexEditor) setUsed(k, used int) {
	first, end := x.places(k)
	for i := first; i < end; i++ {
		x.used[i] = used
	}
}

// grow makes room in the bucket at place k: it becomes larger or, when it is
// as large as they get, two.
func (x *indexEditor) grow(k int) {
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
func (x *indexEditor) double() {
	buckets, used := make([][]uint64, 0, 2*len(x.buckets)), make([]int, 0, 2*len(x.buckets))
	for i := range x.buckets {
		buckets = append(buckets, x.buckets[i], x.buckets[i])
		used = append(used, x.used[i], x.used[i])
	}
	x.buckets, x.used = buckets, used
	x.shift--
}
