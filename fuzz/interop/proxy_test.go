//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
)

// TestProxy has dnsdist in front of a server that answers one client only: each client of
// dnsdist is known by its own address.
func TestProxy(t *testing.T) {
	dnsdist, _ := need(t, "dnsdist"), need(t, "dig")
	dir := t.TempDir()
	zone := filepath.Join(dir, "proxied.example")
	if err := os.WriteFile(zone, []byte("$ORIGIN proxied.example.\n@ 60 SOA ns a 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	port, front := freeport.Loopback(t).Port(), freeport.Loopback(t).Port()
	stop := runServer(t, port, "-i", "127.0.0.1", "-p", fmt.Sprint(port), "--bindzone", zone, "--proxy", "127.0.0.9", "--allow-query", "127.0.0.7")
	defer stop()
	conf := filepath.Join(dir, "dnsdist.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, `setLocal("127.0.0.1:%d")
newServer({address="127.0.0.1:%d", source="127.0.0.9", useProxyProtocol=true})
setACL({"127.0.0.0/8"})
setSecurityPollSuffix("")
`, front, port), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dnsdist, "--supervised", "--disable-syslog", "-C", conf)
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(out)
		}
	}()
	dig := func(port uint16, from string, more ...string) string {
		args := append([]string{"-r", "@127.0.0.1", "-p", fmt.Sprint(port), "-b", from, "+tries=1", "+timeout=5", "ns.proxied.example"}, more...)
		reply, _ := exec.Command("dig", args...).CombinedOutput()
		return string(reply)
	}
	eventually.Succeed(t, func() error {
		if reply := dig(front, "127.0.0.7"); !strings.Contains(reply, "status: NOERROR") {
			return fmt.Errorf("dnsdist does not answer:\n%s", reply)
		}
		return nil
	})
	for _, c := range []struct {
		what, from string
		port       uint16
		want       string
	}{
		{"the client, by dnsdist", "127.0.0.7", front, "status: NOERROR"},
		{"another client, by dnsdist", "127.0.0.8", front, "status: REFUSED"},
		{"the client, directly", "127.0.0.7", port, "status: NOERROR"},
		{"another client, directly", "127.0.0.8", port, "status: REFUSED"},
	} {
		for _, transport := range []string{"+notcp", "+tcp"} {
			if got := dig(c.port, c.from, transport); !strings.Contains(got, c.want) {
				t.Errorf("%s, %s: no %q in\n%s", c.what, transport, c.want, got)
			}
		}
	}
	if got := dig(port, "127.0.0.9", "+timeout=1"); strings.Contains(got, "status:") {
		t.Errorf("the proxy without a header has a reply:\n%s", got)
	}
}
