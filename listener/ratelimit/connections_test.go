package ratelimit

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/names"
)

// A network begins so many connections a second and as many at once, and others are not in
// its way.
func TestConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exempt, _ := names.ParsePeerSet("198.51.100.0/24")
		n := NewConnections(ConnectionConfig{PerSecond: 100, Exempt: exempt}, nil)
		defer n.Close()
		admitted := func(many int, client string) (count int) {
			for range many {
				if n.Admit(netip.MustParseAddr(client)) {
					count++
				}
			}
			return count
		}
		for _, test := range []struct {
			client string
			want   int
		}{
			{"192.0.2.1", 100}, {"192.0.2.2", 0}, {"192.0.3.1", 100},
			{"2001:db8:0:1::1", 100}, {"2001:db8:0:ff::1", 0}, {"2001:db8:0:100::1", 100},
			{"198.51.100.7", 150}, {"127.0.0.1", 150}, {"::1", 150},
		} {
			if got := admitted(150, test.client); got != test.want {
				t.Errorf("%s begins %d connections, not %d", test.client, got, test.want)
			}
		}
		if !n.Admit(netip.Addr{}) {
			t.Error("a client without an address is refused")
		}
		if s := n.Stats(); s.Refused != 500 || s.Begun == 0 {
			t.Errorf("counted %+v", s)
		}
		time.Sleep(time.Second / 2)
		if got := admitted(150, "192.0.2.3"); got != 50 {
			t.Errorf("half a second later %d connections begin", got)
		}
		n.Set(ConnectionConfig{})
		if got := admitted(150, "192.0.2.3"); got != 150 {
			t.Errorf("without a limit %d connections begin", got)
		}
	})
}

// The log has a line when a network begins to reach the limit, and one when it no longer
// does.
func TestConnectionsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		n := NewConnections(ConnectionConfig{PerSecond: 100}, slog.New(slog.NewTextHandler(&out, nil)))
		defer n.Close()
		for range 150 {
			n.Admit(netip.MustParseAddr("192.0.2.1"))
			n.Admit(netip.MustParseAddr("192.0.2.2"))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, line := range []string{
			`level=WARN msg="rate limit reached" network=192.0.2.0/24 connections_a_second=100`,
			`level=INFO msg="rate limit no longer reached" network=192.0.2.0/24 connections_a_second=100 held_back=200`,
		} {
			if strings.Count(out.String(), line) != 1 {
				t.Errorf("not one line %s in\n%s", line, out.String())
			}
		}
	})
}

// Any number of networks takes no memory, and neither does a limit that bites.
func TestConnectionsInFixedMemory(t *testing.T) {
	n := NewConnections(ConnectionConfig{PerSecond: 1}, nil)
	defer n.Close()
	flooding := netip.MustParseAddr("192.0.2.1")
	for n.Admit(flooding) {
	}
	var network uint32
	allocated := testing.AllocsPerRun(1000, func() {
		network += 1 << 8
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], network|1<<24)
		n.Admit(netip.AddrFrom4(a))
		n.Admit(flooding)
	})
	if allocated != 0 {
		t.Errorf("%v allocations", allocated)
	}
}
