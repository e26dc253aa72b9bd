package authority

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Set is the zones we serve. It is a resolver that answers for the zone with
// the longest name the question is in, and passes where there is none.
//
// The zero value serves no zone.
type Set struct {
	// FullANY answers questions for ANY over UDP in full. Otherwise they get
	// one RRset there (RFC 8482 4.1) and all of them only over TCP, where the
	// asker's address cannot be forged.
	FullANY bool

	table atomic.Pointer[zoneTable]
}

// zoneTable finds zones by name. It does not change once it is in use.
type zoneTable struct {
	zones   []*Zone
	slots   []zoneSlot
	mask    uint32
	deepest int  // labels of the longest zone name
	isLarge bool // see Set.Anticipates
}

type zoneSlot struct {
	hash uint32
	zone *Zone // nil: the slot is free
}

// SetZones serves these zones instead of what was served. No two may have the
// same name and class. How large they are together is looked at here and not
// when one of them changes (see Anticipates): call it again after they have grown.
func (s *Set) SetZones(zones []*Zone) error {
	t := &zoneTable{zones: zones}
	size := 4
	for size < 2*len(zones) {
		size *= 2
	}
	t.slots, t.mask = make([]zoneSlot, size), uint32(size-1)
	records := 0
	var asked askedName
	for _, z := range zones {
		asked.set(z.origin)
		t.deepest = max(t.deepest, asked.labels)
		hash := asked.hashes[0]
		i := hash & t.mask
		for ; t.slots[i].zone != nil; i = (i + 1) & t.mask {
			if o := t.slots[i].zone; o.class == z.class && o.origin.Equal(z.origin) {
				return fmt.Errorf("zone %s is given more than once", z.origin)
			}
		}
		t.slots[i] = zoneSlot{hash, z}
		records += z.Snapshot().records
	}
	t.isLarge = records >= manyRecords
	s.table.Store(t)
	return nil
}

// Zones are the zones that are served.
func (s *Set) Zones() []*Zone {
	if t := s.table.Load(); t != nil {
		return t.zones
	}
	return nil
}

// find returns the zone of that class with the longest name that asked is in,
// from label first of asked on.
func (t *zoneTable) find(asked *askedName, class wire.Class, first int) *Zone {
	if t == nil {
		return nil
	}
	for label := max(first, asked.labels-t.deepest); label <= asked.labels; label++ {
		hash := asked.hashes[label]
		for i := hash & t.mask; t.slots[i].zone != nil; i = (i + 1) & t.mask {
			z := t.slots[i].zone
			if t.slots[i].hash == hash && z.class == class && z.originIs(asked.suffix(label)) {
				return z
			}
		}
	}
	return nil
}

// Resolve answers x from the zones.
func (s *Set) Resolve(_ context.Context, x *names.Exchange) error { return s.TryResolve(x) }

// TryResolve answers x from the zones. It never has to wait.
func (s *Set) TryResolve(x *names.Exchange) error {
	if len(s.Zones()) == 0 {
		return names.ErrPass
	}
	a := answers.Get().(*answer)
	err := a.resolve(s, x)
	answers.Put(a)
	return err
}

// answers keeps the memory that replies are worked out in.
var answers = sync.Pool{New: func() any { return new(answer) }}
