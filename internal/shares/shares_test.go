package shares

import (
	"hash/maphash"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// One client alone gets three quarters of all places, however many it wants, and
// more clients share them; one that has none always finds one.
func TestShares(t *testing.T) {
	seed := maphash.MakeSeed()
	key := func(i int) Key {
		return OfClient(seed, netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}))
	}
	for _, c := range []struct{ limit, clients, each int }{
		{1, 1, 1}, {2, 1, 2}, {4, 1, 3}, {1000, 1, 750}, {1000, 2, 429}, {1000, 10, 97},
	} {
		s := &Shares{Limit: c.limit}
		taken := make([]int, c.clients)
		for range c.limit + 1 {
			for i := range c.clients {
				if s.Take(key(i)) {
					taken[i]++
				}
			}
		}
		for i, n := range taken {
			if n < c.each-1 || n > c.each+1 {
				t.Errorf("client %d of %d has %d of %d places, not some %d", i, c.clients, n, c.limit, c.each)
			}
		}
		if c.limit > 2 && !s.Take(key(c.clients)) {
			t.Errorf("%d clients leave no place of %d for another", c.clients, c.limit)
		}
	}
}

// Whatever comes and goes, the counters say what is taken, and all is free at
// the end.
func TestSharesAreGivenBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	s := &Shares{Limit: 100}
	var taken [][]Key
	for range 100_000 {
		if len(taken) > 0 && random.IntN(2) == 0 {
			i := random.IntN(len(taken))
			s.Leave(taken[i]...)
			taken[i] = taken[len(taken)-1]
			taken = taken[:len(taken)-1]
			continue
		}
		keys := make([]Key, random.IntN(4))
		for i := range keys {
			keys[i] = Key{random.Uint64N(20) * 0x9e3779b97f4a7c15, 1 + random.IntN(6)}
		}
		if s.Take(keys...) {
			taken = append(taken, keys)
		}
		if s.Used() != len(taken) || s.Used() > s.Limit {
			t.Fatalf("%d places of %d are taken, %d counted", len(taken), s.Limit, s.Used())
		}
	}
	for _, keys := range taken {
		s.Leave(keys...)
	}
	if *s != (Shares{Limit: 100}) {
		t.Error("counters are left when all places are free")
	}
}

func TestGreediest(t *testing.T) {
	s := &Shares{Limit: 1000}
	few, many, wide := Key{1 << 40, 2}, Key{2, 2}, Key{3, 6}
	if s.Greediest() != (Key{}) || s.Greediest(few) != few {
		t.Error("of none or one another key is the greediest")
	}
	for range 10 {
		s.Take(few, many, wide)
		s.Take(many)
	}
	if got := s.Greediest(few, many, wide); got != many {
		t.Errorf("%v has most", got)
	}
	if got := s.Greediest(wide, few); got != few {
		t.Errorf("%v has most of what it may have", got)
	}
}

func TestClientsAreNetworks(t *testing.T) {
	seed := maphash.MakeSeed()
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8:0:1::1", "2001:db8:0:fe::2", true},
		{"2001:db8:0:1::1", "2001:db8:0:100::1", false},
		{"fe80::1%eth0", "fe80::1%eth1", true},
	} {
		a, b := OfClient(seed, netip.MustParseAddr(c.a)), OfClient(seed, netip.MustParseAddr(c.b))
		if (a == b) != c.same {
			t.Errorf("%s and %s: one client: %v", c.a, c.b, a == b)
		}
	}
	if OfClient(seed, netip.Addr{}) == OfClient(seed, netip.IPv4Unspecified()) {
		t.Error("no address is 0.0.0.0")
	}
}
