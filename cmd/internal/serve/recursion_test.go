package serve

import (
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

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
		t.Errorf("a name that no server is asked about gets %s", m.RCode)
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
	p, err := assemble(t.Context(), parse(t, "--resolv-conf", conf, "--hosts-file", hosts, "-c"), new(authority.Set), nil, nil, nil, newLimitLog(nil), slog.New(slog.DiscardHandler))
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
	isWrongUsage(t, []wrongUsage{
		{"--forward nowhere", `--forward: "nowhere" is not an IP address`},
		{"--forward a..b=127.0.0.1", "--forward: name"},
		{"--forward 127.0.0.1 --resolv-conf f", "give one of them"},
		{"-c --bindzone z", "--cache requires --from-root"},
		{"--allow-recursion any --bindzone z", "--allow-recursion requires --from-root"},
		{"--from-root -r", "--from-root excludes"},
		{"--from-root --forward 192.0.2.1", "--from-root excludes"},
		{"-r --stub a.example=192.0.2.1", "--stub requires --from-root"},
		{"--stub 192.0.2.1", `--stub: "192.0.2.1" is not ZONE=ADDR`},
		{"--from-root --do-not-query nowhere", "--do-not-query"},
		{"-r --serve-stale", "--serve-stale requires --cache"},
		{"-r --cache-file f", "--cache-file requires --cache"},
		{"--bindzone z --cache-file f", "--cache-file requires --from-root"},
		{"-r --no-validation --trust-anchor f", "--trust-anchor and --no-validation exclude each other"},
		{"--bindzone z --no-validation", "--no-validation requires --from-root"},
		{"--bindzone z --hosts-file h --insecure a.example", "--insecure requires --from-root"},
		{"--from-root --insecure a.example=soon", `"soon" is not an end such as`},
		{"--from-root --insecure a..b", "--insecure: name"},
		{"-r -c --serve-stale=300h", "is not a time between"},
		{"-r --allow-recursion 300.0.0.0/8", "--allow-recursion"},
		{"-r -c --cache-size many", "is not a size"},
		{"-r -c --cache-size 0", "is not a size"},
		{"-r -c --cache-size 9999999999G", "is not a size"},
	})
}

// TestBatchesAreAnnounced: whatever is put around it, a cache is called with a batch.
func TestBatchesAreAnnounced(t *testing.T) {
	hosts := filepath.Join(t.TempDir(), "hosts")
	writeFile(t, hosts, "")
	for options, want := range map[string]bool{
		"--forward 192.0.2.1":                  false,
		"--forward 192.0.2.1 -c":               true,
		"--forward 192.0.2.1 -c -v":            true,
		"--from-root -c":                       true,
		"--from-root -c --cache-size 1MiB":     false,
		"--from-root -c -v -v --hide-version":  true,
		"--hosts-file HOSTS -c":                true,
		"--hosts-file HOSTS --from-root":       false,
		"--forward example=192.0.2.1 -c -v -v": true,
	} {
		s := parse(t, strings.Fields(strings.ReplaceAll(options, "HOSTS", hosts))...)
		p, err := assemble(t.Context(), s, new(authority.Set), nil, nil, nil, newLimitLog(nil), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatalf("%q: %v", options, err)
		}
		preparer := names.BatchPreparerOf(p.resolver)
		if (preparer != nil) != want {
			t.Errorf("%q: batches are prepared: %v", options, !want)
		}
		if preparer != nil {
			preparer.PrepareBatch(make([]wire.Query, 5))
		}
		p.close()
	}
}
