package names

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
)

func TestPeerSetContains(t *testing.T) {
	for _, c := range []struct {
		set     string
		in, out string
	}{
		{"", "", "127.0.0.1 ::1"},
		{"none", "", "127.0.0.1 ::1"},
		{"any", "0.0.0.0 255.255.255.255 :: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ::ffff:1.2.3.4", ""},
		{"loopback", "127.0.0.1 127.255.255.255 ::1 ::ffff:127.0.0.1", "128.0.0.0 126.255.255.255 :: ::2 10.0.0.1"},
		{"192.0.2.7", "192.0.2.7", "192.0.2.6 192.0.2.8"},
		{"192.0.2.0/25", "192.0.2.0 192.0.2.127", "192.0.2.128 192.0.1.255"},
		{"192.0.2.0/25 192.0.2.128/25", "192.0.2.0 192.0.2.128 192.0.2.255", "192.0.3.0"},
		{"192.0.2.0/24 192.0.2.8/31", "192.0.2.0 192.0.2.255", "192.0.3.0"},
		{"2001:db8::/33", "2001:db8:: 2001:db8:7fff::1", "2001:db8:8000:: 2001:db7:ffff::"},
		{"255.255.255.255 ::", "255.255.255.255 ::", "255.255.255.254 ::1"},
		{"private", "10.0.0.1 172.16.0.0 172.31.255.255 192.168.1.1 100.64.0.0 100.127.255.255 169.254.3.4 fe80::1 fe80::1%eth0 fd00::1 127.0.0.1 ::1",
			"172.32.0.0 100.128.0.0 8.8.8.8 2001:db8::1 fec0::1"},
	} {
		s, err := ParsePeerSet(strings.Fields(c.set)...)
		if err != nil {
			t.Fatalf("%q: %v", c.set, err)
		}
		for _, a := range strings.Fields(c.in) {
			if !s.Contains(netip.MustParseAddr(a)) {
				t.Errorf("%q lacks %s", c.set, a)
			}
		}
		for _, a := range strings.Fields(c.out) {
			if s.Contains(netip.MustParseAddr(a)) {
				t.Errorf("%q holds %s", c.set, a)
			}
		}
	}
	var nobody *PeerSet
	if nobody.Contains(netip.MustParseAddr("127.0.0.1")) || !nobody.IsEmpty() || PrivatePeers().Contains(netip.Addr{}) {
		t.Error("the empty set contains an address")
	}
}

func TestPeerSetText(t *testing.T) {
	s, err := ParsePeerSet("192.0.2.128/25", "192.0.2.0/25", "::1", "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.String(), "10.0.0.1 192.0.2.0-192.0.2.255 ::1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for text, want := range map[string]string{
		"":               "is not an address",
		"localhost":      "is not an address",
		"fe80::1%eth0":   "is not an address",
		"192.0.2.0/33":   "is not a prefix",
		"192.0.2.0/":     "is not a prefix",
		"192.0.2.1/24":   "either 192.0.2.1/32 or 192.0.2.0/24",
		"2001:db8::1/64": "either 2001:db8::1/128 or 2001:db8::/64",
	} {
		if _, err := ParsePeerSet(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %v, want one with %q", text, err, want)
		}
	}
}

// The slow twin asks every prefix.
func TestPeerSetAgainstPrefixes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	address := func() netip.Addr {
		if random.IntN(2) == 0 {
			return netip.AddrFrom4([4]byte{byte(random.IntN(3)), byte(random.IntN(3)) * 127, 0, byte(random.IntN(4))})
		}
		return netip.AddrFrom16([16]byte{0: byte(random.IntN(2)), 8: byte(random.IntN(3)), 15: byte(random.IntN(4))})
	}
	for range 2000 {
		var prefixes []netip.Prefix
		for range random.IntN(12) {
			a := address()
			prefixes = append(prefixes, netip.PrefixFrom(a, random.IntN(a.BitLen()+1)))
		}
		s := NewPeerSet(prefixes...)
		for range 50 {
			a, want := address(), false
			for _, p := range prefixes {
				want = want || p.Masked().Contains(a)
			}
			if got := s.Contains(a); got != want {
				t.Fatalf("%v in %v (%v): got %v", a, s, prefixes, got)
			}
		}
	}
}

func TestPeerSetAllocatesNothing(t *testing.T) {
	s, a := PrivatePeers(), netip.MustParseAddr("100.100.0.1")
	if n := testing.AllocsPerRun(100, func() { s.Contains(a) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPeerSet(b *testing.B) {
	s, a := PrivatePeers(), netip.MustParseAddr("192.168.1.7")
	for b.Loop() {
		if !s.Contains(a) {
			b.Fatal("lacks it")
		}
	}
}
