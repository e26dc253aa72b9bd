package authority

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/names-dns/names/wire"
)

// TestSum: differences that are added up are the difference between the first version and
// the last, however often records come and go, and nothing is kept of those that are gone.
func TestSum(t *testing.T) {
	const records = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
	random := rand.New(rand.NewPCG(1, 2))
	for _, steps := range []int{0, 1, 2, 50, 3000} {
		z := NewZone(mustZone(t, "example.", records))
		before := z.Snapshot()
		var sum Sum
		for step := range steps {
			changes, err := z.Update(FromControl, func(x *Txn) error {
				name := wire.MustParseName(fmt.Sprintf("h%d.example.", random.IntN(20)))
				if random.IntN(2) == 0 {
					x.RemoveName(name)
					return nil
				}
				return x.Add(wire.Record{Name: name, Type: wire.TypeA, Class: wire.ClassIN, TTL: uint32(60 + random.IntN(2)), Data: []byte{192, 0, 2, byte(random.IntN(4))}})
			})
			if err != nil {
				t.Fatal(err)
			}
			if sum.Add(changes); len(sum.added.records)+len(sum.removed.records) > 5000 {
				t.Fatalf("%d records are kept after %d steps", len(sum.added.records)+len(sum.removed.records), step)
			}
		}
		lines := func(c ChangeSet) (all []string) {
			for _, r := range c.Removed {
				all = append(all, "- "+r.String())
			}
			for _, r := range c.Added {
				all = append(all, "+ "+r.String())
			}
			slices.Sort(all)
			return append(all, fmt.Sprint(c.From, c.To))
		}
		got, want := sum.Changes(), Diff(before, z.Snapshot())
		if steps == 0 {
			want = ChangeSet{}
		}
		if diff := gocmp.Diff(lines(want), lines(got)); diff != "" {
			t.Errorf("%d steps: -want +got\n%s", steps, diff)
		}
		if len(got.Removed) > 0 && (got.Removed[0].Type != wire.TypeSOA || got.Added[0].Type != wire.TypeSOA) {
			t.Errorf("%d steps: the SOA record is not the first of both", steps)
		}
	}
}
