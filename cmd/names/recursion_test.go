package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

// startUpstream serves a zone for others to ask about.
func startUpstream(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	zone := filepath.Join(t.TempDir(), "up.example")
	writeFile(t, zone, text)
	server, _, _ := startServer(t, "--bindzone", zone)
	return server
}

// TestRecursiveCache is the seed's "--recursive --cache": the servers of
// resolv.conf answer, and the cache once they are gone.
func TestRecursiveCache(t *testing.T) {
	upstream := startUpstream(t, smallZone)
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	writeFile(t, conf, "nameserver "+upstream.String()+"\n")
	server, _, _ := startServer(t, "-r", "-c", "--resolv-conf", conf)
	for _, network := range []string{"udp", "tcp"} {
		m := askServer(t, network, server, "ns.up.example.", wire.TypeA, wire.ClassIN)
		if got, want := strings.Fields(answers(m)), "192.0.2.1"; len(got) != 5 || got[4] != want {
			t.Errorf("%s: answers %q, want %s", network, got, want)
		}
		if !m.Flags.Has(wire.FlagRA) || m.Flags.Has(wire.FlagAA) {
			t.Errorf("%s: flags %v", network, m.Flags)
		}
	}
	if m := askServer(t, "udp", server, "nothing.up.example.", wire.TypeA, wire.ClassIN); m.RCode != wire.RCodeNXDomain {
		t.Errorf("a missing name gets %s", m.RCode)
	}
}

// TestChainOfTheBinary: zones, then the hosts file, then zones with servers of
// their own, then everybody else.
func TestChainOfTheBinary(t *testing.T) {
	upstream := startUpstream(t, smallZone+"host A 192.0.2.9\nown A 192.0.2.9\nmissing.own A 192.0.2.9\n")
	dir := t.TempDir()
	hosts, own := filepath.Join(dir, "hosts"), filepath.Join(dir, "own.up.example")
	writeFile(t, hosts, "198.51.100.1 host.up.example other.test\n")
	writeFile(t, own, smallZone+"@ A 198.51.100.2\n")
	server, _, _ := startServer(t, "--bindzone", own, "--hosts-file", hosts, "--forward", "up.example="+upstream.String())
	for name, want := range map[string]string{
		"own.up.example.":  "198.51.100.2",
		"host.up.example.": "198.51.100.1",
		"other.test.":      "198.51.100.1",
		"ns.up.example.":   "192.0.2.1",
		"localhost.":       "127.0.0.1",
	} {
		m := askServer(t, "udp", server, name, wire.TypeA, wire.ClassIN)
		if got := strings.Fields(answers(m)); len(got) != 5 || got[4] != want {
			t.Errorf("%s: answers %q, want %s", name, got, want)
		}
		if !m.Flags.Has(wire.FlagRA) {
			t.Errorf("%s: no RA", name)
		}
	}
	if m := askServer(t, "udp", server, "missing.own.up.example.", wire.TypeA, wire.ClassIN); m.RCode != wire.RCodeNXDomain || !m.Flags.Has(wire.FlagAA) {
		t.Errorf("a name that our zone does not have gets %v: others are not to be asked", m)
	}
	if m := askServer(t, "udp", server, "elsewhere.example.", wire.TypeA, wire.ClassIN); m.RCode != wire.RCodeRefused {
		t.Errorf("a name that nobody is asked about gets %s", m.RCode)
	}
}

// TestRecursionIsOfferedToFew: others get REFUSED, but for our own zones.
func TestRecursionIsOfferedToFew(t *testing.T) {
	upstream := startUpstream(t, smallZone)
	own := filepath.Join(t.TempDir(), "own.example")
	writeFile(t, own, smallZone)
	server, _, _ := startServer(t, "--bindzone", own, "--forward", upstream.String(), "--allow-recursion", "192.0.2.0/24")
	if m := askServer(t, "udp", server, "ns.up.example.", wire.TypeA, wire.ClassIN); m.RCode != wire.RCodeRefused || m.Flags.Has(wire.FlagRA) {
		t.Errorf("an address recursion is not offered to gets %s, flags %v", m.RCode, m.Flags)
	}
	if m := askServer(t, "udp", server, "ns.own.example.", wire.TypeA, wire.ClassIN); len(m.Answers) != 1 || m.Flags.Has(wire.FlagRA) {
		t.Errorf("our own zone: %v", m)
	}
}

// TestFilesAreWatched: what the changes of hosts file and resolv.conf lead to.
func TestFilesAreWatched(t *testing.T) {
	first := startUpstream(t, smallZone)
	second := startUpstream(t, strings.ReplaceAll(smallZone, "192.0.2.1", "192.0.2.2"))
	dir := t.TempDir()
	conf, hosts := filepath.Join(dir, "resolv.conf"), filepath.Join(dir, "hosts")
	writeFile(t, conf, "nameserver "+first.String()+"\n")
	writeFile(t, hosts, "198.51.100.1 host.test\n")
	var o serveOptions
	if code, done := o.parse([]string{"--resolv-conf", conf, "--hosts-file", hosts, "-c"}, io.Discard, io.Discard); done {
		t.Fatalf("exit code %d", code)
	}
	p, err := assemble(&o, new(authority.Set), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	check := func(name, want string) {
		t.Helper()
		m := namestest.Ask(t, p.resolver, name, wire.TypeA,
			namestest.WithFlags(wire.FlagRD), namestest.From(netip.MustParseAddrPort("127.0.0.1:5353")))
		if got := strings.Fields(answers(m)); len(got) != 5 || got[4] != want {
			t.Errorf("%s: answers %q, want %s", name, got, want)
		}
	}
	check("ns.up.example.", "192.0.2.1")
	check("host.test.", "198.51.100.1")
	writeFile(t, conf, "nameserver "+second.String()+"\n")
	writeFile(t, hosts, "198.51.100.2 host.test\n")
	for _, w := range p.watches {
		w.changed()
	}
	check("host.test.", "198.51.100.2")
	check("ns.up.example.", "192.0.2.2")
}

func TestRecursionCommandLine(t *testing.T) {
	for _, test := range []struct {
		args, want string
	}{
		{"--forward nowhere", `--forward: "nowhere" is not an IP address`},
		{"--forward a..b=127.0.0.1", "--forward: name"},
		{"--forward 127.0.0.1 --resolv-conf f", "give one of them"},
		{"-c --bindzone z", "--cache has a meaning only with"},
		{"--allow-recursion any --bindzone z", "--allow-recursion has a meaning only with"},
		{"--from-root -r", "both say whom to ask"},
		{"--from-root --forward 192.0.2.1", "both say whom to ask"},
		{"-r --stub a.example=192.0.2.1", "--stub has a meaning only with --from-root"},
		{"--stub 192.0.2.1", `--stub: "192.0.2.1" is not ZONE=ADDR`},
		{"--from-root --do-not-query nowhere", "--do-not-query"},
		{"-r --serve-stale", "--serve-stale has a meaning only with --cache"},
		{"-r --cache-file f", "--cache-file has a meaning only with --cache"},
		{"--bindzone z --cache-file f", "--cache-file has a meaning only with"},
		{"-r -c --serve-stale=300h", "is no time between"},
		{"-r --allow-recursion 300.0.0.0/8", "--allow-recursion"},
		{"-r -c --cache-size many", "is no size"},
		{"-r -c --cache-size 0", "is no size"},
		{"-r -c --cache-size 9999999999G", "is no size"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(append([]string{"serve"}, strings.Fields(test.args)...), &stdout, &stderr); code != exitUsage {
			t.Errorf("serve %s: exit code %d", test.args, code)
		}
		if !strings.Contains(stderr.String(), test.want) {
			t.Errorf("serve %s: %q does not say %q", test.args, stderr.String(), test.want)
		}
	}
}

// TestForwardTheRoot: the zone that everything is in is no exception from the
// local names.
func TestForwardTheRoot(t *testing.T) {
	var o serveOptions
	if code, done := o.parse([]string{"--forward", ".=192.0.2.1", "--forward", "192.0.2.2:54"}, io.Discard, io.Discard); done {
		t.Fatalf("exit code %d", code)
	}
	if r := &o.recursion; !r.recursive || len(r.zones) != 0 || len(r.servers) != 2 {
		t.Errorf("servers %v, zones %v", r.servers, r.zones)
	}
}

func TestByteSize(t *testing.T) {
	for text, want := range map[string]byteSize{
		"65536": 65536, "64k": 64 << 10, "64KiB": 64 << 10, "500M": 500 << 20, "1GiB": 1 << 30, "12b": 12,
	} {
		var s byteSize
		if err := s.Set(text); err != nil || s != want {
			t.Errorf("%s: %d, %v; want %d", text, s, err, want)
		}
	}
}

func TestStaleTime(t *testing.T) {
	for text, want := range map[string]time.Duration{"true": 24 * time.Hour, "90m": 90 * time.Minute, "false": 0} {
		var s staleTime
		if err := s.Set(text); err != nil || time.Duration(s) != want {
			t.Errorf("%s: %v, %v; want %v", text, time.Duration(s), err, want)
		}
	}
}

// TestBatchesAreAnnounced: whatever is put around it, a cache hears of a batch.
func TestBatchesAreAnnounced(t *testing.T) {
	for options, want := range map[string]bool{
		"--forward 192.0.2.1":                  false,
		"--forward 192.0.2.1 -c":               true,
		"--forward 192.0.2.1 -c -v":            true,
		"--from-root -c":                       true,
		"--from-root -c --cache-size 1MiB":     false,
		"--from-root -c -v -v --hide-version":  true,
		"--hosts-file /dev/null -c":            true,
		"--hosts-file /dev/null --from-root":   false,
		"--forward example=192.0.2.1 -c -v -v": true,
	} {
		var o serveOptions
		if code, done := o.parse(strings.Fields(options), io.Discard, io.Discard); done {
			t.Fatalf("%q: exit code %d", options, code)
		}
		p, err := assemble(&o, new(authority.Set), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatalf("%q: %v", options, err)
		}
		if names.Anticipates(p.resolver) != want {
			t.Errorf("%q: batches are announced: %v", options, !want)
		}
		names.Anticipate(p.resolver, make([]wire.Query, 5))
		p.close()
	}
}
