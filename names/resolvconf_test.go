package names

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseResolvConf(t *testing.T) {
	for _, test := range []struct {
		name, text string
		servers    string
		search     string
		check      func(c *ResolvConf) bool
	}{
		{"empty", "", "127.0.0.1:53", "", func(c *ResolvConf) bool { return c.Ndots == 1 && c.Attempts == 2 && c.Timeout == 5*time.Second }},
		{"servers", "nameserver 192.0.2.1\nnameserver 2001:db8::1\n", "192.0.2.1:53 [2001:db8::1]:53", "", nil},
		{"ports", "nameserver 192.0.2.1:5353\nnameserver [2001:db8::1]:5353\n", "192.0.2.1:5353 [2001:db8::1]:5353", "", nil},
		{"zones", "nameserver fe80::1%eth0\n", "[fe80::1%eth0]:53", "", nil},
		{"nonsense", "nameserver\nnameserver nowhere\nfrobnicate\noptions\nsearch a..b\n", "127.0.0.1:53", "", nil},
		{"comments", "# nameserver 192.0.2.1\nnameserver 192.0.2.2 # here\n;x\n", "192.0.2.2:53", "", nil},
		{"search", "domain a.example\nsearch b.example c.example.\n", "127.0.0.1:53", "b.example. c.example.", nil},
		{"domain last", "search b.example c.example\ndomain a.example x\n", "127.0.0.1:53", "a.example.", nil},
		{"empty search", "search b.example\nsearch\n", "127.0.0.1:53", "", nil},
		{"empty domain", "search b.example\ndomain\n", "127.0.0.1:53", "", nil},
		{"options", "options ndots:3 timeout:2 attempts:4 rotate edns0 trust-ad use-vc\n", "127.0.0.1:53", "", func(c *ResolvConf) bool {
			return c.Ndots == 3 && c.Timeout == 2*time.Second && c.Attempts == 4 && c.Rotate && c.EDNS0 && c.TrustAD && c.UseTCP
		}},
		{"bounds", "options ndots:99 timeout:0 attempts:99\noptions ndots:-1 timeout:x\n", "127.0.0.1:53", "", func(c *ResolvConf) bool {
			return c.Ndots == 15 && c.Timeout == time.Second && c.Attempts == 5
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := ParseResolvConf(test.text)
			var servers, search []string
			for _, s := range c.Servers {
				servers = append(servers, s.String())
			}
			for _, s := range c.Search {
				search = append(search, s.String())
			}
			if got := strings.Join(servers, " "); got != test.servers {
				t.Errorf("servers %q, want %q", got, test.servers)
			}
			if got := strings.Join(search, " "); got != test.search {
				t.Errorf("search %q, want %q", got, test.search)
			}
			if test.check != nil && !test.check(c) {
				t.Errorf("options are %+v", c)
			}
		})
	}
}

func TestReadResolvConf(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	c, err := ReadResolvConf(missing)
	if err != nil || len(c.Servers) != 1 {
		t.Errorf("a missing file gives %v, %v", c, err)
	}
	if _, err := ReadResolvConf(t.TempDir()); err == nil {
		t.Error("a directory is read without an error")
	}
	if err := os.WriteFile(missing, []byte("nameserver 192.0.2.9\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err := ReadResolvConf(missing); err != nil || c.Servers[0].String() != "192.0.2.9:53" {
		t.Errorf("got %v, %v", c, err)
	}
}

func TestCandidates(t *testing.T) {
	c := ParseResolvConf("search a.example b.example\noptions ndots:2\n")
	for text, want := range map[string]string{
		"host":        "host.a.example. host.b.example. host.",
		"host.x":      "host.x.a.example. host.x.b.example. host.x.",
		"host.x.y":    "host.x.y. host.x.y.a.example. host.x.y.b.example.",
		"host.":       "host.",
		`dot\.ted`:    `dot\.ted.a.example. dot\.ted.b.example. dot\.ted.`,
		"no.search.x": "no.search.x. no.search.x.a.example. no.search.x.b.example.",
	} {
		names, err := c.Candidates(text)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range names {
			got = append(got, n.String())
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	if _, err := c.Candidates("a..b"); err == nil {
		t.Error("a name with an empty label has candidates")
	}
	long := strings.Repeat("a.", 125) + "a"
	if names, err := c.Candidates(long); err != nil || len(names) != 1 {
		t.Errorf("a name too long for the search list has candidates %v, %v", names, err)
	}
}
