package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
)

// Who waits for many zones hears now and then how many are done, and nothing
// more once they are.
func TestZonesProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := new(logRecorder)
		var done atomic.Int64
		finish := tellProgress(&done, 300, slog.New(slog.NewTextHandler(record, nil)))
		for range 2 {
			<-time.After(progressInterval - time.Second)
			done.Add(100)
		}
		finish()
		<-time.After(2 * progressInterval)
		if log := record.String(); strings.Count(log, "loading zones") != 1 || !strings.Contains(log, "done=100 of=300") {
			t.Errorf("the log says:\n%s", log)
		}
	})
}

// A zone that has grown in a reload is large from then on.
func TestZoneGrowsLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.example")
	writeFile(t, path, smallZone)
	log := slog.New(slog.DiscardHandler)
	zones, err := loadZones([]authority.File{{Path: path}}, log)
	if err != nil {
		t.Fatal(err)
	}
	set := new(authority.Set)
	if err := set.SetZones(zones.served()); err != nil {
		t.Fatal(err)
	}
	if set.Anticipates() {
		t.Error("three records are a large zone")
	}
	large := strings.Builder{}
	large.WriteString(strings.Replace(smallZone, "SOA ns h 1", "SOA ns h 2", 1))
	for i := range 60_000 {
		large.WriteString("h" + strconv.Itoa(i) + " A 192.0.2.1\n")
	}
	writeFile(t, path, large.String())
	ctx, end := context.WithCancel(t.Context())
	hangups, ended := make(chan struct{}), make(chan struct{})
	go func() {
		zones.reloadOn(ctx, hangups, set, log)
		close(ended)
	}()
	hangups <- struct{}{}
	hangups <- struct{}{} // received when the first has been heeded
	end()
	<-ended
	if !set.Anticipates() {
		t.Errorf("%d records are no large zone", zones[0].zone.Snapshot().Records())
	}
}
