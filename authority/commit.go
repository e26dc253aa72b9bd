package authority

import (
	"errors"
	"fmt"
)

// How a transaction turns edits into a visible version:
//
//	Commit
//	  makeVersion     holding the writer's lock
//	    check         each edited name, the shape of the zone
//	    stages        check, sign, digest
//	    settle        pack the edits, once
//	    enqueue       give the change to the journal
//	  pendingCommit.finish   without the lock: the next transaction may begin
//	    wait          for the journal, and for the version before
//	    publish       one pointer is swapped
//	    tell          call subscribers and observers
//
// A version that waits for the journal is the one that the next transaction
// starts from, so that many writers share one write to the disk. If the journal
// fails, all versions that start from the failed one fail with it.

// Replace makes s the zone's contents. It is a transaction like others: stages
// see it ([Txn.IsWhole]) and may refuse it or edit it further.
func (z *Zone) Replace(source Source, s *Snapshot) error {
	return z.replace(source, s, source == FromFile)
}

// ReplaceSaved is Replace for contents that the zone's file has already: see
// [Txn.NoteFile].
func (z *Zone) ReplaceSaved(source Source, s *Snapshot) error { return z.replace(source, s, true) }

func (z *Zone) replace(source Source, s *Snapshot, isSaved bool) error {
	if !s.origin.Equal(z.origin) || s.class != z.class {
		return fmt.Errorf("zone %s of class %s cannot be replaced with zone %s of class %s", z.origin, z.class, s.origin, s.class)
	}
	t := z.begin(source)
	t.base, t.whole, t.keepSerial, t.hasFile = s, true, true, isSaved
	_, err := t.Commit()
	return err
}

// Commit checks the zone that results, passes the edits through the zone's
// [Pipeline], and makes the result visible. The serial number grows by one (RFC
// 1982 3.1) unless the edits themselves change it, or [Txn.SetSerial] or
// [Txn.KeepSerial] was called. Edits that change nothing leave the zone as it
// is, serial number included, and the change set empty.
//
// Commit always ends the transaction. If it returns an error, the zone is as
// before: the result would not be valid, or the error is the [*Refusal] of a stage.
func (t *Txn) Commit() (ChangeSet, error) {
	t.mustBeOpen()
	if t.committing {
		panic("authority: Commit called by a stage")
	}
	t.committing = true
	defer t.Rollback()
	p, err := t.makeVersion()
	if err != nil {
		t.zone.fail(t, err)
		return ChangeSet{}, err
	}
	changes := t.changes
	t.end()
	if p == nil {
		if t.previous.wait() != nil { // the version that the edits were compared with failed
			err := t.refusal("journal", errGivenUp)
			t.zone.fail(t, err)
			return ChangeSet{}, err
		}
		t.zone.count(&t.zone.counts.Unchanged)
		return changes, nil
	}
	if err := p.finish(); err != nil {
		t.zone.fail(t, err)
		return ChangeSet{}, err
	}
	return changes, nil
}

// makeVersion makes the next version. It returns nil if nothing changes.
func (t *Txn) makeVersion() (*pendingCommit, error) {
	if err := t.mayCommit(); err != nil {
		return nil, err
	}
	if err := t.increaseSerial(); err != nil {
		return nil, err
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	for _, kind := range t.pipeline.editing() {
		for _, stage := range kind.stages {
			if t.isUnchanged() {
				break
			}
			if err := stage(t); err != nil {
				return nil, t.refusal(kind.name, err)
			}
			if err := t.check(); err != nil {
				return nil, err
			}
		}
	}
	if t.isUnchanged() {
		t.changes = t.Changes()
		return nil, nil
	}
	if err := t.settle(); err != nil {
		return nil, err
	}
	return t.enqueue()
}

// mayCommit reports whether the zone's state allows the transaction: expired
// contents are renewed from their source, not edited.
func (t *Txn) mayCommit() error {
	if !t.whole && (t.source == FromControl || t.source == FromUpdate) && t.zone.State() == Expired {
		return fmt.Errorf("zone %s: %w", t.zone.origin, ErrExpired)
	}
	return nil
}

// isUnchanged reports whether there is nothing to publish. A whole zone is always
// published, even with the same records: it may come from another source.
func (t *Txn) isUnchanged() bool {
	if t.whole {
		return false
	}
	for _, e := range t.edits {
		if e.isChanged() {
			return false
		}
	}
	return true
}

// check checks the edits, and determines which names the zone will have.
func (t *Txn) check() error {
	if t.revision != nil {
		return nil
	}
	limit := t.base.dirtyLimit()
	if t.pipeline.hasStages() {
		limit = unlimited // stages may ask for the names
	}
	var changed []*editedName
	for _, e := range t.edits {
		if e.isChanged() {
			changed = append(changed, e)
		}
	}
	r, err := t.base.revise(changed, limit)
	if err != nil {
		return fmt.Errorf("zone %s: %w", t.zone.origin, err)
	}
	t.revision = r
	return nil
}

// settle packs the edits.
func (t *Txn) settle() error {
	if !t.whole {
		t.changes = t.Changes()
		t.hasChanges = true
	}
	if len(t.revision.edits) == 0 {
		t.after = t.base
	} else {
		z := t.zone
		if z.canonical.of == t.base {
			t.revision.order(&z.canonical) // keep it up to date
		}
		next, err := t.revision.settle()
		if err != nil {
			return fmt.Errorf("zone %s: %w", z.origin, err)
		}
		t.after = next
	}
	t.zone.canonical.moveTo(t.after, t.revision)
	return nil
}

// After is the version that the transaction makes, for a [Journal]. It is nil
// before the edits are packed.
func (t *Txn) After() *Snapshot { return t.after }

// enqueue gives the version to the journal. The next transaction starts from it.
func (t *Txn) enqueue() (*pendingCommit, error) {
	z := t.zone
	z.mu.Lock()
	defer z.mu.Unlock()
	if t.lineage != z.lineage {
		return nil, t.refusal("journal", errGivenUp)
	}
	if t.previous.isPublished() {
		t.previous = nil
	}
	p := &pendingCommit{
		previous: t.previous, lineage: t.lineage, pipeline: t.pipeline, whole: t.whole, done: make(chan struct{}),
		publication: Publication{Zone: z, Source: t.source, Before: t.before, After: t.after},
	}
	if t.pipeline != nil && t.pipeline.Journal != nil {
		var previous Receipt
		if t.previous != nil {
			previous = t.previous.receipt
		}
		receipt, err := t.pipeline.Journal.Append(t, previous)
		if err != nil {
			return nil, t.refusal("journal", err)
		}
		p.receipt = receipt
	}
	if t.hasChanges {
		changes := t.changes
		p.publication.Changes = &changes
	}
	z.head, z.last = t.after, p
	t.revision = nil // it is not to be undone
	return p, nil
}

// errGivenUp is why a transaction fails whose base was not made durable.
var errGivenUp = errors.New("the version it starts from was not made durable")

// pendingCommit is a version that is not visible yet.
type pendingCommit struct {
	previous    *pendingCommit // has to be published first
	receipt     Receipt        // nil without a journal
	lineage     uint64
	pipeline    *Pipeline
	whole       bool
	publication Publication

	done chan struct{} // closed after subscribers were called, or err was set
	err  error
}

// finish publishes the version when the journal and the version before allow it.
func (p *pendingCommit) finish() error {
	defer close(p.done)
	z := p.publication.Zone
	if p.receipt != nil {
		p.err = p.receipt.Wait()
	}
	if err := p.previous.wait(); p.err == nil && err != nil {
		p.err = errGivenUp
	}
	p.previous = nil
	if p.err != nil {
		p.err = &Refusal{Zone: z.origin, Source: p.publication.Source, Stage: "journal", Err: p.err}
		z.giveUp(p.lineage)
		return p.err
	}
	z.mu.Lock()
	z.show(p.publication.After, Loaded)
	if p.whole {
		z.counts.Loads++
	} else {
		z.counts.Commits++
	}
	z.mu.Unlock()
	p.pipeline.tell(p.publication)
	z.mu.Lock()
	if z.last == p {
		z.last = nil
	}
	z.mu.Unlock()
	return nil
}

// wait returns when the version is published, or given up.
func (p *pendingCommit) wait() error {
	if p == nil {
		return nil
	}
	<-p.done
	return p.err
}

// isPublished reports whether there is no need to wait.
func (p *pendingCommit) isPublished() bool {
	if p == nil {
		return true
	}
	select {
	case <-p.done:
		return p.err == nil
	default:
		return false
	}
}

// giveUp goes back to the last version that was published, unless that has been
// done for an earlier version of the same lineage.
func (z *Zone) giveUp(lineage uint64) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.lineage == lineage {
		z.lineage++
		z.head, z.last = z.published, nil
	}
}

// refusal is what Commit returns if a stage refused.
func (t *Txn) refusal(stage string, err error) *Refusal {
	return &Refusal{Zone: t.zone.origin, Source: t.source, Stage: stage, Err: err}
}

// fail counts a transaction that failed.
func (z *Zone) fail(t *Txn, err error) {
	z.count(&z.counts.Refusals)
	var r *Refusal
	if errors.As(err, &r) {
		t.pipeline.refused(r)
	}
}

func (z *Zone) count(n *uint64) {
	z.mu.Lock()
	*n++
	z.mu.Unlock()
}
