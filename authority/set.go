package authority

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Set is the zones that are served. It is a resolver that answers from the zone
// closest to the query name, and passes if the name is in no zone.
//
// The zero value serves no zone.
type Set struct {
	// FullANY answers ANY over UDP with all RRsets of the name. Otherwise the
	// answer has one RRset (RFC 8482 4.1), and all of them only over TCP, where
	// the client's address cannot be forged.
	FullANY bool

	table   atomic.Pointer[zoneTable]
	allowed atomic.Pointer[map[*Zone]names.PeerMatcher] // nil: no zone is for some clients only
	records atomic.Int64                                // of all zones: see WantsBatches

	mu   sync.Mutex // held by what changes the table
	gone TransactionCounts
}

// ErrDuplicateZone is returned for a zone whose name and class another has.
var ErrDuplicateZone = errors.New("zone is in the set already")

// SetZones replaces the zones that are served. No two may have the same name and
// class.
func (s *Set) SetZones(zones []*Zone) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := newZoneTable(len(zones))
	for _, z := range zones {
		if err := t.add(z); err != nil {
			return err
		}
	}
	old := s.table.Swap(t)
	for _, z := range zones {
		s.follow(z)
	}
	for z := range old.all() {
		s.unfollow(z)
	}
	return nil
}

// Add serves one more zone.
func (s *Set) Add(z *Zone) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.table.Load()
	if t == nil || t.isFull() {
		larger := newZoneTable(2 * (t.count() + 1)) // or as large, without the removed zones
		for z := range t.all() {
			larger.insert(z)
		}
		if err := larger.add(z); err != nil {
			return err
		}
		s.table.Store(larger)
	} else if err := t.add(z); err != nil {
		return err
	}
	s.follow(z)
	return nil
}

// Change serves more zones, and others no longer, all or nothing: after an error the
// zones are those from before. It costs nothing for the zones that stay.
func (s *Set) Change(added, removed []*Zone) error {
	var undo []func()
	for _, z := range removed {
		if s.Remove(z) {
			undo = append(undo, func() { s.Add(z) })
		}
	}
	for _, z := range added {
		if err := s.Add(z); err != nil {
			for _, step := range slices.Backward(undo) {
				step()
			}
			return err
		}
		undo = append(undo, func() { s.Remove(z) })
	}
	return nil
}

// Remove stops serving a zone, and reports whether it was served. Queries that
// are being answered from it are not affected.
func (s *Set) Remove(z *Zone) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.table.Load(); t == nil || !t.remove(z) {
		return false
	}
	s.unfollow(z)
	return true
}

// SetAccess says which clients zones are for: others get REFUSED. Zones that are not
// in allowed are for all. The map belongs to the set from then on.
func (s *Set) SetAccess(allowed map[*Zone]names.PeerMatcher) {
	if len(allowed) == 0 {
		s.allowed.Store(nil)
		return
	}
	s.allowed.Store(&allowed)
}

// allows reports whether a zone is for a client.
func (s *Set) allows(z *Zone, p *names.Peer) bool {
	allowed := s.allowed.Load()
	return allowed == nil || isAllowed(*allowed, z, p)
}

func isAllowed(allowed map[*Zone]names.PeerMatcher, z *Zone, p *names.Peer) bool {
	m := allowed[z]
	return m == nil || m.Matches(p)
}

// follow adds the zone's records to the count, now and when they change.
func (s *Set) follow(z *Zone) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.sets = append(z.sets, s)
	s.records.Add(int64(z.current.Load().recordCount()))
}

// unfollow reverses follow. The caller holds s.mu.
func (s *Set) unfollow(z *Zone) {
	z.mu.Lock()
	defer z.mu.Unlock()
	i := slices.Index(z.sets, s)
	z.sets = slices.Delete(z.sets, i, i+1)
	s.records.Add(-int64(z.current.Load().recordCount()))
	if len(z.sets) == 0 {
		s.gone.add(z.counts)
		z.counts = TransactionCounts{}
	}
}

// Zones returns the zones that are served, in no particular order.
func (s *Set) Zones() []*Zone {
	t := s.table.Load()
	return slices.AppendSeq(make([]*Zone, 0, t.count()), t.all())
}

// Find returns the zone that has this name and class, nil if there is none.
func (s *Set) Find(origin wire.Name, class wire.Class) *Zone {
	z := s.Closest(origin, class)
	if z == nil || !z.origin.Equal(origin) {
		return nil
	}
	return z
}

// Closest returns the zone of that class with the longest name that name is at or
// below, nil if there is none.
func (s *Set) Closest(name wire.Name, class wire.Class) *Zone {
	var lookup lookupName
	lookup.set(name)
	return s.table.Load().find(&lookup, class, 0)
}

// Resolve answers x from the zones.
func (s *Set) Resolve(_ context.Context, x *names.Exchange) error { return s.TryResolve(x) }

// TryResolve answers x from the zones without blocking. If the zone has no
// contents, it returns the reason as an error that clients receive (RFC 8914).
func (s *Set) TryResolve(x *names.Exchange) error {
	if s.table.Load() == nil {
		return names.ErrPass
	}
	a := answers.Get().(*answer)
	err := a.resolve(s, x)
	answers.Put(a)
	return err
}

// answers pools the memory in which replies are built.
var answers = sync.Pool{New: func() any { return newAnswer() }}

// duplicate is the error for a zone whose name and class another has.
func duplicate(z *Zone) error { return fmt.Errorf("zone %s: %w", z.origin, ErrDuplicateZone) }
