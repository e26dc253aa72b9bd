package recursor

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

func tableOf(limit int) *infraCache {
	client := upstream.NewClient(upstream.Config{})
	t := new(infraCache)
	t.init(limit, func(a netip.AddrPort) *server { return newServer(client.Server(a), time.Second, nil, quiet) })
	return t
}

// address is the n-th of many.
func address(n int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), 53)
}

// TestInfraCacheIsBounded: the servers that were not needed for long go,
// those that a query waits for stay.
func TestInfraCacheIsBounded(t *testing.T) {
	const limit = 100
	table := tableOf(limit)
	servers, _ := table.appendFor(nil, "", []netip.AddrPort{address(0)})
	waited := servers[0]
	waited.asked(time.Now())
	for i := range 10 * limit {
		table.appendFor(nil, "", []netip.AddrPort{address(i + 1)})
	}
	if len(table.servers) > limit {
		t.Errorf("%d servers, more than %d", len(table.servers), limit)
	}
	if again, _ := table.appendFor(nil, "", []netip.AddrPort{address(0)}); again[0] != waited {
		t.Error("a server that a query waits for was forgotten")
	}
	recent, _ := table.appendFor(nil, "", []netip.AddrPort{address(10 * limit)})
	if k := table.servers[address(10*limit)]; k == nil || k.server != recent[0] {
		t.Error("the last one is not there")
	}
}

// TestServerMemory: the memory that is reckoned for a server holds what it
// takes, an entry of the table included.
func TestServerMemory(t *testing.T) {
	const entry = 2 * (unsafe.Sizeof(netip.AddrPort{}) + 8) // a table is at least half full
	if n := unsafe.Sizeof(server{}) + unsafe.Sizeof(upstream.Server{}) + unsafe.Sizeof(knownServer{}) + entry; n > ServerMemory {
		t.Errorf("a server takes %d octets, more than %d", n, ServerMemory)
	}
}

// TestLameServers: they are left out for that zone, and for a while.
func TestLameServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := tableOf(100)
		both := []netip.AddrPort{address(1), address(2)}
		table.setLame(address(1), wire.MustParseName("Example."))
		for _, test := range []struct {
			zone   string
			after  time.Duration
			count  int
			isLame bool
		}{
			{"\x07example\x00", 0, 1, true},
			{"\x05other\x00", 0, 2, false},
			{"\x07example\x00", lameTime - time.Second, 1, true},
			{"\x07example\x00", 2 * time.Second, 2, false},
		} {
			time.Sleep(test.after)
			if servers, lame := table.appendFor(nil, test.zone, both); len(servers) != test.count || lame != test.isLame {
				t.Errorf("%q: %d servers, lame: %v; want %d, %v", test.zone, len(servers), lame, test.count, test.isLame)
			}
		}
		for i := range 2 * maxLame {
			table.setLame(address(i), wire.Root)
		}
		if len(table.lame) > maxLame {
			t.Errorf("%d findings, more than %d", len(table.lame), maxLame)
		}
	})
}
