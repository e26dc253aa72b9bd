package cow

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// numbered is an element that compares by its value.
type numbered uint64

func (n numbered) compare(e numbered) int { return cmp.Compare(e, n) }

func checkList(t *testing.T, what string, list Sorted[numbered], want []numbered) {
	t.Helper()
	if got := slices.Concat(list.leaves...); !slices.Equal(got, want) || list.count != len(want) {
		t.Fatalf("%s: %x, counted %d, want %x", what, got, list.count, want)
	}
	for i, leaf := range list.leaves {
		if len(leaf) == 0 || list.firsts[i] != leaf[0] {
			t.Fatalf("%s: leaf %d", what, i)
		}
	}
}

// TestSortedAgainstSlowTwin compares with one slice that is sorted, and looks
// whether versions from before stay as they are.
func TestSortedAgainstSlowTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	var list Sorted[numbered]
	var twin []numbered
	for round := range 200 {
		before, twinBefore := list, slices.Clone(twin)
		e := EditSorted(list)
		grows := round%100 < 60
		for range random.IntN(400) {
			n := numbered(random.IntN(20000))
			at, there := slices.BinarySearch(twin, n)
			if grows != (random.IntN(8) == 0) {
				e.Put(n, n.compare)
				if !there {
					twin = slices.Insert(twin, at, n)
				}
				continue
			}
			if len(twin) > 0 && random.IntN(4) > 0 {
				at, there = random.IntN(len(twin)), true
				n = twin[at]
			}
			e.Remove(n.compare)
			if there {
				twin = slices.Delete(twin, at, at+1)
			}
		}
		list = e.Sorted
		checkList(t, "list", list, slices.Clone(twin))
		checkList(t, "list before", before, twinBefore)
		for range 50 {
			n := numbered(random.IntN(20000))
			at, there := slices.BinarySearch(twin, n)
			var from []numbered
			list.From(n.compare, func(e numbered) bool { from = append(from, e); return len(from) < 5 })
			if !slices.Equal(from, twin[at:min(at+5, len(twin))]) {
				t.Fatalf("from %d: %v", n, from)
			}
			var back []numbered
			list.Before(n.compare, func(e numbered) bool { back = append(back, e); return len(back) < 5 })
			wantBack := slices.Clone(twin[max(at-5, 0):at])
			slices.Reverse(wantBack)
			if !slices.Equal(back, wantBack) {
				t.Fatalf("back from %d: %v, want %v", n, back, wantBack)
			}
			if len(twin) == 0 {
				continue
			}
			if !there {
				at = (at + len(twin) - 1) % len(twin)
			}
			if got, exact := list.AtOrBefore(n.compare); got != twin[at] || exact != there {
				t.Fatalf("at or before %d: %d, %v, want %d, %v", n, got, exact, twin[at], there)
			}
		}
	}
	if len(list.leaves) > 3+2*len(twin)/leafSize*4 {
		t.Errorf("%d elements in %d leaves", len(twin), len(list.leaves))
	}
}

// TestSortedPartsLeaves: a list that grows at one place splits there, and one
// that shrinks to nothing is empty.
func TestSortedPartsLeaves(t *testing.T) {
	const n = 5 * leafSize
	e := EditSorted(MakeSorted([]numbered{0, n}))
	for i := numbered(1); i < n; i++ {
		e.Put(i, i.compare)
	}
	for _, leaf := range e.leaves {
		if len(leaf) > leafSize {
			t.Errorf("a leaf of %d", len(leaf))
		}
	}
	if e.count != n+1 {
		t.Errorf("%d elements, want %d", e.count, n+1)
	}
	for i := range numbered(n + 1) {
		e.Remove(i.compare)
	}
	if e.count != 0 || len(e.leaves) != 0 || len(e.firsts) != 0 {
		t.Errorf("%d elements in %d leaves are left", e.count, len(e.leaves))
	}
}

// TestArray: an array that grows, and its version from before.
func TestArray(t *testing.T) {
	const n = 2*PieceSize + 100
	before := MakeArray[uint32](n).Array
	e := EditArray(before)
	for i := uint32(0); i < n; i += 1000 {
		e.Set(i, i+1)
	}
	for i := uint32(n); i < 4*PieceSize; i++ {
		e.Set(i, i+1)
	}
	if e.Len() != 4*PieceSize || before.Len() != n {
		t.Fatalf("%d elements, and %d before", e.Len(), before.Len())
	}
	for i := range uint32(4 * PieceSize) {
		want := uint32(0)
		if i%1000 == 0 || i >= n {
			want = i + 1
		}
		if e.At(i) != want {
			t.Fatalf("element %d is %d", i, e.At(i))
		}
		if i < n && before.At(i) != 0 {
			t.Fatalf("element %d of the version before is %d", i, before.At(i))
		}
	}
}

// TestIndexAgainstSlowTwin compares with a map. Hashes are chosen so that they
// collide, as slots and as buckets, and so that buckets split unevenly.
func TestIndexAgainstSlowTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	hash := func() uint32 {
		h := random.Uint32()
		switch random.IntN(4) {
		case 0:
			h |= 7 << 29
		case 1:
			h &^= 0x7F0
		}
		return h
	}
	list := MakeIndex(0)
	twin := map[uint64]bool{} // slots
	for round := range 60 {
		before, twinBefore := list, maps.Clone(twin)
		e := EditIndex(list)
		for range 500 {
			slot := uint64(hash())<<32 | uint64(1+random.IntN(1<<20))
			if round < 40 || len(twin) == 0 {
				if !twin[slot] {
					e.Insert(uint32(slot>>32), uint32(slot))
					twin[slot] = true
				}
				continue
			}
			for slot = range twin {
				break
			}
			e.Remove(uint32(slot>>32), uint32(slot))
			delete(twin, slot)
		}
		if round%2 == 0 {
			for slot := range twin {
				to := uint32(1<<21 + random.IntN(1<<20))
				if moved := slot>>32<<32 | uint64(to); !twin[moved] {
					e.Move(uint32(slot>>32), uint32(slot), to)
					delete(twin, slot)
					twin[moved] = true
				}
				break
			}
		}
		list = e.Index
		checkIndex(t, list, twin)
		checkIndex(t, before, twinBefore)
	}
	if len(list.buckets) < 8 {
		t.Errorf("only %d buckets", len(list.buckets))
	}
}

// checkIndex checks that exactly these slots are found, each from its hash on.
func checkIndex(t *testing.T, x Index, want map[uint64]bool) {
	t.Helper()
	seen := map[*uint64]bool{}
	var got []uint64
	for _, bucket := range x.buckets {
		if seen[&bucket[0]] {
			continue
		}
		seen[&bucket[0]] = true
		for _, slot := range bucket {
			if slot != 0 {
				got = append(got, slot)
			}
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, slices.SortedFunc(maps.Keys(want), cmp.Compare)) {
		t.Fatalf("the index has %d slots, want %d", len(got), len(want))
	}
	for slot := range want {
		bucket := x.buckets[x.place(uint32(slot>>32))]
		mask := uint32(len(bucket) - 1)
		for i := uint32(slot>>32) & mask; bucket[i] != slot; i = (i + 1) & mask {
			if bucket[i] == 0 {
				t.Fatalf("slot %x comes after a free one", slot)
			}
		}
	}
}
