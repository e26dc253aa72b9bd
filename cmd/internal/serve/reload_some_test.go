package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/wire"
)

// TestReloadOfSomeZones: files that are new in folders are served, those that are gone
// are not, and changed ones are read, by their names; a reload of everything afterwards
// finds nothing to do.
func TestReloadOfSomeZones(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "names.toml"), filepath.Join(dir, "control.sock")
	for _, folder := range []string{"one", "two", "empty"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, text string) { writeFile(t, filepath.Join(dir, path), text) }
	write("single.example", smallZone)
	write("one/b.example.zone", smallZone)
	write("one/d.example.zone", smallZone)
	write("two/f.example", smallZone)
	write("two/kept.example", "$ORIGIN other.example.\n"+smallZone)
	write("names.toml", "[listen]\naddress = [\"127.0.0.1:0\"]\n[control]\nsocket = \"control.sock\"\n[[zone]]\nfile = \"single.example\"\n"+
		"[[zone]]\nname = \"copy.example\"\nprimaries = [\"127.0.0.1:1\"]\n"+
		"[[zones]]\ndirectory = \"one\"\nmatch = \"*.zone\"\n[[zones]]\ndirectory = \"empty\"\n[[zones]]\ndirectory = \"two\"\n")
	server, log := startFromFile(t, file)
	serves := func(when string, want ...string) {
		t.Helper()
		for _, name := range []string{"single", "a", "b", "c", "d", "f", "g", "other", "1/2"} {
			m := askServer(t, "udp", server.listener.Addresses()[0], "ns."+name+".example.", wire.TypeA, wire.ClassIN)
			if is := m.RCode == wire.RCodeNoError; is != slices.Contains(want, name) {
				t.Errorf("%s: %s.example is answered with %v", when, name, m.RCode)
			}
		}
		// What is known of the configuration is what reading it says.
		next, _, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		if had, has := paths(server.config.Load()), paths(next); had != has {
			t.Errorf("%s: the server has\n%s\nthe configuration\n%s", when, had, has)
		}
	}
	serves("at first", "single", "b", "d", "f", "other")
	reload := func(want int, says string, names ...string) {
		t.Helper()
		code, stdout, stderr := ctl(socket, append([]string{"reload"}, names...)...)
		if text := spaces.ReplaceAllString(stdout+stderr, " "); code != want || !strings.Contains(text, says) {
			t.Errorf("reload %v exits with %d and says\n%s, want %d and %q", names, code, text, want, says)
		}
	}

	write("one/a.example.zone", smallZone)
	write("one/c.example.zone", smallZone)
	write("two/1_2.example", "$ORIGIN 1/2.example.\n"+smallZone)
	write("empty/db.g.example", smallZone+"www ALIAS ns\n")
	all := []string{"single", "a", "b", "c", "d", "f", "g", "other", "1/2"}
	reload(0, "zones 4\nadded 4\nremoved 0\nchanged 0\nfailed 0", "c.example", "A.example.", "c.example", "1/2.example", "g.example")
	serves("after four are new", all...)
	if !strings.Contains(log(), `msg="zones of folders changed" added=4 removed=0 zones=9`) {
		t.Errorf("the log has\n%s", log())
	}

	eventually.Succeed(t, func() error { // the target is looked up in the background
		if m := askServer(t, "udp", server.listener.Addresses()[0], "www.g.example.", wire.TypeA, wire.ClassIN); len(m.Answers) != 1 {
			return fmt.Errorf("an ALIAS record of a new zone is answered with %v", m.Answers)
		}
		return nil
	})
	write("one/b.example.zone", smallZone+"new A 192.0.2.77\n")
	for _, gone := range []string{"one/a.example.zone", "two/f.example", "empty/db.g.example"} {
		if err := os.Remove(filepath.Join(dir, gone)); err != nil {
			t.Fatal(err)
		}
	}
	write("two/a.example", smallZone) // comes from elsewhere now: first it goes
	reload(0, "added 0\nremoved 3\nchanged 1", "a.example", "b.example", "f.example", "g.example")
	reload(0, "added 1\nremoved 0\nchanged 0", "a.example")
	serves("after three are gone", "single", "a", "b", "c", "d", "other", "1/2")
	if m := askServer(t, "udp", server.listener.Addresses()[0], "new.b.example.", wire.TypeA, wire.ClassIN); len(m.Answers) != 1 {
		t.Errorf("a record that is new in b.example is answered with %v", m)
	}

	write("one/x.example.zone", "nonsense\n")
	write("two/h.example", "$ORIGIN i.example.\n"+smallZone)
	write("one/d.example.zone", "nonsense\n")
	if err := os.Remove(filepath.Join(dir, "single.example")); err != nil {
		t.Fatal(err)
	}
	for name, says := range map[string]string{
		"x.example":      "zone x.example. is not served: zone file " + filepath.Join(dir, "one/x.example.zone") + " has errors",
		"h.example":      "h.example has the zone i.example.",
		"d.example":      "zone d.example. stays as it was:",
		"single.example": "zone single.example. stays as it was:",
		"copy.example":   "zone copy.example. does not come from a file",
		"none.example":   "there is no zone none.example. here, and no file of it: looked for " + filepath.Join(dir, "one/none.example.zone") + ", " + filepath.Join(dir, "empty/none.example"),
	} {
		reload(1, says, name)
	}
	reload(2, `"a..b" is not a domain name`, "a..b")
	write("one/y.example.zone", smallZone)
	reload(1, "there is no zone none.example. here", "none.example", "y.example")
	if m := askServer(t, "udp", server.listener.Addresses()[0], "ns.y.example.", wire.TypeA, wire.ClassIN); m.RCode != wire.RCodeNoError {
		t.Errorf("a zone that was named together with one that is not there is answered with %v", m.RCode)
	}
	if err := os.Remove(filepath.Join(dir, "one/x.example.zone")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "two/h.example")); err != nil {
		t.Fatal(err)
	}
	serves("after failures", "single", "a", "b", "c", "d", "other", "1/2")
	write("single.example", smallZone)
	write("one/d.example.zone", smallZone)
	write("two/z.example", smallZone)
	reload(0, "added 1\nremoved 0\n")
}

// pyzoneText is the zone py.example, but for more records and "]".
const pyzoneText = "zone = [SOA('py.example', mname='ns', rname='h', serial=1, refresh='1H', retry='1H', expire='1H', minimum='1H')," +
	" NS('py.example', 'ns.py.example'), A('ns.py.example', '192.0.2.1')"

// TestReloadOfSomeZonesWithOtherZones: a file that has one more zone now is served whole,
// even if zones of folders come with the same reload.
func TestReloadOfSomeZonesWithOtherZones(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "zones"), 0o755); err != nil {
		t.Fatal(err)
	}
	pyzone := func(more string) {
		writeFile(t, filepath.Join(dir, "zone.py"), pyzoneText+more+"]\n")
	}
	pyzone("")
	file := filepath.Join(dir, "names.toml")
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nfile = \"zone.py\"\nformat = \"pyzone\"\n[[zones]]\ndirectory = \"zones\"\n")
	server, log := startFromFile(t, file)
	pyzone(", A('other.example', '192.0.2.1')")
	writeFile(t, filepath.Join(dir, "zones", "new.example"), smallZone)
	if reply, err := server.reloadSome([]string{"py.example", "new.example"}); err != nil || reply.Failed > 0 {
		t.Fatal(reply, err)
	}
	for _, name := range []string{"ns.py.example.", "other.example.", "ns.new.example."} {
		if m := askServer(t, "udp", server.listener.Addresses()[0], name, wire.TypeA, wire.ClassIN); len(m.Answers) != 1 {
			t.Errorf("%s is answered with %v\n%s", name, m, log())
		}
	}
}

// TestReloadOfZonesOfOneFile: names of several zones that one file has are about one file,
// also when it is gone.
func TestReloadOfZonesOfOneFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "zones"), 0o755); err != nil {
		t.Fatal(err)
	}
	zone := filepath.Join(dir, "zones", "py.example")
	writeFile(t, zone, pyzoneText+", A('other.example', '192.0.2.1')]\n")
	file := filepath.Join(dir, "names.toml")
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zones]]\ndirectory = \"zones\"\nformat = \"pyzone\"\n")
	server, _ := startFromFile(t, file)
	if err := os.Remove(zone); err != nil {
		t.Fatal(err)
	}
	reply, err := server.reloadSome([]string{"py.example", "other.example"})
	if err != nil || reply.Removed != 1 || len(server.set.Zones()) != 0 {
		t.Errorf("%+v %v; %d zones are served", reply, err, len(server.set.Zones()))
	}
}

func paths(c *config.Config) string {
	var b strings.Builder
	for _, z := range c.Settings.Zones {
		fmt.Fprintln(&b, z.Origin, z.Path)
	}
	for _, f := range c.Folders {
		fmt.Fprintln(&b, f.Directory, f.First, f.Count)
	}
	return b.String()
}
