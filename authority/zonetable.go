package authority

import (
	"iter"
	"sync/atomic"

	"github.com/names-dns/names/wire"
)

// zoneTable finds zones by name: a hash table with open addressing. Readers need
// no lock while one writer adds and removes zones: a slot's hash is written
// before its zone, and readers compare the zone's name in any case.
type zoneTable struct {
	slots []zoneSlot
	mask  uint32

	// deepest is at least the number of labels of the longest zone name.
	deepest atomic.Int32

	zones atomic.Int64 // how many there are

	// For the writer only.
	used   int // slots that are not free, those of removed zones included
	depths [maxLabels + 1]int32
}

type zoneSlot struct {
	hash atomic.Uint32
	zone atomic.Pointer[Zone] // nil: the slot is free, and searches end
}

// removedZone is in slots of zones that were removed: searches go on. It has no
// class, so it is never found.
var removedZone = new(Zone)

// newZoneTable returns a table with room for at least n zones.
func newZoneTable(n int) *zoneTable {
	size := 4
	for size < 2*n {
		size *= 2
	}
	return &zoneTable{slots: make([]zoneSlot, size), mask: uint32(size - 1)}
}

// find returns the zone of that class with the longest name that lookup is in,
// from label first of lookup on.
func (t *zoneTable) find(lookup *lookupName, class wire.Class, first int) *Zone {
	if t == nil {
		return nil
	}
	for label := max(first, lookup.labels-int(t.deepest.Load())); label <= lookup.labels; label++ {
		hash := lookup.hashes[label]
		for i := hash & t.mask; ; i = (i + 1) & t.mask {
			slot := &t.slots[i]
			z := slot.zone.Load()
			if z == nil {
				break
			}
			if slot.hash.Load() == hash && z.class == class && z.originIs(lookup.suffix(label)) {
				return z
			}
		}
	}
	return nil
}

// choose returns the zone that answers: the one with the longest name, except
// that for DS it is the one above, because DS records belong to the parent's
// side of a zone cut (RFC 4035 3.1.4.1).
func (t *zoneTable) choose(lookup *lookupName, question wire.Type, class wire.Class) *Zone {
	z := t.find(lookup, class, 0)
	if question == wire.TypeDS && z != nil && z.origin.Len() == lookup.length && lookup.labels > 0 {
		if parent := t.find(lookup, class, 1); parent != nil {
			return parent
		}
	}
	return z
}

// all yields the zones.
func (t *zoneTable) all() iter.Seq[*Zone] {
	return func(yield func(*Zone) bool) {
		if t == nil {
			return
		}
		for i := range t.slots {
			if z := t.slots[i].zone.Load(); z != nil && z != removedZone && !yield(z) {
				return
			}
		}
	}
}

// count is how many zones there are.
func (t *zoneTable) count() int {
	if t == nil {
		return 0
	}
	return int(t.zones.Load())
}

// isFull reports whether one more zone needs a larger table, or a new one of
// this size without the removed zones.
func (t *zoneTable) isFull() bool { return 2*(t.used+1) > len(t.slots) }

// add adds a zone to a table that has room.
func (t *zoneTable) add(z *Zone) error {
	var lookup lookupName
	lookup.set(z.origin)
	if o := t.find(&lookup, z.class, 0); o != nil && o.origin.Equal(z.origin) {
		return duplicate(z)
	}
	t.place(z, &lookup)
	return nil
}

// insert adds a zone that the table does not have.
func (t *zoneTable) insert(z *Zone) {
	var lookup lookupName
	lookup.set(z.origin)
	t.place(z, &lookup)
}

func (t *zoneTable) place(z *Zone, lookup *lookupName) {
	t.zones.Add(1)
	t.depths[lookup.labels]++
	if labels := int32(lookup.labels); labels > t.deepest.Load() {
		t.deepest.Store(labels)
	}
	i := lookup.hashes[0] & t.mask
	for {
		old := t.slots[i].zone.Load()
		if old == nil {
			t.used++
		}
		if old == nil || old == removedZone {
			break
		}
		i = (i + 1) & t.mask
	}
	t.slots[i].hash.Store(lookup.hashes[0])
	t.slots[i].zone.Store(z)
}

// remove removes a zone, and reports whether it was there.
func (t *zoneTable) remove(z *Zone) bool {
	var lookup lookupName
	lookup.set(z.origin)
	for i := lookup.hashes[0] & t.mask; ; i = (i + 1) & t.mask {
		switch t.slots[i].zone.Load() {
		case nil:
			return false
		case z:
			t.slots[i].zone.Store(removedZone)
			t.zones.Add(-1)
			t.depths[lookup.labels]--
			deepest := t.deepest.Load()
			for deepest > 0 && t.depths[deepest] == 0 {
				deepest--
			}
			t.deepest.Store(deepest)
			return true
		}
	}
}
