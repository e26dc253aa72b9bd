package cow

import "slices"

// Array is an array in pieces of [PieceSize] elements. The zero value is an
// empty array.
type Array[E any] struct {
	pieces [][]E // all but the last are full
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

// ArrayEditor makes a new version of an array.
type ArrayEditor[E any] struct {
	Array[E]
	own []bool // which pieces only this version has
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

// Set changes element i. If i is the length of the array, it appends one.
func (a *ArrayEditor[E]) Set(i uint32, e E) {
	if a.own == nil {
		a.pieces = slices.Clone(a.pieces)
		a.own = make([]bool, len(a.pieces))
	}
	k := int(i >> pieceBits)
	if k == len(a.pieces) {
		a.pieces, a.own = append(a.pieces, nil), append(a.own, true)
	}
	if !a.own[k] {
		a.pieces[k], a.own[k] = slices.Clone(a.pieces[k]), true
	}
	if int(i&(PieceSize-1)) == len(a.pieces[k]) {
		a.pieces[k] = append(a.pieces[k], e)
		return
	}
	a.pieces[k][i&(PieceSize-1)] = e
}

// Slot returns where element i is, in an array that [MakeArray] began and that
// has not grown since. Several goroutines may write to different elements.
func (a *ArrayEditor[E]) Slot(i uint32) *E { return &a.pieces[i>>pieceBits][i&(PieceSize-1)] }
