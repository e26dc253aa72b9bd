package journal

import (
	"fmt"
	"math"
	"slices"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// Replay brings a zone to the last version that was acknowledged: from what its
// file has, or from nothing if the journal has the whole zone. It returns how many
// changes it applied. After an error the zone is as before: [ErrFileChanged] says
// that the file was edited since, [ErrOutOfSync] that the journal does not continue
// what the zone has.
//
// A zone has to be replayed before it is changed; once it was, Replay does nothing.
func (j *Journal) Replay(z *authority.Zone) (n int, err error) {
	places, start := j.places(z.Origin(), z.Class())
	if len(places) == 0 || !j.isDue(z) {
		return 0, nil
	}
	if n, err = j.replay(z, places, start); err == nil {
		j.setReplayed(z)
	}
	return n, err
}

// isDue reports whether a zone may be as its file has it.
func (j *Journal) isDue(z *authority.Zone) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.zones[zoneKey{z.Origin().Key(), z.Class()}]
	return h != nil && h.replayed != z
}

func (j *Journal) setReplayed(z *authority.Zone) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if h := j.zones[zoneKey{z.Origin().Key(), z.Class()}]; h != nil {
		h.replayed = z
	}
}

func (j *Journal) replay(z *authority.Zone, places []place, start int) (int, error) {
	now := z.Snapshot()
	switch {
	case start < 0:
		return 0, fmt.Errorf("zone %s: %w: it has only changes, from serial %s on", z.Origin(), ErrOutOfSync, places[0].from)
	case places[start].kind == based:
		return j.replayFile(z, places[start:])
	case now == nil:
		return j.replayWhole(z, places[start:])
	}
	other := authority.NewEmptyZone(z.Origin(), z.Class())
	if _, err := j.replayWhole(other, places[start:]); err != nil {
		return 0, err
	}
	if other.Snapshot().Digest() != now.Digest() {
		return 0, fmt.Errorf("zone %s: %w: the journal has all of it, with serial %s, and so has another place, with serial %s", z.Origin(), ErrOutOfSync, other.Snapshot().Serial(), now.Serial())
	}
	return 0, nil
}

// replayFile applies entries to what the zone's file has.
func (j *Journal) replayFile(z *authority.Zone, places []place) (int, error) {
	now, last := z.Snapshot(), places[len(places)-1]
	if now == nil {
		return 0, fmt.Errorf("zone %s: %w: the journal has what was changed since its file, and the file is missing", z.Origin(), ErrOutOfSync)
	}
	first, err := j.read(places[0])
	if err != nil {
		return 0, err
	}
	digest := now.Digest()
	if digest == first.Digest {
		return j.apply(z, places)
	}
	unsaved, isVersion, err := j.since(places, digest)
	if err != nil {
		return 0, err
	}
	base := Entry{Zone: z.Origin(), Class: z.Class(), Source: authority.FromFile, Time: j.options.Now(), kind: based, Digest: digest, Changes: unsaved}
	if unsaved.IsEmpty() {
		base.Changes = authority.ChangeSet{From: now.Serial(), To: now.Serial()}
	}
	switch {
	case isVersion: // the file was written from the zone
		if err := j.appendAndWait(&base); err != nil || unsaved.IsEmpty() {
			return 0, err
		}
		places, start := j.places(z.Origin(), z.Class())
		return j.apply(z, places[start:])
	case unsaved.IsEmpty(): // it was edited while no server ran: the difference cannot be told
		forget := base
		forget.kind = forgot
		j.noteEdited(z, last.to)
		return 0, j.appendAndWait(&forget, &base)
	}
	return 0, fmt.Errorf("zone %s: %w: the file has serial %s, the journal leads from serial %s to %s", z.Origin(), ErrFileChanged, now.Serial(), first.Changes.From, last.to)
}

// noteEdited is what Edited returns.
func (j *Journal) noteEdited(z *authority.Zone, last wire.Serial) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.edited == nil {
		j.edited = map[zoneKey]wire.Serial{}
	}
	j.edited[zoneKey{z.Origin().Key(), z.Class()}] = last
}

// Edited reports, once, that [Journal.Replay] found a zone's file edited that had all changes,
// and the serial number of the version that was the last before. Unless the file has a
// later one, secondaries do not learn of it.
func (j *Journal) Edited(zone wire.Name, class wire.Class) (last wire.Serial, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	key := zoneKey{zone.Key(), class}
	last, ok = j.edited[key]
	delete(j.edited, key)
	return last, ok
}

// since returns what leads from the version with that digest to the last one. If
// there is none, it returns all changes that the zone's file does not have.
func (j *Journal) since(places []place, digest authority.Digest) (changes authority.ChangeSet, ok bool, err error) {
	var at authority.Digest
	for i, p := range places {
		e, err := j.read(p)
		if err != nil {
			return changes, false, err
		}
		if i == 0 {
			at = e.Digest
		}
		if at = at.Apply(&e.Changes); at == digest {
			changes, err = j.sum(places[i+1:])
			return changes, true, err
		}
	}
	changes, err = j.sum(places)
	return changes, false, err
}

// Unsaved returns what leads from the file of a zone to its last version that is
// durable. It is empty if the file has everything, or nothing is known of the zone.
func (j *Journal) Unsaved(zone wire.Name, class wire.Class) (authority.ChangeSet, error) {
	places, start := j.places(zone, class)
	switch {
	case start < 0:
		return authority.ChangeSet{}, nil
	case places[start].kind != based:
		return authority.ChangeSet{}, fmt.Errorf("zone %s: %w: the journal has all of it", zone, ErrOutOfSync)
	}
	return j.sum(places[start:])
}

// Merge applies the changes that are not in the zone's file to a file that was
// edited: see [ErrFileChanged]. What both have done is done; the serial number comes
// after those of both. Differences from before can no longer be told. If the
// changes do not fit to what the file has now, that is an error, and the zone and
// the journal are as before.
func (j *Journal) Merge(z *authority.Zone) (authority.ChangeSet, error) {
	unsaved, err := j.Unsaved(z.Origin(), z.Class())
	if err != nil {
		return unsaved, err
	}
	file := z.Snapshot()
	if file == nil {
		return unsaved, fmt.Errorf("zone %s: %w: its file is missing", z.Origin(), ErrOutOfSync)
	}
	t, err := z.Begin(authority.FromJournal)
	if err != nil {
		return unsaved, err
	}
	defer t.Rollback()
	t.KeepSerial()
	if err := t.MergeUnsaved(unsaved); err != nil {
		return unsaved, err
	}
	if made := t.Changes(); !made.IsEmpty() && !unsaved.To.Less(file.Serial()) {
		t.SetSerial(unsaved.To + 1)
	}
	made, err := t.Commit()
	if err != nil {
		return made, fmt.Errorf("zone file was edited, and the changes in the journal, up to serial %s, do not fit to serial %s in the file: %w", unsaved.To, file.Serial(), err)
	}
	at := Entry{Zone: z.Origin(), Class: z.Class(), Source: authority.FromFile, Time: j.options.Now()}
	forget, base := at, at
	forget.kind = forgot
	base.kind, base.Digest, base.Changes = based, file.Digest(), made
	if err := j.appendAndWait(&forget, &base); err != nil {
		return made, err
	}
	j.setReplayed(z)
	return made, nil
}

// apply applies entries to what the zone has, in one transaction.
func (j *Journal) apply(z *authority.Zone, places []place) (n int, err error) {
	_, err = z.Update(authority.FromJournal, func(t *authority.Txn) error {
		t.KeepSerial()
		for i, p := range places {
			if p.isEmpty || p.kind == based && i > 0 {
				continue
			}
			e, err := j.read(p)
			if err != nil {
				return err
			}
			if err := t.Apply(e.Changes); err != nil {
				return fmt.Errorf("%w: %w", ErrOutOfSync, err)
			}
			n++
		}
		return nil
	})
	return n, err
}

// replayWhole replaces the zone with an entry that has all of it, and applies the
// others.
func (j *Journal) replayWhole(z *authority.Zone, places []place) (int, error) {
	e, err := j.read(places[0])
	if err != nil {
		return 0, err
	}
	var problems diagnostic.List
	b := authority.NewBuilder(z.Origin(), z.Class(), &problems)
	for _, r := range e.Changes.Added {
		b.Add(r, diagnostic.Position{})
	}
	s, err := b.Freeze()
	if err != nil {
		return 0, fmt.Errorf("%s: offset %d: zone %s: %w", j.path(places[0].segment.number), places[0].offset, z.Origin(), err)
	}
	if err := z.Replace(authority.FromJournal, s); err != nil {
		return 0, err
	}
	if len(places) == 1 {
		return 1, nil
	}
	n, err := j.apply(z, places[1:])
	return n + 1, err
}

// Changes returns the differences that lead a zone from a serial number to the
// last version that is durable, oldest first: what an incremental transfer tells
// (RFC 1995 4). There are none if from is the last. [ErrNoChanges] says that a
// full transfer is needed.
func (j *Journal) Changes(zone wire.Name, class wire.Class, from wire.Serial) ([]authority.ChangeSet, error) {
	to, ok := j.lastSerial(zone, class)
	if ok && to == from {
		return nil, nil
	}
	if places := j.way(zone, class, from, to, math.MaxInt64); places != nil {
		return j.readAll(places)
	}
	return nil, fmt.Errorf("zone %s, serial %s: %w", zone, from, ErrNoChanges)
}

// lastSerial is the serial number of the last version of a zone that is durable.
func (j *Journal) lastSerial(zone wire.Name, class wire.Class) (serial wire.Serial, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.zones[zoneKey{zone.Key(), class}]
	if h == nil {
		return 0, false
	}
	return h.entries[len(h.entries)-1].to, true
}

// Between returns the changes that lead from one version to a later one, nil if the
// journal does not have them or they are much larger than the zone. It answers
// incremental transfers.
func (j *Journal) Between(z *authority.Zone, from, to wire.Serial) []authority.ChangeSet {
	s := z.Snapshot()
	if s == nil {
		return nil
	}
	const recordSize = 128 // octets, roughly
	places := j.way(z.Origin(), z.Class(), from, to, 64<<10+recordSize*int64(s.Records()))
	if places == nil {
		return nil
	}
	changes, err := j.readAll(places)
	if err != nil {
		return nil
	}
	return changes
}

// way returns the entries that lead a zone from one version to a later one, nil if that
// cannot be told or they have more octets than room. It takes as long as there are entries
// since from: clients ask for it as often as they like.
func (j *Journal) way(zone wire.Name, class wire.Class, from, to wire.Serial, room int64) (places []place) {
	j.mu.Lock()
	defer j.mu.Unlock()
	h := j.zones[zoneKey{zone.Key(), class}]
	if h == nil {
		return nil
	}
	for i := len(h.entries) - 1; i >= 0; i-- {
		p := &h.entries[i]
		switch n := len(places); {
		case p.kind == based: // it is not a change
			continue
		case n == 0 && p.to != to: // durable, and not visible yet
			continue
		case p.kind == whole || !p.from.Less(p.to) || n > 0 && p.to != places[n-1].from:
			return nil
		}
		if room -= int64(p.length); room < 0 {
			return nil
		}
		if places = append(places, *p); p.from == from {
			slices.Reverse(places)
			return places
		}
	}
	return nil
}

// readTogether is how many octets of entries that follow each other are read at once.
const readTogether = 1 << 20

// readAll reads entries.
func (j *Journal) readAll(places []place) ([]authority.ChangeSet, error) {
	changes := make([]authority.ChangeSet, 0, len(places))
	for len(places) > 0 {
		n, length := 1, places[0].length
		for n < len(places) && places[n-1].isFollowedBy(places[n]) && length+places[n].length <= readTogether {
			length += places[n].length
			n++
		}
		b := make([]byte, length)
		if _, err := places[0].segment.file.ReadAt(b, places[0].offset); err != nil {
			return nil, j.errorAt(places[0], err)
		}
		for _, p := range places[:n] {
			e, err := j.parse(p, b[:p.length:p.length])
			if err != nil {
				return nil, err
			}
			changes, b = append(changes, e.Changes), b[p.length:]
		}
		places = places[n:]
	}
	return changes, nil
}

// isFollowedBy reports whether another entry comes next in the same segment.
func (p place) isFollowedBy(next place) bool {
	return p.segment == next.segment && p.offset+int64(p.length) == next.offset
}

// Entries calls do for each entry of a zone, oldest first, until it returns
// false: the history of the zone.
func (j *Journal) Entries(zone wire.Name, class wire.Class, do func(Entry) bool) error {
	places, _ := j.places(zone, class)
	for _, p := range places {
		e, err := j.read(p)
		if err != nil {
			return err
		}
		if !do(e) {
			return nil
		}
	}
	return nil
}
