package recursor

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// peerZone has what takes more than one packet or more than one step.
const peerZone = `$ORIGIN example.
$TTL 300
@       SOA     ns root 1 3600 1200 604800 300
@       NS      ns
ns      A       192.0.2.53
www     A       192.0.2.7
www     AAAA    2001:db8::7
alias   CNAME   alias2
alias2  CNAME   www
*.wild  TXT     "made from a wildcard"
old     DNAME   new
x.new   A       192.0.2.8
lost    CNAME   nowhere
`

// peer is another project's server.
type peer struct {
	binary    string
	config    string // %[1]d is the port, %[2]s the folder
	arguments []string
}

var (
	peerNSD = peer{"nsd", `server:
	ip-address: 127.0.0.1@%[1]d
	port: %[1]d
	server-count: 1
	username: ""
	zonesdir: "%[2]s"
	pidfile: "%[2]s/nsd.pid"
	xfrdfile: "%[2]s/xfrd.state"
	xfrdir: "%[2]s"
	zonelistfile: "%[2]s/zone.list"
	rrl-ratelimit: 0
remote-control:
	control-enable: no
zone:
	name: example
	zonefile: zone
`, []string{"-d", "-c", "config"}}

	// Without a cookie it gave itself, it answers nothing over UDP.
	peerBIND = peer{"named", `options {
	directory "%[2]s";
	pid-file "%[2]s/named.pid";
	session-keyfile "%[2]s/session.key";
	listen-on port %[1]d { 127.0.0.1; };
	listen-on-v6 { none; };
	recursion no;
	require-server-cookie yes;
};
controls { };
zone "example" { type primary; file "zone"; };
`, []string{"-f", "-n", "1", "-c", "config"}}
)

// start runs the server until the test is over and returns where it answers.
func (p peer) start(t *testing.T) netip.AddrPort {
	binary, err := exec.LookPath(p.binary)
	if err != nil {
		if binary = filepath.Join("/usr/sbin", p.binary); !isFile(binary) {
			t.Skipf("%s is not installed", p.binary)
		}
	}
	dir, free := t.TempDir(), freeport.Loopback(t)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var big strings.Builder
	for i := range 100 {
		fmt.Fprintf(&big, "big A 10.0.0.%d\n", i)
	}
	write("zone", peerZone+big.String())
	write("config", fmt.Sprintf(p.config, free.Port(), dir))
	var output bytes.Buffer
	command := exec.Command(binary, p.arguments...)
	command.Dir, command.Stdout, command.Stderr = dir, &output, &output
	if err := command.Start(); err != nil {
		t.Skipf("%s does not start: %v", p.binary, err)
	}
	ended := make(chan struct{})
	go func() { command.Wait(); close(ended) }()
	t.Cleanup(func() {
		command.Process.Kill()
		<-ended
	})
	server := upstream.NewClient(upstream.Config{}).Server(free)
	defer server.Close()
	err = eventually.Try(ended, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		r, err := server.Ask(ctx, &upstream.Query{
			Question: wire.Question{Name: wire.MustParseName("example."), Type: wire.TypeSOA, Class: wire.ClassIN},
			Budget:   upstream.NewBudget(10, 10000),
		})
		if err == nil && r.RCode != wire.RCodeNoError {
			err = fmt.Errorf("it says %v", r.RCode)
		}
		return err
	})
	if err != nil {
		command.Process.Kill()
		<-ended
		t.Fatalf("%s: %v\n%s", p.binary, err, output.String())
	}
	return free
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// The answers of real servers arrive as they are, over TCP if they are
// truncated, with BIND's cookies where it insists on them.
func TestForwardingToPeers(t *testing.T) {
	for _, p := range []peer{peerNSD, peerBIND} {
		t.Run(p.binary, func(t *testing.T) {
			f, err := NewForwarder(ForwardConfig{Zones: []ForwardZone{{wire.MustParseName("example."), []netip.AddrPort{p.start(t)}}}})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for _, c := range []struct {
				name  string
				kind  wire.Type
				rcode wire.RCode
				want  string
				soa   bool
			}{
				{"www.example.", wire.TypeA, 0, "www.example. A 192.0.2.7", false},
				{"WWW.eXample.", wire.TypeAAAA, 0, "WWW.eXample. AAAA 2001:db8::7", false},
				{"alias.example.", wire.TypeA, 0, "alias.example. CNAME alias2.example.\nalias2.example. CNAME www.example.\nwww.example. A 192.0.2.7", false},
				{"a.b.wild.example.", wire.TypeTXT, 0, `a.b.wild.example. TXT "made from a wildcard"`, false},
				{"x.old.example.", wire.TypeA, 0, "old.example. DNAME new.example.\nx.old.example. CNAME x.new.example.\nx.new.example. A 192.0.2.8", false},
				{"lost.example.", wire.TypeA, wire.RCodeNXDomain, "lost.example. CNAME nowhere.example.", true},
				{"nowhere.example.", wire.TypeA, wire.RCodeNXDomain, "", true},
				{"www.example.", wire.TypeMX, 0, "", true},
			} {
				m := namestest.Ask(t, f, c.name, c.kind)
				if m.RCode != c.rcode || text(m.Answers) != c.want || (len(m.Authority) == 1 && m.Authority[0].Type == wire.TypeSOA) != c.soa {
					t.Errorf("%s %v: got\n%v", c.name, c.kind, m)
				}
			}
			if m := namestest.Ask(t, f, "big.example.", wire.TypeA, namestest.OverTCP()); len(m.Answers) != 100 {
				t.Errorf("of 100 records there are %d", len(m.Answers))
			}
			if s := f.Servers()[0]; s.Dead || s.RTT <= 0 || s.Waiting != 0 {
				t.Errorf("the server's state is %+v", s)
			}
		})
	}
}
