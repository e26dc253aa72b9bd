package serve

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// A zone file is written so long after the first change that it does not have, once for
// all changes until then. What a person has written meanwhile stays, and is tried again.
func TestZoneFileSync(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "example.org")
	writeFile(t, path, smallZone)
	synctest.Test(t, func(t *testing.T) {
		record := new(logRecorder)
		log := newLog(record)
		j, err := openJournals(&settings.Journal{Dir: filepath.Join(dir, "journal")}, log)
		if err != nil {
			t.Fatal(err)
		}
		defer j.close()
		const after = 5 * time.Minute
		origin := wire.MustParseName("example.org.")
		zones, err := loadZones(t.Context(), []settings.Zone{{Origin: origin, Path: path, Format: authority.MasterFile, SyncAfter: after}}, j, nil, log)
		if err != nil {
			t.Fatal(err)
		}
		zone := zones[0].zones[0]
		zone.SetPipeline(&authority.Pipeline{Journal: j, Tell: []authority.Subscriber{j.syncs.receive}})
		j.syncs.set(zones)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { j.run(ctx); close(ended) }()
		// began is the start; at lets time pass until so long after it.
		began := time.Now()
		at := func(d time.Duration) {
			time.Sleep(time.Until(began.Add(d)))
			synctest.Wait()
		}
		add := func(label string) {
			t.Helper()
			owner := wire.MustParseName(label + ".example.org.")
			_, err := zone.Update(authority.FromControl, func(t *authority.Txn) error {
				return t.Add(wire.Record{Name: owner, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 80}})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		inFile := func(when string, labels ...string) {
			t.Helper()
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, label := range []string{"a", "b", "c", "d", "e"} {
				want := strings.Contains(strings.Join(labels, " "), label)
				if got := strings.Contains(string(text), "\n"+label+".example.org."); got != want {
					t.Errorf("%s: %s is in the file: %v\n%s", when, label, got, text)
				}
			}
		}
		failures := func() int { return strings.Count(record.String(), "zone file is not written") }

		at(after)
		if text, _ := os.ReadFile(path); string(text) != smallZone {
			t.Errorf("the file is written without a change:\n%s", text)
		}
		at(10 * time.Minute)
		add("a")
		at(12 * time.Minute)
		add("b")
		at(15*time.Minute - time.Second)
		inFile("before its time")
		at(15 * time.Minute)
		inFile("five minutes after the first change", "a", "b")
		at(20 * time.Minute)
		if n := strings.Count(record.String(), `msg="zone file written"`); n != 1 {
			t.Errorf("written %d times:\n%s", n, record.String())
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, string(text)+"c.example.org. 60 A 192.0.2.80\n")
		add("d")
		at(25 * time.Minute)
		inFile("edited", "a", "b", "c")
		if failures() != 1 || !strings.Contains(record.String(), "was edited: reload it first") {
			t.Errorf("log:\n%s", record.String())
		}
		at(45 * time.Minute)
		if failures() != 1 {
			t.Errorf("it is said more than once:\n%s", record.String())
		}
		if _, err := zones[0].reload(log, slog.LevelInfo); err != nil {
			t.Fatal(err)
		}
		at(50 * time.Minute)
		inFile("after a reload", "a", "b", "c", "d")
		add("e")
		cancel()
		<-ended
		inFile("when it ends", "a", "b", "c", "d", "e")
	})
}
