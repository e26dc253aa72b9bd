package transfer

import (
	"context"
	"sync"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Secondaries is the zones of which a server is a secondary. Zones come and go while
// it runs. It is also the resolver of NOTIFY (RFC 1996), which makes the secondary of
// the zone look for a new version, and only believes those addresses that may say so.
//
// The zero value has no zone.
type Secondaries struct {
	mu       sync.RWMutex
	zones    map[wire.Key]*place
	schedule schedule
	counts   counters
}

// Add keeps one more zone. NOTIFY is believed from its primaries and from notifiers.
// One of that name is replaced; if it keeps the same [authority.Zone], s goes on with
// its contents.
func (all *Secondaries) Add(s *Secondary, notifiers names.PeerMatcher) {
	before := all.Find(s.zone.Origin())
	all.Remove(s.zone.Origin())
	if before != nil && before.zone == s.zone {
		s.checked, s.confirmed, s.tried, s.unsaved, s.hasFile = before.checked, before.confirmed, before.tried, before.unsaved, before.hasFile
		s.note(time.Time{}, nil)
		s.Check() // its primaries may be others
		if s.zone.Snapshot() != nil {
			s.noteExpiry()
		}
	}
	s.counts = &all.counts
	t := &place{secondary: s, notifiers: notifiers, schedule: &all.schedule, index: -1}
	s.place.Store(t)
	all.mu.Lock()
	if all.zones == nil {
		all.zones = map[wire.Key]*place{}
	}
	all.zones[s.zone.Origin().Key()] = t
	all.schedule.add(t)
	all.mu.Unlock()
}

// Remove stops keeping a zone. It returns after an attempt that is on its way has ended.
func (all *Secondaries) Remove(zone wire.Name) {
	all.mu.Lock()
	t := all.zones[zone.Key()]
	delete(all.zones, zone.Key())
	all.mu.Unlock()
	if t != nil {
		all.schedule.remove(t)
	}
}

// Find returns the secondary of a zone, nil if there is none.
func (all *Secondaries) Find(zone wire.Name) *Secondary {
	all.mu.RLock()
	defer all.mu.RUnlock()
	if t := all.zones[zone.Key()]; t != nil {
		return t.secondary
	}
	return nil
}

// Expires returns in how long a zone expires. ok is false if it is not one of these.
func (all *Secondaries) Expires(z *authority.Zone) (left time.Duration, ok bool) {
	if s := all.Find(z.Origin()); s != nil && s.config.Served == z {
		return s.Expires()
	}
	return 0, false
}

// Run keeps all zones until ctx is done.
func (all *Secondaries) Run(ctx context.Context) {
	all.schedule.begin(ctx)
	all.mu.RLock()
	for _, t := range all.zones {
		all.schedule.add(t)
	}
	all.mu.RUnlock()
	all.schedule.run()
}

// Resolve answers a NOTIFY at once.
func (all *Secondaries) Resolve(_ context.Context, x *names.Exchange) error {
	return all.TryResolve(x)
}

// TryResolve answers a NOTIFY at once: the work is for later (RFC 1996 4.7).
func (all *Secondaries) TryResolve(x *names.Exchange) error {
	q := x.Query.Question
	all.mu.RLock()
	t, isEmpty := all.zones[q.Name.Key()], len(all.zones) == 0
	all.mu.RUnlock()
	switch {
	case isEmpty:
		x.RCode = wire.RCodeNotImp
	case q.Name.IsZero() || q.Type != wire.TypeSOA: // RFC 1996 3.7
		x.RCode = wire.RCodeFormErr
	case t == nil || t.secondary.zone.Class() != q.Class:
		x.RCode = wire.RCodeNotAuth
	case !t.secondary.isPrimary(&x.Peer) && !t.notifiers.Matches(&x.Peer): // RFC 1996 3.10
		all.counts.notifyRefused.Add(1)
		x.RCode = wire.RCodeRefused
	default:
		x.Reply.Flags |= wire.FlagAA
		all.counts.notified.Add(1)
		from := x.Peer.Remote
		t.secondary.checkFrom(&from)
	}
	return nil
}

// isPrimary reports whether a message is from one of the zone's primaries. If we
// have a key for it, the message is signed with that.
func (s *Secondary) isPrimary(p *names.Peer) bool {
	for _, primary := range s.config.Primaries {
		switch {
		case primary.Key != nil && !p.Key.IsZero() && primary.Key.Name.Equal(p.Key):
			return true
		case primary.Key == nil && primary.Address.Addr() == p.Remote.Addr():
			return true
		}
	}
	return false
}
