package cow

import (
	"slices"
	"sync/atomic"
)

// Array is an array in pieces of [PieceSize] elements. The zero value is an
// empty array.
type Array[E any] struct {
	pieces [][]E // all but the last are full
	// end is how far the last piece is written to, for all versions: only the version
	// that wrote last may continue it. nil: none may.
	end *atomic.Int64
}

const (
	pieceBits = 12
	// PieceSize is how many elements a change of one copies.
	PieceSize = 1 << pieceBits
)

// At returns element i.
func (a *Array[E]) At(i uint32) E { return a.pieces[i>>pieceBits][i&(PieceSize-1)] }

// Len is the number of elements.
func (a *Array[E]) Len() int {
	if len(a.pieces) == 0 {
		return 0
	}
	return (len(a.pieces)-1)<<pieceBits + len(a.pieces[len(a.pieces)-1])
}

// Pieces returns the elements, piece by piece. They are not to be written to.
func (a *Array[E]) Pieces() [][]E { return a.pieces }

// ArrayEditor makes a new version of an array, which is there after Finish.
type ArrayEditor[E any] struct {
	Array[E]
	own   []bool // which pieces only this version has
	added []E    // those after the others
}

// EditArray begins a new version of a.
func EditArray[E any](a Array[E]) ArrayEditor[E] { return ArrayEditor[E]{Array: a} }

// MakeArray begins an array of n elements, all zero.
func MakeArray[E any](n int) ArrayEditor[E] {
	var a ArrayEditor[E]
	for ; n > 0; n -= PieceSize {
		a.pieces, a.own = append(a.pieces, make([]E, min(n, PieceSize))), append(a.own, true)
	}
	return a
}

// At returns element i.
func (a *ArrayEditor[E]) At(i uint32) E {
	if n := a.Array.Len(); int(i) >= n {
		return a.added[int(i)-n]
	}
	return a.Array.At(i)
}

// Len is the number of elements.
func (a *ArrayEditor[E]) Len() int { return a.Array.Len() + len(a.added) }

// Set changes element i. If i is the length of the array, it appends one.
func (a *ArrayEditor[E]) Set(i uint32, e E) {
	switch n := a.Array.Len(); {
	case int(i) == n+len(a.added):
		a.added = append(a.added, e)
		return
	case int(i) >= n:
		a.added[int(i)-n] = e
		return
	}
	k := int(i >> pieceBits)
	a.ownPiece(k)
	a.pieces[k][i&(PieceSize-1)] = e
}

// ownPiece copies a piece that other versions share.
func (a *ArrayEditor[E]) ownPiece(k int) {
	a.ownTable()
	if a.own[k] {
		return
	}
	piece := a.pieces[k]
	a.pieces[k] = append(make([]E, 0, cap(piece)), piece...)
	a.own[k] = true
	if k == len(a.pieces)-1 {
		a.end = new(atomic.Int64)
		a.end.Store(int64(len(piece)))
	}
}

func (a *ArrayEditor[E]) ownTable() {
	if a.own == nil {
		a.pieces = slices.Clone(a.pieces)
		a.own = make([]bool, len(a.pieces))
	}
}

// Finish returns the new version. What was appended is written after the last element of
// the version before, if no other version looks there: most changes then copy no piece
// for it.
func (a *ArrayEditor[E]) Finish() Array[E] {
	for len(a.added) > 0 {
		a.ownTable()
		last := len(a.pieces) - 1
		if last < 0 || len(a.pieces[last]) == PieceSize {
			a.pieces, a.own = append(a.pieces, nil), append(a.own, true)
			if a.end != nil {
				a.end = new(atomic.Int64)
			}
			last++
		}
		n := len(a.pieces[last])
		take := min(len(a.added), PieceSize-n)
		switch isMade := a.own[last] && a.end == nil; {
		case isMade: // and may never be edited
			a.pieces[last] = slices.Concat(a.pieces[last], a.added[:take])
		case n+take > cap(a.pieces[last]) || a.end == nil || !a.end.CompareAndSwap(int64(n), int64(n+take)):
			grown := make([]E, n, min(max(2*n, n+take, 4), PieceSize))
			copy(grown, a.pieces[last])
			a.pieces[last], a.own[last], a.end = grown, true, new(atomic.Int64)
			a.end.Store(int64(n + take))
			fallthrough
		default:
			a.pieces[last] = append(a.pieces[last], a.added[:take]...)
		}
		a.added = a.added[take:]
	}
	return a.Array
}

// Slot returns where element i is, in an array that [MakeArray] began and that
// has not grown since. Several goroutines may write to different elements.
func (a *ArrayEditor[E]) Slot(i uint32) *E { return &a.pieces[i>>pieceBits][i&(PieceSize-1)] }
