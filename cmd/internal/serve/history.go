package serve

import (
	"errors"
	"fmt"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/journal"
	"github.com/names-dns/names/wire"
)

// errNoHistory is why nothing is known of earlier versions.
var errNoHistory = errors.New("there is no journal that keeps earlier versions of the zone")

// history calls do with each change of a zone that the journal has, oldest first.
func (s *Server) history(z *servedZone, do func(e *journal.Entry) bool) error {
	zone := z.zones[0]
	if !s.journals.covers(z.from) {
		return fmt.Errorf("zone %v: %w", zone.Origin(), errNoHistory)
	}
	return s.journals.Entries(zone.Origin(), zone.Class(), func(e journal.Entry) bool {
		return e.IsBased || do(&e)
	})
}

// wayBack is the difference that leads from the version with serial number now to
// the one with serial number then.
func (s *Server) wayBack(z *servedZone, now, then wire.Serial) (authority.ChangeSet, error) {
	back := authority.ChangeSet{From: now, To: then}
	if now == then {
		return back, nil
	}
	changes, err := s.changesSince(z, now, then)
	if err != nil {
		return back, err
	}
	var sum authority.Sum
	for i := range changes {
		sum.Add(changes[len(changes)-1-i].Inverse())
	}
	return sum.Changes(), nil
}

// changesSince returns the changes that lead from one version to a later one. The journal is
// read from its beginning only if serial numbers went back meanwhile.
func (s *Server) changesSince(z *servedZone, now, then wire.Serial) ([]authority.ChangeSet, error) {
	zone := z.zones[0]
	if s.journals.covers(z.from) {
		changes, err := s.journals.Changes(zone.Origin(), zone.Class(), then)
		if n := len(changes); err == nil && n > 0 && changes[n-1].To == now {
			return changes, nil
		}
	}
	var changes []authority.ChangeSet
	err := s.history(z, func(e *journal.Entry) bool {
		switch {
		case e.Changes.From == then && !e.IsWhole:
			changes = changes[:0] // the way from there on; the last time, if it was there twice
		case e.IsWhole:
			changes = nil
			return true
		}
		if changes != nil || e.Changes.From == then {
			changes = append(changes, e.Changes)
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	if len(changes) == 0 || changes[0].From != then || changes[len(changes)-1].To != now {
		return nil, fmt.Errorf("zone %v: the journal does not have the version with serial number %v: names ctl zone log %[1]v lists those that it has", z.zones[0].Origin(), then)
	}
	return changes, nil
}

// versionOf returns a version of a zone: the present one, or one of the journal.
func (s *Server) versionOf(z *servedZone, serial wire.Serial) (*authority.Snapshot, error) {
	now := z.zones[0].Snapshot()
	if now == nil {
		return nil, fmt.Errorf("zone %v is not loaded", z.zones[0].Origin())
	}
	back, err := s.wayBack(z, now.Serial(), serial)
	if err != nil || back.IsEmpty() {
		return now, err
	}
	then := authority.NewZone(now)
	_, err = then.Update(authority.FromJournal, func(t *authority.Txn) error {
		t.KeepSerial()
		return t.Apply(back)
	})
	return then.Snapshot(), err
}

// revert makes a zone what it was at a serial number, as a new version.
func (s *Server) revert(z *servedZone, serial wire.Serial) (authority.ChangeSet, error) {
	return z.zones[0].Update(authority.FromControl, func(t *authority.Txn) error {
		now := t.Before().Serial()
		back, err := s.wayBack(z, now, serial)
		if err != nil || back.IsEmpty() {
			return err
		}
		if t.HasSigner() {
			back = withoutDerived(back)
		}
		if err := t.Apply(back); err != nil {
			return err
		}
		t.SetSerial(z.from.Serial.Next(now, time.Now()))
		return nil
	})
}

// withoutDerived leaves out what the signer makes.
func withoutDerived(c authority.ChangeSet) authority.ChangeSet {
	filter := func(all []wire.Record) (rest []wire.Record) {
		for _, r := range all {
			if r.Type != wire.TypeRRSIG && r.Type != wire.TypeNSEC && r.Type != wire.TypeNSEC3 {
				rest = append(rest, r)
			}
		}
		return rest
	}
	c.Removed, c.Added = filter(c.Removed), filter(c.Added)
	return c
}
