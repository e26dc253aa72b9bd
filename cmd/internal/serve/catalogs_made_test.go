package serve

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// madeCatalogOf returns the serial number of a catalog that is made, and its records of
// members: those of a.example have the label [a].
func madeCatalogOf(t *testing.T, s *Server) (serial wire.Serial, records, labels []string) {
	t.Helper()
	zone := s.current.Load().set.Find(wire.MustParseName("catalog.example."), wire.ClassIN)
	if zone == nil || zone.Snapshot() == nil {
		t.Fatal("the catalog is not served")
	}
	for r := range zone.Snapshot().All() {
		line := strings.Join(strings.Fields(r.String()), " ")
		if name, ok := strings.CutSuffix(line, ".example."); ok && r.Type == wire.TypePTR && r.Name.LabelCount() == 4 {
			labels = append(labels, r.Name.FirstLabel(), "["+name[len(name)-1:]+"]")
		}
		if owner, data, ok := strings.Cut(line, ".zones.catalog.example. 0 IN "); ok {
			records = append(records, owner+" "+data)
		}
	}
	for i := range records {
		records[i] = strings.NewReplacer(labels...).Replace(records[i])
	}
	slices.Sort(records)
	return zone.Snapshot().Serial(), records, labels
}

// TestCatalogIsMade: a catalog has the zones that name it, also after a reload and a
// restart, with the same labels and a serial number that goes on. Clients that may not
// transfer it learn nothing of its members.
func TestCatalogIsMade(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"journal", "zones"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a.example", "zones/b.example", "zones/c.example"} {
		writeFile(t, filepath.Join(dir, name), smallZone)
	}
	file, socket := filepath.Join(dir, "names.toml"), filepath.Join(dir, "control.sock")
	write := func(a, d string) {
		writeFile(t, file, `
listen.address = ["127.0.0.1:0"]
journal.dir = "journal"
control.socket = "control.sock"
[template.default]
file = "{name}"
catalog = "catalog.example"
[[template.default.update]]
addresses = ["127.0.0.1"]
[template.other]
primaries = ["127.0.0.1:1"]
[[catalog]]
name = "catalog.example"
produce = true
[[zone]]
name = "catalog.example"
allow-transfer = ["127.0.0.2"]
[[zones]]
directory = "zones"
catalog-groups = ["folder", "signed"]
[[zone]]
name = "a.example"
`+a+`
[[zone]]
name = "d.example"
template = "other"
`+d)
	}
	var s *Server
	var log func() string
	has := func(t *testing.T, want ...string) (wire.Serial, []string) {
		t.Helper()
		serial, records, labels := madeCatalogOf(t, s)
		slices.Sort(want)
		if !slices.Equal(records, want) {
			t.Fatalf("the catalog has\n%s\nand not\n%s\n%s", strings.Join(records, "\n"), strings.Join(want, "\n"), log())
		}
		return serial, labels
	}
	b := []string{"[b] PTR b.example.", `group.[b] TXT "folder"`, `group.[b] TXT "signed"`}
	var last wire.Serial
	var labels []string
	t.Run("start", func(t *testing.T) {
		write(`catalog-coo = "other.example"`, "")
		s, log = startFromFile(t, file)
		c := []string{"[c] PTR c.example.", `group.[c] TXT "folder"`, `group.[c] TXT "signed"`}
		first, _ := has(t, slices.Concat(b, c, []string{"[a] PTR a.example.", "coo.[a] PTR other.example."})...)
		ctlSays := func(want string, args ...string) {
			t.Helper()
			if _, stdout, stderr := ctl(socket, args...); !strings.Contains(spaces.ReplaceAllString(stdout, " "), want) {
				t.Errorf("names ctl %v prints\n%s%s", args, stdout, stderr)
			}
		}
		ctlSays(fmt.Sprintf("catalog.example. %d 3 made here", first), "catalogs")
		ctlSays("b.example.", "catalog", "members", "catalog.example")
		for from, want := range map[string]wire.RCode{"127.0.0.1:53": wire.RCodeRefused, "127.0.0.2:53": wire.RCodeNoError} {
			if got := rcodeOf(t, s, "version.catalog.example.", names.Peer{Remote: netip.MustParseAddrPort(from)}); got != want {
				t.Errorf("a client at %s gets %v about the catalog", from, got)
			}
		}
		// a reload in which nothing has changed
		if _, err := s.reload(); err != nil {
			t.Fatal(err)
		}
		if serial, _, _ := madeCatalogOf(t, s); serial != first {
			t.Errorf("a reload without changes makes serial %v %v", first, serial)
		}
		// a file less, a zone of primaries more, and no new owner
		if err := os.Remove(filepath.Join(dir, "zones", "c.example")); err != nil {
			t.Fatal(err)
		}
		write("", `catalog = "catalog.example"`)
		if _, err := s.reload(); err != nil {
			t.Fatal(err)
		}
		last, labels = has(t, slices.Concat(b, []string{"[a] PTR a.example.", "[d] PTR d.example."})...)
		if !first.Less(last) {
			t.Errorf("serial %v comes after %v", last, first)
		}
	})
	t.Run("restart", func(t *testing.T) {
		s, log = startFromFile(t, file)
		serial, same := has(t, slices.Concat(b, []string{"[a] PTR a.example.", "[d] PTR d.example."})...)
		if serial != last || !slices.Equal(same, labels) {
			t.Errorf("serial %v and labels %q have become %v and %q", last, labels, serial, same)
		}
	})
	t.Run("changed while it was down", func(t *testing.T) {
		write("", "")
		s, log = startFromFile(t, file)
		if serial, _ := has(t, slices.Concat(b, []string{"[a] PTR a.example."})...); !last.Less(serial) {
			t.Errorf("serial %v comes after %v", serial, last)
		}
	})
	t.Run("it is not edited", func(t *testing.T) {
		s, log = startFromFile(t, file)
		serial, before, _ := madeCatalogOf(t, s)
		const why = "zone catalog.example. is a catalog that is made here"
		for _, args := range [][]string{
			{"begin", "catalog.example"}, {"set", "catalog.example", "x", "TXT", "y"}, {"unset", "catalog.example", labels[0] + ".zones", "PTR"},
			{"lines", "catalog.example", "add x TXT y"}, {"commit", "catalog.example"}, {"revert", "catalog.example", serial.String()},
		} {
			if code, stdout, stderr := ctl(socket, append([]string{"zone"}, args...)...); code == 0 || !strings.Contains(stderr, why) {
				t.Errorf("names ctl zone %v: %d %s%s", args, code, stdout, stderr)
			}
		}
		if code, stdout, stderr := ctl(socket, "zone", "log", "catalog.example"); code != 0 || !strings.Contains(stdout, serial.String()) {
			t.Errorf("its changes cannot be looked at: %s%s", stdout, stderr)
		}
		updates := *s.updates.zones.Load()
		config := updates.configs[updates.set.Find(wire.MustParseName("catalog.example."), wire.ClassIN)]
		if config == nil || !strings.HasPrefix(config.ReadOnly, why) {
			t.Errorf("it can be updated: %+v", config)
		}
		r := update.NewRequest(wire.MustParseName("catalog.example."))
		r.RemoveName(wire.MustParseName(labels[0] + ".zones.catalog.example."))
		c := update.Client{Server: s.listener.Endpoints()[0].Address, Timeout: eventually.Limit}
		if reply, err := c.Send(t.Context(), r); err != nil || reply.RCode != wire.RCodeRefused {
			t.Errorf("a dynamic update gets %v, %v", reply, err)
		}
		if now, after, _ := madeCatalogOf(t, s); now != serial || !slices.Equal(before, after) {
			t.Errorf("the catalog has become %v %q", now, after)
		}
	})
}
