package transfer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/journal"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// reluctant is a client that takes its time for each message.
type reluctant struct {
	each     time.Duration
	messages int
}

func (r *reluctant) SendMessage(x *names.Exchange) error {
	x.Finish()
	r.messages++
	time.Sleep(r.each)
	return nil
}

// A client that takes each message, but too slowly, does not have the zone for ever.
func TestMaxTime(t *testing.T) {
	for _, test := range []struct {
		most, each time.Duration
		messages   int // that may be sent; 0: all
	}{{0, 10 * time.Minute, 6}, {0, time.Second, 0}, {time.Minute, 10 * time.Second, 6}} {
		synctest.Test(t, func(t *testing.T) {
			zone := authority.NewZone(snapshotOf(t, zoneText(7, 1000)))
			p := newPrimary(t, zone, "any")
			counts := new(SenderCounters)
			sender := p.resolver[0].(*Sender)
			sender.MaxTime, sender.Counts = test.most, counts
			var x names.Exchange
			if _, err := x.Read(transferQuery(wire.TypeAXFR, "example.", 0), names.Peer{Transport: names.TCP, Remote: clientAddress}); err != nil {
				t.Fatal(err)
			}
			x.Begin(nil, 512)
			client := &reluctant{each: test.each}
			x.SetSender(client)
			err := sender.Resolve(t.Context(), &x)
			if test.messages == 0 {
				if err != nil || counts.Stats().Whole != 1 {
					t.Errorf("%v: %v, %+v", test, err, counts.Stats())
				}
				return
			}
			if !errors.Is(err, errTooSlow) || !errors.Is(err, names.ErrGone) || client.messages < test.messages || client.messages > test.messages+1 {
				t.Errorf("%v: %v after %d messages", test, err, client.messages)
			}
			if stats := counts.Stats(); stats.Failed != 1 || stats.Whole != 0 || stats.Records == 0 {
				t.Errorf("%v: %+v", test, stats)
			}
		})
	}
}

// Changes that are more than the zone are sent as the zone (RFC 1995 4), and taken as it.
func TestManyChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone, p, s := edited(t, SecondaryConfig{})
		j, err := journal.Open(journal.Options{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		zone.SetPipeline(&authority.Pipeline{Journal: j})
		p.resolver[0].(*Sender).History = j
		made := 0
		// Each change has four records, and the zone always has 63.
		for _, test := range []struct {
			changes int
			isWhole bool
		}{{15, false}, {16, true}, {40, true}, {1, false}} {
			for range test.changes {
				if host := made % 60; host%2 == 0 {
					change(t, zone, host)
				} else {
					back(t, zone, host-1)
				}
				made++
			}
			from := s.Zone().Stats().Serial
			got, _ := describeReply(t, p.answer(transferQuery(wire.TypeIXFR, "example.", int(from)), names.TCP))
			ends := fmt.Sprintf("serials=%v,%[1]v", zone.Stats().Serial)
			if isWhole := strings.HasSuffix(got, ends) && strings.Count(got, ",") == 1; isWhole != test.isWhole {
				t.Errorf("%d changes: %s", test.changes, got)
			}
			before := s.counts.incremental.Load()
			if _, err := s.update(t.Context(), s.config.Primaries[0]); err != nil || textOf(s.Zone().Snapshot()) != textOf(zone.Snapshot()) {
				t.Errorf("%d changes: %v", test.changes, err)
			}
			if isWhole := s.counts.incremental.Load() == before; isWhole != test.isWhole {
				t.Errorf("%d changes are taken as the whole zone: %v", test.changes, isWhole)
			}
		}
	})
}

// slowly is a connection on which what is read takes time to come.
type slowly struct {
	net.Conn
	each time.Duration
}

func (c slowly) Read(b []byte) (int, error) {
	time.Sleep(c.each)
	return c.Conn.Read(b)
}

// A primary that sends, but too slowly, is given up; what is served stays.
func TestSlowPrimary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := authority.NewZone(snapshotOf(t, zoneText(7, 60)))
		p := newPrimary(t, zone, "any")
		p.limit = 512
		s := follow(t, p, SecondaryConfig{Limits: Limits{Time: time.Minute}})
		each := time.Duration(0)
		s.config.Pool.Dial = func(ctx context.Context, network string, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
			conn, err := p.dial(ctx, network, from, to)
			return slowly{conn, each}, err
		}
		update := func() error {
			_, err := s.update(t.Context(), s.config.Primaries[0])
			s.config.Pool.CloseIdle()
			return err
		}
		if err := update(); err != nil {
			t.Fatal(err)
		}
		before := s.Zone().Snapshot()
		if err := zone.Replace(authority.FromFile, snapshotOf(t, zoneText(8, 70))); err != nil {
			t.Fatal(err)
		}
		each = 20 * time.Second // no message takes longer than Limits.Message
		began := time.Now()
		err := update()
		if took := time.Since(began); err == nil || err.Error() != "transfer took too long" || took > 2*time.Minute {
			t.Errorf("%v, after %v", err, took)
		}
		if s.Zone().Snapshot() != before {
			t.Error("the zone is not as it was")
		}
		_, _, err = FetchZone(t.Context(), s.config.Primaries[0], Request{Zone: origin, Limits: Limits{Time: time.Minute}, Dial: s.config.Pool.Dial})
		if err == nil || err.Error() != "transfer took too long" {
			t.Errorf("a program's transfer: %v", err)
		}
		each = 0
		if err := update(); err != nil || s.Zone().Stats().Serial != 8 {
			t.Errorf("a good transfer afterwards: %v", err)
		}
	})
}
