package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// servedZones is the zones of the settings and the files they come from.
type servedZones []servedZone

type servedZone struct {
	from   *settings.Zone // one of those of the settings: it is not written to
	loader *authority.Loader
	file   *sync.Mutex       // held while the file is read again or written
	zones  []*authority.Zone // of the file: one, or for a pyzone with names outside its own zone more
}

// freeMemory gives back what reading or signing so many records took: that is more than
// keeping them takes, and the runtime would hold on to it for minutes.
func freeMemory(records int64) {
	const many = 1000
	if records > many {
		debug.FreeOSMemory()
	}
}

// manyZones is from how many zones on the log tells what all of them came to
// instead of a line for each.
const manyZones = 100

// detailLevel is the level of log lines about each of n zones.
func detailLevel(n int) slog.Level {
	if n < manyZones {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// loadZones reads every file. A zone with an error stops the start, but not
// before the errors of all zones have been logged.
func loadZones(ctx context.Context, files []settings.Zone, journals *journals, progress progress, log *slog.Logger) (servedZones, error) {
	if len(files) == 0 {
		return nil, nil
	}
	zones := make(servedZones, len(files))
	failed := make([]bool, len(files))
	var done, records atomic.Int64
	finish := progress.tell(&done, len(files), log)
	eachInParallel(len(files), func(i int) {
		defer done.Add(1)
		if ctx.Err() != nil {
			return
		}
		from := &files[i]
		loader := &authority.Loader{File: fileOf(from), Context: ctx}
		snapshots, err := loadZone(loader, log, detailLevel(len(files)))
		if err == nil {
			err = digested(from, snapshots, log)
		}
		if err != nil {
			failed[i] = true
			return
		}
		zones[i] = servedZone{from: from, loader: loader, file: new(sync.Mutex)}
		for _, s := range snapshots {
			records.Add(int64(s.Records()))
			zones[i].zones = append(zones[i].zones, authority.NewZone(s))
		}
		if err := journals.replay(from, &zones[i]); err != nil {
			log.Error("zone cannot be served", "error", err)
			failed[i] = true
		}
	})
	finish()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i := range failed {
		if failed[i] {
			if zones[i].loader != nil {
				return nil, fmt.Errorf("zone file %s and the journal do not go together; \"names journal print\" shows what is in it", files[i].Path)
			}
			return nil, fmt.Errorf("zone file %s has errors; \"names check\" shows them without starting a server", files[i].Path)
		}
	}
	if len(files) >= manyZones {
		log.Info("zones loaded", "zones", len(files), "records", records.Load())
	}
	freeMemory(records.Load())
	return zones, nil
}

// progress is called with how many zones are loaded of how many, in the end with all;
// nil if only the log is to say it.
type progress func(done, of int)

const (
	// progressInterval is how often progress is logged while many zones load.
	progressInterval = 5 * time.Second
	// barInterval is how often progress is shown to people who look at it.
	barInterval = progressInterval / 25
)

// tell logs how many zones are done, and calls p with it, until finish is called.
func (p progress) tell(done *atomic.Int64, of int, log *slog.Logger) (finish func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(barInterval)
		defer ticks.Stop()
		for tick := 1; ; tick++ {
			select {
			case <-ticks.C:
			case <-end:
				if p != nil {
					p(of, of)
				}
				return
			}
			n := int(done.Load())
			if p != nil {
				p(n, of)
			}
			if tick%int(progressInterval/barInterval) == 0 {
				log.Info("loading zones", "done", n, "of", of, "percent", 100*n/of)
			}
		}
	}()
	return func() {
		close(end)
		<-ended
	}
}

// loadZone reads one file and logs what is wrong with it, and at that level
// what is in it.
func loadZone(loader *authority.Loader, log *slog.Logger, level slog.Level) ([]*authority.Snapshot, error) {
	var problems diagnostic.List
	snapshots, err := loader.LoadAll(&problems)
	if errors.Is(err, context.Canceled) {
		return nil, err
	}
	logProblems(&problems, err, loader.File, log)
	if err != nil {
		return nil, err
	}
	for i, snapshot := range snapshots {
		if i > 0 {
			level = detailLevel(len(snapshots))
		}
		log.Log(context.Background(), level, "zone loaded", "zone", snapshot.Origin().String(), "serial", snapshot.Serial().String(),
			"records", snapshot.Records(), "file", loader.File.Path)
	}
	return snapshots, nil
}

// logProblems logs what is wrong with a file.
func logProblems(problems *diagnostic.List, err error, file authority.File, log *slog.Logger) {
	for _, p := range problems.Problems {
		if p.Warning {
			log.Warn("zone file", "at", p.Position.String(), "warning", p.Err)
		} else {
			log.Error("zone file", "at", p.Position.String(), "error", p.Err)
		}
	}
	if more := problems.Errors + problems.Warnings - len(problems.Problems); more > 0 {
		log.Warn("zone file has more problems than are shown", "file", file.Path, "more", more)
	}
	if err != nil && !errors.As(err, new(*diagnostic.List)) {
		log.Error("zone file", "error", err)
	}
}

// served is the zones as a set wants them. A name outside the zone of a pyzone that
// another file has a zone for is that file's, and the first one's if several
// pyzones have it.
func (z servedZones) served() []*authority.Zone {
	zones, more := make([]*authority.Zone, len(z)), false
	for i := range z {
		zones[i] = z[i].zones[0]
		more = more || len(z[i].zones) > 1
	}
	if !more {
		return zones
	}
	taken := make(map[wire.Key]bool, len(z))
	for _, zone := range zones {
		taken[zone.Origin().Key()] = true
	}
	for i := range z {
		for _, zone := range z[i].zones[1:] {
			if key := zone.Origin().Key(); !taken[key] {
				taken[key] = true
				zones = append(zones, zone)
			}
		}
	}
	return zones
}

// change returns the zones of next: those that are served already, and others
// that are read from their files.
func (z servedZones) change(ctx context.Context, next []settings.Zone, journals *journals, progress progress, log *slog.Logger) (servedZones, error) {
	before := make([]settings.Source, len(z))
	for i := range z {
		before[i] = z[i].from.Source()
	}
	var missing []settings.Zone
	found := settings.MatchSources(before, settings.Sources(next))
	for i, j := range found {
		if j < 0 {
			missing = append(missing, next[i])
		}
	}
	loaded, err := loadZones(ctx, missing, journals, progress, log)
	if err != nil {
		return nil, err
	}
	all := make(servedZones, len(next))
	for i, j := range found {
		if j < 0 {
			all[i], loaded = loaded[0], loaded[1:]
		} else {
			all[i] = z[j]
		}
		all[i].from = &next[i]
	}
	return all, nil
}

// reload reads every file again that may have changed. A zone whose file has an
// error stays as it was. If a file has other zones now, settle serves them.
func (z servedZones) reload(ctx context.Context, progress progress, settle func() error, log *slog.Logger) reloadReply {
	log.Info("reloading zones")
	var otherZones atomic.Bool
	var done, failed, changed, read atomic.Int64
	finish := progress.tell(&done, len(z), log)
	eachInParallel(len(z), func(i int) {
		defer done.Add(1)
		if ctx.Err() != nil {
			return
		}
		before := z[i].zones
		what, err := z[i].reload(log, detailLevel(len(z)))
		switch {
		case err != nil:
			failed.Add(1)
		case what.Replaced || !what.Changes.IsEmpty():
			changed.Add(1)
		}
		if what.Replaced {
			read.Add(int64(z[i].zones[0].Stats().Records))
		}
		read.Add(int64(len(what.Changes.Added) + len(what.Changes.Removed)))
		if !slices.Equal(before, z[i].zones) {
			otherZones.Store(true)
		}
	})
	finish()
	if len(z) >= manyZones {
		log.Info("zones reloaded", "zones", len(z), "changed", changed.Load(), "failed", failed.Load())
	}
	freeMemory(read.Load())
	if otherZones.Load() {
		if err := settle(); err != nil {
			log.Error("zones reloaded", "error", err)
		}
	}
	return reloadReply{Zones: len(z), Changed: int(changed.Load()), Failed: int(failed.Load())}
}

// reload brings the zone up to what its file has, and logs what came of it, at
// that level if nothing did.
func (z *servedZone) reload(log *slog.Logger, level slog.Level) (authority.ReloadResult, error) {
	if z.from.IsProduced() {
		return authority.ReloadResult{}, nil
	}
	z.file.Lock()
	defer z.file.Unlock()
	var problems diagnostic.List
	zones, what, err := z.loader.ReloadAll(z.zones, &problems)
	if errors.Is(err, context.Canceled) {
		return what, err
	}
	if err == nil && !what.Replaced && what.Changes.IsEmpty() && len(problems.Problems) == 0 && !log.Enabled(context.Background(), level) {
		return what, nil // as are most of many
	}
	logProblems(&problems, err, z.loader.File, log)
	z.zones = zones
	s := zones[0].Snapshot()
	log = log.With("zone", s.Origin().String(), "serial", s.Serial().String(), "file", z.loader.File.Path)
	switch {
	case err != nil:
		log.Error("reload failed, still serving the previous version", "error", firstLine(err))
	case what.Replaced:
		log.Info("zone loaded", "records", s.Records())
	case what.Changes.IsEmpty():
		log.Log(context.Background(), level, "zone has not changed", "records", s.Records())
	default:
		log.Info("zone changed", "records", s.Records(), "added", len(what.Changes.Added), "removed", len(what.Changes.Removed))
	}
	return what, err
}

// firstLine is the first of the errors that err lists: all were logged before.
func firstLine(err error) error {
	var l *diagnostic.List
	if errors.As(err, &l) {
		for _, p := range l.Problems {
			if !p.Warning {
				return p
			}
		}
	}
	return err
}

// cores is how many there are; GOMAXPROCS is more while threads are dedicated
// to receiving (see listener.Config).
var cores = runtime.GOMAXPROCS(0)

// eachInParallel calls do(0) … do(n-1), as many at once as there are cores.
func eachInParallel(n int, do func(i int)) {
	var all sync.WaitGroup
	var next atomic.Int64
	for range min(cores, n) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}
