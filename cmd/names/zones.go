package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
)

// servedZones is the zones of the command line and the files they come from.
type servedZones []servedZone

type servedZone struct {
	loader *authority.Loader
	zone   *authority.Zone
}

// Reading a zone takes more memory than keeping it, and the runtime would hold
// on to that for minutes: where zones are loaded, the rest is given back.

// manyZones is from how many zones on the log tells what all of them came to
// instead of something about each.
const manyZones = 100

// detailLevel is the level of what is told about each of n zones.
func detailLevel(n int) slog.Level {
	if n < manyZones {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// loadZones reads every file. A zone with an error stops the start, but not
// before the errors of all zones have been logged.
func loadZones(files []authority.File, log *slog.Logger) (servedZones, error) {
	zones := make(servedZones, len(files))
	failed := make([]bool, len(files))
	var done, records atomic.Int64
	finish := tellProgress(&done, len(files), log)
	eachInParallel(len(files), func(i int) {
		defer done.Add(1)
		loader := &authority.Loader{File: files[i]}
		snapshot, err := loadZone(loader, log, detailLevel(len(files)))
		if err != nil {
			failed[i] = true
			return
		}
		records.Add(int64(snapshot.Records()))
		zones[i] = servedZone{loader, authority.NewZone(snapshot)}
	})
	finish()
	for i := range failed {
		if failed[i] {
			return nil, fmt.Errorf("zone file %s has errors; \"names check\" shows them without starting a server", files[i].Path)
		}
	}
	if len(files) >= manyZones {
		log.Info("zones loaded", "zones", len(files), "records", records.Load())
	}
	debug.FreeOSMemory()
	return zones, nil
}

// progressInterval is how often who waits for many zones hears of them.
const progressInterval = 5 * time.Second

// tellProgress logs how many zones are done until finish is called.
func tellProgress(done *atomic.Int64, of int, log *slog.Logger) (finish func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(progressInterval)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				log.Info("loading zones", "done", done.Load(), "of", of)
			case <-end:
				return
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
func loadZone(loader *authority.Loader, log *slog.Logger, level slog.Level) (*authority.Snapshot, error) {
	var problems diagnostic.List
	snapshot, err := loader.Load(&problems)
	logProblems(&problems, err, loader.File, log)
	if err != nil {
		return nil, err
	}
	if log.Enabled(context.Background(), level) {
		log.Log(context.Background(), level, "zone loaded", "zone", snapshot.Origin().String(), "serial", snapshot.Serial().String(),
			"records", snapshot.Records(), "file", loader.File.Path)
	}
	return snapshot, nil
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

// served is the zones as a set wants them.
func (z servedZones) served() []*authority.Zone {
	zones := make([]*authority.Zone, len(z))
	for i := range z {
		zones[i] = z[i].zone
	}
	return zones
}

// reloadOn reloads at each of hangups until ctx is done. The zones are those of
// set, which looks again how large they are where much has changed.
func (z servedZones) reloadOn(ctx context.Context, hangups <-chan struct{}, set *authority.Set, log *slog.Logger) {
	for {
		select {
		case <-hangups:
			if tookMuch := z.reload(log); tookMuch {
				debug.FreeOSMemory()
				if err := set.SetZones(z.served()); err != nil {
					log.Error("zones reloaded", "error", err)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// reload reads every file again that may have changed. A zone whose file has an
// error is served on as it was. It reports whether much has changed.
func (z servedZones) reload(log *slog.Logger) bool {
	log.Info("reloading zones")
	var tookMuch atomic.Bool
	var done, failed, changed atomic.Int64
	finish := tellProgress(&done, len(z), log)
	eachInParallel(len(z), func(i int) {
		defer done.Add(1)
		what, err := z[i].reload(log, detailLevel(len(z)))
		switch {
		case err != nil:
			failed.Add(1)
		case what.Whole || !what.Changes.IsEmpty():
			changed.Add(1)
		}
		if what.Whole || len(what.Changes.Added)+len(what.Changes.Removed) > manyChanges {
			tookMuch.Store(true)
		}
	})
	finish()
	if len(z) >= manyZones {
		log.Info("zones reloaded", "zones", len(z), "changed", changed.Load(), "failed", failed.Load())
	}
	return tookMuch.Load()
}

// manyChanges is how many records a reload changes that takes much memory.
const manyChanges = 1000

// reload brings the zone up to what its file has, and logs what came of it, at
// that level where nothing did.
func (z *servedZone) reload(log *slog.Logger, level slog.Level) (authority.Reloaded, error) {
	var problems diagnostic.List
	what, err := z.loader.Reload(z.zone, &problems)
	logProblems(&problems, err, z.loader.File, log)
	s := z.zone.Snapshot()
	log = log.With("zone", s.Origin().String(), "serial", s.Serial().String(), "file", z.loader.File.Path)
	switch {
	case err != nil:
		log.Error("zone not reloaded: the old version is served on", "error", firstLine(err))
	case what.Whole:
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
