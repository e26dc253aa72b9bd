package transfer

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// stalled is a Dialer whose connections open when open is closed, or ctx is done.
func stalled(p *primary, open chan struct{}) Dialer {
	return func(ctx context.Context, network string, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
		select {
		case <-open:
			return p.dial(ctx, network, from, to)
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Zones that wait for a primary that is slow have no goroutines, hold up no zone of
// another, can be removed, and get their turns.
func TestWaitingZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPrimary(t, authority.NewZone(snapshotOf(t, zoneText(7, 1))), "any")
		open := make(chan struct{})
		slow, quick := &Pool{Dial: stalled(p, open)}, &Pool{Dial: p.dial}
		var all Secondaries
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		before := runtime.NumGoroutine()
		go func() { all.Run(ctx); close(done) }()
		const many = 1000
		zones := make([]*authority.Zone, many)
		for i := range zones {
			name := wire.MustParseName(fmt.Sprintf("zone%d.", i))
			if err := p.set.Add(authority.NewZone(mustZone(t, name))); err != nil {
				t.Fatal(err)
			}
			zones[i] = authority.NewEmptyZone(name, wire.ClassIN)
			all.Add(NewSecondary(zones[i], SecondaryConfig{Primaries: []Primary{{Address: primaryAddress}}, Pool: slow}), names.AccessList{})
		}
		other := authority.NewEmptyZone(origin, wire.ClassIN)
		all.Add(NewSecondary(other, SecondaryConfig{Primaries: []Primary{{Address: netip.MustParseAddrPort("192.0.2.54:53")}}, Pool: quick}), names.AccessList{})
		time.Sleep(time.Second)
		synctest.Wait()
		if other.State() != authority.Loaded {
			t.Error("a zone of another primary waits")
		}
		if n := runtime.NumGoroutine() - before; n > 2*leastWorking {
			t.Errorf("%d goroutines for %d zones that wait", n, many)
		}
		all.Remove(zones[0].Origin())      // it is at work
		all.Remove(zones[many-1].Origin()) // it waits
		all.Find(zones[1].Origin()).Check()
		close(open)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for i, z := range zones {
			if isLoaded, isGone := z.State() == authority.Loaded, i == 0 || i == many-1; isLoaded == isGone {
				t.Fatalf("zone %d is %v", i, z.State())
			}
		}
		cancel()
		<-done
		slow.CloseIdle()
		quick.CloseIdle()
	})
}

// A NOTIFY that comes while a zone is at work is not lost: the version that it tells of
// may be newer than the one that is on its way.
func TestNotifyMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := authority.NewZone(snapshotOf(t, zoneText(7, 1)))
		p := newPrimary(t, zone, "any")
		open := make(chan struct{})
		s := follow(t, p, SecondaryConfig{})
		s.config.Pool.Dial = stalled(p, open)
		ctx, cancel := context.WithCancel(t.Context())
		go s.Run(ctx)
		synctest.Wait() // it waits for a connection
		alter := func(messages [][]byte) [][]byte {
			p.alter.Store(nil)
			if err := zone.Replace(authority.FromFile, snapshotOf(t, zoneText(8, 1))); err != nil {
				t.Error(err)
			}
			s.Check()
			return messages
		}
		p.alter.Store(&alter)
		close(open)
		time.Sleep(2 * minSpacing)
		synctest.Wait()
		if got := s.Zone().Stats().Serial; got != 8 {
			t.Errorf("serial is %v", got)
		}
		cancel()
		synctest.Wait()
	})
}

// A zone that is added while the schedule begins has one turn at a time, not two.
func TestZoneAddedAtTheStart(t *testing.T) {
	var all Secondaries
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	all.schedule.begin(ctx)
	s := NewSecondary(authority.NewEmptyZone(origin, wire.ClassIN), SecondaryConfig{Primaries: []Primary{{Address: primaryAddress}}})
	all.Add(s, names.AccessList{})
	all.schedule.add(s.place.Load()) // as Run does for all that there are
	if n := len(all.schedule.turns); n != 1 {
		t.Errorf("the zone has %d turns", n)
	}
}
