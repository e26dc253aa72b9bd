package journal

import (
	"fmt"
	"slices"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Saved notes that the zone's file has a version, which was visible: what led to
// it is needed only for incremental transfers from then on, and is dropped when
// the journal has to be smaller. It returns when that is durable.
func (j *Journal) Saved(s *authority.Snapshot) error { return j.SavedBut(s, authority.ChangeSet{}) }

// SavedBut is Saved for a file that has the version but for c, which leads from the file
// to the version.
func (j *Journal) SavedBut(s *authority.Snapshot, c authority.ChangeSet) error {
	if !j.Has(s.Origin(), s.Class()) {
		return nil
	}
	digest := s.Digest() // takes time for a large zone: no change waits for it
	j.work.Lock()
	defer j.work.Unlock()
	places, start := j.places(s.Origin(), s.Class())
	if start < 0 {
		return nil
	}
	at := len(places) - 1
	for at > start && (places[at].kind != edits || places[at].to != s.Serial()) {
		at--
	}
	if places[at].to != s.Serial() {
		return fmt.Errorf("zone %s: %w: serial %s was saved", s.Origin(), ErrOutOfSync, s.Serial())
	}
	later, err := j.sum(places[at+1:])
	if err != nil {
		return err
	}
	if !c.IsEmpty() {
		inverse := c.Inverse()
		digest, later = digest.Apply(&inverse), c.Then(later)
	}
	if later.IsEmpty() {
		later.From, later.To = s.Serial(), s.Serial()
	}
	return j.writeNow(&Entry{Zone: s.Origin(), Class: s.Class(), Source: authority.FromFile, Time: j.options.Now(), kind: based, Digest: digest, Changes: later})
}

// sum is the difference that entries make together.
func (j *Journal) sum(places []place) (authority.ChangeSet, error) {
	var all authority.Sum
	for i, p := range places {
		if p.kind == based && i > 0 {
			continue
		}
		e, err := j.read(p)
		if err != nil {
			return authority.ChangeSet{}, err
		}
		all.Add(e.Changes)
	}
	return all.Changes(), nil
}

// writeNow writes an entry. The caller holds j.work.
func (j *Journal) writeNow(e *Entry) error {
	p, err := pend(e)
	if err != nil {
		return err
	}
	b := &batch{entries: []pendingEntry{p}}
	if err := j.write(b); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.index(b)
	return nil
}

// Forget drops what the journal has of a zone that was removed, so that
// a later zone of that name does not get it.
func (j *Journal) Forget(zone wire.Name, class wire.Class) error {
	return j.appendAndWait(&Entry{Zone: zone, Class: class, Time: j.options.Now(), kind: forgot})
}

func (j *Journal) appendAndWait(entries ...*Entry) error {
	r, err := j.append(entries, nil)
	if err != nil {
		return err
	}
	return r.Wait()
}

// SetLimits replaces [Options.MaxSize] and [Options.MaxAge], for changes from now on and
// the next Trim.
func (j *Journal) SetLimits(maxSize int64, maxAge time.Duration) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.options.MaxSize, j.options.MaxAge = maxSize, maxAge
	j.trimAt = maxSize / 2
}

// Trim makes the journal smaller if it is larger or older than it should be.
func (j *Journal) Trim() {
	j.work.Lock()
	defer j.work.Unlock()
	j.mu.Lock()
	needsTrim := j.needsTrim(j.options.MaxSize / 2)
	j.mu.Unlock()
	if needsTrim {
		j.trim()
	}
}

// needsTrim reports whether old segments should go, for there are more octets
// than most or they are too old. The caller holds j.mu.
func (j *Journal) needsTrim(most int64) bool {
	return len(j.segments) > 1 && (j.size > most || j.isOld(j.segments[0]))
}

// isOld reports whether all entries of a segment are older than MaxAge. The
// caller holds j.mu.
func (j *Journal) isOld(s *segment) bool {
	return j.options.MaxAge > 0 && s.newest.Before(j.options.Now().Add(-j.options.MaxAge))
}

// trim drops old segments while the journal is too large or they are too old. If
// a zone needs an entry of a segment, its entries are first merged to one at the
// end of the journal. The caller holds j.work.
func (j *Journal) trim() {
	defer func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		// What is needed may be more than half of MaxSize: it is not copied with
		// each change, but before the journal is full.
		j.trimAt = max(j.options.MaxSize/2, min(j.size+j.size/2, (j.options.MaxSize+j.size)/2))
	}()
	for range len(j.segments) - 1 {
		j.mu.Lock()
		if j.broken != nil || j.closed || !j.needsTrim(j.options.MaxSize/2) {
			j.mu.Unlock()
			return
		}
		oldest := j.segments[0]
		var needed []zoneKey
		for key, h := range j.zones {
			if h.needs(oldest) {
				needed = append(needed, key)
			}
		}
		j.mu.Unlock()
		for _, key := range needed {
			if err := j.merge(key); err != nil {
				return // it is tried again with the next change
			}
		}
		if err := j.drop(oldest); err != nil {
			return
		}
	}
}

// needs reports whether a replay needs an entry of a segment. That the zone's file
// has everything need not be known: it is what a zone without entries has, too.
func (h *history) needs(s *segment) bool {
	if h.start < 0 || h.start == len(h.entries)-1 && h.entries[h.start].kind == based && h.entries[h.start].isEmpty {
		return false
	}
	for _, p := range h.entries[h.start:] {
		if p.segment == s {
			return true
		}
	}
	return false
}

// merge writes what is needed of a zone as one entry.
func (j *Journal) merge(key zoneKey) error {
	j.mu.Lock()
	h := j.zones[key]
	places := slices.Clone(h.entries[h.start:])
	j.mu.Unlock()
	all, err := j.read(places[0])
	if err != nil {
		return err
	}
	if all.Changes, err = j.sum(places); err != nil {
		return err
	}
	all.Time = places[len(places)-1].time
	if err := j.writeNow(&all); err != nil {
		return err
	}
	if all.kind == whole { // nothing before it can be told
		j.mu.Lock()
		h.entries, h.start = h.entries[h.start:], 0
		j.mu.Unlock()
	}
	return nil
}

// drop removes the oldest segment, from which no zone needs an entry.
func (j *Journal) drop(s *segment) error {
	if err := j.options.FS.Remove(j.path(s.number)); err != nil {
		return err
	}
	if err := j.options.FS.SyncDir(j.options.Dir); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.segments = j.segments[1:]
	j.size -= s.size
	for key, h := range j.zones {
		gone := 0
		for gone < len(h.entries) && h.entries[gone].segment == s {
			gone++
		}
		h.entries, h.start = h.entries[gone:], max(h.start-gone, -1)
		if len(h.entries) == 0 {
			delete(j.zones, key)
		}
	}
	return s.file.Close()
}

var _ authority.Journal = (*Journal)(nil)
