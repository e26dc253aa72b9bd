package serve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/listener/ratelimit"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// addressFor is the address that a client gets for a name, or the RCODE.
func addressFor(t *testing.T, s *Server, name string, peer names.Peer) string {
	t.Helper()
	q := wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	reply := s.listener.Edge().Answer(context.Background(), new(names.Exchange), q, peer, nil)
	m, err := wire.ParseMessage(reply)
	if err != nil {
		t.Fatalf("%s from %v: %v", name, peer.Remote, err)
	}
	if len(m.Answers) == 0 {
		return m.RCode.String()
	}
	fields := strings.Fields(m.Answers[len(m.Answers)-1].String())
	return fields[len(fields)-1]
}

// zoneWith is a zone whose name www has an address.
func zoneWith(address string) string {
	return "@ 60 SOA ns a 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\nwww 60 A " + address + "\nalias 60 CNAME www.common.example.\n"
}

// Clients get the zones, the recursion and the servers of their view, chosen by their
// network, transport, or the address they ask; a reload changes that.
func TestViews(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"inside": zoneWith("10.0.0.1"), "outside": zoneWith("203.0.113.1"), "common": zoneWith("198.51.100.1"),
		"office": zoneWith("10.0.0.7"), "hosts": "192.0.2.7 host.test\n",
	} {
		writeFile(t, filepath.Join(dir, name), text)
	}
	upstream := startUpstream(t, smallZone)
	load := func(inside string) *config.Config {
		path := filepath.Join(dir, "names.toml")
		writeFile(t, path, fmt.Sprintf(`
[listen]
address = ["127.0.0.1:0"]
[acl.to-ten]
addresses = ["10.0.0.53"]
[acl.encrypted]
networks = ["192.0.2.0/24"]
transports = ["tls"]

[view.inside]
clients = [%s, "acl:to-ten"]
[view.closed]
clients = ["192.0.2.128/25"]
no-recursion = true
[view.own]
clients = ["acl:encrypted"]
forward = ["%v"]

[[zone]]
name = "corp.example"
file = "inside"
views = ["inside"]
[[zone]]
name = "corp.example"
file = "outside"
journal = false
[[zone]]
name = "office.example"
file = "office"
views = ["inside", "own"]
[[zone]]
name = "common.example"
file = "common"
[recursion]
hosts-file = "hosts"
allow = ["any"]
[validation]
off = true
`, inside, upstream))
		c, _, err := config.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	server, _, _ := startWith(t, load(`"10.0.0.0/8"`).Settings)
	peer := func(address string, transport names.Transport, asked string) names.Peer {
		return names.Peer{Transport: transport, Remote: netip.MustParseAddrPort(address + ":53"), Local: netip.MustParseAddrPort(asked + ":53")}
	}
	inside, outside := peer("10.1.2.3", names.UDP, "198.51.100.53"), peer("203.0.113.9", names.UDP, "198.51.100.53")
	toTen := peer("203.0.113.9", names.TCP, "10.0.0.53")
	closed, own := peer("192.0.2.200", names.UDP, "198.51.100.53"), peer("192.0.2.9", names.TLS, "198.51.100.53")
	clear := peer("192.0.2.9", names.UDP, "198.51.100.53")
	for _, c := range []struct {
		what, name string
		peer       names.Peer
		want       string
	}{
		{"inside", "www.corp.example.", inside, "10.0.0.1"},
		{"by the address asked", "www.corp.example.", toTen, "10.0.0.1"},
		{"outside", "www.corp.example.", outside, "203.0.113.1"},
		{"closed", "www.corp.example.", closed, "203.0.113.1"},
		{"an alias into a zone of all", "alias.corp.example.", inside, "198.51.100.1"},
		{"a zone of all, inside", "www.common.example.", inside, "198.51.100.1"},
		{"a zone of all, outside", "www.common.example.", outside, "198.51.100.1"},
		{"a zone of two views", "www.office.example.", inside, "10.0.0.7"},
		{"a zone of two views, in the other", "www.office.example.", own, "10.0.0.7"},
		{"a zone of other views", "www.office.example.", outside, "REFUSED"},
		{"a name that is looked up", "host.test.", inside, "192.0.2.7"},
		{"a name that is looked up, outside", "host.test.", outside, "192.0.2.7"},
		{"a name that is not looked up", "host.test.", closed, "REFUSED"},
		{"a view with a server of its own", "ns.up.example.", own, "192.0.2.1"},
		{"the same client in the clear", "ns.up.example.", clear, "REFUSED"},
		{"a view with a server of its own has no hosts file", "host.test.", own, "NXDOMAIN"},
	} {
		if got := addressFor(t, server, c.name, c.peer); got != c.want {
			t.Errorf("%s: %s is %s, want %s", c.what, c.name, got, c.want)
		}
	}
	if err := server.Apply(load(`"203.0.113.0/24"`).Settings); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[*names.Peer]string{&inside: "203.0.113.1", &outside: "10.0.0.1"} {
		if got := addressFor(t, server, "www.corp.example.", *p); got != want {
			t.Errorf("after a reload: %v gets %s, want %s", p.Remote, got, want)
		}
	}
}

// Clients have the recursion, the limits and the rules about answers of their view, though
// they share a cache with others.
func TestRulesOfViews(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "hosts"), "10.9.9.9 host.test\n")
	path := filepath.Join(dir, "names.toml")
	writeFile(t, path, fmt.Sprintf(`
[listen]
address = ["127.0.0.1:0"]
[view.guests]
clients = ["192.0.2.0/24"]
allow-recursion = ["192.0.2.0/25"]
no-private = true
deny-answers = ["192.0.2.1"]
rate-limit = 7
[view.slow]
clients = ["198.51.100.0/24"]
allow-recursion = ["any"]
client-queries = 1
[view.own]
clients = ["203.0.113.0/24"]
allow-recursion = ["any"]
forward = ["%[1]v"]
deny-answers = ["192.0.2.1"]
rate-limit-in-all = 0
[recursion]
forward = ["%[1]v"]
hosts-file = "hosts"
allow = ["10.0.0.0/8"]
[cache]
enabled = true
[validation]
off = true
`, startUpstream(t, smallZone)))
	c, _, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	server, _, _ := startWith(t, c.Settings)
	peer := func(address string) names.Peer {
		return names.Peer{Transport: names.TCP, Remote: netip.MustParseAddrPort(address + ":53"), Local: netip.MustParseAddrPort("198.51.100.53:53")}
	}
	for _, c := range []struct{ what, name, client, want string }{
		{"a client without a view", "ns.up.example.", "10.1.2.3", "192.0.2.1"},
		{"an answer that the view denies, from the cache", "ns.up.example.", "192.0.2.9", "SERVFAIL"},
		{"the hosts file may say anything", "host.test.", "192.0.2.9", "10.9.9.9"},
		{"a client of the view that recursion is not for", "ns.up.example.", "192.0.2.200", "REFUSED"},
		{"an answer that a view with servers of its own denies", "ns.up.example.", "203.0.113.9", "SERVFAIL"},
		{"a view without rules about answers", "ns.up.example.", "198.51.100.9", "192.0.2.1"},
	} {
		if got := addressFor(t, server, c.name, peer(c.client)); got != c.want {
			t.Errorf("%s: %s is %s, want %s", c.what, c.name, got, c.want)
		}
	}
	eventually.Succeed(t, func() error {
		for range 10 {
			if addressFor(t, server, "ns.up.example.", peer("198.51.100.9")) == "REFUSED" {
				return nil
			}
		}
		return errors.New("no query is above the limit of the view")
	})
	if s := server.current.Load().parts.clientStats(); s.TooFast == 0 {
		t.Errorf("counted %+v", s)
	}
	for range 10 {
		if got := addressFor(t, server, "ns.up.example.", peer("10.1.2.3")); got != "192.0.2.1" {
			t.Errorf("a client without a view, again: %s", got)
		}
	}
	rates := replyLimits(&c.Settings)
	for i, want := range []ratelimit.ReplyView{{Same: 7, All: rates.All}, {Same: rates.Same, All: rates.All}, {Same: rates.Same}} {
		if got := rates.Views[i]; got.Same != want.Same || got.All != want.All || got.Clients == nil {
			t.Errorf("view %d has rates %+v, not %+v", i, got, want)
		}
	}
}

// What is said of a view fits the rest.
func TestRulesOfViewsAreChecked(t *testing.T) {
	for text, want := range map[string]string{
		"no-recursion = true\nallow-recursion = [\"any\"]":    "view.allow-recursion is of what is looked up, and view.no-recursion is given",
		"exempt-zones = [\"corp.example\"]":                   "view.exempt-zones requires view.no-private or view.deny-answers",
		"upstream-queries = 10":                               "view.upstream-queries requires view.forward",
		"client-waiting = -1":                                 "-1 is not between 0 and",
		"deny-answers = [\"a..b\"]\nrate-limit = 1":           "a..b",
		"allow-recursion = [\"acl:nowhere\"]\nrate-limit = 1": "nowhere",
	} {
		path := filepath.Join(t.TempDir(), "names.toml")
		writeFile(t, path, "[recursion]\nforward = [\"192.0.2.53\"]\n[view.a]\nclients = [\"any\"]\n"+text+"\n")
		if _, _, err := config.Load(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, not %s", text, err, want)
		}
	}
}

// Without views there is nothing on the way of a query that knows of them.
func TestNoViews(t *testing.T) {
	server, _, _ := startWith(t, parse(t, "-i", "127.0.0.1:0", "--bindzone", writeZone(t)))
	if _, ok := (*server.front.resolver.Load()).(*views); ok || server.sets.others != server.sets.all {
		t.Error("queries pass views that there are not")
	}
}

func writeZone(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "small.example")
	writeFile(t, path, smallZone)
	return path
}
