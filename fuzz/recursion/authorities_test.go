//go:build interop

package recursion

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// authority is a program that serves zones. The file of zone z is named in
// files; the program listens on port 53 of each address.
type authority struct {
	Name, Binary string
	Configure    func(dir string, addrs []netip.AddrPort, files map[*zone]string) ([]string, error)
}

// authorities are the programs of each tier.
var authorities = [programs]authority{
	{"nsd", "nsd", nsd},
	{"knot", "knotd", knot},
	{"bind", "named", bind},
}

// serveTree starts all that the tree needs.
func serveTree(t *testing.T, tree *tree) {
	t.Helper()
	files := writeZones(t, tree)
	all := []netip.Addr{}
	for tier := range tiers {
		for p := range programs {
			for n := range addressesOfProgram {
				all = append(all, realAddr(tier, p, n))
			}
		}
	}
	for _, h := range tree.Hosts {
		if h.Conduct.runs() || h.Conduct == closed {
			all = append(all, h.Addr)
		}
	}
	addAddresses(t, all)
	var started []*process
	var zones [tiers][]*zone
	for tier := range tiers {
		ofTier := map[*zone]string{}
		for _, z := range tree.Zones {
			if z.Tier == tier {
				zones[tier] = append(zones[tier], z)
				ofTier[z] = files[z]
			}
		}
		for i, a := range authorities {
			var addrs []netip.AddrPort
			for n := range addressesOfProgram {
				addrs = append(addrs, netip.AddrPortFrom(realAddr(tier, i, n), 53))
			}
			started = append(started, start(t, a.Name, a.Binary, addrs, func(dir string) ([]string, error) {
				return a.Configure(dir, addrs, ofTier)
			}))
		}
	}
	for i, p := range started {
		p.await(t, zones[i/programs]...)
	}
	for _, h := range tree.Hosts {
		if h.Conduct.runs() {
			serveBadly(t, h)
		}
	}
}

// writeZones writes the master files.
func writeZones(t *testing.T, tree *tree) map[*zone]string {
	t.Helper()
	dir := t.TempDir()
	files := map[*zone]string{}
	for i, z := range tree.Zones {
		files[z] = filepath.Join(dir, fmt.Sprintf("%d.zone", i))
		if err := os.WriteFile(files[z], z.file(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// writeHints writes the names and addresses of the root's servers.
func writeHints(t *testing.T, tree *tree) string {
	t.Helper()
	var b strings.Builder
	for _, h := range tree.Zones[0].Served {
		fmt.Fprintf(&b, ". 3600000 IN NS %s\n%[1]s 3600000 IN A %s\n", h.Name, h.Addr)
	}
	file := filepath.Join(t.TempDir(), "root.hints")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// write writes a configuration and returns the arguments that name it.
func write(dir, text string, args ...string) ([]string, error) {
	file := filepath.Join(dir, "server.conf")
	return append(args, "-c", file), os.WriteFile(file, []byte(text), 0o600)
}

// each is format for every address, with its text for %s.
func each(addrs []netip.AddrPort, format string) string {
	var b strings.Builder
	for _, a := range addrs {
		fmt.Fprintf(&b, format, a.Addr())
	}
	return b.String()
}

// eachZone is format for every zone, with name and file for %q and %q.
func eachZone(files map[*zone]string, format string) string {
	var b strings.Builder
	for z, file := range files {
		fmt.Fprintf(&b, format, z.Name.String(), file)
	}
	return b.String()
}

func nsd(dir string, addrs []netip.AddrPort, files map[*zone]string) ([]string, error) {
	return write(dir, fmt.Sprintf(`server:
%s	server-count: 1
	username: ""
	zonesdir: %q
	pidfile: "%[2]s/nsd.pid"
	xfrdfile: "%[2]s/xfrd.state"
	xfrdir: %[2]q
	zonelistfile: "%[2]s/zone.list"
	database: ""
	rrl-ratelimit: 0
remote-control:
	control-enable: no
%[3]s`, each(addrs, "\tip-address: %s\n"), dir, eachZone(files, "zone:\n\tname: %q\n\tzonefile: %q\n")), "-d")
}

func knot(dir string, addrs []netip.AddrPort, files map[*zone]string) ([]string, error) {
	return write(dir, fmt.Sprintf(`server:
    rundir: %q
    listen: [ %s ]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: %[1]q
template:
  - id: default
    storage: %[1]q
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: none
    semantic-checks: off
log:
  - target: stderr
    any: info
zone:
%[3]s`, dir, strings.TrimSuffix(each(addrs, "%s@53, "), ", "), eachZone(files, "  - domain: %q\n    file: %q\n")), "-s", filepath.Join(dir, "k.sock"))
}

func bind(dir string, addrs []netip.AddrPort, files map[*zone]string) ([]string, error) {
	return write(dir, fmt.Sprintf(`%s
options {
	directory %q;
	listen-on port 53 { %s};
	recursion no;
	check-names primary ignore;
	check-integrity no;
	check-dup-records ignore;
	%s
};
%s`, namedQuiet, dir, each(addrs, "%s; "), namedAlone, eachZone(files, "zone %q { type primary; file %q; };\n")), "-g", "-n", "1")
}

// namedQuiet and namedAlone keep BIND to the directory and the addresses it
// is given.
const (
	namedQuiet = `controls { };`
	namedAlone = `pid-file none;
	lock-file none;
	session-keyfile none;
	listen-on-v6 { none; };
	allow-transfer { none; };
	notify no;
	empty-zones-enable no;
	dnssec-validation no;`
)
