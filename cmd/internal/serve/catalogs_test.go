package serve

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// TestCatalog: a server follows the catalog of another, and serves its members: they
// come, are another zone under the same name, and go, and nothing is left of them.
func TestCatalog(t *testing.T) {
	dir := t.TempDir()
	kept := filepath.Join(dir, "kept")
	if err := os.Mkdir(kept, 0o700); err != nil {
		t.Fatal(err)
	}
	const catalogText = "$TTL 1\n@ SOA invalid. invalid. 1 1 1 100 1\n@ NS invalid.\nversion TXT 2\nm1.zones PTR a.example.\n"
	writeFile(t, filepath.Join(dir, "catalog.example"), catalogText)
	for _, name := range []string{"a.example", "b.example", "ours.example"} {
		writeFile(t, filepath.Join(dir, name), smallZone)
	}
	address := freeport.Loopback(t).String()
	primary, _, _ := startWhole(t, "--bindzone", filepath.Join(dir, "catalog.example"), "--bindzone", filepath.Join(dir, "a.example"), "--bindzone", filepath.Join(dir, "b.example"),
		"--allow-transfer", "127.0.0.1", "--allow-update", "127.0.0.1", "--also-notify", address)
	from := primary.listener.Addresses()[0].String()
	config := filepath.Join(dir, "names.toml")
	write := func(template string) {
		writeFile(t, config, fmt.Sprintf(`
[listen]
address = [%q]
[transfers]
directory = "kept"
[control]
socket = "control.sock"
[[zone]]
name = "catalog.example"
primaries = [%[2]q]
min-refresh = "1s"
min-retry = "1s"
[[zone]]
file = "ours.example"
[template.member]
primaries = [%[2]q]
min-retry = "1s"
min-expire = "1h"
[template.other]
primaries = ["127.0.0.1:1"]
[[catalog]]
name = "catalog.example"
template = %[3]q
groups = ["x=member"]
`, address, from, template))
	}
	write("member")
	s, log := startFromFile(t, config)
	// becomes waits until the member has come, or has gone.
	becomes := func(name string, want wire.RCode) {
		t.Helper()
		eventually.Succeed(t, func() error {
			if m := askServer(t, "udp", s.listener.Addresses()[0], "ns."+name, wire.TypeA, wire.ClassIN); m.RCode != want {
				return fmt.Errorf("%s gets %v and not %v\n%s", name, m.RCode, want, log())
			}
			return nil
		})
	}
	change := func(lines string) {
		t.Helper()
		origin := wire.MustParseName("catalog.example.")
		r := update.NewRequest(origin)
		for line := range strings.SplitSeq(lines, ";") {
			if err := r.Parse(line, update.Text{Origin: origin, TTL: 1, HasTTL: true}); err != nil {
				t.Fatal(err)
			}
		}
		c := update.Client{Server: primary.listener.Addresses()[0]}
		if reply, err := c.Send(context.Background(), r); err != nil || reply.RCode != 0 {
			t.Fatal(reply, err)
		}
	}
	socket := filepath.Join(dir, "control.sock")
	ctlSays := func(want string, args ...string) {
		t.Helper()
		eventually.Succeed(t, func() error {
			_, stdout, stderr := ctl(socket, args...)
			if !strings.Contains(spaces.ReplaceAllString(stdout+stderr, " "), want) {
				return fmt.Errorf("%v does not say %q:\n%s%s\n%s", args, want, stdout, stderr, log())
			}
			return nil
		})
	}

	becomes("a.example.", wire.RCodeNoError)
	becomes("b.example.", wire.RCodeRefused)
	change("add m2.zones PTR b.example.;add m3.zones PTR ours.example.")
	becomes("b.example.", wire.RCodeNoError)
	ctlSays("catalog.example. 2 2 good", "catalogs")
	ctlSays("b.example. m2", "catalog", "members", "catalog.example")
	waitForLog(t, log, "a zone of that name is configured otherwise")
	// questions about the catalog are for those that may transfer it
	if m := askServer(t, "udp", s.listener.Addresses()[0], "m1.zones.catalog.example.", wire.TypePTR, wire.ClassIN); m.RCode != wire.RCodeRefused {
		t.Errorf("the catalog tells of its members: %v", m)
	}
	if m := askServer(t, "udp", s.listener.Addresses()[0], "catalog.example.", wire.TypeSOA, wire.ClassIN); m.RCode != wire.RCodeNoError || len(m.Answers) != 1 {
		t.Errorf("the SOA record of the catalog: %v", m)
	}
	// a broken version changes nothing
	change("del version;del m1.zones")
	ctlSays("no version property", "catalogs")
	becomes("a.example.", wire.RCodeNoError)
	change("add version TXT 2")
	becomes("a.example.", wire.RCodeRefused)
	eventually.Succeed(t, func() error { // a zone is not served before its files go
		files, err := filepath.Glob(filepath.Join(kept, "a.example*"))
		if err == nil && len(files) != 0 {
			err = fmt.Errorf("%v are left", files)
		}
		return err
	})
	// another ID: the zone is removed and comes again
	change("del m2.zones;add m9.zones PTR b.example.")
	ctlSays("b.example. m9", "catalog", "members", "catalog.example")
	becomes("b.example.", wire.RCodeNoError)
	// other settings of members; those of a group stay
	change("add m1.zones PTR a.example.;add group.m1.zones TXT x")
	becomes("a.example.", wire.RCodeNoError)
	write("other")
	if _, err := s.reload(); err != nil {
		t.Fatal(err)
	}
	becomes("a.example.", wire.RCodeNoError)
	eventually.Succeed(t, func() error {
		if files, _ := filepath.Glob(filepath.Join(kept, "*")); len(files) < 3 {
			return fmt.Errorf("%v are kept", files)
		}
		return nil
	})
}

// Members that were kept are served at once after a restart, without any primary, to the
// clients that they are for, and still are if a file of ours has other zones.
func TestCatalogRestart(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "kept"), 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "kept", "catalog.example.secondary"), "catalog.example. 1 SOA invalid. invalid. 1 1 1 10000 1\ncatalog.example. 1 NS invalid.\nversion.catalog.example. 1 TXT 2\nm1.zones.catalog.example. 1 PTR a.example.\n")
	writeFile(t, filepath.Join(dir, "kept", "a.example.secondary"), "a.example. 1 SOA ns.a.example. h. 1 1 1 10000 1\na.example. 1 NS ns.a.example.\nns.a.example. 1 A 192.0.2.1\n")
	pyzone := func(names ...string) {
		text := "zone = [SOA('py.example', mname='ns', rname='h', serial=1, refresh='1H', retry='1H', expire='1H', minimum='1H'), NS('py.example', 'ns.py.example')"
		for _, name := range names {
			text += ", A('" + name + "', '192.0.2.1')"
		}
		writeFile(t, filepath.Join(dir, "zone.py"), text+"]\n")
	}
	pyzone("py.example")
	config := filepath.Join(dir, "names.toml")
	writeFile(t, config, `
listen.address = ["127.0.0.1:0"]
transfers.directory = "kept"
[[zone]]
file = "zone.py"
format = "pyzone"
[[zone]]
name = "catalog.example"
template = "member"
[template.member]
primaries = ["127.0.0.1:1"]
allow-query = ["127.0.0.1"]
[[catalog]]
name = "catalog.example"
template = "member"
`)
	s, log := startFromFile(t, config)
	served := func(when, name string) {
		t.Helper()
		if m := askServer(t, "udp", s.listener.Addresses()[0], name, wire.TypeA, wire.ClassIN); m.RCode != wire.RCodeNoError || len(m.Answers) != 1 {
			t.Errorf("%s: %s: %v\n%s", when, name, m, log())
		}
		other := names.Peer{Remote: netip.MustParseAddrPort("192.0.2.1:53")}
		if got := rcodeOf(t, s, "ns.a.example.", other); got != wire.RCodeRefused {
			t.Errorf("%s: a client that the member is not for gets %v", when, got)
		}
	}
	served("first", "ns.a.example.")
	pyzone("py.example", "other.example")
	if _, err := s.reload(); err != nil {
		t.Fatal(err)
	}
	served("with other zones", "ns.a.example.")
	served("with other zones", "other.example.")
}
