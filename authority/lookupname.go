package authority

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"unsafe"

	"github.com/names-dns/names/wire"
)

// lookupName is a name prepared for look-ups: its lower-case form, where its
// labels start, and a hash of each suffix. One pass computes all of them, and
// they serve both the choice of the zone and every step of the walk in it.
type lookupName struct {
	name   wire.Name // with its case kept
	labels int       // without the root label
	length int
	starts [maxLabels + 1]uint8  // where label i starts; the root label comes after the last
	hashes [maxLabels + 1]uint32 // of the suffix that starts with label i; [labels] is the root's
	folded [wire.MaxNameLen]byte // the name in lower case
}

const maxLabels = 127

// set prepares name.
func (a *lookupName) set(name wire.Name) {
	a.name = name
	text := name.Wire()
	a.length = len(text)
	// Read from the text rather than from what was just written: a load that
	// spans two recent stores waits until both have completed.
	if last := len(text) - 8; last >= 0 {
		for i := 0; i < last; i += 8 {
			binary.LittleEndian.PutUint64(a.folded[i:], wire.FoldWord(word64(text[i:])))
		}
		binary.LittleEndian.PutUint64(a.folded[last:], wire.FoldWord(word64(text[last:])))
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

// suffix is the lower-case wire form from label i on.
func (a *lookupName) suffix(i int) []byte { return a.folded[a.starts[i]:a.length] }

// isSame reports whether n is the node of the whole name.
func (a *lookupName) isSame(n node) bool { return n.nameIs(a.folded[:a.length]) }

// hashSeed makes the hash differ in each process, so that attackers cannot choose
// names that collide.
var hashSeed = rand.Uint64() | 1

// hashLabel computes the hash of a child from that of its parent. label is the
// child's first label, length octet included. Case does not matter.
func hashLabel(h uint64, label string) uint64 {
	const k = 0x9E3779B97F4A7C15
	n := uint64(len(label)) << 56
	for len(label) >= 8 {
		h = fold64(h^wire.FoldWord(word64(label)), k)
		label = label[8:]
	}
	var last uint64
	switch n := len(label); {
	case n >= 4:
		last = uint64(word32(label)) | uint64(word32(label[n-4:]))<<32
	case n > 0:
		last = uint64(label[0]) | uint64(label[n/2])<<8 | uint64(label[n-1])<<16
	}
	return fold64(h^wire.FoldWord(last)^n, k)
}

// word64 is the first eight octets of s, little-endian.
func word64(s string) uint64 {
	_ = s[7]
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Pointer(unsafe.StringData(s)))[:])
}

func word32(s string) uint32 {
	_ = s[3]
	return binary.LittleEndian.Uint32((*[4]byte)(unsafe.Pointer(unsafe.StringData(s)))[:])
}

// fold64 multiplies to 128 bits and folds the halves together.
func fold64(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
