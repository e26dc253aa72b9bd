package serve

import (
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

// What clients learn of a resolver is what is configured, and they learn of no
// transport by a name that no certificate may have.
func TestDiscovery(t *testing.T) {
	load := func(text string) *discovery {
		dir := t.TempDir() + "/names.toml"
		writeFile(t, dir, text)
		c, _, err := config.Load(dir)
		if err != nil {
			t.Fatal(err)
		}
		return newDiscovery(&c.Settings)
	}
	const transports = `
[tls]
name = "dns.example"
address = ["192.0.2.53", "[2001:db8::53]:853", "192.0.2.53:8853"]
[https]
address = ["0.0.0.0:443"]
path = "/q"
[quic]
address = ["192.0.2.53"]
`
	for _, c := range []struct {
		config, name string
		kind         wire.Type
		want         []string
	}{
		{transports, "_dns.resolver.arpa.", wire.TypeSVCB, []string{
			`1 dns.example. alpn="doq" port=853 ipv4hint=192.0.2.53`,
			`2 dns.example. alpn="dot" port=853 ipv4hint=192.0.2.53 ipv6hint=2001:db8::53`,
			`3 dns.example. alpn="dot" port=8853 ipv4hint=192.0.2.53`,
			`4 dns.example. alpn="h2,h3" port=443 dohpath="/q{?dns}"`,
		}},
		{strings.Replace(transports, `name = "dns.example"`, "", 1), "_dns.resolver.arpa.", wire.TypeSVCB, nil},
		{"", "_dns.resolver.arpa.", wire.TypeSVCB, nil},
		{"", "resolver.arpa.", wire.TypeRESINFO, []string{`"qnamemin" "exterr=0-3,5-12,14,15,18-20,22-25,29-31,33"`}},
		{"[recursion]\nforward = [\"192.0.2.1\"]\n", "resolver.arpa.", wire.TypeRESINFO, []string{`"exterr=0-3,5-12,14,15,18-20,22-25,29-31,33"`}},
		{transports, "resolver.arpa.", wire.TypeA, nil},
	} {
		m, err := namestest.Try(t, load(c.config), c.name, c.kind)
		if len(c.want) == 0 {
			if err == nil {
				t.Errorf("%s %v: %v", c.name, c.kind, m)
			}
			continue
		}
		if err != nil || len(m.Answers) != len(c.want) {
			t.Errorf("%s %v: %v, %v", c.name, c.kind, m, err)
			continue
		}
		for i, want := range c.want {
			if got := strings.Join(strings.Fields(m.Answers[i].String()), " "); !strings.HasSuffix(got, want) {
				t.Errorf("%s %v: %s, want %s", c.name, c.kind, got, want)
			}
		}
	}
}
