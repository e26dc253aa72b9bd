//go:build interop

package interop

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
)

// configured is a program with a configuration of its own.
type configured struct {
	name, binary string
	arguments    func(dir string) []string
	files        map[string]string // in its directory
}

func (c configured) Name() string   { return c.name }
func (c configured) Binary() string { return c.binary }

func (c configured) Arguments(dir string, _ uint16, _ []zoneFile) ([]string, error) {
	for name, text := range c.files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	return c.arguments(dir), nil
}

// TestAliasForSecondaries: one process that signs a zone with ALIAS records looks their targets
// up with its own recursor, at BIND. Knot DNS and NSD, which do not know ALIAS records, are its
// secondaries: they have addresses, signed, and get each change as a difference - of the target, and
// of updates in which ALIAS records take the place of addresses and the other way round.
func TestAliasForSecondaries(t *testing.T) {
	provider, our := freeport.Loopback(t).Port(), freeport.Loopback(t).Port()
	at := func(program program, port uint16, zone string) *server {
		t.Helper()
		s := start(t, program, nil)
		s.Addr = netip.AddrPortFrom(s.Addr.Addr(), port)
		if err := s.waitFor([]zoneFile{{Origin: zone}}); err != nil {
			t.Fatalf("%s: %v\n%s", s.Name, err, s.printed())
		}
		return s
	}
	at(configured{"bind", "named", func(dir string) []string { return []string{"-g", "-n", "1", "-c", filepath.Join(dir, "conf")} }, map[string]string{
		"conf": fmt.Sprintf("options { pid-file none; lock-file none; session-keyfile none; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; empty-zones-enable no; notify no; };\ncontrols { };\nzone \"example.net\" { type primary; file \"zone\"; allow-update { 127.0.0.1; }; };\n", provider),
		"zone": "$TTL 1\n@ SOA ns h 1 300 60 86400 1\n@ NS ns\nns A 127.0.0.1\nlb CNAME node.pool\nnode.pool A 198.51.100.1\nnode.pool AAAA 2001:db8::1\n",
	}}, provider, "example.net.")
	from := &link{port: our}
	links := []*link{
		{program: knot{}, port: freeport.Loopback(t).Port(), algorithm: "hmac-sha256", from: from},
		{program: nsd{}, port: freeport.Loopback(t).Port(), algorithm: "hmac-sha256", from: from},
	}
	primary := at(configured{"names", built, func(dir string) []string { return []string{"serve", "--config", filepath.Join(dir, "conf")} }, map[string]string{
		"conf": fmt.Sprintf(`[listen]
address = ["127.0.0.1:%d"]
[journal]
dir = "journal"
[signing]
key-dir = "signing"
[alias]
min-refresh = "1s"
max-refresh = "1s"
[recursion]
from-root = true
root-hints = "hints"
query-localhost = true
stub = ["example.net=127.0.0.1:%d"]
[validation]
off = true
[[key]]
name = "mover"
algorithm = "hmac-sha256"
secret = %q
[[zone]]
name = %q
file = "zone"
sign = "default"
allow-transfer = ["key:mover", "127.0.0.1"]
notify-servers = false
also-notify = ["key:mover@127.0.0.1:%d", "key:mover@127.0.0.1:%d"]
[[zone.update]]
keys = ["mover"]
types = ["ANY"]
`, our, provider, tsigSecret, transferZone, links[0].port, links[1].port),
		"zone":  "$TTL 300\n@ SOA ns h 1 300 60 86400 60\n@ NS ns\nns A 127.0.0.1\n@ ALIAS lb.example.net.\n*.w ALIAS lb.example.net.\n",
		"hints": ". 1 NS a.\na. 1 A 127.0.0.1\n",
	}}, our, transferZone)
	servers := []*server{primary}
	for _, l := range links {
		servers = append(servers, at(l, l.port, transferZone))
	}
	update := func(port uint16, head string, lines ...string) (out []byte, err error) {
		cmd := exec.Command(need(t, "nsupdate"))
		cmd.Stdin = strings.NewReader(fmt.Sprintf("server 127.0.0.1 %d\n%s\n%s\nsend\n", port, head, strings.Join(lines, "\n")))
		return cmd.CombinedOutput()
	}
	mustUpdate := func(port uint16, head string, lines ...string) {
		t.Helper()
		if out, err := update(port, head, lines...); err != nil {
			t.Fatalf("%q: %v\n%s", lines, err, out)
		}
	}
	lookUp := func(s *server, name, kind string) []string {
		got := strings.Fields(run(t, t.TempDir(), need(t, "dig"), "-r", "@127.0.0.1", "-p", fmt.Sprint(s.Addr.Port()), name, kind, "+short"))
		slices.Sort(got)
		return got
	}
	want := func(name, kind string, want ...string) {
		t.Helper()
		for _, s := range servers {
			err := eventually.Try(s.exited, func() error {
				if got := lookUp(s, name, kind); !slices.Equal(got, want) {
					return fmt.Errorf("%s %s is %q, want %q", name, kind, got, want)
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v\n%s\n%s", s.Name, err, s.printed(), primary.printed())
			}
		}
		verifyCopy(t, servers[1])
		verifyCopy(t, servers[2])
	}
	ours, alias := "key hmac-sha256:mover "+tsigSecret+"\nzone "+transferZone, `TYPE65401 \# 16 026c62076578616d706c65036e657400`

	want(transferZone, "A", "198.51.100.1")
	want("x.w."+transferZone, "AAAA", "2001:db8::1")
	mustUpdate(provider, "zone example.net.", "update add node.pool.example.net. 1 A 198.51.100.2", "update delete node.pool.example.net. AAAA")
	want(transferZone, "A", "198.51.100.1", "198.51.100.2")
	want(transferZone, "AAAA")
	mustUpdate(our, ours, "update delete "+transferZone+" TYPE65401", "update add "+transferZone+" 60 A 192.0.2.7",
		"update add moved."+transferZone+" 60 "+alias)
	want(transferZone, "A", "192.0.2.7")
	want("moved."+transferZone, "A", "198.51.100.1", "198.51.100.2")
	mustUpdate(our, ours, "update delete "+transferZone+" A", "update add "+transferZone+" 60 "+alias, "update delete moved."+transferZone,
		"update add moved."+transferZone+" 60 AAAA 2001:db8::7")
	want(transferZone, "A", "198.51.100.1", "198.51.100.2")
	want("moved."+transferZone, "AAAA", "2001:db8::7")
	want("moved."+transferZone, "A")
	for name, lines := range map[string][]string{
		"both at one owner":           {"update add new." + transferZone + " 60 A 192.0.2.8", "update add new." + transferZone + " 60 " + alias},
		"an address next to an ALIAS": {"update add " + transferZone + " 60 A 192.0.2.8"},
		"an ALIAS next to an address": {"update add ns." + transferZone + " 60 " + alias},
	} {
		if out, err := update(our, ours, lines...); err == nil || !strings.Contains(string(out), "update failed: REFUSED") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	want(transferZone, "A", "198.51.100.1", "198.51.100.2")
	want("new."+transferZone, "A")
	mustUpdate(our, ours, "update add x."+transferZone+" 60 CNAME y.example.", "update add x."+transferZone+" 60 "+alias) // left out (RFC 2136 3.4.2.2)
	want("x."+transferZone, "CNAME", "y.example.")
	if got := lookUp(primary, "lb.example.net.", "A"); !slices.Contains(got, "198.51.100.2") {
		t.Errorf("the recursor of the same process says %q", got)
	}
	for _, s := range servers[1:] {
		if log, err := os.ReadFile(s.log); err != nil || s.Name == "knot" && (strings.Count(string(log), "AXFR, incoming, remote") > 4 || !strings.Contains(string(log), "IXFR, incoming, remote")) {
			t.Errorf("%s has not got differences only: %v\n%s", s.Name, err, log)
		}
	}
}
