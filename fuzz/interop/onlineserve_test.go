//go:build interop

package interop

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// TestOnlineServedValidates: delv and Unbound believe what names signs of the answers of a
// server that knows nothing of DNSSEC, whether they are there or not, with the DS record that
// "names keys" prints.
func TestOnlineServedValidates(t *testing.T) {
	delv, unbound := need(t, "delv"), need(t, "unbound-host")
	backend := listenertest.Serve(t, names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		q := x.Question()
		if !strings.HasPrefix(q.Name.FirstLabel(), "host") {
			x.RCode = wire.RCodeNXDomain
			return nil
		}
		if q.Type != wire.TypeA {
			return nil
		}
		return x.Reply.Record(q.Name, wire.ClassIN, 60, &wire.A{Addr: netip.MustParseAddr("192.0.2.1")})
	}))
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	s := start(t, withArguments{ours{}, func(_ string, port uint16, _ []string) ([]string, error) {
		return []string{"serve", "--config", path("names.toml")}, os.WriteFile(path("names.toml"), fmt.Appendf(nil, `[listen]
address = ["127.0.0.1:%d"]
[signing]
key-dir = "keys"
[[online]]
name = "example"
servers = ["ns.example.net"]
from = [%q]
`, port, backend), 0o600)
	}}, nil)
	var ds []string
	eventually.Succeed(t, func() error {
		out, err := exec.Command(built, "keys", "ds", "--dir", path("keys"), "example").Output()
		for _, line := range strings.Split(string(out), "\n") {
			if words := strings.Fields(line); len(words) > 4 && words[3] == "DS" {
				ds = words[4:]
			}
		}
		if err != nil || len(ds) == 0 {
			return fmt.Errorf("%w: %s\n%s", err, out, s.printed())
		}
		return nil
	})
	eventually.Succeed(t, func() error {
		out, err := exec.Command(need(t, "dig"), "-r", "@127.0.0.1", "-p", fmt.Sprint(s.Addr.Port()), "+tries=1", "example", "SOA").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "status: NOERROR") {
			return fmt.Errorf("%w: %s\n%s", err, out, s.printed())
		}
		return nil
	})
	write(t, path("anchor"), fmt.Appendf(nil, "trust-anchors { example. static-ds %s %s %s \"%s\"; };\n", ds[0], ds[1], ds[2], strings.Join(ds[3:], "")))
	write(t, path("unbound.conf"), fmt.Appendf(nil, "server:\n\tdo-not-query-localhost: no\n\ttrust-anchor: \"example. DS %s\"\n\tuse-syslog: no\nstub-zone:\n\tname: example.\n\tstub-addr: 127.0.0.1@%d\n",
		strings.Join(ds, " "), s.Addr.Port()))
	for question, want := range map[string]string{
		"host1.example A":    "; fully validated",
		"host1.example AAAA": "; negative response, fully validated",
		"gone.example A":     "; negative response, fully validated",
		"example DNSKEY":     "; fully validated",
		"example MX":         "; negative response, fully validated",
	} {
		words := strings.Fields(question)
		args := append([]string{"@127.0.0.1", "-p", fmt.Sprint(s.Addr.Port()), "-a", path("anchor"), "+root=example"}, words...)
		out, err := exec.CommandContext(t.Context(), delv, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("delv %s: %v\n%s", question, err, out)
		}
		out, err = exec.CommandContext(t.Context(), unbound, "-C", path("unbound.conf"), "-v", "-t", words[1], words[0]).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "(secure)") {
			t.Errorf("unbound-host %s: %v\n%s", question, err, out)
		}
	}
}
