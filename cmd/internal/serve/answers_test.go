package serve

import (
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Answers of other servers are refused, and not kept; what this server has itself may
// say anything. A reload takes the rule back, though the refusal was kept.
func TestAnswersFromElsewhere(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "own"), zoneWith("10.0.0.1"))
	writeFile(t, filepath.Join(dir, "hosts"), "10.0.0.2 host.test\n")
	upstream := startUpstream(t, "$ORIGIN up.example.\n@ 60 SOA ns a 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\nevil 60 A 10.0.0.3\nads 60 CNAME x.tracker.up.example.\nx.tracker 60 A 192.0.2.3\nfriend.lan 60 A 10.0.0.4\n")
	load := func(answers string) *config.Config {
		path := filepath.Join(dir, "names.toml")
		writeFile(t, path, `
[listen]
address = ["127.0.0.1:0"]
[[zone]]
name = "own.example"
file = "own"
[recursion]
hosts-file = "hosts"
forward = ["`+upstream.String()+`"]
[cache]
enabled = true
[validation]
off = true
`+answers)
		c, _, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	server, _, _ := startWith(t, load("[answers]\nno-private = true\ndeny = [\"tracker.up.example\"]\nexempt-zones = [\"lan.up.example\"]\n").Settings)
	client := names.Peer{Transport: names.UDP, Remote: netip.MustParseAddrPort("127.0.0.1:5353")}
	check := func(wants map[string]string) {
		t.Helper()
		for name, want := range wants {
			for range 2 { // the second time from the cache
				if got := addressFor(t, server, name, client); got != want {
					t.Errorf("%s is %s, want %s", name, got, want)
				}
			}
		}
	}
	check(map[string]string{
		"www.own.example.": "10.0.0.1", "host.test.": "10.0.0.2", "localhost.": "127.0.0.1", "ns.up.example.": "192.0.2.1",
		"evil.up.example.": wire.RCodeServFail.String(), "ads.up.example.": wire.RCodeServFail.String(), "friend.lan.up.example.": "10.0.0.4",
	})
	if err := server.Apply(load("").Settings); err != nil {
		t.Fatal(err)
	}
	check(map[string]string{"evil.up.example.": "10.0.0.3", "ads.up.example.": "192.0.2.3"})
}
