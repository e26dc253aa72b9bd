package zonefile

import (
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestLookupType compares the table with wire, which reads types the slow way.
func TestLookupType(t *testing.T) {
	check := func(word string) {
		want, err := wire.ParseType(word)
		if got, ok := lookupType([]byte(word)); got != want || ok != (err == nil) {
			t.Errorf("%q: %v, %v; wire says %v, %v", word, got, ok, want, err)
		}
	}
	for n := range wire.Type(0xFFFF) {
		check(n.String())
		check(strings.ToLower(n.String()))
		check(n.String() + "X")
		check(n.String()[1:])
	}
	for _, word := range []string{"", "TYPE", "TYPE65535", "TYPE65536", "TYPE1", "TYPE01", "type1", "\x00A", "@", "`", "NSEC3PARAMS", "OPENPGPKEY"} {
		check(word)
	}
}

// TestLookupTypeAllocations: types and classes that are there cost no memory.
func TestLookupTypeAllocations(t *testing.T) {
	for _, word := range []string{"A", "aaaa", "NSEC3PARAM", "OPENPGPKEY", "TYPE65280"} {
		if n := testing.AllocsPerRun(100, func() { lookupType([]byte(word)) }); n != 0 {
			t.Errorf("%s: %v allocations", word, n)
		}
	}
	for _, word := range []string{"IN", "ch", "CLASS1"} {
		if n := testing.AllocsPerRun(100, func() { lookupClass([]byte(word)) }); n != 0 {
			t.Errorf("%s: %v allocations", word, n)
		}
	}
}
