package authority

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// Loader loads a zone from its file, and again when the file may have changed. It
// is for one goroutine.
type Loader struct {
	File File
	// Context ends loads early when it is done: at the next block of a file. They
	// return its error, and change nothing. Nil never ends them.
	Context context.Context
	// Unsaved returns what leads from the zone's file, as it was last loaded or
	// written, to the version that is visible. A file that was edited meanwhile is
	// merged with that: see [Loader.Reload]. Nil means that there is nothing.
	Unsaved func(z *Zone) (ChangeSet, error)

	loaded fileDigest // the files at the last load
}

// Load is [File.Load], for the first time.
func (l *Loader) Load(problems *diagnostic.List) (*Snapshot, error) {
	c := fileDigest{ctx: l.Context, opener: l.File.Open}
	s, err := l.File.load(&c, problems, nil)
	if err == nil {
		l.loaded = c
	}
	return s, c.errOr(err)
}

// ReloadResult is what a reload changed.
type ReloadResult struct {
	// Replaced reports that the zone was replaced as a whole. Otherwise Changes is
	// what changed; it is empty if nothing did.
	Replaced bool
	Changes  ChangeSet
}

// Reload updates z to what the file has now. If the file has not changed, the zone
// stays as it is. If little changed, a transaction edits the zone; the serial
// number is that of the file. Otherwise, and for the first load of an empty zone, a
// transaction replaces the whole zone. An error leaves the zone as it is; it is a
// [*Refusal] if a stage of the zone refused the change.
//
// Other transactions can change the zone while the file is read. The file then
// overwrites their changes, unless they are in Unsaved. What is in Unsaved stays,
// and only what the file's editor has changed is changed: the version has all of
// that, and a serial number after the present one.
//
// Reload uses one core and yields many times per millisecond, so that queries are
// answered without delay.
//
// Reload adds to problems what [File.Load] would report. If little changed,
// warnings about the rest of the zone are not repeated.
func (l *Loader) Reload(z *Zone, problems *diagnostic.List) (ReloadResult, error) {
	if problems == nil {
		problems = new(diagnostic.List) // its errors are returned
	}
	if z.State() == Loaded && l.loaded.areUnchanged() {
		return ReloadResult{}, nil
	}
	if err := l.loaded.err(); err != nil {
		return ReloadResult{}, err
	}
	if l.File.Format == MasterFile {
		changes, err := l.update(z, problems)
		if err == nil {
			return ReloadResult{Changes: changes}, nil
		}
		var refusal *Refusal
		if errors.As(err, &refusal) {
			return ReloadResult{}, err
		}
		// The file differs too much or has an error: loading all of it reports
		// every error with its position.
	}
	c := fileDigest{ctx: l.Context, opener: l.File.Open}
	s, err := l.File.load(&c, problems, pause)
	if err := c.errOr(err); err != nil {
		return ReloadResult{}, err
	}
	if !s.Origin().Equal(z.Origin()) {
		return ReloadResult{}, fmt.Errorf("the file now holds the zone %s, not %s", s.Origin(), z.Origin())
	}
	before := z.Snapshot()
	if l.Unsaved != nil && before != nil {
		changes, err := l.mergeWhole(z, s, problems)
		if err == nil {
			l.loaded = c
			return ReloadResult{Changes: changes}, nil
		}
		if !errors.Is(err, errNothingUnsaved) {
			return ReloadResult{}, err
		}
	}
	if err := z.Replace(FromFile, s); err != nil {
		return ReloadResult{}, err
	}
	if before != nil {
		l.checkSerial(s.origin, before.serial, s.serial, true, problems)
	}
	l.loaded = c
	return ReloadResult{Replaced: true}, nil
}

// pause lets goroutines run that wait for packets. The scheduler polls the network
// only when it runs out of work, or every ten milliseconds.
func pause() { time.Sleep(10 * time.Microsecond) }

// update edits the records of z that differ from the file. It returns
// errTooDifferent if the zone has to be replaced instead.
func (l *Loader) update(z *Zone, problems *diagnostic.List) (ChangeSet, error) {
	base := z.Snapshot()
	if base == nil {
		return ChangeSet{}, errTooDifferent
	}
	c := fileDigest{ctx: l.Context, opener: l.File.Open}
	defer c.endPeeking()
	origin, err := l.File.origin(&c)
	if err != nil {
		return ChangeSet{}, err
	}
	if !origin.Equal(z.Origin()) {
		return ChangeSet{}, errTooDifferent
	}
	found := problems.Fork()
	compared := newComparison(base)
	if err := zonefile.ReadFileParallel(l.File.Path, readOptions(origin, &c, pause), found, compared.newBatch); err != nil {
		return ChangeSet{}, err
	}
	if err := found.Err(); err != nil {
		return ChangeSet{}, err
	}
	changes, err := compared.changes()
	if err != nil {
		return ChangeSet{}, err
	}
	merged, err := l.merge(z, base, changes, found)
	if errors.Is(err, errNothingUnsaved) {
		merged.edits, err = changes, nil
	}
	if err != nil {
		return ChangeSet{}, err
	}
	changes, err = z.applyTo(base, merged)
	if err != nil {
		return ChangeSet{}, err
	}
	problems.Join(found)
	l.checkSerial(origin, changes.From, changes.To, !changes.IsEmpty(), problems)
	l.loaded = c
	return changes, nil
}

// HasChanged reports whether the file differs from what was last loaded, even if
// Context is done.
func (l *Loader) HasChanged() bool {
	c := l.loaded
	c.ctx = nil
	return !c.areUnchanged()
}

// checkSerial warns of a serial with which secondaries do not fetch the new
// version (RFC 1034 4.3.5).
func (l *Loader) checkSerial(zone wire.Name, from, to wire.Serial, isChanged bool, problems *diagnostic.List) {
	at := diagnostic.Position{File: l.File.Path}
	switch {
	case from == to && isChanged:
		problems.Warnf(at, diagnostic.SerialSame, "zone %s has changed, but its serial is still %s: secondaries do not fetch it; write a higher one", zone, to)
	case from != to && !from.Less(to):
		problems.Warnf(at, diagnostic.SerialBack, "the serial of zone %s went back from %s to %s: secondaries do not fetch it; write a higher one", zone, from, to)
	}
}

// applyTo commits the edits to base, unless the zone has another version by now.
func (z *Zone) applyTo(base *Snapshot, m mergedFile) (ChangeSet, error) {
	t, err := z.Begin(FromFile)
	if err != nil {
		return ChangeSet{}, err
	}
	defer t.Rollback()
	if t.base != base {
		return ChangeSet{}, errTooDifferent
	}
	t.KeepSerial()
	t.NoteFile(m.unsaved)
	if err := t.Apply(m.edits); err != nil {
		return ChangeSet{}, err
	}
	return t.Commit()
}
