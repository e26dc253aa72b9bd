package settings

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMatchSources: whatever was added, removed and moved, each source is found where a
// map of them says.
func TestMatchSources(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	source := func(i int) Source { return Source{Path: fmt.Sprint(i)} }
	for range 200 {
		before := make([]Source, random.IntN(30))
		for i := range before {
			before[i] = source(i)
		}
		random.Shuffle(len(before)*random.IntN(2), func(i, j int) { before[i], before[j] = before[j], before[i] })
		after := slices.Clone(before)
		for range random.IntN(4) {
			at := random.IntN(len(after) + 1)
			if random.IntN(2) == 0 {
				after = slices.Insert(after, at, source(100+random.IntN(1000)))
			} else if at < len(after) {
				after = slices.Delete(after, at, at+1)
			}
		}
		for i, j := range MatchSources(before, after) {
			if want := slices.Index(before, after[i]); j != want {
				t.Fatalf("from %v to %v: %v is at %d, want %d", before, after, after[i], j, want)
			}
		}
	}
}
