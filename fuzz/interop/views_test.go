//go:build interop

package interop

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/freeport"
)

// TestViews has dig ask from several addresses of this machine, and sign with a key: each
// client sees the zone of its view, also when it transfers it.
func TestViews(t *testing.T) {
	need(t, "dig")
	dir := t.TempDir()
	write := filesIn(t, dir)
	for name, address := range map[string]string{"inside": "10.0.0.1", "outside": "203.0.113.1", "signed": "192.0.2.77"} {
		write(name, "@ 60 SOA ns a 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\nwww 60 A "+address+"\n")
	}
	port := freeport.Loopback(t).Port()
	const secret = "c2VjcmV0IG9mIDMyIG9jdGV0cyBmb3IgdGVzdHMuLi4="
	write("names.toml", fmt.Sprintf(`
[listen]
address = ["127.0.0.1", "127.0.0.5"]
port = %d
[[key]]
name = "office"
algorithm = "hmac-sha256"
secret = %q
[acl.by-address]
addresses = ["127.0.0.5"]
[view.signed]
clients = ["key:office"]
[view.inside]
clients = ["127.0.0.8", "acl:by-address"]
[[zone]]
name = "corp.example"
file = "inside"
views = ["inside"]
[[zone]]
name = "corp.example"
file = "outside"
[[zone]]
name = "corp.example"
file = "signed"
views = ["signed"]
[transfers]
allow-transfer = ["loopback"]
`, port, secret))
	stop := runServer(t, port, "--config", filepath.Join(dir, "names.toml"))
	defer stop()
	for _, c := range []struct {
		from, at string
		more     []string
		want     string
	}{
		{"127.0.0.8", "127.0.0.1", nil, "10.0.0.1"},
		{"127.0.0.9", "127.0.0.1", nil, "203.0.113.1"},
		{"127.0.0.9", "127.0.0.5", nil, "10.0.0.1"},
		{"127.0.0.9", "127.0.0.1", []string{"-y", "hmac-sha256:office:" + secret}, "192.0.2.77"},
	} {
		for _, what := range [][]string{{"www.corp.example", "A"}, {"www.corp.example", "A", "+tcp"}, {"corp.example", "AXFR"}} {
			args := append([]string{"-r", "@" + c.at, "-p", fmt.Sprint(port), "-b", c.from, "+tries=1"}, append(what, c.more...)...)
			out, err := exec.Command("dig", args...).CombinedOutput()
			if err != nil || !strings.Contains(string(out), c.want) {
				t.Errorf("from %s at %s %v: no %s in\n%s", c.from, c.at, what, c.want, out)
			}
		}
	}
}
