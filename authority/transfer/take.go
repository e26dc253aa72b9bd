package transfer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// accept makes what was received ours.
func (s *Secondary) accept(r *received, p Primary) error {
	if !r.isNew {
		s.counts.confirmed.Add(1)
		s.confirm(r.expire, false)
		return nil
	}
	changes, err := 0, error(nil)
	if r.whole != nil {
		err = s.replace(r.whole, r.serial)
	} else {
		changes, err = s.change(r.changes)
	}
	if err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	s.isForced.Store(false)
	if r.whole == nil {
		s.counts.incremental.Add(1)
	} else {
		s.counts.transferred.Add(1)
	}
	s.confirm(r.expire, true)
	snapshot := s.zone.Snapshot()
	s.log().Info("zone transferred", "primary", p.String(), "serial", snapshot.Serial().String(), "records", snapshot.Records(),
		"incremental", r.whole == nil, "changes", changes, "took", time.Since(r.began).Round(time.Millisecond))
	return nil
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
	if s.config.Journal != nil && s.config.File == "" && snapshot.Records() <= manyUnsaved && s.config.Journal.HasRoom() {
		s.unsaved = snapshot.Records()
		return s.zone.Replace(authority.FromTransfer, snapshot)
	}
	if err := s.save(snapshot); err != nil {
		return err
	}
	s.unsaved = 0
	return s.zone.ReplaceSaved(authority.FromTransfer, snapshot)
}

// receiveChanges receives what has changed since our version. The primary may send
// the whole zone instead; that it cannot do either is errDifferences.
func (s *Secondary) receiveChanges(ctx context.Context, c *connection, p Primary, r *received) (err error) {
	ours := reply{after: s.zone.Snapshot()}
	r.changes, r.whole, err = c.changes(ctx, ours.soa(), "transfer from "+p.String())
	if _, isRefused := errors.AsType[*refusedError](err); isRefused {
		return fmt.Errorf("%w: %w", errDifferences, err)
	}
	switch {
	case err != nil || r.whole != nil:
		return err
	case len(r.changes) == 0:
		return fmt.Errorf("%w: the primary has nothing newer, though its serial number is %v", errDifferences, r.serial)
	}
	if last := r.changes[len(r.changes)-1].To; last != r.serial && !r.serial.Less(last) {
		return fmt.Errorf("%w: serial number %v is not the one that the SOA query found, %v", errDifferences, last, r.serial)
	}
	return nil
}

// change makes a version of changes ours. It returns how many records that were.
func (s *Secondary) change(changes []authority.ChangeSet) (records int, err error) {
	for i := range changes {
		records += len(changes[i].Added) + len(changes[i].Removed)
	}
	if s.isKept() && s.config.Journal == nil {
		// Without a journal, the file has the version before it is visible.
		next := authority.NewZone(s.zone.Snapshot())
		if err := apply(next, changes); err != nil {
			return records, err
		}
		if err := s.save(next.Snapshot()); err != nil {
			return records, err
		}
	}
	if err := apply(s.zone, changes); err != nil {
		return records, err
	}
	s.unsaved += records
	if snapshot := s.zone.Snapshot(); s.isKept() && s.config.Journal != nil && s.unsaved > manyUnsaved+snapshot.Records()/2 {
		if err := errors.Join(s.save(snapshot), s.config.Journal.Saved(snapshot)); err != nil {
			s.log().Warn("zone cannot be kept; its changes stay in the journal", "error", err)
		}
		s.unsaved = 0
	}
	return records, nil
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
