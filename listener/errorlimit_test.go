package listener

import (
	"net/netip"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func TestErrorLimit(t *testing.T) {
	l := newErrorLimit(10, &Events{})
	now := int64(time.Hour)
	allowed := func(addr string, n int) (count int) {
		for range n {
			if l.allow(netip.MustParseAddr(addr), now) {
				count++
			}
		}
		return count
	}
	if n := allowed("192.0.2.1", 1000); n != 50 {
		t.Errorf("%d at once", n)
	}
	if n := allowed("192.0.2.200", 1000); n != 0 { // the same network
		t.Errorf("%d more for a neighbour", n)
	}
	if n := allowed("198.51.100.1", 1000); n != 50 {
		t.Errorf("%d for another network", n)
	}
	now += int64(time.Second)
	if n := allowed("192.0.2.1", 1000); n != 10 {
		t.Errorf("%d a second later", n)
	}
	now += int64(time.Hour)
	if n := allowed("192.0.2.1", 1000); n != 50 {
		t.Errorf("%d an hour later", n)
	}
	if a, b := allowed("2001:db8:0:1::1", 100), allowed("2001:db8:0:ff::1", 100); a != 50 || b != 0 {
		t.Errorf("%d and %d in a /56", a, b)
	}
	if n := allowed("2001:db8:0:100::1", 100); n != 50 {
		t.Errorf("%d in the next /56", n)
	}
	if l := newErrorLimit(-1, &Events{}); !l.allow(netip.MustParseAddr("192.0.2.1"), now) {
		t.Error("there is a limit where there is none")
	}
}

// Many networks at once hardly get in each other's way.
func TestErrorLimitOfManyNetworks(t *testing.T) {
	l := newErrorLimit(10, &Events{})
	for i := range 1000 {
		addr := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
		for range 100 {
			l.allow(addr, 1)
		}
	}
	held := 0
	for i := range 1000 {
		if !l.allow(netip.AddrFrom4([4]byte{100, byte(i >> 8), byte(i), 1}), 1) {
			held++
		}
	}
	if held > 150 { // a fifth of each table is full: one in twenty-five has both places in common with others
		t.Errorf("%d of 1000 networks are held back for others", held)
	}
}

func TestWhoseErrorsAreNotLimited(t *testing.T) {
	key := wire.MustParseName("key.")
	for what, c := range map[string]struct {
		change  func(*names.Peer)
		limited bool
	}{
		"client":     {func(*names.Peer) {}, true},
		"TCP":        {func(p *names.Peer) { p.Transport = names.TCP }, false},
		"low port":   {func(p *names.Peer) { p.Remote = netip.MustParseAddrPort("192.0.2.1:53") }, true},
		"with a key": {nil, false},
	} {
		config := Config{ErrorsPerSecond: 1}
		if c.change == nil {
			c.change = func(*names.Peer) {}
			config.Gates = []Gate{{Query: func(x *names.Exchange) Verdict { x.Peer.Key = key; return Continue }}}
		}
		p := newPure(t, config)
		peer := client
		c.change(&peer)
		limited := false
		for range 100 {
			got, _ := p.try(plain[:14], peer)
			limited = limited || got == nil
		}
		if limited != c.limited || p.counts[errorsLimited] > 0 != c.limited {
			t.Errorf("%s: limited: %v", what, limited)
		}
	}
}

func TestErrorLimitAllocatesNothing(t *testing.T) {
	l := newErrorLimit(10, &Events{})
	if n := testing.AllocsPerRun(100, func() { l.allow(client.Remote.Addr(), 1) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
