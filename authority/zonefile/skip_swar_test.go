package zonefile

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestSkipOrdinary compares skipOrdinary with its slow twin on every octet at
// every place of a word, and on random ones.
func TestSkipOrdinary(t *testing.T) {
	slow := func(text []byte, i int) int {
		for i < len(text) && octetKinds[text[i]] == ordinary {
			i++
		}
		return i
	}
	check := func(text []byte) {
		t.Helper()
		for i := range len(text) + 1 {
			if got, want := skipOrdinary(text, i), slow(text, i); got != want {
				t.Fatalf("%q from %d on: %d, want %d", text, i, got, want)
			}
		}
	}
	for c := range 256 {
		for at := range 20 {
			text := bytes.Repeat([]byte("a"), 20)
			text[at] = byte(c)
			check(text)
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	alphabet := []byte("aaaaaaaa!#'*:<[]\x7f\x80\xa2\xff\x01\x08\x1f \t\";()\\")
	for range 20_000 {
		text := make([]byte, random.IntN(40))
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		check(text)
	}
}
