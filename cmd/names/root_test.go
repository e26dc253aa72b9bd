package main

import (
	"io"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// TestServeAlone: names serve, and nothing else, resolves from the root for
// those nearby.
func TestServeAlone(t *testing.T) {
	var o serveOptions
	if code, done := o.parse([]string{"-i", "::1", "-p", "5353"}, io.Discard, io.Discard); done {
		t.Fatalf("exit code %d", code)
	}
	r := &o.recursion
	if !r.root.isOn || !r.cache {
		t.Errorf("from the root: %v, cache: %v", r.root.isOn, r.cache)
	}
	for text, want := range map[string]bool{"127.0.0.1": true, "10.1.2.3": true, "198.51.100.1": false} {
		if got := r.allow.Contains(netip.MustParseAddr(text)); got != want {
			t.Errorf("recursion for %s: %v", text, got)
		}
	}
	config, err := r.recursorConfig()
	if err != nil || config.QueryLoopback || len(config.Zones) != 0 {
		t.Errorf("%+v, %v", config, err)
	}
}

// TestFromRoot resolves from a root of our own, with a zone that is forwarded
// beside.
func TestFromRoot(t *testing.T) {
	root := startUpstream(t, smallZone+"host A 192.0.2.9\nalias CNAME host.corp.example.\n")
	forward := startServerWithZone(t, "corp.example", smallZone+"host A 192.0.2.10\n")
	server, _, _ := startServer(t, "--from-root", "-c", "--stub", "up.example="+root.String(), "--forward", "corp.example="+forward.String())
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

// TestOneBudget: cache and servers together take what was asked for.
func TestOneBudget(t *testing.T) {
	for _, size := range []string{"1MiB", "64MiB", "16GiB"} {
		var o serveOptions
		if code, done := o.parse([]string{"--from-root", "-c", "--cache-size", size}, io.Discard, io.Discard); done {
			t.Fatalf("exit code %d", code)
		}
		r := &o.recursion
		cache, servers := r.cacheConfig().Size, int64(r.rememberedServers())*recursor.ServerMemory
		if cache+servers != int64(r.cacheSize) || servers == 0 || servers > cache/4 {
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

func TestReadRootHints(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.hints")
	writeFile(t, path, `. 3600000 NS A.ROOT-SERVERS.NET.
A.ROOT-SERVERS.NET. 3600000 A 198.41.0.4
a.root-servers.net. 3600000 AAAA 2001:503:ba3e::2:30
. 3600000 NS b.root-servers.net.
`)
	hints, err := readRootHints(path)
	if err != nil || len(hints) != 2 || len(hints[0].Addresses) != 2 || hints[0].Addresses[1] != netip.MustParseAddrPort("[2001:503:ba3e::2:30]:53") {
		t.Errorf("%v, %v", hints, err)
	}
	for text, want := range map[string]string{
		"":                         "has no NS record of the root whose server has an address",
		". 1 NS a.\n":              "has no NS record of the root whose server has an address",
		". 1 NS a.\na. 1 A nope\n": "root.hints:2:",
	} {
		writeFile(t, path, text)
		if _, err := readRootHints(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v does not say %q", text, err, want)
		}
	}
}
