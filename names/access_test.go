package names

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

func TestAccessRule(t *testing.T) {
	set := func(texts ...string) *PeerSet {
		s, err := ParsePeerSet(texts...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	key := wire.MustParseName("one.key.")
	pin := [32]byte{1, 2, 3}
	peer := Peer{Transport: TLS, Remote: netip.MustParseAddrPort("192.0.2.1:5353"), Local: netip.MustParseAddrPort("198.51.100.53:853"),
		Key: wire.MustParseName("ONE.key."), TLS: &PeerTLS{ClientNames: []string{"a.example", "b.example"}, ClientKey: pin[:]}}
	for _, c := range []struct {
		what string
		rule AccessRule
		want bool
	}{
		{"nothing", AccessRule{}, true},
		{"network", AccessRule{Networks: set("192.0.2.0/24")}, true},
		{"another network", AccessRule{Networks: set("192.0.3.0/24")}, false},
		{"no network at all", AccessRule{Networks: set()}, false},
		{"except", AccessRule{Networks: set("192.0.2.0/24"), Except: set("192.0.2.1")}, false},
		{"except another", AccessRule{Networks: set("192.0.2.0/24"), Except: set("192.0.2.2")}, true},
		{"key", AccessRule{Keys: []wire.Name{wire.MustParseName("two.key."), key}}, true},
		{"another key", AccessRule{Keys: []wire.Name{wire.MustParseName("two.key.")}}, false},
		{"transport", AccessRule{Transports: []Transport{QUIC, TLS}}, true},
		{"another transport", AccessRule{Transports: []Transport{UDP, TCP}}, false},
		{"address", AccessRule{Addresses: set("198.51.100.53")}, true},
		{"another address", AccessRule{Addresses: set("198.51.100.54")}, false},
		{"certificate by name", AccessRule{ClientNames: []string{"b.example"}}, true},
		{"another name", AccessRule{ClientNames: []string{"c.example"}}, false},
		{"certificate by key", AccessRule{ClientKeys: [][32]byte{{}, pin}}, true},
		{"another key of a certificate", AccessRule{ClientKeys: [][32]byte{{}}}, false},
		{"all together", AccessRule{Networks: set("192.0.2.0/24"), Keys: []wire.Name{key}, Transports: []Transport{TLS}}, true},
		{"all but the transport", AccessRule{Networks: set("192.0.2.0/24"), Keys: []wire.Name{key}, Transports: []Transport{TCP}}, false},
	} {
		if got := c.rule.Matches(&peer); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
	plain := Peer{Transport: UDP, Remote: peer.Remote, Local: peer.Local}
	for what, rule := range map[string]AccessRule{
		"a key": {Keys: []wire.Name{key}}, "no name of a key": {Keys: []wire.Name{{}}}, "a certificate": {ClientNames: []string{"a.example"}},
		"a key of a certificate": {ClientKeys: [][32]byte{{}}},
	} {
		if rule.Matches(&plain) {
			t.Errorf("a client without anything has %s", what)
		}
	}
}

func TestAccessList(t *testing.T) {
	loopback, _ := ParsePeerSet("loopback")
	l := AccessList{loopback, &AccessRule{Transports: []Transport{TLS}}}
	for _, c := range []struct {
		peer Peer
		want bool
	}{
		{Peer{Remote: netip.MustParseAddrPort("127.0.0.1:1")}, true},
		{Peer{Remote: netip.MustParseAddrPort("192.0.2.1:1")}, false},
		{Peer{Remote: netip.MustParseAddrPort("192.0.2.1:1"), Transport: TLS}, true},
		{Peer{}, false},
	} {
		if got := l.Matches(&c.peer); got != c.want {
			t.Errorf("%+v: %v", c.peer, got)
		}
		if (AccessList{}).Matches(&c.peer) {
			t.Errorf("an empty list matches %+v", c.peer)
		}
	}
	peer := Peer{Remote: netip.MustParseAddrPort("192.0.2.1:1")}
	if n := testing.AllocsPerRun(100, func() { l.Matches(&peer) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestParseAccess(t *testing.T) {
	for text, want := range map[string]string{"192.0.2.0/33": "192.0.2.0/33", "key:a..b": "key", "unknown-word": "unknown-word"} {
		if _, err := ParseAccess(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	l, err := ParseAccess("192.0.2.0/24", "key:a.")
	if err != nil {
		t.Fatal(err)
	}
	key := wire.MustParseName("a.")
	for want, p := range map[bool]Peer{
		false: {Remote: netip.MustParseAddrPort("198.51.100.1:1")}, true: {Remote: netip.MustParseAddrPort("198.51.100.1:1"), Key: key},
	} {
		if l.Matches(&p) != want {
			t.Errorf("%+v: want %v", p, want)
		}
	}
	if none, err := ParseAccess("none"); err != nil || len(none) != 0 || len(l.Keys()) != 1 || !l.Keys()[0].Equal(key) {
		t.Error(none, err, l.Keys())
	}
}
