package settings

import (
	"flag"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// parse reads a command line.
func parse(t *testing.T, args string) Settings {
	t.Helper()
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	s, finish := Flags(flags)
	if err := flags.Parse(strings.Fields(args)); err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	if err := finish(); err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	return *s
}

// TestForwardTheRoot: the zone that everything is in is not an exception from the
// local names.
func TestForwardTheRoot(t *testing.T) {
	s := parse(t, "--forward .=192.0.2.1 --forward 192.0.2.2:54")
	if r := &s.Recursion; !r.Forward || len(r.Zones) != 0 || len(r.Servers) != 2 {
		t.Errorf("servers %v, zones %v", r.Servers, r.Zones)
	}
}

// Command lines of one row say in other words that answers come from the same
// servers; those of different rows say that they do not.
func TestSource(t *testing.T) {
	seen := map[string]string{}
	for _, row := range [][]string{
		{"-r -c", "--recursive -c -v", "--resolv-conf /etc/resolv.conf --cache --cache-size 1MiB --serve-stale", "-c -r --allow-recursion any -p 53 --nsid x --bindzone z"},
		{"--resolv-conf other"},
		{"--forward 192.0.2.1 --forward a=192.0.2.2", "--forward A.=192.0.2.2:53 --forward .=192.0.2.1 -c", "--forward 192.0.2.1 --forward 192.0.2.1:53 --forward a=192.0.2.2"},
		{"--forward 192.0.2.1"},
		{"--forward 192.0.2.1:54"},
		{"--forward a=192.0.2.1"},
		{"--forward tls://192.0.2.1", "--forward .=TLS://192.0.2.1:853"},
		{"--forward tls://192.0.2.1#ns.example"},
		{"--from-root", "-c --from-root --no-qname-min", ""},
		{"--from-root --stub b=192.0.2.3", "--from-root -c --stub B.=192.0.2.3 --bindzone z"},
		{"--from-root --root-hints hints"},
		{"--from-root --do-not-query 192.0.2.0/24"},
		{"--from-root --query-localhost"},
		{"--from-root --no-validation"},
		{"--from-root --validation-log-only"},
		{"--from-root --trust-anchor keys"},
		{"--from-root --insecure corp.example", "--from-root --insecure CORP.example."},
		{"--from-root --insecure corp.example=2026-12-24", "--from-root --insecure corp.example=2026-12-24T00:00:00Z"},
		{"-r --hosts-file hosts", "-r --hosts-file copy-of-hosts"},
	} {
		first := parse(t, row[0])
		source := first.Recursion.Source([]byte("192.0.2.1 host\n"))
		if other, ok := seen[source]; ok {
			t.Errorf("%q and %q are taken for the same", other, row[0])
		}
		seen[source] = row[0]
		for _, again := range row[1:] {
			s := parse(t, again)
			if got := s.Recursion.Source([]byte("192.0.2.1 host\n")); got != source {
				t.Errorf("%q and %q are taken for different ones:\n%s%s", row[0], again, source, got)
			}
		}
	}
	s := parse(t, "-r --hosts-file hosts")
	if s.Recursion.Source([]byte("a")) == s.Recursion.Source([]byte("b")) {
		t.Error("another hosts file makes no difference")
	}
}

// Settings that are filled in another way are checked as well, and errors are
// spelled as their user writes settings.
func TestComplete(t *testing.T) {
	for want, change := range map[string]func(*Settings){
		"cache.serve-stale requires cache.enabled":          func(s *Settings) { s.Recursion.Forward, s.Cache.ServeStale = true, time.Hour },
		"cache.serve-stale -1s is not between":              func(s *Settings) { s.Recursion.Forward, s.Cache.Enabled, s.Cache.ServeStale = true, true, -time.Second },
		"cache.size 0 is not a size":                        func(s *Settings) { s.Cache.Size = 0 },
		"listen.port -1 is not between":                     func(s *Settings) { s.Listen.Port = -1 },
		"identity.nsid has 200 octets":                      func(s *Settings) { s.Identity.NSID = strings.Repeat("x", 200) },
		"zones.file is empty":                               func(s *Settings) { s.Zones = []Zone{{}} },
		"recursion.allow: ":                                 func(s *Settings) { s.Recursion.Forward, s.Recursion.Allow = true, []string{"x"} },
		"recursion.forward: server invalid AddrPort is not": func(s *Settings) { s.Recursion.Servers = make([]netip.AddrPort, 1) },
	} {
		s := Default()
		change(&s)
		_, err := s.Complete()
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	for setting, want := range map[string]string{"cache.enabled": "--cache", "recursion.allow": "--allow-recursion", "listen.max-udp-size": "--max-udp-size", "recursion.forward": "--forward"} {
		if got := Flag(setting); got != want {
			t.Errorf("%s: %s, want %s", setting, got, want)
		}
	}
}

// Every setting that is named in an error has an option of that name.
func TestFlagsOfSettings(t *testing.T) {
	text, err := os.ReadFile("check.go")
	if err != nil {
		t.Fatal(err)
	}
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	Flags(flags)
	found := regexp.MustCompile("[{\"]((?:listen|identity|zones|recursion|validation|cache)\\.[a-z-]+)[}\"]").FindAllStringSubmatch(string(text), -1)
	if len(found) < 20 {
		t.Errorf("found %d settings in check.go", len(found))
	}
	for _, m := range found {
		if name := strings.TrimPrefix(Flag(m[1]), "--"); flags.Lookup(name) == nil {
			t.Errorf("setting %s: there is no option --%s", m[1], name)
		}
	}
}

// TestMasterFileArguments: what is a path stays one, whatever its name.
func TestMasterFileArguments(t *testing.T) {
	for _, test := range []struct{ text, origin, path string }{
		{"example.com", "", "example.com"},
		{"example.com=zones/a", "example.com.", "zones/a"},
		{".=root.zone", ".", "root.zone"},
		{"example.com=a=b", "example.com.", "a=b"},
		{"./a=b", "", "./a=b"},
		{"../a=b", "", "../a=b"},
		{"/zones/a=b", "", "/zones/a=b"},
		{"0/25.2.0.192.in-addr.arpa=a", "0/25.2.0.192.in-addr.arpa.", "a"},
	} {
		f, err := parseMasterFile(test.text)
		if err != nil || f.Path != test.path || f.Origin.String() != test.origin {
			t.Errorf("%s: origin %q, path %q, %v; want %q, %q", test.text, f.Origin, f.Path, err, test.origin, test.path)
		}
	}
}

func TestByteSize(t *testing.T) {
	for text, want := range map[string]int64{
		"65536": 65536, "64k": 64 << 10, "64KiB": 64 << 10, "500M": 500 << 20, "1GiB": 1 << 30, "12b": 12,
	} {
		if s, err := ParseSize(text); err != nil || s != want {
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
