package serve

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// TestServeAlone: names serve, and nothing else, resolves from the root for
// those nearby.
func TestServeAlone(t *testing.T) {
	s := parse(t, "-i", "::1", "-p", "5353")
	r := &s.Recursion
	if !r.FromRoot || !s.Cache.Enabled {
		t.Errorf("from the root: %v, cache: %v", r.FromRoot, s.Cache.Enabled)
	}
	allow, err := names.ParsePeerSet(r.Allow...)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"127.0.0.1": true, "10.1.2.3": true, "198.51.100.1": false} {
		if got := allow.Contains(netip.MustParseAddr(text)); got != want {
			t.Errorf("recursion for %s: %v", text, got)
		}
	}
	config, err := r.Config()
	if err != nil || config.QueryLoopback || len(config.Zones) != 0 {
		t.Errorf("%+v, %v", config, err)
	}
}

// TestFromRoot resolves from a root of our own, with a zone that is forwarded
// in addition.
func TestFromRoot(t *testing.T) {
	root := startUpstream(t, smallZone+"host A 192.0.2.9\nalias CNAME host.corp.example.\n")
	forward := startServerWithZone(t, "corp.example", smallZone+"host A 192.0.2.10\n")
	server, _, _ := startServer(t, "--from-root", "-c", "--insecure", "example", "--stub", "up.example="+root.String(), "--forward", "corp.example="+forward.String())
	for name, want := range map[string]string{"host.up.example.": "192.0.2.9", "alias.up.example.": "192.0.2.10", "host.corp.example.": "192.0.2.10"} {
		m := askServer(t, "udp", server, name, wire.TypeA, wire.ClassIN)
		if got := strings.Fields(answers(m)); len(got) < 5 || got[len(got)-1] != want {
			t.Errorf("%s: answers %q, want %s", name, got, want)
		}
		if !m.Flags.Has(wire.FlagRA) || m.Flags.Has(wire.FlagAA) {
			t.Errorf("%s: flags %v", name, m.Flags)
		}
	}
}

// TestOneBudget: cache, servers and proofs together take what was asked for.
func TestOneBudget(t *testing.T) {
	for _, size := range []string{"1MiB", "64MiB", "16GiB"} {
		s := parse(t, "--from-root", "-c", "--cache-size", size)
		cache, servers := cacheConfig(&s).Size, int64(rememberedServers(&s))*recursor.ServerMemory
		if cache+servers+rangeSize(&s) != s.Cache.Size || rangeSize(&s) == 0 || servers == 0 || servers > cache/4 {
			t.Errorf("%s: %d octets of cache, %d of servers", size, cache, servers)
		}
	}
}

func startServerWithZone(t *testing.T, name, text string) netip.AddrPort {
	t.Helper()
	zone := filepath.Join(t.TempDir(), name)
	writeFile(t, zone, text)
	server, _, _ := startServer(t, "--bindzone", zone)
	return server
}
