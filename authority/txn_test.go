package authority

import (
	"flag"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

var many = flag.Bool("many", false, "make a million edits of a zone, and compare thousands with the slow twin")

// TestManyEditsTakeNoMoreMemory: a zone that has seen a great many edits takes
// no more than twice what it takes when it is loaded.
func TestManyEditsTakeNoMoreMemory(t *testing.T) {
	for _, test := range []struct{ names, edits, each int }{{10_000, 1_000_000, 40}, {10_000, 100_000, 4}, {20, 20_000, 1}} {
		if !*many {
			test.edits /= 20
		}
		t.Run(strconv.Itoa(test.names)+" names", func(t *testing.T) {
			var text strings.Builder
			text.WriteString(checkedApex)
			for i := range test.names {
				text.WriteString("host" + strconv.Itoa(i) + " 60 A 192.0.2.1\nhost" + strconv.Itoa(i) + " 60 TXT some-text-about-it\n")
			}
			z := NewZone(mustZone(t, "example.", text.String()))
			random := rand.New(rand.NewPCG(7, 8))
			for left := test.edits; left > 0; {
				_, err := z.Update(func(txn *Txn) error {
					for range min(left, 1+random.IntN(2*test.each-1)) {
						left--
						r := host(random.IntN(test.names*3/2), random.IntN(1<<24))
						switch random.IntN(4) {
						case 0:
							txn.RemoveName(r.Name)
						case 1:
							r.Type, r.Data = wire.TypeMX, append([]byte{0, 1}, target(host(random.IntN(test.names*3/2), 0).Name)...)
							fallthrough
						default:
							if err := txn.Replace(r); err != nil {
								return err
							}
						}
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			edited := z.Snapshot()
			built, err := edited.rebuild(nil)
			if err != nil {
				t.Fatal(err)
			}
			got, want := edited.memory(nil), built.memory(nil)
			t.Logf("%d names, %d records in %v octets, built anew %v", edited.Names(), edited.Records(), got, want)
			const change = 4 << 10 // a small zone has room for the next edits
			if all, anew := got.pages+got.pieces+got.tables, want.pages+want.pieces+want.tables; all > 2*anew+change {
				t.Errorf("%d octets, built anew %d", all, anew)
			}
			checkSnapshot(t, edited)
		})
	}
}
