package sign

import (
	"slices"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Sighting is which DS records one server of the parent zone has.
type Sighting struct {
	Server string
	DS     []wire.DS
	Err    error // it did not reply
}

// Observe takes in what the servers of the parent have: all of them count, and
// if one does not reply, nothing is concluded about DS records that it might have.
// It returns the states that it changed, because the parent has what it was not to
// have yet.
func (s *KeySet) Observe(now time.Time, servers []Sighting) []Transition {
	var done []Transition
	for _, k := range s.Keys {
		p := k.Progress
		if p == nil || !p.Role.has(PartDS) {
			continue
		}
		with, without, failed := 0, 0, 0
		for _, server := range servers {
			switch {
			case server.Err != nil:
				failed++
			case s.isIn(k, server.DS):
				with++
			default:
				without++
			}
		}
		isEverywhere, isNowhere := with > 0 && without+failed == 0, without > 0 && with+failed == 0
		switch p.Parts[PartDS].State {
		case Hidden:
			if with == 0 {
				continue
			}
			to := Rumoured
			if p.Goal == Hidden {
				to = Unretentive
			}
			done = append(done, k.move(PartDS, to, now, "the parent has the DS record already"))
			noteSince(&p.DSSeen, isEverywhere, without > 0, now)
		case Rumoured:
			noteSince(&p.DSSeen, isEverywhere, without > 0, now)
		case Unretentive:
			noteSince(&p.DSGone, isNowhere, with > 0, now)
		}
	}
	s.record(done)
	return done
}

// Missing returns the servers that do not have the DS record of a key although they all
// had it, and it was not to go: what they answer makes the zone insecure.
func (s *KeySet) Missing(servers []Sighting) (without []string) {
	for _, server := range servers {
		isMissing := server.Err == nil && slices.ContainsFunc(s.Keys, func(k *Key) bool {
			return k.Progress != nil && k.Progress.Role.has(PartDS) && k.state(PartDS) == Omnipresent && !s.isIn(k, server.DS)
		})
		if isMissing {
			without = append(without, server.Server)
		}
	}
	return without
}

// noteSince sets or clears the time since which something is seen. Silence changes nothing.
func noteSince(at *time.Time, is, isNot bool, now time.Time) {
	switch {
	case isNot:
		*at = time.Time{}
	case is && at.IsZero():
		*at = now
	}
}

// isIn reports whether one of the DS records is of a key.
func (s *KeySet) isIn(k *Key, all []wire.DS) bool {
	for i := range all {
		if ds := &all[i]; ds.KeyTag == k.Tag && ds.Algorithm == k.Record.Algorithm && dnssec.DigestMatches(ds, s.Zone, k.Data()) {
			return true
		}
	}
	return false
}

// ConfirmDS takes an operator's word for it that all servers of the parent have the
// DS records that they are to have, and no others. It returns the keys that it is
// about.
func (s *KeySet) ConfirmDS(now time.Time) []*Key {
	var about []*Key
	for _, k := range s.Keys {
		if p := k.Progress; p != nil && p.awaitsParent() {
			about = append(about, k)
			if p.Parts[PartDS].State == Rumoured {
				p.DSSeen = now
			} else {
				p.DSGone = now
			}
		}
	}
	return about
}

// awaitsParent reports whether a DS record is to appear at the parent, or to
// disappear.
func (p *Progress) awaitsParent() bool {
	return p.Role.has(PartDS) && (p.Parts[PartDS].State == Rumoured && p.DSSeen.IsZero() || p.Parts[PartDS].State == Unretentive && p.DSGone.IsZero())
}

// AskedSince is since when the parent is asked for the DS records that it is to have, if
// it does not have them yet, or has others too.
func (s *KeySet) AskedSince() (at time.Time, ok bool) {
	for _, k := range s.Keys {
		if p := k.Progress; p != nil && p.awaitsParent() && p.Parts[PartDS].Since.After(at) {
			at, ok = p.Parts[PartDS].Since, true
		}
	}
	return at, ok
}

// AwaitsParent reports whether what the parent publishes is to change, or has
// changed so recently that caches have what it was before.
func (s *KeySet) AwaitsParent() bool {
	return slices.ContainsFunc(s.Keys, func(k *Key) bool {
		state := k.state(PartDS)
		return state == Rumoured || state == Unretentive
	})
}

// IsSecure reports whether all resolvers expect signatures of the zone: the parent has
// the DS record of a key, and caches do.
func (s *KeySet) IsSecure() bool {
	return slices.ContainsFunc(s.Keys, func(k *Key) bool { return k.state(PartDS) == Omnipresent })
}

// IsInsecure reports whether no resolver expects signatures of the zone.
func (s *KeySet) IsInsecure() bool {
	return !slices.ContainsFunc(s.Keys, func(k *Key) bool { return k.state(PartDS) != Hidden })
}
