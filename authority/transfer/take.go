package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// transferred is how a new version came.
type transferred struct {
	isIncremental bool
	changes       int // records
}

// takeWhole transfers the whole zone.
func (s *Secondary) takeWhole(ctx context.Context, c *connection, p Primary, serial wire.Serial) (how transferred, err error) {
	snapshot, err := c.zone(ctx, s.zone.Origin(), s.zone.Class(), "transfer from "+p.String())
	if err != nil {
		return how, err
	}
	return how, s.replace(snapshot, serial)
}

// replace makes a version that was transferred ours. It is on the disk first, so
// that it is served after a restart, too.
func (s *Secondary) replace(snapshot *authority.Snapshot, serial wire.Serial) error {
	if got := snapshot.Serial(); got != serial && !serial.Less(got) {
		return fmt.Errorf("serial number %v is not the one that the SOA query found, %v", got, serial)
	}
	if !s.isKept() {
		return s.zone.Replace(authority.FromTransfer, snapshot)
	}
	if err := s.save(snapshot); err != nil {
		return err
	}
	s.unsaved = 0
	return s.zone.ReplaceSaved(authority.FromTransfer, snapshot)
}

// takeChanges transfers what has changed since our version. The primary may send
// the whole zone instead; that it cannot do either is errDifferences.
func (s *Secondary) takeChanges(ctx context.Context, c *connection, p Primary, serial wire.Serial) (how transferred, err error) {
	current := s.zone.Snapshot()
	ours := reply{after: current}
	changes, whole, err := c.changes(ctx, ours.soa(), "transfer from "+p.String())
	if _, isRefused := errors.AsType[*refusedError](err); isRefused {
		return how, fmt.Errorf("%w: %w", errDifferences, err)
	}
	switch {
	case err != nil:
		return how, err
	case whole != nil:
		return how, s.replace(whole, serial)
	case len(changes) == 0:
		return how, fmt.Errorf("%w: the primary has nothing newer, though its serial number is %v", errDifferences, serial)
	}
	if last := changes[len(changes)-1].To; last != serial && !serial.Less(last) {
		return how, fmt.Errorf("%w: serial number %v is not the one that the SOA query found, %v", errDifferences, last, serial)
	}
	how.isIncremental = true
	for i := range changes {
		how.changes += len(changes[i].Added) + len(changes[i].Removed)
	}
	if s.isKept() && s.config.Journal == nil {
		// Without a journal, the file has the version before it is visible.
		next := authority.NewZone(current)
		if err := apply(next, changes); err != nil {
			return how, err
		}
		if err := s.save(next.Snapshot()); err != nil {
			return how, err
		}
	}
	if err := apply(s.zone, changes); err != nil {
		return how, err
	}
	s.unsaved += how.changes
	if snapshot := s.zone.Snapshot(); s.isKept() && s.config.Journal != nil && s.unsaved > manyUnsaved+snapshot.Records()/2 {
		if err := errors.Join(s.save(snapshot), s.config.Journal.Saved(snapshot)); err != nil {
			s.config.Log.Warn("zone cannot be kept; its changes stay in the journal", "error", err)
		}
		s.unsaved = 0
	}
	return how, nil
}

// manyUnsaved is how many changed records, and half of those that the zone has,
// are left to the journal before the file is written again.
const manyUnsaved = 1000

// apply makes a version of changes, in one transaction, which has to fit exactly.
func apply(z *authority.Zone, changes []authority.ChangeSet) error {
	_, err := z.Update(authority.FromTransfer, func(t *authority.Txn) error {
		t.KeepSerial()
		for _, c := range changes {
			if err := t.ApplyStrictly(c); err != nil {
				return err
			}
		}
		return nil
	})
	if refusal := new(authority.Refusal); err != nil && !errors.As(err, &refusal) {
		return fmt.Errorf("%w: %w", errDifferences, err)
	}
	return err
}
