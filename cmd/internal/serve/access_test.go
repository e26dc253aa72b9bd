package serve

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// rcodeOf asks a server's edge as a client at an address.
func rcodeOf(t *testing.T, s *Server, name string, peer names.Peer) wire.RCode {
	t.Helper()
	q := wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeSOA, Class: wire.ClassIN}, nil)
	reply := s.listener.Edge().Answer(context.Background(), new(names.Exchange), q, peer, nil)
	if len(reply) < wire.HeaderLen {
		t.Fatalf("%s from %v: no reply", name, peer.Remote)
	}
	return wire.RCode(reply[3] & 15)
}

// One access list says which clients may query zones, which may query at all, and for whom
// names are looked up; a reload changes what zones and recursion have.
func TestAccessLists(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("inner", smallZone)
	write("outer", smallZone)
	write("hosts", "192.0.2.7 host.example\n")
	load := func(inner, recursion string) *config.Config {
		c, _, err := config.Load(write("names.toml", `
[listen]
address = ["127.0.0.1:0"]
allow-query = ["acl:all-but-one"]
[acl.all-but-one]
except = ["203.0.113.66"]
[acl.office]
networks = ["192.0.2.0/24"]
except = ["192.0.2.66"]
transports = ["tcp", "tls"]
[[zone]]
name = "inner.example"
file = "inner"
allow-query = [`+inner+`]
[[zone]]
name = "outer.example"
file = "outer"
[recursion]
hosts-file = "hosts"
allow = [`+recursion+`]
`))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	server, _, _ := startWith(t, load(`"acl:office"`, `"acl:office"`).Settings)
	peer := func(address string, transport names.Transport) names.Peer {
		return names.Peer{Transport: transport, Remote: netip.MustParseAddrPort(address)}
	}
	check := func(when, name string, p names.Peer, want wire.RCode) {
		t.Helper()
		if got := rcodeOf(t, server, name, p); got != want {
			t.Errorf("%s: %s from %v over %v: %v, want %v", when, name, p.Remote, p.Transport, got, want)
		}
	}
	const ok, refused = wire.RCodeNoError, wire.RCodeRefused
	check("first", "inner.example.", peer("192.0.2.1:53", names.TCP), ok)
	check("first", "inner.example.", peer("192.0.2.1:53", names.UDP), refused)
	check("first", "inner.example.", peer("192.0.2.66:53", names.TCP), refused)
	check("first", "inner.example.", peer("198.51.100.1:53", names.TCP), refused)
	check("first", "outer.example.", peer("198.51.100.1:53", names.UDP), ok)
	check("first", "outer.example.", peer("203.0.113.66:53", names.UDP), refused)
	check("first", "host.example.", peer("192.0.2.1:53", names.TLS), ok)
	check("first", "host.example.", peer("192.0.2.1:53", names.UDP), refused)
	if err := server.Apply(load(`"198.51.100.0/24"`, `"any"`).Settings); err != nil {
		t.Fatal(err)
	}
	check("then", "inner.example.", peer("192.0.2.1:53", names.TCP), refused)
	check("then", "inner.example.", peer("198.51.100.1:53", names.UDP), ok)
	check("then", "host.example.", peer("192.0.2.1:53", names.UDP), ok)
}

// An access list that names a key which no file has would never match.
func TestAccessListsHaveKeys(t *testing.T) {
	s := parse(t, "-i", "127.0.0.1:0")
	s.ACLs = append(s.ACLs, settings.ACL{Name: "office", Keys: []string{"missing.key"}})
	if err := checkParts(t.Context(), s); err == nil {
		t.Error("a key that there is not is accepted")
	}
}
