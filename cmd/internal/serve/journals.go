package serve

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/journal"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// journals is the journal of a server, and what it has to do with zone files. Nil:
// there is none.
type journals struct {
	*journal.Journal
	log   *slog.Logger
	syncs syncs

	aliased aliased // as of the last time that the server ran
}

// openJournals opens the journal. It returns nil if there is to be none.
func openJournals(s *settings.Journal, log *slog.Logger) (*journals, error) {
	if s.Dir == "" {
		return nil, nil
	}
	j, err := journal.Open(journal.Options{Dir: s.Dir, MaxSize: s.MaxSize, MaxAge: s.MaxAge})
	if err != nil {
		return nil, err
	}
	all := &journals{Journal: j, log: log}
	all.aliased.read(s.Dir, log)
	all.syncs.begin(all)
	return all, nil
}

// covers reports whether changes of a zone are kept.
func (j *journals) covers(z *settings.Zone) bool {
	return j != nil && !z.NoJournal && z.Format == authority.MasterFile
}

// replay brings a zone that was read from its file to what was acknowledged.
func (j *journals) replay(from *settings.Zone, z *servedZone) error {
	if j == nil {
		return nil
	}
	zone := z.zones[0]
	log := j.log.With("zone", zone.Origin().String())
	if !j.covers(from) {
		return j.discard(zone)
	}
	before := zone.Snapshot()
	file := before.Serial()
	wasSigned := zone.Snapshot().Signed() != ""
	n, err := j.Replay(zone)
	if last, ok := j.Edited(zone.Origin(), zone.Class()); ok && err == nil && !last.Less(file) {
		log.Warn("zone file was edited while no server ran, and its serial number does not come after the one that was served: secondaries do not learn of it",
			"file", from.Path, "file_serial", file.String(), "served_serial", last.String())
	}
	switch {
	case errors.Is(err, journal.ErrOutOfSync) && j.isCopy(zone):
		log.Warn("zone came from primaries before, and has a file now; what the journal has of it is dropped", "file", from.Path, "error", err)
		err = j.Forget(zone.Origin(), zone.Class())
	case errors.Is(err, journal.ErrFileChanged):
		var made authority.ChangeSet
		if made, err = j.Merge(zone); err == nil {
			log.Warn("zone file was edited while the journal had changes that are not in it; both are served", "file", from.Path,
				"file_serial", file.String(), "serial", zone.Snapshot().Serial().String(), "added", len(made.Added), "removed", len(made.Removed))
			j.aliased.compare(zone, before)
		}
	case n > 0 && err == nil:
		log.Log(context.Background(), slog.LevelInfo, "journal replayed", "changes", n, "file_serial", file.String(), "serial", zone.Snapshot().Serial().String())
	}
	if err == nil && from.Sign == "" && !wasSigned && zone.Snapshot().Signed() != "" {
		log.Warn("zone is not signed here now; its signatures and keys are taken out", "file", from.Path)
		_, err = zone.Update(authority.FromJournal, func(t *authority.Txn) error {
			sign.Remove(t)
			return nil
		})
	}
	if err != nil {
		return err
	}
	z.loader.Unsaved = func(zone *authority.Zone) (authority.ChangeSet, error) { return j.Unsaved(zone.Origin(), zone.Class()) }
	return nil
}

// isCopy reports whether the journal has all of a zone because a primary sent it.
func (j *journals) isCopy(zone *authority.Zone) bool {
	if _, ok := j.Whole(zone.Origin(), zone.Class()); !ok {
		return false
	}
	var last journal.Entry
	err := j.Entries(zone.Origin(), zone.Class(), func(e journal.Entry) bool {
		if e.IsWhole {
			last = e
		}
		return true
	})
	return err == nil && last.Source == authority.FromTransfer
}

// discard drops what the journal has of a zone that has no journal any longer.
func (j *journals) discard(zone *authority.Zone) error {
	if !j.Has(zone.Origin(), zone.Class()) {
		return nil
	}
	unsaved, err := j.Unsaved(zone.Origin(), zone.Class())
	if !unsaved.IsEmpty() || err != nil {
		j.log.Warn("zone has no journal now; changes that are not in its file are dropped", "zone", zone.Origin().String(),
			"added", len(unsaved.Added), "removed", len(unsaved.Removed))
	}
	return j.Forget(zone.Origin(), zone.Class())
}

// forget drops what is kept of zones whose journal was switched off. What is kept
// of zones that were removed stays: they may come back.
func (j *journals) forget(before, now servedZones) {
	if j == nil {
		return
	}
	covered := map[*authority.Zone]bool{}
	for i := range before {
		covered[before[i].zones[0]] = j.covers(before[i].from)
	}
	for i := range now {
		if zone := now[i].zones[0]; covered[zone] && !j.covers(now[i].from) {
			if err := j.discard(zone); err != nil {
				j.log.Error("journal", "zone", zone.Origin().String(), "error", err)
			}
		}
	}
}

// limit bounds what is kept as settings say now.
func (j *journals) limit(s *settings.Journal) {
	if j != nil {
		j.SetLimits(s.MaxSize, s.MaxAge)
	}
}

// trimInterval is how often the journal is looked at for what is too old.
const trimInterval = 10 * time.Minute

// run writes zone files and drops what is old, until ctx is done.
func (j *journals) run(ctx context.Context) {
	trim := time.NewTicker(trimInterval)
	defer trim.Stop()
	for {
		next := j.syncs.due()
		select {
		case <-trim.C:
			j.Trim()
		case <-j.syncs.more:
		case <-next:
			j.syncs.write(false)
		case <-ctx.Done():
			j.syncs.write(true)
			return
		}
	}
}

func (j *journals) close() {
	if j == nil {
		return
	}
	if err := j.Close(); err != nil {
		j.log.Error("journal", "error", err)
	}
}

// errNotJournaled is why a zone cannot be written to its file.
var errNotJournaled = errors.New("its changes are not kept in a journal")

// writeFile writes a zone to its file now.
func (j *journals) writeFile(z *servedZone) error {
	zone := z.zones[0]
	if !j.covers(z.from) {
		return fmt.Errorf("zone %v: %w", zone.Origin(), errNotJournaled)
	}
	if z.from.Sign != "" {
		return fmt.Errorf("zone %v: it is signed here, and its file stays unsigned", zone.Origin())
	}
	if z.from.IsProduced() {
		return fmt.Errorf("zone %v: it is a catalog that is made here, and has no file", zone.Origin())
	}
	snapshot := zone.Snapshot()
	if snapshot == nil {
		return fmt.Errorf("zone %v is not loaded", zone.Origin())
	}
	unsaved, err := j.Unsaved(zone.Origin(), zone.Class())
	if err != nil {
		return err
	}
	derived := snapshot.Derived()
	if isInFile(unsaved, derived) {
		return nil
	}
	z.file.Lock()
	defer z.file.Unlock()
	if z.loader.HasChanged() {
		return fmt.Errorf("zone %v: its file %s was edited: reload it first", zone.Origin(), z.from.Path)
	}
	if err := z.loader.WriteFile(snapshot); err != nil {
		return fmt.Errorf("zone %v: %w", zone.Origin(), err)
	}
	if err := j.SavedBut(snapshot, derived); err != nil {
		return err
	}
	j.log.Info("zone file written", "zone", zone.Origin().String(), "file", z.from.Path, "serial", snapshot.Serial().String())
	return nil
}

// isInFile reports whether a zone's file has all but what is derived from ALIAS
// records, and serial numbers that come of that.
func isInFile(unsaved, derived authority.ChangeSet) bool {
	if unsaved.IsEmpty() || derived.IsEmpty() {
		return unsaved.IsEmpty()
	}
	owners := map[wire.Key]bool{}
	for _, r := range derived.Added {
		owners[r.Name.Key()] = true
	}
	isOther := func(r wire.Record) bool {
		return r.Type != wire.TypeSOA && !(authority.IsAddress(r.Type) && owners[r.Name.Key()])
	}
	if !sameButSerial(unsaved.Removed, unsaved.Added) {
		return false
	}
	return !slices.ContainsFunc(unsaved.Added, isOther) && !slices.ContainsFunc(unsaved.Removed, isOther)
}

// sameButSerial reports whether the SOA records of a difference have nothing else in it.
func sameButSerial(removed, added []wire.Record) bool {
	soa := func(all []wire.Record) (r wire.Record) {
		if i := slices.IndexFunc(all, func(r wire.Record) bool { return r.Type == wire.TypeSOA }); i >= 0 {
			r = all[i].Clone()
			copy(r.Data[len(r.Data)-20:], []byte{0, 0, 0, 0})
		}
		return r
	}
	before, after := soa(removed), soa(added)
	return before.TTL == after.TTL && bytes.Equal(before.Data, after.Data)
}
