package authority

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSortedAgainstSlowTwin compares with one slice that is sorted, and looks
// whether versions from before stay as they are.
func TestSortedAgainstSlowTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	var list sorted[numbered]
	var twin []numbered
	for round := range 200 {
		before, twinBefore := list, slices.Clone(twin)
		e := editSorted(list)
		grows := round%100 < 60
		for range random.IntN(400) {
			n := numbered(random.IntN(20000))
			at, there := slices.BinarySearch(twin, n)
			if grows != (random.IntN(8) == 0) {
				e.put(n, n.compare)
				if !there {
					twin = slices.Insert(twin, at, n)
				}
				continue
			}
			if len(twin) > 0 && random.IntN(4) > 0 {
				at, there = random.IntN(len(twin)), true
				n = twin[at]
			}
			e.remove(n.compare)
			if there {
				twin = slices.Delete(twin, at, at+1)
			}
		}
		list = e.sorted
		checkList(t, "list", list, slices.Clone(twin))
		checkList(t, "list before", before, twinBefore)
		for range 50 {
			n := numbered(random.IntN(20000))
			at, there := slices.BinarySearch(twin, n)
			var from []numbered
			list.from(n.compare, func(e numbered) bool { from = append(from, e); return len(from) < 5 })
			if !slices.Equal(from, twin[at:min(at+5, len(twin))]) {
				t.Fatalf("from %d: %v", n, from)
			}
			if len(twin) == 0 {
				continue
			}
			if !there {
				at = (at + len(twin) - 1) % len(twin)
			}
			if got, exact := list.atOrBefore(n.compare); got != twin[at] || exact != there {
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
	e := editSorted(makeSorted([]numbered{0, n}))
	for i := numbered(1); i < n; i++ {
		e.put(i, i.compare)
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
		e.remove(i.compare)
	}
	if e.count != 0 || len(e.leaves) != 0 || len(e.firsts) != 0 {
		t.Errorf("%d elements in %d leaves are left", e.count, len(e.leaves))
	}
}

// TestPieces: an array that grows, and its version from before.
func TestPieces(t *testing.T) {
	const n = 2*pieceSize + 100
	before := makePieces[uint32](n).pieces
	e := editPieces(before)
	for i := uint32(0); i < n; i += 1000 {
		e.set(i, i+1)
	}
	for i := uint32(n); i < 4*pieceSize; i++ {
		e.set(i, i+1)
	}
	if e.count() != 4*pieceSize || before.count() != n {
		t.Fatalf("%d elements, and %d before", e.count(), before.count())
	}
	for i := range uint32(4 * pieceSize) {
		want := uint32(0)
		if i%1000 == 0 || i >= n {
			want = i + 1
		}
		if e.at(i) != want {
			t.Fatalf("element %d is %d", i, e.at(i))
		}
		if i < n && before.at(i) != 0 {
			t.Fatalf("element %d of the version before is %d", i, before.at(i))
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
	list := makeIndex(0)
	twin := map[uint64]bool{} // slots
	for round := range 60 {
		before, twinBefore := list, maps.Clone(twin)
		e := editIndex(list)
		for range 500 {
			slot := uint64(hash())<<32 | uint64(1+random.IntN(1<<20))
			if round < 40 || len(twin) == 0 {
				if !twin[slot] {
					e.insert(uint32(slot>>32), uint32(slot))
					twin[slot] = true
				}
				continue
			}
			for slot = range twin {
				break
			}
			e.remove(uint32(slot>>32), uint32(slot))
			delete(twin, slot)
		}
		if round%2 == 0 {
			for slot := range twin {
				to := uint32(1<<21 + random.IntN(1<<20))
				if moved := slot>>32<<32 | uint64(to); !twin[moved] {
					e.move(uint32(slot>>32), uint32(slot), to)
					delete(twin, slot)
					twin[moved] = true
				}
				break
			}
		}
		list = e.index
		checkIndex(t, list, twin)
		checkIndex(t, before, twinBefore)
	}
	if len(list.buckets) < 8 {
		t.Errorf("only %d buckets", len(list.buckets))
	}
}

// checkIndex checks that exactly these slots are found, each from its hash on.
func checkIndex(t *testing.T, x index, want map[uint64]bool) {
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
				t.Fatalf("slot %x is behind a free one", slot)
			}
		}
	}
}
