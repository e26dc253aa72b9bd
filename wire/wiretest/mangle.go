package wiretest

import (
	"bytes"
	"iter"
	"math/rand/v2"
)

// Prefixes yields every proper prefix of packet, the empty one first. Each has
// no capacity beyond its end, so that code that reads on panics.
func Prefixes(packet []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for n := range packet {
			if !yield(packet[:n:n]) {
				return
			}
		}
	}
}

// Mangle returns count damaged copies of packet, the same for the same seed:
// octets changed, taken out, doubled, counts and pointers among them.
func Mangle(packet []byte, seed uint64, count int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		r := rand.New(rand.NewPCG(seed, 0))
		for range count {
			if !yield(mangled(packet, r)) {
				return
			}
		}
	}
}

func mangled(packet []byte, r *rand.Rand) []byte {
	b := bytes.Clone(packet)
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			return b
		}
		at := r.IntN(len(b))
		switch r.IntN(6) {
		case 0:
			b[at] ^= 1 << r.IntN(8)
		case 1:
			b[at] = byte(r.IntN(256))
		case 2:
			b[at] = 0xC0 // a compression pointer
		case 3:
			b = append(b[:at], b[at+1:]...)
		case 4:
			b = append(b[:at+1], b[at:]...)
		case 5:
			b = b[:at]
		}
	}
	return b
}
