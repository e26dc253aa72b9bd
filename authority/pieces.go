package authority

import "slices"

// Arrays and sorted lists that versions of a zone share: they lie in pieces,
// and a version with a few elements changed has those pieces anew and all
// others in common with the version before.

// pieces is an array. The zero value is an empty one.
type pieces[E any] struct {
	list [][]E // all but the last are full
}

// pieceBits makes a piece 4096 elements: what a change of one copies.
const (
	pieceBits = 12
	pieceSize = 1 << pieceBits
)

func (p *pieces[E]) at(i uint32) E { return p.list[i>>pieceBits][i&(pieceSize-1)] }

func (p *pieces[E]) count() int {
	if len(p.list) == 0 {
		return 0
	}
	return (len(p.list)-1)<<pieceBits + len(p.list[len(p.list)-1])
}

// piecesEditor makes a new version of an array.
type piecesEditor[E any] struct {
	pieces[E]
	own []bool // the pieces that the new version has for itself
}

func editPieces[E any](p pieces[E]) piecesEditor[E] { return piecesEditor[E]{pieces: p} }

// makePieces begins an array of n elements.
func makePieces[E any](n int) piecesEditor[E] {
	var p piecesEditor[E]
	for ; n > 0; n -= pieceSize {
		p.list, p.own = append(p.list, make([]E, min(n, pieceSize))), append(p.own, true)
	}
	return p
}

// set changes element i, which may be the one behind the last.
func (p *piecesEditor[E]) set(i uint32, e E) {
	if p.own == nil {
		p.list = slices.Clone(p.list)
		p.own = make([]bool, len(p.list))
	}
	k := int(i >> pieceBits)
	if k == len(p.list) {
		p.list, p.own = append(p.list, nil), append(p.own, true)
	}
	if !p.own[k] {
		p.list[k], p.own[k] = slices.Clone(p.list[k]), true
	}
	if int(i&(pieceSize-1)) == len(p.list[k]) {
		p.list[k] = append(p.list[k], e)
		return
	}
	p.list[k][i&(pieceSize-1)] = e
}

// sorted is a sorted list without doubles. The zero value is an empty one. Its
// order is that of the functions it is searched with: they return how an
// element compares with what is searched.
type sorted[E any] struct {
	firsts []E // of each leaf, so that a search stays in one place until the end
	leaves [][]E
	count  int
}

// leafSize is the most that a leaf holds.
const leafSize = 1024

// makeSorted returns the list of elements, which are sorted.
func makeSorted[E any](elements []E) sorted[E] {
	s := sorted[E]{count: len(elements)}
	for leaf := range slices.Chunk(elements, leafSize) {
		s.firsts = append(s.firsts, leaf[0])
		s.leaves = append(s.leaves, slices.Clone(leaf))
	}
	return s
}

// find returns where an element is or would have to be: the leaf, and the
// place in it, which is 0 only in the first leaf or if the element is there.
func (s *sorted[E]) find(compare func(E) int) (leaf, at int, exact bool) {
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

// atOrBefore returns the last element that is not greater. The list is a
// circle with at least one element.
func (s *sorted[E]) atOrBefore(compare func(E) int) (e E, exact bool) {
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

// from calls do for each element that is not less, in order, until it returns false.
func (s *sorted[E]) from(compare func(E) int, do func(E) bool) {
	leaf, at, _ := s.find(compare)
	for ; leaf < len(s.leaves); leaf, at = leaf+1, 0 {
		for _, e := range s.leaves[leaf][at:] {
			if !do(e) {
				return
			}
		}
	}
}

// sortedEditor makes a new version of a list.
type sortedEditor[E any] struct {
	sorted[E]
	own []bool // the leaves that the new version has for itself
}

func editSorted[E any](s sorted[E]) sortedEditor[E] { return sortedEditor[E]{sorted: s} }

// ownLeaf makes a leaf one that may be changed.
func (s *sortedEditor[E]) ownLeaf(leaf int) {
	if s.own == nil {
		s.firsts, s.leaves = slices.Clone(s.firsts), slices.Clone(s.leaves)
		s.own = make([]bool, len(s.leaves))
	}
	if !s.own[leaf] {
		s.leaves[leaf], s.own[leaf] = slices.Clone(s.leaves[leaf]), true
	}
}

// put inserts e, or replaces the element that compares equal to it.
func (s *sortedEditor[E]) put(e E, compare func(E) int) {
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

// remove takes an element out, if it is there.
func (s *sortedEditor[E]) remove(compare func(E) int) {
	leaf, at, exact := s.find(compare)
	if !exact {
		return
	}
	s.ownLeaf(leaf)
	s.leaves[leaf] = slices.Delete(s.leaves[leaf], at, at+1)
	s.count--
	s.join(leaf)
}

// join puts a leaf that has become small together with a neighbour, if the two
// are far from full, and drops it when it is empty.
func (s *sortedEditor[E]) join(leaf int) {
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

func (s *sortedEditor[E]) drop(leaf int) {
	s.leaves = slices.Delete(s.leaves, leaf, leaf+1)
	s.firsts = slices.Delete(s.firsts, leaf, leaf+1)
	s.own = slices.Delete(s.own, leaf, leaf+1)
}
