package authority

import (
	"bytes"
	"sync"
	"sync/atomic"

	"github.com/names-dns/names/wire"
)

// Zone is a zone that is being served: a name, and the snapshot of its
// contents that answers come from at present.
//
// Its contents change in transactions ([Zone.Update], [Zone.Begin]) or as a
// whole ([Zone.Replace]); one writer at a time, the others wait. Readers never
// wait: who has begun with a snapshot ends with it.
type Zone struct {
	// What it takes to choose the zone for a question comes first, in one line of
	// the processor's cache.
	current atomic.Pointer[Snapshot]
	class   wire.Class
	length  uint8             // of the origin in wire form
	begin   [originBegin]byte // of that in lower case

	origin wire.Name

	// Stages are asked, in this order, before the edits of a transaction show:
	// to check them, to add to them (signatures), to write them down (a
	// journal: the last stage).
	//
	// Subscribers are told, in this order, of every version that shows.
	//
	// Both are set before the zone is used.
	Stages      []Stage
	Subscribers []Subscriber

	writing sync.Mutex // held by the one who makes the next version
}

// originBegin is how much of an origin lies in the zone itself: all of most.
const originBegin = 48

// Stage is asked about the edits of a transaction that is being committed. It
// may read them ([Txn.Changes], [Txn.RRset]) and edit further: the stages
// behind it see the result. When the first is called, the edits have passed
// all checks of the zone; what a stage adds is checked before the next is
// called. An error ends the transaction without effect, and is what Commit
// returns. A stage must not keep t.
type Stage func(t *Txn) error

// Subscriber is told that a zone has a new version, after it shows. Where it
// came from a transaction, changes is the difference; where it was replaced as
// a whole, nil. Subscribers hear of versions in the order that they show in;
// the next one waits until all have returned, so they must not edit the zone
// themselves, nor take long.
type Subscriber func(before, now *Snapshot, changes *ChangeSet)

// NewZone serves s.
func NewZone(s *Snapshot) *Zone {
	z := &Zone{origin: s.origin, class: s.class, length: uint8(s.origin.Len())}
	for i := range copy(z.begin[:], s.origin.Wire()) {
		z.begin[i] = wire.FoldByte(z.begin[i])
	}
	z.current.Store(s)
	return z
}

// originIs reports whether the zone's origin in lower case is folded.
func (z *Zone) originIs(folded []byte) bool {
	n := int(z.length)
	if n != len(folded) {
		return false
	}
	if n > originBegin {
		return equalFolded(z.origin.Wire(), folded)
	}
	return bytes.Equal(z.begin[:n], folded)
}

// Origin is the name of the zone's apex.
func (z *Zone) Origin() wire.Name { return z.origin }

// Snapshot is what answers come from now.
func (z *Zone) Snapshot() *Snapshot { return z.current.Load() }

// Replace answers from s from now on. Queries that are being answered finish
// with the contents they started with. Stages are not asked. Replace waits for
// the end of a transaction that is open.
func (z *Zone) Replace(s *Snapshot) {
	if !s.origin.Equal(z.origin) || s.class != z.class {
		panic("authority: snapshot of " + s.origin.String() + " for zone " + z.origin.String())
	}
	z.writing.Lock()
	defer z.writing.Unlock()
	z.publish(s, nil)
}

// publish shows s. The caller is the writer.
func (z *Zone) publish(s *Snapshot, changes *ChangeSet) {
	before := z.current.Swap(s)
	for _, tell := range z.Subscribers {
		tell(before, s, changes)
	}
}
