package cache

import (
	"math/rand/v2"
	"testing"
)

// TestRing fills and empties a ring and compares it with a slice.
func TestRing(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	r := newRing(10, 110)
	type piece struct{ pos, n int }
	var pieces []piece
	for step := range 100_000 {
		n := 1 + random.IntN(30)
		pos, ok := r.place(n)
		if !ok {
			if len(pieces) == 0 {
				t.Fatalf("step %d: an empty ring has no room for %d", step, n)
			}
			if pieces[0].pos != r.tail {
				t.Fatalf("step %d: the tail is at %d, not %d", step, r.tail, pieces[0].pos)
			}
			r.pop(pieces[0].n)
			pieces = pieces[1:]
			continue
		}
		if pos < 10 || pos+n > 110 {
			t.Fatalf("step %d: %d words at %d", step, n, pos)
		}
		for _, p := range pieces {
			if pos < p.pos+p.n && p.pos < pos+n {
				t.Fatalf("step %d: %d words at %d, where %d are at %d", step, n, pos, p.n, p.pos)
			}
		}
		r.push(n)
		pieces = append(pieces, piece{pos, n})
		used := 0
		for _, p := range pieces {
			used += p.n
		}
		if r.used() != used {
			t.Fatalf("step %d: %d words used, not %d", step, r.used(), used)
		}
	}
}
