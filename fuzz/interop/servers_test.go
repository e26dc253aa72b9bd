//go:build interop

package interop

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

// zoneFile is a zone and the file it comes from.
type zoneFile struct {
	Origin string // absolute, as in "corner.test."
	File   string // absolute path

	Unsigned bool // never signed, however the others are
	Pyzone   bool // a pyzone, which only our server reads
}

// program is a name server that can be started.
type program interface {
	// Name is what rules and reports call it.
	Name() string
	// Binary is the program to run, found along the search path unless absolute.
	Binary() string
	// Arguments writes whatever configuration the program needs to dir and
	// returns its arguments. The program is to listen at port of 127.0.0.1 for
	// UDP and TCP, to stay in the foreground, and to touch nothing outside dir.
	Arguments(dir string, port uint16, zones []zoneFile) ([]string, error)
}

// peers are the other people's servers, in the order reports name them.
var peers = []program{nsd{}, knot{}, bind{}}

// nsd is NLnet Labs' NSD.
type nsd struct{}

func (nsd) Name() string   { return "nsd" }
func (nsd) Binary() string { return "nsd" }

func (nsd) Arguments(dir string, port uint16, zones []zoneFile) ([]string, error) {
	var conf strings.Builder
	fmt.Fprintf(&conf, `server:
	ip-address: 127.0.0.1@%d
	port: %[1]d
	server-count: 1
	username: ""
	zonesdir: %[2]q
	pidfile: "%[2]s/nsd.pid"
	xfrdfile: "%[2]s/xfrd.state"
	xfrdir: %[2]q
	zonelistfile: "%[2]s/zone.list"
	database: ""
	minimal-responses: yes
	rrl-ratelimit: 0
	verbosity: 1
remote-control:
	control-enable: no
`, port, dir)
	for _, z := range zones {
		// The zone's names are taken from a transfer, see namesOf.
		fmt.Fprintf(&conf, "zone:\n\tname: %q\n\tzonefile: %q\n\tprovide-xfr: 127.0.0.1 NOKEY\n", z.Origin, z.File)
	}
	file := filepath.Join(dir, "nsd.conf")
	return []string{"-d", "-c", file}, os.WriteFile(file, []byte(conf.String()), 0o600)
}

// knot is CZ.NIC's Knot DNS.
type knot struct{}

func (knot) Name() string   { return "knot" }
func (knot) Binary() string { return "knotd" }

func (knot) Arguments(dir string, port uint16, zones []zoneFile) ([]string, error) {
	var conf strings.Builder
	fmt.Fprintf(&conf, `server:
    rundir: %q
    listen: 127.0.0.1@%d
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    tcp-reuseport: off
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
`, dir, port)
	for _, z := range zones {
		fmt.Fprintf(&conf, "  - domain: %q\n    file: %q\n", z.Origin, z.File)
	}
	file := filepath.Join(dir, "knot.conf")
	return []string{"-c", file, "-s", filepath.Join(dir, "k.sock")}, os.WriteFile(file, []byte(conf.String()), 0o600)
}

// bind is ISC's BIND.
type bind struct{}

func (bind) Name() string   { return "bind" }
func (bind) Binary() string { return "named" }

func (bind) Arguments(dir string, port uint16, zones []zoneFile) ([]string, error) {
	var conf strings.Builder
	fmt.Fprintf(&conf, `options {
	directory %q;
	pid-file none;
	lock-file none;
	session-keyfile none;
	listen-on port %d { 127.0.0.1; };
	listen-on-v6 { none; };
	recursion no;
	allow-transfer { none; };
	notify no;
	minimal-responses yes;
	minimal-any no;
	empty-zones-enable no;
	dnssec-validation no;
	check-names primary ignore;
	check-integrity no;
	check-dup-records ignore;
	check-wildcard no;
	rrset-order { order none; };
};
controls { };
`, dir, port)
	for _, z := range zones {
		fmt.Fprintf(&conf, "zone %q { type primary; file %q; };\n", z.Origin, z.File)
	}
	file := filepath.Join(dir, "named.conf")
	// -f alone would log to syslog; -g stays in the foreground and logs to stderr.
	return []string{"-g", "-n", "1", "-c", file}, os.WriteFile(file, []byte(conf.String()), 0o600)
}

// server is a program that runs and answers.
type server struct {
	Name   string
	Addr   netip.AddrPort
	log    string // path of what it printed
	exited chan struct{}
	cmd    *exec.Cmd

	udp net.Conn
	tcp net.Conn
	buf [65535]byte
	id  uint16
}

// startAll starts programs with zones, all at once, and waits until each
// answers for each zone. They end with the test.
func startAll(t *testing.T, zones []zoneFile, programs ...program) []*server {
	t.Helper()
	servers := make([]*server, len(programs))
	for i, p := range programs {
		servers[i] = start(t, p, zones)
	}
	for _, s := range servers {
		if err := s.waitFor(zones); err != nil {
			t.Fatalf("%s does not answer: %v\nit printed:\n%s", s.Name, err, s.printed())
		}
	}
	return servers
}

// start starts p at a free port.
func start(t *testing.T, p program, zones []zoneFile) *server {
	t.Helper()
	binary := need(t, p.Binary())
	dir := t.TempDir()
	port := freeport.Loopback(t).Port()
	args, err := p.Arguments(dir, port, zones)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{
		Name:   p.Name(),
		Addr:   netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port),
		log:    filepath.Join(dir, "printed.log"),
		exited: make(chan struct{}),
		cmd:    exec.Command(binary, args...),
	}
	out, err := os.Create(s.log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = dir, out, out
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", p.Name(), err)
	}
	go func() {
		s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(s.stop)
	return s
}

// need returns the path of a program. If it is not installed the test is
// skipped, but in CI it fails: there, not to compare is a fault.
func need(t *testing.T, binary string) string {
	t.Helper()
	path, err := exec.LookPath(binary)
	if err != nil {
		// Debian keeps servers where only root's search path leads.
		path, err = exec.LookPath(filepath.Join("/usr/sbin", binary))
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed: %v", binary, err)
		}
		t.Skipf("%s is not installed: %v", binary, err)
	}
	return path
}

// waitFor asks for the SOA of each zone until it comes with authority.
func (s *server) waitFor(zones []zoneFile) error {
	for _, z := range zones {
		q := query{Name: wire.MustParseName(z.Origin), Type: wire.TypeSOA, Class: wire.ClassIN, Buffer: 1232}
		err := eventually.Try(s.exited, func() error {
			a, err := s.ask(q)
			if err == nil && (!a.Flags.Has(wire.FlagAA) || a.RCode != wire.RCodeNoError) {
				err = fmt.Errorf("it says %s", a.RCode)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("zone %s: %w", z.Origin, err)
		}
	}
	return nil
}

// stop ends the process: politely, then not.
func (s *server) stop() {
	s.hangUp()
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second): // for what does not end by itself
		s.cmd.Process.Kill()
		<-s.exited
	}
}

// printed is the end of what the server printed.
func (s *server) printed() string {
	b, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	if lines := bytes.Split(b, []byte("\n")); len(lines) > 30 {
		b = bytes.Join(lines[len(lines)-30:], []byte("\n"))
	}
	return string(b)
}

// hangUp closes the sockets questions are asked from.
func (s *server) hangUp() {
	for _, c := range []*net.Conn{&s.udp, &s.tcp} {
		if *c != nil {
			(*c).Close()
			*c = nil
		}
	}
}
