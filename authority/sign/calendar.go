package sign

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Wait is something that is to happen, and why it does not yet.
type Wait struct {
	What      string
	NotBefore time.Time // zero: it depends on the parent, or on an operator
	Why       string
}

func (w Wait) String() string {
	if w.NotBefore.IsZero() {
		return fmt.Sprintf("%s: %s", w.What, w.Why)
	}
	return fmt.Sprintf("%s from %s on: %s", w.What, w.NotBefore.UTC().Format(time.RFC3339), w.Why)
}

// Waits lists what the states wait for: first what an operator has to approve, then
// the earliest.
func (s *KeySet) Waits(now time.Time) []Wait {
	all := s.Proposals(now)
	held := len(all)
	for _, k := range s.Keys {
		if k.Progress == nil {
			continue
		}
		for part := range parts {
			p := k.Progress
			state := p.Parts[part].State
			at, ok := s.expiresAt(k, part)
			switch {
			case ok && part == PartDS && state == Rumoured:
				all = append(all, Wait{fmt.Sprintf("%s: DS omnipresent", k), at, "the parent has it; caches drop what was there before"})
			case ok && part == PartDS:
				all = append(all, Wait{fmt.Sprintf("%s: DS hidden", k), at, "the parent has it no longer; caches drop it"})
			case ok && state == Rumoured:
				all = append(all, Wait{fmt.Sprintf("%s: %s omnipresent", k, part), at, "caches drop what was there before"})
			case ok:
				all = append(all, Wait{fmt.Sprintf("%s: %s hidden", k, part), at, "caches drop it"})
			case p.awaitsParent() && part == PartDS && state == Rumoured:
				all = append(all, Wait{fmt.Sprintf("%s: DS omnipresent", k), time.Time{}, "all servers of the parent are to have it" + s.updateNote()})
			case p.awaitsParent() && part == PartDS:
				all = append(all, Wait{fmt.Sprintf("%s: DS hidden", k), time.Time{}, "the servers of the parent still have it" + s.updateNote()})
			}
		}
		if at, ok := s.dueAt(k); ok && !s.Policy.Unsign && (!s.Policy.Manual || k.Progress.Retire || now.Before(at)) {
			all = append(all, Wait{fmt.Sprintf("%s: begin to exchange it", k), at, "its lifetime ends"})
		}
	}
	all = append(all, s.offlineWaits(now)...)
	slices.SortStableFunc(all[held:], func(a, b Wait) int {
		if a.NotBefore.IsZero() != b.NotBefore.IsZero() {
			return map[bool]int{true: 1, false: -1}[a.NotBefore.IsZero()]
		}
		return a.NotBefore.Compare(b.NotBefore)
	})
	return all
}

// NextChange is when Advance can have something to do; zero: not until the parent
// does something.
func (s *KeySet) NextChange(now time.Time) (at time.Time) {
	for _, w := range s.Waits(now) {
		if !w.NotBefore.IsZero() {
			return w.NotBefore
		}
	}
	return at
}

// maxCalendar bounds how many steps [KeySet.Calendar] makes.
const maxCalendar = 100_000

// Calendar runs the states through the time from now to end, with a parent that
// does what the zone asks for after a while, and returns what happens. At each
// step it looks at every version of the DS records, of the keys and of the
// signatures that a resolver can have, as they were published: the error says that
// one cannot validate, and when. It leaves s as it is.
func (s *KeySet) Calendar(now, end time.Time, parentTakes time.Duration) ([]Transition, error) {
	s = s.copyForCalendar()
	s.Policy.Timing = s.Policy.Timing.WithDefaults()
	seen := newWitness(s, now)
	var all []Transition
	for range maxCalendar {
		done, err := s.Advance(now)
		all = append(all, done...)
		if err != nil {
			return all, err
		}
		s.Published(now)
		parentAt := s.runParent(now, parentTakes)
		seen.look(s, now)
		if err := seen.check(); err != nil {
			return all, fmt.Errorf("zone %s at %s: %w", s.Zone, now.UTC().Format(time.RFC3339), err)
		}
		next := s.NextChange(now)
		if !parentAt.IsZero() && (next.IsZero() || parentAt.Before(next)) {
			next = parentAt
		}
		if next.IsZero() || next.After(end) {
			return all, nil
		}
		if !next.After(now) {
			if len(done) > 0 {
				continue
			}
			return all, fmt.Errorf("zone %s at %s: %w", s.Zone, now.UTC().Format(time.RFC3339), errStuck)
		}
		now = next
	}
	return all, fmt.Errorf("zone %s: more than %d steps until %s", s.Zone, maxCalendar, end.UTC().Format(time.RFC3339))
}

var errStuck = errors.New("nothing can happen that keeps the zone valid for all resolvers")

// copyForCalendar is a set with the same states, and keys that are not made.
func (s *KeySet) copyForCalendar() *KeySet {
	c := *s
	c.History, c.Keys = nil, make([]*Key, len(s.Keys))
	for i, k := range s.Keys {
		of := *k
		if k.Progress != nil {
			p := *k.Progress
			of.Progress = &p
		}
		c.Keys[i] = &of
	}
	c.isForecast = true
	c.advanced, c.Policy.Manual = time.Time{}, false // every step is taken to be approved at once
	planned := 0
	c.generate = func(r Role, p KeyPolicy) (*Key, error) {
		planned++
		record := wire.DNSKEY{Flags: r.flags(), Protocol: 3, Algorithm: c.algorithm()}
		return &Key{SigningKey: &dnssec.SigningKey{Record: record}, planned: planned}, nil
	}
	return &c
}

// runParent is a parent that takes some time, and returns when it does something next.
func (s *KeySet) runParent(now time.Time, takes time.Duration) (next time.Time) {
	for _, k := range s.Keys {
		p := k.Progress
		if p == nil || !p.awaitsParent() {
			continue
		}
		switch at := p.Parts[PartDS].Since.Add(takes); {
		case at.After(now):
			if next.IsZero() || at.Before(next) {
				next = at
			}
		case p.Parts[PartDS].State == Rumoured:
			p.DSSeen = now
		default:
			p.DSGone = now
		}
	}
	return next
}

// witness has seen what was published, and knows nothing of states.
type witness struct {
	timing Timing
	ds     []published[[]*Key]
	keys   []published[keysVersion]
	zone   []published[zoneVersion]
}

// published is a version, and until when one could get it.
type published[T any] struct {
	what  T
	until time.Time // zero: it is the present one
}

func newWitness(s *KeySet, now time.Time) *witness {
	w := &witness{timing: s.Policy.Timing}
	for _, ds := range s.cached(now).ds {
		w.ds = append(w.ds, published[[]*Key]{ds, now})
	}
	for _, at := range s.changes(now, PartDNSKEY, PartKeySignature)[1:] {
		w.keys = append(w.keys, published[keysVersion]{keysVersion{s.with(PartDNSKEY, at), s.with(PartKeySignature, at)}, at})
	}
	for _, at := range s.changes(now, PartZoneSignature)[1:] {
		w.zone = append(w.zone, published[zoneVersion]{s.with(PartZoneSignature, at), at})
	}
	return w
}

// look notes what is published at now.
func (w *witness) look(s *KeySet, now time.Time) {
	var ds []*Key
	for _, k := range s.Keys {
		if p := k.Progress; p != nil && (p.Parts[PartDS].State == Omnipresent || p.Parts[PartDS].State == Rumoured && !p.DSSeen.IsZero() ||
			p.Parts[PartDS].State == Unretentive && p.DSGone.IsZero()) {
			ds = append(ds, k)
		}
	}
	w.ds = follow(w.ds, ds, now, w.timing.DS, slices.Equal)
	w.keys = follow(w.keys, keysVersion{s.with(PartDNSKEY, now), s.with(PartKeySignature, now)}, now, w.timing.remembered(PartDNSKEY), func(a, b keysVersion) bool {
		return slices.Equal(a.shown, b.shown) && slices.Equal(a.signers, b.signers)
	})
	w.zone = follow(w.zone, s.with(PartZoneSignature, now), now, w.timing.remembered(PartZoneSignature), func(a, b zoneVersion) bool { return slices.Equal(a, b) })
}

// follow adds a version, and drops those that no cache has.
func follow[T any](all []published[T], present T, now time.Time, remembered time.Duration, equal func(a, b T) bool) []published[T] {
	for i := range all {
		if all[i].until.IsZero() {
			all[i].until = now
		}
	}
	all = slices.DeleteFunc(all, func(p published[T]) bool { return !p.until.Add(remembered).After(now) || equal(p.what, present) })
	return append(all, published[T]{what: present})
}

// check looks at every combination.
func (w *witness) check() error {
	var v versions
	for _, p := range w.ds {
		if len(p.what) > 0 {
			v.ds = append(v.ds, p.what)
		}
	}
	for _, p := range w.keys {
		v.keys = append(v.keys, p.what)
	}
	for _, p := range w.zone {
		v.zone = append(v.zone, p.what)
	}
	return v.check()
}
