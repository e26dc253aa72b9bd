package serve

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/settings"
)

// Who waits for many zones hears now and then how many are done, and nothing
// more once they are.
func TestZonesProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := new(logRecorder)
		var done atomic.Int64
		finish := progress(nil).tell(&done, 300, slog.New(slog.NewTextHandler(record, nil)))
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
	zones, err := loadZones(t.Context(), []settings.Zone{{Path: path}}, nil, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	set := new(authority.Set)
	if err := set.SetZones(zones.served()); err != nil {
		t.Fatal(err)
	}
	if set.WantsBatches() {
		t.Error("three records are a large zone")
	}
	large := strings.Builder{}
	large.WriteString(strings.Replace(smallZone, "SOA ns h 1", "SOA ns h 2", 1))
	for i := range 60_000 {
		large.WriteString("h" + strconv.Itoa(i) + " A 192.0.2.1\n")
	}
	writeFile(t, path, large.String())
	zones.reload(t.Context(), nil, func() error { return set.SetZones(zones.served()) }, log)
	if !set.WantsBatches() {
		t.Errorf("%d records are not a large zone", zones[0].zones[0].Snapshot().Records())
	}
}

// A name outside the zone of a pyzone is served, unless another file has a zone for
// it.
func TestZonesOfPyzones(t *testing.T) {
	dir := t.TempDir()
	const rest = ", 'ns.test', 'h.test'), NS('%[1]s', 'ns.test'), PTR('1.2.0.192.in-addr.arpa', '%[1]s'), PTR('2.2.0.192.in-addr.arpa', '%[1]s')]"
	var files []settings.Zone
	for _, name := range []string{"one.example", "two.example"} {
		path := filepath.Join(dir, name+".py")
		writeFile(t, path, fmt.Sprintf("zone = [SOA('%[1]s'"+rest, name))
		files = append(files, settings.Zone{Path: path, Format: authority.Pyzone})
	}
	path := filepath.Join(dir, "2.2.0.192.in-addr.arpa")
	writeFile(t, path, smallZone)
	files = append(files, settings.Zone{Path: path})
	zones, err := loadZones(t.Context(), files, nil, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	served := zones.served()
	set := new(authority.Set)
	if err := set.SetZones(served); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, z := range served {
		got = append(got, fmt.Sprintf("%s %d", z.Origin(), z.Snapshot().Records()))
	}
	want := []string{"one.example. 2", "two.example. 2", "2.2.0.192.in-addr.arpa. 3", "1.2.0.192.in-addr.arpa. 3"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
