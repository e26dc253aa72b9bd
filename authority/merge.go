package authority

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// A zone can be edited in two places at once: in its file, and while it is served.
// If the version that is served is the old file with the changes U, and the new
// file is the old one with the edits E, the next version has both. E is what the
// new file and the served version differ in, but for what would only undo U.

// mergedFile is what a file that was edited makes of a zone.
type mergedFile struct {
	edits   ChangeSet // of the version that is served
	unsaved ChangeSet // what leads from the new file to the result
}

var (
	errNothingUnsaved = errors.New("all changes are in the zone file")
	errNotSettled     = errors.New("zone changes faster than its file can be merged")
)

// merge returns what a file makes of the version base, from which it differs in
// different. The error is errNothingUnsaved if that is all there is to it.
func (l *Loader) merge(z *Zone, base *Snapshot, different ChangeSet, problems *diagnostic.List) (m mergedFile, err error) {
	if l.Unsaved == nil {
		return m, errNothingUnsaved
	}
	unsaved, err := l.Unsaved(z)
	if err != nil {
		return m, err
	}
	if unsaved.IsEmpty() {
		return m, errNothingUnsaved
	}
	if unsaved.To != base.serial {
		return m, errTooDifferent // another version has become visible
	}
	m.edits = without(different, unsaved)
	served := soaIn(base).Clone()
	inFile := served
	for _, r := range different.Added {
		if r.Type == wire.TypeSOA {
			inFile = r
		}
	}
	serial := soaSerial(inFile.Data)
	isNewer := base.serial.Less(serial)
	if m.edits.IsEmpty() && !isNewer && sameButSerial(served, inFile) {
		return mergedFile{edits: ChangeSet{From: base.serial, To: base.serial}, unsaved: unsaved}, nil
	}
	if !isNewer {
		next := base.serial + 1
		problems.Warnf(diagnostic.Position{File: l.File.Path}, diagnostic.SerialBack,
			"zone %s was also changed while it was served: what the file changes is published with serial %s, since its own serial, %s, does not come after %s", base.origin, next, serial, base.serial)
		serial = next
	}
	inFile.Data = bytes.Clone(inFile.Data)
	binary.BigEndian.PutUint32(inFile.Data[len(inFile.Data)-20:], uint32(serial))
	m.edits.From, m.edits.To = base.serial, serial
	m.edits.Removed = append([]wire.Record{served}, m.edits.Removed...)
	m.edits.Added = append([]wire.Record{inFile}, m.edits.Added...)
	different.From, different.To = base.serial, soaSerial(inFile.Data)
	m.unsaved = different.Inverse().Then(m.edits)
	return m, nil
}

// mergeWhole merges a file that was read as a whole.
func (l *Loader) mergeWhole(z *Zone, s *Snapshot, problems *diagnostic.List) (ChangeSet, error) {
	for range 100 {
		base := z.Snapshot()
		if base == nil {
			return ChangeSet{}, errNothingUnsaved
		}
		found := problems.Fork()
		m, err := l.merge(z, base, Diff(base, s), found)
		var changes ChangeSet
		if err == nil {
			changes, err = z.applyTo(base, m)
		}
		switch {
		case err == nil:
			problems.Join(found)
			return changes, nil
		case !errors.Is(err, errTooDifferent):
			return ChangeSet{}, err
		}
		time.Sleep(10 * time.Millisecond) // a version waits for the journal
	}
	return ChangeSet{}, fmt.Errorf("zone %s: %w", z.origin, errNotSettled)
}

// without returns the part of c that does not undo u; SOA records are in neither.
func without(c, u ChangeSet) ChangeSet {
	var added, removed recordSet
	for _, r := range u.Added {
		added.put(r)
	}
	for _, r := range u.Removed {
		removed.put(r)
	}
	rest := ChangeSet{From: c.From, To: c.To}
	for _, r := range c.Removed {
		if r.Type != wire.TypeSOA && !added.take(r) {
			rest.Removed = append(rest.Removed, r)
		}
	}
	for _, r := range c.Added {
		if r.Type != wire.TypeSOA && !removed.take(r) {
			rest.Added = append(rest.Added, r)
		}
	}
	return rest
}

// soaIn is the SOA record of a version.
func soaIn(s *Snapshot) wire.Record {
	for r := range s.Unsorted() {
		return r // it comes first
	}
	return wire.Record{}
}

// sameButSerial reports whether two SOA records differ in nothing else.
func sameButSerial(a, b wire.Record) bool {
	i, j := len(a.Data)-20, len(b.Data)-20
	return a.TTL == b.TTL && bytes.Equal(a.Data[:i], b.Data[:j]) && bytes.Equal(a.Data[i+4:], b.Data[j+4:])
}

// Inverse returns the change set that leads back.
func (c ChangeSet) Inverse() ChangeSet {
	return ChangeSet{From: c.To, To: c.From, Removed: c.Added, Added: c.Removed}
}

// MergeUnsaved applies changes that were made to another version of the zone, as far as
// they can be: what they remove may be gone, what they add may be there. SOA
// records are left out. A journal uses it for a file that was edited.
func (t *Txn) MergeUnsaved(c ChangeSet) error {
	for _, r := range c.Removed {
		if r.Type != wire.TypeSOA {
			t.Remove(r)
		}
	}
	for _, r := range c.Added {
		if r.Type == wire.TypeSOA {
			continue
		}
		if err := t.Add(r); err != nil {
			return err
		}
	}
	return nil
}
