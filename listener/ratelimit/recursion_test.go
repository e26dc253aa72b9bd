package ratelimit

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func TestRecursionPerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, _ := names.ParsePeerSet("198.51.100.0/24")
		r := NewRecursion(RecursionConfig{PerSecond: 100, Exempt: own}, zone, nil)
		f := newFlood(t, listener.Config{Resolver: r})
		if got := f.ask(150, "www.example.", wire.TypeA, victim, names.UDP); got != (count{full: 100, none: 50}) {
			t.Errorf("over UDP: %+v", got)
		}
		if got := f.ask(10, "www.example.", wire.TypeA, neighbor, names.UDP); got.full != 10 {
			t.Errorf("the client next to it: %+v", got)
		}
		if got := f.ask(150, "www.example.", wire.TypeA, other, names.UDP); got.full != 150 {
			t.Errorf("an exempt client: %+v", got)
		}
		x := new(names.Exchange)
		q := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName("www.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
		reply := f.edge.Answer(t.Context(), x, q, names.Peer{Transport: names.TCP, Remote: victim}, nil)
		if len(reply) < 4 || wire.RCode(reply[3]&15) != wire.RCodeRefused {
			t.Errorf("over TCP the reply is % x", reply)
		}
		if s := r.Stats(); s.TooFast != 51 || s.Begun != 1 {
			t.Errorf("counted %+v", s)
		}
		time.Sleep(time.Second)
		if got := f.ask(100, "www.example.", wire.TypeA, victim, names.UDP); got.full != 100 {
			t.Errorf("a second later: %+v", got)
		}
	})
}

// A client whose queries all wait leaves room for the others.
func TestRecursionWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		slow := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			<-end
			return zone(x)
		})
		r := NewRecursion(RecursionConfig{Waiting: 10}, slow, nil)
		edge := newFlood(t, listener.Config{Resolver: r, QueryTimeout: time.Hour}).edge
		var mu sync.Mutex
		got := map[netip.Addr]int{}
		var asked sync.WaitGroup
		number := 0
		ask := func(from netip.AddrPort) {
			number++
			name := fmt.Sprintf("www%d.", number) // each is a zone
			asked.Go(func() {
				q := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, nil)
				reply := edge.Answer(t.Context(), new(names.Exchange), q, names.Peer{Remote: from}, nil)
				mu.Lock()
				defer mu.Unlock()
				if reply != nil {
					got[from.Addr()]++
				}
			})
		}
		for range 30 {
			ask(victim)
		}
		synctest.Wait()
		ask(neighbor)
		synctest.Wait()
		close(end)
		asked.Wait()
		if got[victim.Addr()] != 10 || got[neighbor.Addr()] != 1 {
			t.Errorf("replies: %v", got)
		}
		if s := r.Stats(); s.Waiting != 20 {
			t.Errorf("counted %+v", s)
		}
		ask(victim)
		asked.Wait()
		if got[victim.Addr()] != 11 {
			t.Errorf("afterwards: %v", got)
		}
	})
}

// Many names of one slow zone leave a client places for other zones, also for one
// with which it has two labels in common.
func TestRecursionWaitingForOneZone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		slow := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			<-end
			return zone(x)
		})
		r := NewRecursion(RecursionConfig{Waiting: 100}, slow, nil)
		edge := newFlood(t, listener.Config{Resolver: r, QueryTimeout: time.Hour}).edge
		var asked sync.WaitGroup
		ask := func(pattern string, times int) (answered *atomic.Int32) {
			answered = new(atomic.Int32)
			for i := range times {
				asked.Go(func() {
					q := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName(fmt.Sprintf(pattern, i)), Type: wire.TypeA, Class: wire.ClassIN}, nil)
					if edge.Answer(t.Context(), new(names.Exchange), q, names.Peer{Remote: victim}, nil) != nil {
						answered.Add(1)
					}
				})
				synctest.Wait()
			}
			return answered
		}
		slowZone := ask("n%d.slow.co.example.", 200)
		sibling := ask("n%d.other.co.example.", 10)
		others := ask("n%d.example.", 10)
		close(end)
		asked.Wait()
		if a, b, c := slowZone.Load(), sibling.Load(), others.Load(); a < 30 || a > 50 || b != 10 || c != 10 {
			t.Errorf("answered: %d of the slow zone, %d of the one next to it, %d of others", a, b, c)
		}
	})
}
