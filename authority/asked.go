package authority

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"github.com/names-dns/names/wire"
)

// askedName is a name prepared for look-ups: in lower case, with where its
// labels start and a hash of each suffix. All come out of one pass, and serve
// the choice of the zone as well as every step of the walk in it.
type askedName struct {
	name   wire.Name // as it was asked, case kept
	labels int       // the root label not counted
	length int
	starts [maxLabels + 1]uint8  // where label i starts; the root label behind the last
	hashes [maxLabels + 1]uint32 // of the suffix that starts with label i; [labels] is the root's
	folded [wire.MaxNameLen]byte // the name in lower case
}

const maxLabels = 127

// set prepares name.
func (a *askedName) set(name wire.Name) {
	a.name = name
	text := name.Wire()
	a.length = len(text)
	// From the text and not from what was written just now: a read across two
	// such writes waits until both are done.
	if last := len(text) - 8; last >= 0 {
		for i := 0; i < last; i += 8 {
			binary.LittleEndian.PutUint64(a.folded[i:], foldWord(word64(text[i:])))
		}
		binary.LittleEndian.PutUint64(a.folded[last:], foldWord(word64(text[last:])))
	} else {
		for i := range len(text) {
			a.folded[i] = wire.FoldByte(text[i])
		}
	}
	labels := 0
	for i := 0; i < len(text)-1; i += 1 + int(text[i]) {
		a.starts[labels] = uint8(i)
		labels++
	}
	a.labels = labels
	a.starts[labels] = uint8(len(text) - 1)
	hash := hashSeed
	a.hashes[labels] = uint32(hash >> 32)
	end := len(text) - 1
	for i := labels - 1; i >= 0; i-- {
		start := int(a.starts[i])
		hash = hashLabel(hash, text[start:end])
		a.hashes[i] = uint32(hash >> 32)
		end = start
	}
}

// foldWord is wire.FoldByte for eight octets at once. Adding to the low seven
// bits of an octet carries into its top bit where the octet is at least 'A',
// or above 'Z'; what is the one and not the other, and ASCII, gets bit 5.
func foldWord(w uint64) uint64 {
	const ones = 0x0101010101010101
	low := w & (0x7F * ones)
	atLeastA, aboveZ := low+(0x80-'A')*ones, low+(0x7F-'Z')*ones
	upper := (atLeastA ^ aboveZ) &^ w & (0x80 * ones)
	return w | upper>>2
}

// suffix is the lower-case wire form from label i on.
func (a *askedName) suffix(i int) []byte { return a.folded[a.starts[i]:a.length] }

// isSame reports whether n is the node of the whole name.
func (a *askedName) isSame(n node) bool { return n.nameIs(a.folded[:a.length]) }

// hashSeed makes the hash another one in each process: nobody outside can
// choose names that collide.
var hashSeed = rand.Uint64() | 1

// hashLabel carries the hash of a parent on to a child: label is the child's
// first label, length octet included. Case does not count.
func hashLabel(h uint64, label string) uint64 {
	const k = 0x9E3779B97F4A7C15
	n := uint64(len(label)) << 56
	for len(label) >= 8 {
		h = fold64(h^foldWord(word64(label)), k)
		label = label[8:]
	}
	var last uint64
	switch n := len(label); {
	case n >= 4:
		last = uint64(word32(label)) | uint64(word32(label[n-4:]))<<32
	case n > 0:
		last = uint64(label[0]) | uint64(label[n/2])<<8 | uint64(label[n-1])<<16
	}
	return fold64(h^foldWord(last)^n, k)
}

// word64 is the first eight octets of s, little-endian.
func word64(s string) uint64 { return uint64(word32(s)) | uint64(word32(s[4:]))<<32 }

func word32(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// fold64 multiplies to 128 bits and folds the halves together.
func fold64(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
