package zonefile

import (
	"encoding/binary"
	"math/bits"
)

// skipOrdinary returns the index of the first octet of text from i on that is
// not ordinary, or of its end. A large part of the time to read a zone is spent
// here, so it examines eight octets at once (SWAR: SIMD within a register).
func skipOrdinary(text []byte, i int) int {
	for i+8 <= len(text) {
		special := specials(binary.LittleEndian.Uint64(text[i:]))
		if special == 0 {
			i += 8
			continue
		}
		i += bits.TrailingZeros64(special) / 8
		if octetKinds[text[i]] != ordinary {
			return i
		}
		i++ // a control octet: specials takes all of them
	}
	for i < len(text) && octetKinds[text[i]] == ordinary {
		i++
	}
	return i
}

// specials sets the highest bit of the first octet of word, counted from the
// lowest, that is a control octet, a blank, or one of " ( ) ; and backslash.
// Bits above that mean nothing.
func specials(word uint64) uint64 {
	const (
		each = 0x0101010101010101
		high = 0x8080808080808080
	)
	// An octet x is zero if x-1 borrows and x has no high bit, and below n if
	// x-n does. This is exact up to the first octet that is found.
	found := (word - each*('!')) & ^word
	quotes := word ^ each*'"'
	found |= (quotes - each) & ^quotes
	parentheses := (word &^ each) ^ each*'(' // ( and ) differ in the lowest bit
	found |= (parentheses - each) & ^parentheses
	comments := word ^ each*';'
	found |= (comments - each) & ^comments
	escapes := word ^ each*'\\'
	found |= (escapes - each) & ^escapes
	return found & high
}
