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
	now := e.Finish()
	if now.Len() != 4*PieceSize || before.Len() != n {
		t.Fatalf("%d elements, and %d before", now.Len(), before.Len())
	}
	for i := range uint32(4 * PieceSize) {
		want := uint32(0)
		if i%1000 == 0 || i >= n {
			want = i + 1
		}
		if now.At(i) != want {
			t.Fatalf("element %d is %d", i, now.At(i))
		}
		if i < n && before.At(i) != 0 {
			t.Fatalf("element %d of the version before is %d", i, before.At(i))
		}
	}
}

// TestArrayAgainstSlowTwin: versions that start from any earlier one, some of which are
// given up, are each as a slice would be, whatever the others append.
func TestArrayAgainstSlowTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	arrays, twins := []Array[uint32]{MakeArray[uint32](PieceSize - 100).Array}, [][]uint32{make([]uint32, PieceSize-100)}
	for range 300 {
		from := len(arrays) - 1
		if random.IntN(8) == 0 {
			from = random.IntN(len(arrays))
		}
		e, twin := EditArray(arrays[from]), slices.Clone(twins[from])
		for range random.IntN(60) {
			i, n := random.IntN(len(twin)), random.Uint32()
			if random.IntN(3) > 0 {
				i = len(twin)
				twin = append(twin, 0)
			}
			e.Set(uint32(i), n)
			twin[i] = n
			if e.Len() != len(twin) || e.At(uint32(i)) != n {
				t.Fatalf("%d elements, not %d", e.Len(), len(twin))
			}
		}
		if random.IntN(8) > 0 {
			arrays, twins = append(arrays, e.Finish()), append(twins, twin)
		}
	}
	for i := range arrays {
		if got := slices.Concat(arrays[i].Pieces()...); !slices.Equal(got, twins[i]) || arrays[i].Len() != len(twins[i]) {
			t.Fatalf("version %d of %d differs", i, len(arrays))
		}
	}
}

// TestAppendCopiesNothing: a version that appends shares all pieces with the one before,
// unless another one has appended meanwhile.
func TestAppendCopiesNothing(t *testing.T) {
	e := EditArray(MakeArray[uint32](3 * PieceSize / 2).Array)
	e.Set(3*PieceSize/2, 1)
	a := e.Finish() // which has room
	next, other := EditArray(a), EditArray(a)
	next.Set(uint32(a.Len()), 2)
	other.Set(uint32(a.Len()), 3)
	b, c := next.Finish(), other.Finish()
	if &b.pieces[1][0] != &a.pieces[1][0] || &c.pieces[1][0] == &a.pieces[1][0] {
		t.Error("the first that appends copies a piece, or the second does not")
	}
	if b.At(uint32(a.Len())) != 2 || c.At(uint32(a.Len())) != 3 {
		t.Errorf("%d and %d", b.At(uint32(a.Len())), c.At(uint32(a.Len())))
	}
}

// TestReplace: an item that is alone on its page is replaced where it is, and the version
// before has the one it had.
func TestReplace(t *testing.T) {
	var p Pages
	number, page, _ := p.Begin(8, new([][]byte), nil)
	p.End(number, append(page, "together"...))
	first := EditPages(p)
	if first.Replace(MakeRef(0, RefUnit), 4, []byte("four")) {
		t.Error("an item is replaced with all of its page")
	}
	ref, err := first.StoreAlone([]byte("alone..."))
	if err != nil {
		t.Fatal(err)
	}
	second := EditPages(first.Pages)
	if !second.Replace(ref, 8, []byte("replaced now")) {
		t.Fatal("not replaced")
	}
	if got := string(first.At(ref)); got != "alone..." {
		t.Errorf("before: %q", got)
	}
	if got := string(second.At(ref)); got != "replaced now" || second.Live(int(ref>>RefUnitBits)) != 12 {
		t.Errorf("now: %q, of which %d octets live", got, second.Live(int(ref>>RefUnitBits)))
	}
	tail, err := second.Store([]byte("tail"))
	if err != nil {
		t.Fatal(err)
	}
	third := EditPages(second.Pages)
	if third.Replace(tail, 4, []byte("lost")) {
		t.Error("what others may continue is replaced")
	}
	if again := string(third.At(ref)); again != "replaced now" {
		t.Errorf("after another edit: %q", again)
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
	var got []uint64
	for slots := range x.Buckets {
		for _, slot := range slots {
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
		bucket := x.Bucket(uint32(slot >> 32))
		mask := uint32(len(bucket) - 1)
		for i := uint32(slot>>32) & mask; bucket[i] != slot; i = (i + 1) & mask {
			if bucket[i] == 0 {
				t.Fatalf("slot %x comes after a free one", slot)
			}
		}
	}
}
