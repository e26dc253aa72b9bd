package authority

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/wire"
)

// Zone is a zone that is served: a name, the version of its contents that
// answers come from, and what every change of them passes through.
//
// A zone may have no contents to answer from: not yet ([NewEmptyZone]), or no
// longer ([Zone.Expire]). Queries for it then get SERVFAIL.
//
// Every change is a transaction, whether it edits records ([Zone.Update],
// [Zone.Begin]) or replaces all of them ([Zone.Replace]). There is one writer at
// a time; the others wait. Readers never wait: a reader that starts with a
// snapshot finishes with it.
type Zone struct {
	// What the choice of a zone for a question needs comes first, in one line of
	// the processor's cache.
	current atomic.Pointer[Snapshot] // nil unless the zone is Loaded
	class   wire.Class
	state   atomic.Uint32      // a State, written with mu
	length  uint8              // of the origin in wire form
	prefix  [originPrefix]byte // of that in lower case

	origin wire.Name

	writing   sync.Mutex     // held by the transaction that makes the next version
	pipeline  *Pipeline      // guarded by writing; nil does nothing
	canonical canonicalOrder // guarded by writing

	mu        sync.Mutex     // guards the following
	published *Snapshot      // the last version that was visible; kept when the zone expires
	changed   time.Time      // when that became visible
	head      *Snapshot      // the last version made: published, or waiting for the journal
	last      *pendingCommit // the one that makes head visible; nil if head is published
	lineage   uint64         // increases when versions made are given up
	counts    TransactionCounts
	sets      []*Set // those that serve the zone
}

// originPrefix is how much of an origin is stored in the zone itself: most origins
// are shorter.
const originPrefix = 48

// State is where a zone is in its life.
type State uint8

const (
	// NotLoaded is the state of a zone that has had no contents yet.
	NotLoaded State = iota
	// Loaded is the state of a zone that answers.
	Loaded
	// Expired is the state of a secondary zone whose primaries were out of reach
	// for too long (RFC 1035 3.3.13, RFC 1034 4.3.5).
	Expired
)

func (s State) String() string {
	switch s {
	case NotLoaded:
		return "not loaded"
	case Loaded:
		return "loaded"
	case Expired:
		return "expired"
	}
	return fmt.Sprintf("state %d", uint8(s))
}

// NewZone returns a zone that serves s. It has no [Pipeline], so nothing has
// checked or signed s: use [NewEmptyZone] and [Zone.Replace] if one has to.
func NewZone(s *Snapshot) *Zone {
	z := NewEmptyZone(s.origin, s.class)
	z.current.Store(s)
	z.published, z.head, z.changed = s, s, time.Now()
	z.state.Store(uint32(Loaded))
	return z
}

// NewEmptyZone returns a zone that is not loaded.
func NewEmptyZone(origin wire.Name, class wire.Class) *Zone {
	z := &Zone{origin: origin.Clone(), class: class, length: uint8(origin.Len())}
	for i := range copy(z.prefix[:], origin.Wire()) {
		z.prefix[i] = wire.FoldByte(z.prefix[i])
	}
	return z
}

// originIs reports whether the zone's origin in lower case is folded.
func (z *Zone) originIs(folded []byte) bool {
	n := int(z.length)
	if n != len(folded) {
		return false
	}
	if n > originPrefix {
		return equalFolded(z.origin.Wire(), folded)
	}
	return bytes.Equal(z.prefix[:n], folded)
}

// Origin is the name of the zone's apex.
func (z *Zone) Origin() wire.Name { return z.origin }

// Class is the class of every record.
func (z *Zone) Class() wire.Class { return z.class }

// Snapshot is what answers come from now. It is nil unless the zone is [Loaded].
func (z *Zone) Snapshot() *Snapshot { return z.current.Load() }

// State is where the zone is in its life.
func (z *Zone) State() State { return State(z.state.Load()) }

// SetPipeline sets what changes pass through from now on. It waits for the end
// of an open transaction. One pipeline may serve many zones; it must not be
// written to afterwards.
func (z *Zone) SetPipeline(p *Pipeline) {
	z.writing.Lock()
	defer z.writing.Unlock()
	z.pipeline = p
}

// Expire stops answering from the zone's contents (RFC 1035 3.3.13). They are
// kept for a transaction from a file, a journal or a transfer to start from,
// which makes the zone answer again. Subscribers receive a [Publication] without
// After. A zone that is not loaded stays as it is.
func (z *Zone) Expire() {
	z.writing.Lock()
	defer z.writing.Unlock()
	z.mu.Lock()
	last := z.last
	z.mu.Unlock()
	if last != nil {
		<-last.done // so that no version becomes visible afterwards
	}
	z.mu.Lock()
	if z.State() != Loaded {
		z.mu.Unlock()
		return
	}
	before := z.published
	z.show(nil, Expired)
	z.counts.Expirations++
	z.mu.Unlock()
	z.pipeline.tell(Publication{Zone: z, Before: before})
}

// show makes s what answers come from. The caller holds z.mu.
func (z *Zone) show(s *Snapshot, state State) {
	before := z.current.Swap(s)
	z.state.Store(uint32(state))
	if s != nil {
		z.published, z.changed = s, time.Now()
	}
	if change := s.recordCount() - before.recordCount(); change != 0 {
		for _, set := range z.sets {
			set.records.Add(int64(change))
		}
	}
}

// recordCount is how many records s has; nil has none.
func (s *Snapshot) recordCount() int {
	if s == nil {
		return 0
	}
	return s.records
}

// unavailableError is why a zone gives no answers. Clients learn it from an
// extended error (RFC 8914).
type unavailableError struct {
	text string
	code wire.ExtendedErrorCode
}

func (e *unavailableError) Error() string { return e.text }

// ExtendedError is what clients receive.
func (e *unavailableError) ExtendedError() (code uint16, text string) {
	return uint16(e.code), e.text
}

var (
	// ErrNotLoaded is returned for a zone that has no contents yet.
	ErrNotLoaded error = &unavailableError{"zone is not loaded", wire.ExtendedErrorNotReady} // RFC 8914 4.15
	// ErrExpired is returned for a zone that has expired.
	ErrExpired error = &unavailableError{"zone has expired", wire.ExtendedErrorInvalidData} // RFC 8914 4.25
)

// unavailable is why the zone has no snapshot.
func (z *Zone) unavailable() error {
	if z.State() == Expired {
		return ErrExpired
	}
	return ErrNotLoaded
}
