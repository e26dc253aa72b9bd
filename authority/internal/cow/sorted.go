package cow

import "slices"

// Sorted is a sorted list without duplicates. The zero value is an empty list.
// The caller keeps the order: each search passes a function that returns how
// an element compares with the one that is searched for.
type Sorted[E any] struct {
	firsts []E // of each leaf: a search reads only these until the last step
	leaves [][]E
	count  int
}

// leafSize is the most elements a leaf holds: what a change of one copies.
const leafSize = 1024

// MakeSorted returns a list of elements, which have to be sorted.
func MakeSorted[E any](elements []E) Sorted[E] {
	s := Sorted[E]{count: len(elements)}
	for leaf := range slices.Chunk(elements, leafSize) {
		s.firsts = append(s.firsts, leaf[0])
		s.leaves = append(s.leaves, slices.Clone(leaf))
	}
	return s
}

// Len is the number of elements.
func (s *Sorted[E]) Len() int { return s.count }

// Leaves returns the elements, leaf by leaf. They are not to be written to.
func (s *Sorted[E]) Leaves() [][]E { return s.leaves }

// Firsts returns the first element of each leaf.
func (s *Sorted[E]) Firsts() []E { return s.firsts }

// Find returns the element that compares equal.
func (s *Sorted[E]) Find(compare func(E) int) (e E, ok bool) {
	leaf, at, ok := s.find(compare)
	if ok {
		e = s.leaves[leaf][at]
	}
	return e, ok
}

// find returns where an element is or would have to be: the leaf, and the
// place in it, which is 0 only in the first leaf or if the element is there.
func (s *Sorted[E]) find(compare func(E) int) (leaf, at int, exact bool) {
	if len(s.leaves) == 0 {
		return 0, 0, false
	}
	low, high := 1, len(s.firsts) // the leaf before low is the last whose first element is not greater, or the first
	for low < high {
		if middle := int(uint(low+high) / 2); compare(s.firsts[middle]) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	elements := s.leaves[low-1]
	from, to := 0, len(elements)
	for from < to {
		middle := int(uint(from+to) / 2)
		order := compare(elements[middle])
		if order == 0 {
			return low - 1, middle, true
		}
		if order < 0 {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return low - 1, from, false
}

// AtOrBefore returns the last element that is not greater. The list, which must
// not be empty, is a ring: before the first element comes the last.
func (s *Sorted[E]) AtOrBefore(compare func(E) int) (e E, exact bool) {
	leaf, at, exact := s.find(compare)
	switch {
	case exact:
		return s.leaves[leaf][at], true
	case at > 0:
		return s.leaves[leaf][at-1], false
	}
	last := s.leaves[len(s.leaves)-1] // it is before the first of all
	return last[len(last)-1], false
}

// From calls do for each element that is not less, in order, until do returns false.
func (s *Sorted[E]) From(compare func(E) int, do func(E) bool) {
	leaf, at, _ := s.find(compare)
	for ; leaf < len(s.leaves); leaf, at = leaf+1, 0 {
		for _, e := range s.leaves[leaf][at:] {
			if !do(e) {
				return
			}
		}
	}
}

// Before calls do for each element that is less, last first, until do returns
// false.
func (s *Sorted[E]) Before(compare func(E) int, do func(E) bool) {
	if len(s.leaves) == 0 {
		return
	}
	leaf, at, _ := s.find(compare)
	for {
		for _, e := range slices.Backward(s.leaves[leaf][:at]) {
			if !do(e) {
				return
			}
		}
		if leaf == 0 {
			return
		}
		leaf--
		at = len(s.leaves[leaf])
	}
}

// SortedEditor makes a new version of a list.
type SortedEditor[E any] struct {
	Sorted[E]
	own []bool // which leaves only this version has
}

// EditSorted begins a new version of s.
func EditSorted[E any](s Sorted[E]) SortedEditor[E] { return SortedEditor[E]{Sorted: s} }

// ownLeaf copies a leaf that other versions share.
func (s *SortedEditor[E]) ownLeaf(leaf int) {
	if s.own == nil {
		s.firsts, s.leaves = slices.Clone(s.firsts), slices.Clone(s.leaves)
		s.own = make([]bool, len(s.leaves))
	}
	if !s.own[leaf] {
		s.leaves[leaf], s.own[leaf] = slices.Clone(s.leaves[leaf]), true
	}
}

// Put inserts e, or replaces the element that compares equal to it.
func (s *SortedEditor[E]) Put(e E, compare func(E) int) {
	leaf, at, exact := s.find(compare)
	if len(s.leaves) == 0 {
		s.firsts, s.leaves, s.own, s.count = []E{e}, [][]E{{e}}, []bool{true}, 1
		return
	}
	s.ownLeaf(leaf)
	if exact {
		s.leaves[leaf][at] = e
	} else {
		s.leaves[leaf] = slices.Insert(s.leaves[leaf], at, e)
		s.count++
	}
	if at == 0 {
		s.firsts[leaf] = e
	}
	if n := len(s.leaves[leaf]); n > leafSize {
		lower, upper := s.leaves[leaf][:n/2], s.leaves[leaf][n/2:]
		s.leaves[leaf] = slices.Clone(lower)
		s.leaves = slices.Insert(s.leaves, leaf+1, slices.Clone(upper))
		s.firsts = slices.Insert(s.firsts, leaf+1, upper[0])
		s.own = slices.Insert(s.own, leaf+1, true)
	}
}

// Remove removes an element, if it is there.
func (s *SortedEditor[E]) Remove(compare func(E) int) {
	leaf, at, exact := s.find(compare)
	if !exact {
		return
	}
	s.ownLeaf(leaf)
	s.leaves[leaf] = slices.Delete(s.leaves[leaf], at, at+1)
	s.count--
	s.join(leaf)
}

// join merges a leaf that has become small with a neighbor if the two are far
// from full, and drops an empty one.
func (s *SortedEditor[E]) join(leaf int) {
	switch n := len(s.leaves[leaf]); {
	case n > leafSize/4:
	case n > 0 && leaf > 0 && n+len(s.leaves[leaf-1]) <= leafSize/2:
		s.ownLeaf(leaf - 1)
		s.leaves[leaf-1] = append(s.leaves[leaf-1], s.leaves[leaf]...)
		s.drop(leaf)
		return
	case n > 0 && leaf+1 < len(s.leaves) && n+len(s.leaves[leaf+1]) <= leafSize/2:
		s.leaves[leaf] = append(s.leaves[leaf], s.leaves[leaf+1]...)
		s.drop(leaf + 1)
	case n == 0:
		s.drop(leaf)
		return
	}
	s.firsts[leaf] = s.leaves[leaf][0]
}

func (s *SortedEditor[E]) drop(leaf int) {
	s.leaves = slices.Delete(s.leaves, leaf, leaf+1)
	s.firsts = slices.Delete(s.firsts, leaf, leaf+1)
	s.own = slices.Delete(s.own, leaf, leaf+1)
}
