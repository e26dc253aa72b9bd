//go:build interop

package interop

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
)

// link is a server of a chain: it has the zone from the one before it, and sends it to
// the one after it. Everything is signed with one key.
type link struct {
	program
	port      uint16
	algorithm string
	from, to  *link // nil: it is the first, or the last
	file      string
	signs     bool // it is ours, and signs the zone
	verifies  bool // what comes has a digest (RFC 8976), which Knot is to verify
}

func (l *link) Arguments(dir string, _ uint16, _ []zoneFile) (args []string, err error) {
	var conf strings.Builder
	write := func(format string, args ...any) { fmt.Fprintf(&conf, format, args...) }
	file := filepath.Join(dir, "conf")
	switch l.Name() {
	case "nsd":
		write("server:\n\tip-address: 127.0.0.1@%d\n\tport: %[1]d\n\tserver-count: 1\n\tusername: \"\"\n\tzonesdir: %[2]q\n\tpidfile: \"%[2]s/nsd.pid\"\n\txfrdfile: \"%[2]s/xfrd.state\"\n\txfrdir: %[2]q\n\tzonelistfile: \"%[2]s/zone.list\"\n\tdatabase: \"\"\n\tverbosity: 2\n\txfrd-reload-timeout: 0\nremote-control:\n\tcontrol-enable: no\n", l.port, dir)
		write("key:\n\tname: mover\n\talgorithm: %s\n\tsecret: %q\n", l.algorithm, tsigSecret)
		write("zone:\n\tname: %q\n\tzonefile: \"\"\n\tstore-ixfr: yes\n\tmin-refresh-time: 1\n\tmin-retry-time: 1\n\trequest-xfr: 127.0.0.1@%d mover\n\tallow-notify: 127.0.0.1 mover\n\tprovide-xfr: 127.0.0.1 mover\n\tprovide-xfr: 127.0.0.1 NOKEY\n", transferZone, l.from.port)
		if l.to != nil {
			write("\tnotify: 127.0.0.1@%d mover\n", l.to.port)
		}
		args = []string{"-d", "-c", file}
	case "knot":
		write("server:\n    rundir: %q\n    listen: 127.0.0.1@%d\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n    tcp-reuseport: off\ndatabase:\n    storage: %[1]q\nlog:\n  - target: stderr\n    any: info\n", dir, l.port)
		write("key:\n  - id: mover\n    algorithm: %s\n    secret: %s\n", l.algorithm, tsigSecret)
		write("remote:\n  - id: from\n    address: 127.0.0.1@%d\n    key: mover\n", l.from.port)
		if l.to != nil {
			write("  - id: to\n    address: 127.0.0.1@%d\n    key: mover\n", l.to.port)
		}
		write("acl:\n  - id: all\n    address: 127.0.0.1\n    action: [transfer]\n  - id: keyed\n    key: mover\n    action: [transfer, notify]\n")
		write("template:\n  - id: default\n    storage: %q\n    zonefile-sync: -1\n    zonefile-load: none\n    journal-content: all\n    semantic-checks: off\nzone:\n  - domain: %q\n    master: from\n    acl: [all, keyed]\n    refresh-min-interval: 2\n", dir, transferZone)
		if l.to != nil {
			write("    notify: to\n")
		}
		if l.verifies {
			write("    zonemd-verify: on\n")
		}
		args = []string{"-c", file, "-s", filepath.Join(dir, "k.sock")}
	case "bind":
		write("key mover { algorithm %s; secret %q; };\n", l.algorithm, tsigSecret)
		write("options { directory %q; pid-file none; lock-file none; session-keyfile none; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; empty-zones-enable no; dnssec-validation no; notify explicit; notify-delay 0; min-refresh-time 1; min-retry-time 1; };\ncontrols { };\n", dir, l.port)
		write("zone %q { file %q; allow-transfer { key mover; 127.0.0.1; }; ", transferZone, filepath.Join(dir, "zone"))
		if l.from == nil {
			text, err := os.ReadFile(l.file)
			if err != nil {
				return nil, err
			}
			if err := os.WriteFile(filepath.Join(dir, "zone"), text, 0o600); err != nil {
				return nil, err
			}
			write("type primary; allow-update { key mover; }; check-names ignore; check-integrity no; ")
		} else {
			write("type secondary; primaries { 127.0.0.1 port %d key mover; }; allow-notify { key mover; }; check-names ignore; ", l.from.port)
		}
		if l.to != nil {
			write("also-notify { 127.0.0.1 port %d key mover; }; ", l.to.port)
		}
		write("};\n")
		args = []string{"-g", "-n", "1", "-c", file}
	case "powerdns":
		return l.writePowerDNS(dir)
	default:
		write("[listen]\naddress = [\"127.0.0.1:%d\"]\n[journal]\ndir = \"journal\"\n[[key]]\nname = \"mover\"\nalgorithm = %q\nsecret = %q\n", l.port, l.algorithm, tsigSecret)
		write("[[zone]]\nname = %q\nallow-transfer = [\"key:mover\", \"127.0.0.1\"]\nnotify-servers = false\n", transferZone)
		if l.to != nil {
			write("also-notify = [\"key:mover@127.0.0.1:%d\"]\n", l.to.port)
		}
		if l.from != nil {
			write("primaries = [\"key:mover@127.0.0.1:%d\"]\nmin-refresh = \"1s\"\nmin-retry = \"1s\"\n", l.from.port)
		} else {
			write("file = %q\n", l.file)
		}
		if l.signs {
			write("sign = \"default\"\nzonemd-generate = \"sha384\"\n")
		}
		if l.from == nil {
			write("[[zone.update]]\nkeys = [\"mover\"]\n")
		}
		write("[signing]\nkey-dir = \"signing\"\n")
		args = []string{"serve", "--config", file}
	}
	return args, os.WriteFile(file, []byte(conf.String()), 0o600)
}

// powerdns is PowerDNS's authoritative server, which is a secondary only, and the last.
type powerdns struct{}

func (powerdns) Name() string   { return "powerdns" }
func (powerdns) Binary() string { return "pdns_server" }

func (powerdns) Arguments(string, uint16, []zoneFile) ([]string, error) {
	return nil, errors.New("only a link has its configuration")
}

// writePowerDNS writes the configuration of PowerDNS, which keeps keys in a database.
func (l *link) writePowerDNS(dir string) (args []string, err error) {
	conf := fmt.Sprintf("launch=bind\nbind-config=%[1]s/zones\nbind-dnssec-db=%[1]s/keys\nsecondary=yes\nlocal-address=127.0.0.1\nlocal-port=%[2]d\nsocket-dir=%[1]s\n"+
		"xfr-cycle-interval=1\nallow-axfr-ips=127.0.0.0/8\nallow-notify-from=127.0.0.0/8\ndisable-syslog=yes\ndaemon=no\nguardian=no\ncache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\n", dir, l.port)
	zones := fmt.Sprintf("options { directory %[1]q; };\nzone %[2]q { type slave; masters { 127.0.0.1:%[3]d; }; file \"%[1]s/copy\"; };\n", dir, strings.TrimSuffix(transferZone, "."), l.from.port)
	for name, text := range map[string]string{"pdns.conf": conf, "zones": zones} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	for _, args := range [][]string{
		{"create-bind-db", filepath.Join(dir, "keys")},
		{"import-tsig-key", "mover", l.algorithm, tsigSecret},
		{"activate-tsig-key", transferZone, "mover", "secondary"},
	} {
		if out, err := exec.Command("pdnsutil", append([]string{"--config-dir=" + dir}, args...)...).CombinedOutput(); err != nil {
			return nil, fmt.Errorf("pdnsutil %v: %w\n%s", args, err, out)
		}
	}
	return []string{"--config-dir=" + dir}, nil
}

// TestChain moves a zone through chains of four different servers, in which each link
// is a transfer and a NOTIFY signed with each algorithm. After each of random edits of
// the first, all have the same zone, record by record, and the transfers from and to
// ours are incremental. Of a zone that ours signs, the first or one between others, every
// version that they have is valid, and they get what has changed only. NAMES_CHAIN_STEPS says
// how many edits there are, other ones each time.
func TestChain(t *testing.T) {
	steps, seed := 6, uint64(7)
	if n, err := strconv.Atoi(os.Getenv("NAMES_CHAIN_STEPS")); err == nil {
		steps, seed = n, rand.Uint64()
		t.Logf("seed %d", seed)
	}
	for _, test := range []struct {
		algorithm string
		chain     []program
		isSigned  bool // by the first that is ours
	}{
		{"hmac-sha256", []program{ours{}, knot{}, bind{}}, true},
		{"hmac-sha256", []program{ours{}, bind{}, nsd{}}, true},
		{"hmac-sha256", []program{bind{}, ours{}, knot{}, nsd{}}, true},
		{"hmac-sha256", []program{bind{}, nsd{}, ours{}, knot{}}, true},
		{"hmac-sha1", []program{bind{}, ours{}, knot{}, nsd{}}, false},
		{"hmac-sha224", []program{ours{}, knot{}, nsd{}, bind{}}, false},
		{"hmac-sha256", []program{bind{}, knot{}, ours{}, nsd{}}, false},
		{"hmac-sha384", []program{ours{}, bind{}, knot{}, nsd{}}, false},
		{"hmac-sha512", []program{bind{}, nsd{}, ours{}, knot{}}, false},
		{"hmac-sha256", []program{bind{}, knot{}, nsd{}, ours{}}, false},
		{"hmac-sha256", []program{ours{}, powerdns{}}, false},
		{"hmac-sha512", []program{bind{}, knot{}, ours{}, powerdns{}}, false},
	} {
		var names []string
		for _, p := range test.chain {
			names = append(names, p.Name())
		}
		name := test.algorithm + " " + strings.Join(names, " ")
		if test.isSigned {
			name += " signed"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone := filepath.Join(t.TempDir(), "zone")
			if err := os.WriteFile(zone, []byte("$TTL 60\n@ SOA ns.corner.test. admin 1 300 60 86400 60\n@ NS ns.corner.test.\nns A 127.0.0.1\nkept TXT \"first\"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			links := make([]*link, len(test.chain))
			signer := -1
			if test.isSigned {
				signer = slices.Index(names, "names")
			}
			for i, p := range test.chain {
				links[i] = &link{program: p, port: freeport.Loopback(t).Port(), algorithm: test.algorithm, file: zone, signs: i == signer, verifies: signer >= 0 && i > signer}
				if i > 0 {
					links[i].from, links[i-1].to = links[i-1], links[i]
				}
			}
			var servers []*server
			for _, l := range links {
				s := start(t, l, nil)
				s.Addr = netip.AddrPortFrom(s.Addr.Addr(), l.port)
				if err := s.waitFor([]zoneFile{{Origin: transferZone}}); err != nil {
					t.Fatalf("%s: %v\n%s", s.Name, err, s.printed())
				}
				servers = append(servers, s)
			}
			random := rand.New(rand.NewPCG(seed, uint64(len(test.algorithm))))
			for step := range steps {
				var script strings.Builder
				fmt.Fprintf(&script, "server 127.0.0.1 %d\nkey %s:mover %s\nzone %s\n", links[0].port, test.algorithm, tsigSecret, transferZone)
				for range 1 + random.IntN(8) {
					name := fmt.Sprintf("h%d.%s", random.IntN(20), transferZone)
					switch random.IntN(4) {
					case 0:
						fmt.Fprintf(&script, "update delete %s\n", name)
					case 1:
						fmt.Fprintf(&script, "update add %s 60 TXT \"step %d\"\n", name, step)
					default:
						fmt.Fprintf(&script, "update add %s %d A 192.0.2.%d\n", name, 60+step, random.IntN(250))
					}
				}
				fmt.Fprintf(&script, "update add step%d.%s 60 A 192.0.2.1\nsend\n", step, transferZone)
				file := filepath.Join(t.TempDir(), "script")
				if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
					t.Fatal(err)
				}
				run(t, t.TempDir(), need(t, "nsupdate"), file)
				want := transferred(t, servers[0])
				for i, s := range servers[1:] {
					var all, got []string
					err := eventually.Try(s.exited, func() error {
						all = transferred(t, s)
						got = all
						if i+1 == signer {
							got, want = withoutSignatures(all), withoutSignatures(want)
						}
						if !slices.Equal(got, want) {
							return errors.New("its zone is another one")
						}
						return nil
					})
					if err != nil {
						for _, s := range servers[:i+2] {
							t.Logf("%s printed:\n%s", s.Name, s.printed())
						}
						sameZone(t, fmt.Sprintf("step %d: %s", step, s.Name), got, want)
						t.Fatalf("%s: %v", s.Name, err)
					}
					want = all
					if test.isSigned && i+1 >= signer {
						verifyCopy(t, s)
					}
				}
			}
			if test.isSigned {
				for _, s := range servers[signer+1:] {
					log, _ := os.ReadFile(s.log)
					if n := strings.Count(string(log), "AXFR, incoming, remote"); s.Name == "knot" && n > 4 { // lines of the first one
						t.Errorf("%s has not got changes only:\n%s", s.Name, log)
					}
				}
			}
			for i, s := range servers {
				if s.Name == "names" && i > 0 && i < len(servers)-1 {
					log, _ := os.ReadFile(s.log)
					in := strings.Count(string(log), "zone transferred\" zone=corner.test. primary=127.0.0.1:"+fmt.Sprint(links[i-1].port))
					incremental := strings.Count(string(log), " incremental=true changes=")
					t.Logf("%d transfers from %s, %d of them incremental", in, servers[i-1].Name, incremental)
					if incremental < 4 {
						t.Errorf("only %d transfers from %s are incremental:\n%s", incremental, servers[i-1].Name, log)
					}
				}
			}
		})
	}
}

// withoutSignatures leaves out what a signer makes, and the SOA record, whose serial
// number is the signer's.
func withoutSignatures(records []string) (left []string) {
	for _, r := range records {
		if kind := strings.Fields(r)[3]; !slices.Contains([]string{"soa", "rrsig", "nsec", "nsec3", "nsec3param", "dnskey", "cds", "cdnskey", "zonemd"}, kind) {
			left = append(left, r)
		}
	}
	return left
}

// verifyCopy has others look at a signed zone that a server has.
func verifyCopy(t *testing.T, s *server) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "copy")
	text := run(t, t.TempDir(), need(t, "dig"), "-r", "@127.0.0.1", "-p", fmt.Sprint(s.Addr.Port()), transferZone, "AXFR", "+noall", "+answer", "+onesoa")
	write(t, file, []byte(text+"\n"))
	run(t, t.TempDir(), need(t, "ldns-verify-zone"), "-V", "1", file)
	run(t, t.TempDir(), need(t, "dnssec-verify"), "-q", "-z", "-o", transferZone, file)
}
