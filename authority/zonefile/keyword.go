package zonefile

import (
	"bytes"
	"strings"

	"github.com/names-dns/names/wire"
)

// typeSlots is the size of the table of types: a power of two, large enough
// that most types are where they hash to.
const typeSlots = 512

// typesByName holds the mnemonics of up to maxPacked letters by hash. Looking one
// up is what every record does, and costs about as much as reading it.
var typesByName = func() (table [typeSlots]struct {
	name uint64
	t    wire.Type
}) {
	for t := range wire.Type(0xFFFF) {
		name := t.String()
		if len(name) > maxPacked || strings.HasPrefix(name, "TYPE") {
			continue
		}
		packed := packUpper([]byte(name))
		at := hashName(packed)
		for table[at].name != 0 {
			at = (at + 1) % typeSlots
		}
		table[at].name, table[at].t = packed, t
	}
	return table
}()

// lookupType reads a mnemonic or TYPEnnn without an allocation.
func lookupType(word []byte) (wire.Type, bool) {
	if len(word) > 0 && len(word) <= maxPacked {
		name := packUpper(word)
		for at := hashName(name); typesByName[at].name != 0; at = (at + 1) % typeSlots {
			if typesByName[at].name == name {
				return typesByName[at].t, true
			}
		}
		if !hasPrefixFold(word, "TYPE") {
			return 0, false
		}
	}
	t, err := wire.ParseType(word)
	return t, err == nil
}

// lookupClass reads a mnemonic or CLASSnnn.
func lookupClass(word []byte) (wire.Class, bool) {
	if len(word) == 2 && word[0]|0x20 == 'i' && word[1]|0x20 == 'n' {
		return wire.ClassIN, true
	}
	c, err := wire.ParseClass(word)
	return c, err == nil
}

// maxPacked is how many letters packUpper takes.
const maxPacked = 7

// packUpper packs a word, in upper case, into a number that no other word has.
// The one in front tells words of different length apart.
func packUpper(word []byte) uint64 {
	packed := uint64(1)
	for _, c := range word {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		packed = packed<<8 | uint64(c)
	}
	return packed
}

func hashName(packed uint64) int { return int(packed * 0x9E3779B97F4A7C15 >> 55) }

func hasPrefixFold(word []byte, prefix string) bool {
	return len(word) >= len(prefix) && bytes.EqualFold(word[:len(prefix)], []byte(prefix))
}
