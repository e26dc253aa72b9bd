package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
)

// servedZones is the zones of the command line and the files they come from.
type servedZones []servedZone

type servedZone struct {
	file authority.File
	zone *authority.Zone
}

// Reading a zone takes more memory than keeping it, and the runtime would hold
// on to that for minutes: where zones are loaded, the rest is given back.

// loadZones reads every file. A zone with an error stops the start, but not
// before the errors of all zones have been logged.
func loadZones(files []authority.File, log *slog.Logger) (servedZones, error) {
	zones := make(servedZones, len(files))
	failed := make([]bool, len(files))
	eachInParallel(len(files), func(i int) {
		snapshot, err := loadZone(files[i], log)
		if err != nil {
			failed[i] = true
			return
		}
		zones[i] = servedZone{files[i], authority.NewZone(snapshot)}
	})
	for i := range failed {
		if failed[i] {
			return nil, fmt.Errorf("zone file %s has errors; \"names check\" shows them without starting a server", files[i].Path)
		}
	}
	debug.FreeOSMemory()
	return zones, nil
}

// loadZone reads one file and logs what is wrong with it.
func loadZone(file authority.File, log *slog.Logger) (*authority.Snapshot, error) {
	var problems diagnostic.List
	snapshot, err := file.Load(&problems)
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
	if err != nil {
		if !errors.As(err, new(*diagnostic.List)) {
			log.Error("zone file", "error", err)
		}
		return nil, err
	}
	log.Info("zone loaded", "zone", snapshot.Origin().String(), "serial", snapshot.Serial().String(),
		"records", snapshot.Records(), "file", file.Path)
	return snapshot, nil
}

// served is the zones as a set wants them.
func (z servedZones) served() []*authority.Zone {
	zones := make([]*authority.Zone, len(z))
	for i := range z {
		zones[i] = z[i].zone
	}
	return zones
}

// reloadOn reloads at each of hangups until ctx is done.
func (z servedZones) reloadOn(ctx context.Context, hangups <-chan struct{}, log *slog.Logger) {
	for {
		select {
		case <-hangups:
			z.reload(log)
		case <-ctx.Done():
			return
		}
	}
}

// reload reads every file again. A zone whose file has an error is served on
// as it was.
func (z servedZones) reload(log *slog.Logger) {
	log.Info("reloading zones")
	eachInParallel(len(z), func(i int) {
		// The zone's name is settled: a file that says another one is wrong.
		file := z[i].file
		snapshot, err := loadZone(file, log)
		if err == nil && !snapshot.Origin().Equal(z[i].zone.Origin()) {
			err = fmt.Errorf("the file now holds the zone %s", snapshot.Origin())
		}
		if err != nil {
			old := z[i].zone.Snapshot()
			log.Error("zone not reloaded: the old version is served on",
				"zone", old.Origin().String(), "serial", old.Serial().String(), "file", file.Path, "error", firstLine(err))
			return
		}
		z[i].zone.Replace(snapshot)
	})
	debug.FreeOSMemory()
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

// eachInParallel calls do(0) … do(n-1), as many at once as there are cores.
func eachInParallel(n int, do func(i int)) {
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range n {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	wait.Wait()
}
