package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/wire"
)

// addAddress adds an address to a zone that is served.
func addAddress(t *testing.T, s *Server, name string) {
	t.Helper()
	owner := wire.MustParseName(name)
	_, err := s.set.Closest(owner, wire.ClassIN).Update(authority.FromControl, func(t *authority.Txn) error {
		return t.Add(wire.Record{Name: owner, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 80}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Changes of a zone are there after a restart; a file that is edited meanwhile is
// served with them; a zone without a journal has only what its file has.
func TestJournalRestart(t *testing.T) {
	dir := t.TempDir()
	zone, kept := filepath.Join(dir, "example.org"), filepath.Join(dir, "journal")
	writeFile(t, zone, smallZone)
	config := filepath.Join(dir, "names.toml")
	write := func(more string) {
		writeFile(t, config, "[listen]\naddress = [\"127.0.0.1:0\"]\n[journal]\ndir = \"journal\"\n[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\n"+more)
	}
	write("")
	serial := func(s *Server) wire.Serial { return s.set.Zones()[0].Snapshot().Serial() }
	has := func(s *Server, name string, want bool) {
		t.Helper()
		m := askServer(t, "udp", s.listener.Addresses()[0], name, wire.TypeA, wire.ClassIN)
		if got := len(m.Answers) == 1; got != want {
			t.Errorf("%s is served: %v (%v)", name, got, m.RCode)
		}
	}
	t.Run("first", func(t *testing.T) {
		s, _ := startFromFile(t, config)
		addAddress(t, s, "www.example.org")
		has(s, "www.example.org.", true)
		if _, err := Start(t.Context(), parse(t, listening("--bindzone", zone, "--journal", kept)...), newLog(new(logRecorder))); err == nil || !strings.Contains(err.Error(), "another process has the journal open") {
			t.Errorf("a second server: %v", err)
		}
	})
	t.Run("restarted, and edited", func(t *testing.T) {
		s, log := startFromFile(t, config)
		has(s, "www.example.org.", true)
		if !strings.Contains(log(), "journal replayed") || serial(s) != 2 {
			t.Errorf("serial %s, log:\n%s", serial(s), log())
		}
		writeFile(t, zone, smallZone+"edited A 192.0.2.3\n")
		if _, err := s.reload(); err != nil {
			t.Fatal(err)
		}
		has(s, "edited.example.org.", true)
		has(s, "www.example.org.", true)
		if serial(s) != 3 {
			t.Errorf("serial %s", serial(s))
		}
	})
	writeFile(t, zone, smallZone+"edited A 192.0.2.3\nagain A 192.0.2.4\n")
	t.Run("edited while stopped", func(t *testing.T) {
		s, log := startFromFile(t, config)
		for _, name := range []string{"edited", "again", "www"} {
			has(s, name+".example.org.", true)
		}
		if !strings.Contains(log(), "zone file was edited while the journal had changes") || serial(s) != 4 {
			t.Errorf("serial %s, log:\n%s", serial(s), log())
		}
		if _, err := s.doZoneSync(t.Context(), []string{"example.org"}); err != nil {
			t.Fatal(err)
		}
		addAddress(t, s, "more.example.org")
	})
	if text, err := os.ReadFile(zone); err != nil || !strings.Contains(string(text), "www.example.org.\t60\tIN\tA\t192.0.2.80\n") {
		t.Errorf("%v; the zone file:\n%s", err, text)
	}
	t.Run("written back", func(t *testing.T) {
		s, log := startFromFile(t, config)
		for _, name := range []string{"edited", "again", "www", "more"} {
			has(s, name+".example.org.", true)
		}
		if !strings.Contains(log(), "changes=1 ") {
			t.Errorf("log:\n%s", log())
		}
	})
	writeFile(t, zone, smallZone+"; a comment\n")
	t.Run("a comment stays", func(t *testing.T) {
		s, _ := startFromFile(t, config)
		has(s, "www.example.org.", false) // it was in the file that was replaced
		has(s, "more.example.org.", true)
		if _, err := s.doZoneSync(t.Context(), []string{"example.org"}); err == nil || !strings.Contains(err.Error(), "example.org:5: file would lose what a person has written: a comment") {
			t.Errorf("%v", err)
		}
	})
	write("journal = false\n")
	t.Run("switched off", func(t *testing.T) {
		s, log := startFromFile(t, config)
		has(s, "more.example.org.", false)
		if !strings.Contains(log(), "zone has no journal now") {
			t.Errorf("log:\n%s", log())
		}
	})
	write("zonefile-sync = \"1h\"\n")
	writeFile(t, zone, smallZone)
	var said func() string
	t.Run("policy", func(t *testing.T) {
		s, log := startFromFile(t, config)
		said = log
		addAddress(t, s, "late.example.org")
		if text, _ := os.ReadFile(zone); strings.Contains(string(text), "late") {
			t.Error("the file is written at once")
		}
	})
	if text, _ := os.ReadFile(zone); !strings.Contains(string(text), "late.example.org.") {
		t.Errorf("a stop does not write the file:\n%s\nlog:\n%s", text, said())
	}
}

// A secondary zone that the journal has all of is made a primary's: its file counts.
func TestPromotedSecondary(t *testing.T) {
	dir := t.TempDir()
	zone, config := filepath.Join(dir, "example.org"), filepath.Join(dir, "names.toml")
	writeFile(t, zone, smallZone)
	primary, _, _ := startWhole(t, "--bindzone", zone, "--allow-transfer", "127.0.0.1")
	common := "[listen]\naddress = [\"127.0.0.1:0\"]\n[journal]\ndir = \"journal\"\n[[zone]]\nname = \"example.org\"\n"
	t.Run("secondary", func(t *testing.T) {
		writeFile(t, config, fmt.Sprintf("%sprimaries = [%q]\n", common, primary.listener.Addresses()[0]))
		s, _ := startFromFile(t, config)
		eventually.Succeed(t, func() error {
			if z := s.set.Zones()[0]; z.State() != authority.Loaded {
				return fmt.Errorf("zone is %v", z.State())
			}
			return nil
		})
	})
	if _, err := os.Stat(filepath.Join(dir, "journal", "secondary", "example.org.secondary")); !os.IsNotExist(err) {
		t.Errorf("the zone has a file: %v", err)
	}
	for _, more := range []string{"", "edited A 192.0.2.3\n"} {
		writeFile(t, zone, smallZone+more)
		t.Run("primary", func(t *testing.T) {
			writeFile(t, config, common+"file = \"example.org\"\n")
			s, log := startFromFile(t, config)
			m := askServer(t, "udp", s.listener.Addresses()[0], "edited.example.org.", wire.TypeA, wire.ClassIN)
			if isServed := len(m.Answers) == 1; isServed != (more != "") {
				t.Errorf("what was edited is served: %v", isServed)
			}
			if isDropped := strings.Contains(log(), "has a file now"); isDropped != (more != "") {
				t.Errorf("log:\n%s", log())
			}
		})
	}
}

// A file that has all changes, and is edited while no server runs, is served. The log warns
// if secondaries cannot learn of that by the serial number.
func TestFileEditedBetweenRuns(t *testing.T) {
	dir := t.TempDir()
	zone, config := filepath.Join(dir, "example.org"), filepath.Join(dir, "names.toml")
	writeFile(t, zone, smallZone)
	writeFile(t, config, "[listen]\naddress = [\"127.0.0.1:0\"]\n[journal]\ndir = \"journal\"\n[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\nzonefile-sync = \"1h\"\n")
	t.Run("first", func(t *testing.T) {
		s, _ := startFromFile(t, config)
		addAddress(t, s, "www.example.org")
	})
	for _, test := range []struct {
		what, from, to string
		serial         wire.Serial
		isLost         bool
	}{
		{"the same", "", "", 2, false},
		{"edited", "192.0.2.80", "192.0.2.81", 2, true},
		{"the same again", "", "", 2, false},
		{"edited, with its serial number", "h.example.org. 2 ", "h.example.org. 6 ", 6, false},
		{"back", "h.example.org. 6 ", "h.example.org. 3 ", 3, true},
	} {
		text, err := os.ReadFile(zone)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, zone, strings.Replace(string(text), test.from, test.to, 1))
		t.Run(test.what, func(t *testing.T) {
			s, log := startFromFile(t, config)
			if got := s.set.Zones()[0].Snapshot().Serial(); got != test.serial || strings.Contains(log(), "secondaries do not learn of it") != test.isLost {
				t.Errorf("serial %s, log:\n%s", got, log())
			}
		})
	}
}
