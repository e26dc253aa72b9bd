//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/names-dns/names/internal/eventually"
)

const catalogZone = "catalog.test."

// catalogFile writes a catalog zone with corner.test as its member.
func catalogFile(t *testing.T) zoneFile {
	t.Helper()
	return catalogOf(t, catalogZone, "m1.zones PTR corner.test.")
}

// catalogOf writes a catalog zone with records of members.
func catalogOf(t *testing.T, origin string, members ...string) zoneFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "catalog.zone")
	text := "$TTL 1\n@ SOA invalid. invalid. 1 1 1 1000 1\n@ NS invalid.\nversion TXT \"2\"\n" + strings.Join(members, "\n") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return zoneFile{Origin: origin, File: path}
}

// followed is our server, which follows the catalog of a primary.
type followed struct {
	ours
	primary string
}

func (f followed) Arguments(dir string, port uint16, _ []zoneFile) ([]string, error) {
	config := filepath.Join(dir, "names.toml")
	text := fmt.Sprintf("[listen]\naddress = [\"127.0.0.1:%d\"]\n[transfers]\nallow-transfer = [\"127.0.0.1\"]\n"+
		"[template.default]\nprimaries = [%q]\nmin-refresh = \"1s\"\nmin-retry = \"1s\"\n[[zone]]\nname = \"catalog.test\"\n[[catalog]]\nname = \"catalog.test\"\n", port, f.primary)
	return []string{"serve", "--config", config}, os.WriteFile(config, []byte(text), 0o600)
}

// becomes waits until a server has the member, or has it no longer.
func becomes(t *testing.T, s *server, want []string) {
	t.Helper()
	err := eventually.Try(s.exited, func() error {
		// dig fails until the server listens.
		args := []string{"-r", "@127.0.0.1", "-p", fmt.Sprint(s.Addr.Port()), "+time=1", "+tries=1", "corner.test.", "SOA"}
		out, err := exec.Command(need(t, "dig"), args...).Output()
		if err == nil && strings.Contains(string(out), "NOERROR") != (len(want) > 0) {
			err = fmt.Errorf("dig prints\n%s", out)
		}
		return err
	})
	if err == nil {
		sameZone(t, s.Name, transferred(t, s), want)
	}
	if err != nil || t.Failed() {
		t.Fatalf("%s: %v\n%s", s.Name, err, s.printed())
	}
}

// TestCatalogFromOthers: we follow catalogs of Knot and BIND.
func TestCatalogFromOthers(t *testing.T) {
	member := zoneFile{Origin: transferZone, File: absolute(t, "testdata/corner/corner.test.zone")}
	knotPrimary := replaceIn(knot{}, "knot.conf", func(text string) string {
		text = strings.Replace(text, "template:\n", "acl:\n  - id: all\n    address: 127.0.0.1\n    action: [transfer, update]\ntemplate:\n", 1)
		return strings.ReplaceAll(text, "    file: ", "    acl: all\n    file: ")
	})
	bindPrimary := replaceIn(bind{}, "named.conf", func(text string) string {
		return strings.Replace(text, "allow-transfer { none; };", "allow-transfer { any; };\n\tallow-update { any; };", 1)
	})
	for _, p := range []program{knotPrimary, bindPrimary} {
		zones := []zoneFile{catalogFile(t), member}
		primary := start(t, p, zones)
		if err := primary.waitFor(zones); err != nil {
			t.Fatalf("%v\n%s", err, primary.printed())
		}
		want := transferred(t, primary)
		s := start(t, followed{primary: primary.Addr.String()}, nil)
		becomes(t, s, want)
		script := fmt.Sprintf("server 127.0.0.1 %d\nzone %s\nupdate delete m1.zones.%[2]s\nsend\n", primary.Addr.Port(), catalogZone)
		runScript(t, need(t, "nsupdate"), script)
		becomes(t, s, nil)
		script = strings.Replace(script, "delete m1.zones."+catalogZone, "add m2.zones."+catalogZone+" 1 PTR "+transferZone, 1)
		runScript(t, need(t, "nsupdate"), script)
		becomes(t, s, want)
	}
}

// catalogSecondaries are Knot and BIND, which follow the catalog of a primary: they ask
// for it each second or two, or only when they get NOTIFY.
func catalogSecondaries(primary *server, polls bool) []program {
	knotRefresh, bindRefresh := "", ""
	if polls {
		knotRefresh, bindRefresh = "    refresh-max-interval: 2\n", " min-refresh-time 1; max-refresh-time 1;"
	}
	knotSecondary := replaceIn(knot{}, "knot.conf", func(text string) string {
		template, zone := strings.Index(text, "template:\n"), strings.Index(text, "log:\n")
		parts := fmt.Sprintf("remote:\n  - id: primary\n    address: 127.0.0.1@%d\nacl:\n  - id: all\n    address: 127.0.0.1\n    action: [transfer, notify]\n", primary.Addr.Port())
		member := "  - id: member\n    storage: /tmp\n    zonefile-sync: -1\n    zonefile-load: none\n    journal-content: none\n    master: primary\n    acl: all\n"
		return text[:template] + parts + text[template:zone] + member + text[zone:strings.Index(text, "zone:\n")] +
			"zone:\n  - domain: catalog.test.\n    master: primary\n    acl: all\n    catalog-role: interpret\n    catalog-template: member\n    journal-content: all\n" + knotRefresh
	})
	bindSecondary := replaceIn(bind{}, "named.conf", func(text string) string {
		text = text[:strings.Index(text, "zone ")]
		text = strings.Replace(text, "allow-transfer { none; };", fmt.Sprintf("allow-transfer { any; };\n\tcatalog-zones { zone \"catalog.test\" default-primaries { 127.0.0.1 port %d; } in-memory yes min-update-interval 1; };", primary.Addr.Port()), 1)
		return text + fmt.Sprintf("zone \"catalog.test\" { type secondary; primaries { 127.0.0.1 port %d; };%s };\n", primary.Addr.Port(), bindRefresh)
	})
	return []program{knotSecondary, bindSecondary}
}

// TestCatalogToOthers: Knot and BIND follow our catalog.
func TestCatalogToOthers(t *testing.T) {
	zones := []zoneFile{catalogFile(t), {Origin: transferZone, File: absolute(t, "testdata/corner/corner.test.zone")}}
	primary := startAll(t, zones, more("--allow-transfer", "127.0.0.1", "--allow-update", "127.0.0.1"))[0]
	want := transferred(t, primary)
	for _, p := range catalogSecondaries(primary, true) {
		s := start(t, p, zones[1:])
		becomes(t, s, want)
	}
}

// maker is our server, which makes a catalog of its zones.
type maker struct {
	ours
	member zoneFile
	config string
}

func (m *maker) Arguments(dir string, port uint16, _ []zoneFile) ([]string, error) {
	m.config = filepath.Join(dir, "names.toml")
	if err := os.Mkdir(filepath.Join(dir, "journal"), 0o700); err != nil {
		return nil, err
	}
	return []string{"serve", "--config", m.config}, m.write(port, "catalog = \"catalog.test\"\n")
}

// write writes the configuration, with more for the zone that may be a member, and for
// transfers.
func (m *maker) write(port uint16, more string, transfers ...string) error {
	text := fmt.Sprintf("[listen]\naddress = [\"127.0.0.1:%d\"]\n[journal]\ndir = \"journal\"\n[[catalog]]\nname = \"catalog.test\"\nproduce = true\n"+
		"[[zone]]\nname = \"catalog.test\"\ntemplate = \"sent\"\n[template.sent]\nallow-transfer = [\"127.0.0.1\"]\n%s"+
		"[[zone]]\nname = %q\nfile = %q\ntemplate = \"sent\"\n%s", port, strings.Join(transfers, "\n"), m.member.Origin, m.member.File, more)
	return os.WriteFile(m.config, []byte(text), 0o600)
}

// TestMadeCatalogToOthers: Knot and BIND follow the catalog that we make. After a reload
// NOTIFY alone tells them of members that go and come.
func TestMadeCatalogToOthers(t *testing.T) {
	m := &maker{member: zoneFile{Origin: transferZone, File: absolute(t, "testdata/corner/corner.test.zone")}}
	zones := []zoneFile{{Origin: catalogZone}, m.member}
	primary := startAll(t, zones, m)[0]
	want := transferred(t, primary)
	for _, p := range catalogSecondaries(primary, false) {
		s := start(t, p, zones[1:])
		becomes(t, s, want)
		reload := func(more string) {
			t.Helper()
			if err := m.write(primary.Addr.Port(), more, fmt.Sprintf("also-notify = [%q]\n", s.Addr)); err != nil {
				t.Fatal(err)
			}
			if err := primary.cmd.Process.Signal(syscall.SIGHUP); err != nil {
				t.Fatal(err)
			}
		}
		reload("")
		becomes(t, s, nil)
		reload("catalog = \"catalog.test\"\ncatalog-groups = [\"x\"]\n")
		becomes(t, s, want)
	}
}

const otherCatalog = "other.test."

// ownedByTwo are Knot, BIND and ours, which follow both catalogs of a primary. Knot and
// ours send members only of the group "sent"; BIND 9.18 has no groups.
func ownedByTwo(primary *server) []program {
	all := catalogSecondaries(primary, true)
	knotConf := replaceIn(all[0], "knot.conf", func(text string) string {
		text = strings.Replace(text, "  - id: member\n", "  - id: member\n    storage: /tmp\n    zonefile-sync: -1\n    zonefile-load: none\n    journal-content: none\n    master: primary\n  - id: sent\n", 1)
		text = strings.Replace(text, "catalog-template: member\n", "catalog-template: [member, sent]\n", 1)
		first := text[strings.Index(text, "  - domain: catalog.test.\n"):]
		return text + strings.Replace(first, "catalog.test.", otherCatalog, 1)
	})
	bindConf := replaceIn(all[1], "named.conf", func(text string) string {
		one := fmt.Sprintf("zone \"catalog.test\" default-primaries { 127.0.0.1 port %d; } in-memory yes min-update-interval 1;", primary.Addr.Port())
		text = strings.Replace(text, one, one+" "+strings.Replace(one, "catalog.test", "other.test", 1), 1)
		last := text[strings.LastIndex(text, "zone \"catalog.test\""):]
		return text + strings.Replace(last, "catalog.test", "other.test", 1)
	})
	ourConf := withArguments{ours{}, func(dir string, port uint16, _ []string) ([]string, error) {
		config := filepath.Join(dir, "names.toml")
		text := fmt.Sprintf("[listen]\naddress = [\"127.0.0.1:%d\"]\n[template.default]\nprimaries = [%q]\nmin-refresh = \"1s\"\nmin-retry = \"1s\"\n"+
			"[template.sent]\nprimaries = [%[2]q]\nallow-transfer = [\"127.0.0.1\"]\n", port, primary.Addr)
		for _, name := range []string{catalogZone, otherCatalog} {
			text += fmt.Sprintf("[[zone]]\nname = %q\n[[catalog]]\nname = %[1]q\ngroups = [\"sent=sent\"]\n", name)
		}
		return []string{"serve", "--config", config}, os.WriteFile(config, []byte(text), 0o600)
	}}
	return []program{knotConf, bindConf, ourConf}
}

// TestCatalogOwnerAndGroup: a member moves to the catalog that its property coo names, and
// stays when the first one drops it (RFC 9432 4.3.1), but with Knot; its group says how it
// is served (4.3.2), but with BIND.
func TestCatalogOwnerAndGroup(t *testing.T) {
	for i, name := range []string{"knot", "bind", "names"} {
		t.Run(name, func(t *testing.T) {
			member := zoneFile{Origin: transferZone, File: absolute(t, "testdata/corner/corner.test.zone")}
			small := filepath.Join(t.TempDir(), "small")
			write(t, small, []byte("$TTL 1\n@ SOA ns admin 1 1 1 1000 1\n@ NS ns\nns A 192.0.2.1\n"))
			zones := []zoneFile{
				catalogOf(t, catalogZone, "m1.zones PTR corner.test.", "group.m1.zones TXT sent"),
				catalogOf(t, otherCatalog), member, {Origin: "second.test.", File: small}, {Origin: "third.test.", File: small}, {Origin: "fourth.test.", File: small},
			}
			primary := startAll(t, zones, more("--allow-transfer", "127.0.0.1", "--allow-update", "127.0.0.1"))[0]
			want := transferred(t, primary)
			s := start(t, ownedByTwo(primary)[i], zones[2:3])
			becomes(t, s, want)
			update := func(catalog string, lines ...string) {
				t.Helper()
				runScript(t, need(t, "nsupdate"), fmt.Sprintf("server 127.0.0.1 %d\nzone %s\n%s\nsend\n", primary.Addr.Port(), catalog, strings.Join(lines, "\n")))
			}
			served := func(name string) {
				t.Helper()
				if err := s.waitFor([]zoneFile{{Origin: name}}); err != nil {
					t.Fatalf("%s: %v\n%s", s.Name, err, s.printed())
				}
			}
			update(catalogZone, "update add coo.m1.zones."+catalogZone+" 1 PTR "+otherCatalog, "update add m5.zones."+catalogZone+" 1 PTR fourth.test.")
			served("fourth.test.")
			// Another member of the same version shows that the version was taken.
			update(otherCatalog, "update add m1.zones."+otherCatalog+" 1 PTR "+transferZone, "update add group.m1.zones."+otherCatalog+" 1 TXT sent",
				"update add m2.zones."+otherCatalog+" 1 PTR second.test.")
			served("second.test.")
			if name == "knot" {
				becomes(t, s, want) // 3.2 keeps the member in the first catalog: "already configured by catalog, ignoring"
				return
			}
			update(catalogZone, "update delete m1.zones."+catalogZone, "update delete group.m1.zones."+catalogZone, "update delete coo.m1.zones."+catalogZone,
				"update add m3.zones."+catalogZone+" 1 PTR third.test.")
			served("third.test.")
			becomes(t, s, want)
		})
	}
}
