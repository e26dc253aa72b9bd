package recursor

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// A zone whose server takes 2 s, and 5,000 random names a second below it:
// other zones get their answers, whether they have the same upstream server or
// one of their own, and whether the client is the same or not.
func TestSlowZoneLeavesRoom(t *testing.T) {
	seconds, rate, healthy := 4, 5000, 400
	if testing.Short() {
		t.Log("fewer names in short mode")
		seconds, rate, healthy = 3, 2500, 100
	}
	slowZone := wire.MustParseName("slow.example.")
	for title, c := range map[string]struct {
		config ForwardConfig
		below  string // the names under attack
		other  string // healthy ones
		many   bool   // clients attack
		dead   bool   // a server that never answers in time is taken for dead
	}{
		"one upstream server for all":           {ForwardConfig{Servers: []netip.AddrPort{serverA}}, "slow.example.", "www%d.healthy.example.", true, false},
		"one upstream server and client":        {ForwardConfig{Servers: []netip.AddrPort{serverA}}, "slow.example.", "www%d.healthy.example.", false, false},
		"two upstream servers for all":          {ForwardConfig{}, "slow.example.", "www%d.healthy.example.", true, false},
		"an upstream server of its own":         {ForwardConfig{Servers: []netip.AddrPort{serverB}, Zones: []ForwardZone{{slowZone, []netip.AddrPort{serverA}}}}, "slow.example.", "www%d.healthy.example.", true, true},
		"a zone of one label with its own":      {ForwardConfig{Servers: []netip.AddrPort{serverB}, Zones: []ForwardZone{{wire.MustParseName("slow."), []netip.AddrPort{serverA}}}}, "slow.", "www%d.healthy.example.", true, true},
		"two zones with the same servers":       {ForwardConfig{Servers: []netip.AddrPort{serverB}, Zones: []ForwardZone{{slowZone, []netip.AddrPort{serverA}}, {wire.MustParseName("other."), []netip.AddrPort{serverA}}}}, "slow.example.", "www%d.healthy.example.", true, true},
		"a neighbour below the same two labels": {ForwardConfig{Servers: []netip.AddrPort{serverA}}, "slow.co.example.", "www%d.healthy.co.example.", true, false},
	} {
		t.Run(title, func(t *testing.T) {
			play(t, c.config, func(s *scene) {
				slow := wire.MustParseName(c.below)
				handler := func(q *upstreamtest.Query) {
					<-time.After(20 * time.Millisecond) // virtual, as in all scenes
					if q.Questions[0].Name.HasSuffix(slow) {
						<-time.After(2 * time.Second)
					}
					right(q)
				}
				s.serve(serverA, handler, nil)
				s.serve(serverB, handler, nil)
				var asking sync.WaitGroup
				var attacked, answered atomic.Int32
				ask := func(name string, client netip.Addr, count *atomic.Int32) {
					asking.Go(func() {
						if _, err := namestest.Try(t, s.f, name, wire.TypeA, namestest.From(netip.AddrPortFrom(client, 4242))); err == nil {
							count.Add(1)
						}
					})
				}
				for i := range seconds * rate {
					client := netip.AddrFrom4([4]byte{192, 0, 2, 1})
					if c.many {
						client = netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
					}
					ask(fmt.Sprintf("r%d.%s", i, c.below), client, &attacked)
					if i >= rate && i%((seconds-1)*rate/healthy) == 0 { // the attack is under way
						ask(fmt.Sprintf(c.other, i), netip.AddrFrom4([4]byte{192, 0, 2, 2}), &answered)
					}
					<-time.After(time.Second / time.Duration(rate))
				}
				asking.Wait()
				if n := int(answered.Load()); n < healthy*99/100 {
					t.Errorf("%d of %d healthy names are answered", n, healthy)
				}
				if n := attacked.Load(); n < 300 && !c.dead {
					t.Errorf("only %d names of the slow zone are answered: it has no share left", n)
				}
			})
		})
	}
}

// clients ask a resolver, all at once.
type clients struct {
	sync.WaitGroup
	t  *testing.T
	of names.Resolver
}

func (c *clients) ask(name, client string, got *error) {
	c.Go(func() {
		_, *got = namestest.Try(c.t, c.of, name, wire.TypeA, namestest.From(netip.AddrPortFrom(netip.MustParseAddr(client), 4242)))
	})
}

// attack asks for a thousand names, from a client, or from a hundred of a network.
func (c *clients) attack(from, names string) []error {
	results := make([]error, 1000)
	for i := range results {
		client := from
		if strings.Contains(client, "%d") {
			client = fmt.Sprintf(client, i%100)
		}
		c.ask(fmt.Sprintf(names, i), client, &results[i])
	}
	time.Sleep(time.Millisecond)
	return results
}

// A client that asks for many slow names leaves room for others, and is a /56
// with IPv6.
func TestClientLeavesRoom(t *testing.T) {
	for _, c := range []struct {
		attacker, victim string
		same             bool
	}{
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8::%d", "2001:db8:0:100::1", false},
		{"2001:db8:0:%d::1", "2001:db8:0:ff::1", true},
	} {
		play(t, ForwardConfig{Servers: []netip.AddrPort{serverA}, MaxInFlight: 100}, func(s *scene) {
			s.serve(serverA, after(2*time.Second, right), nil)
			asking := clients{t: t, of: s.f}
			results := asking.attack(c.attacker, "www.zone%d.")
			var err error
			start := time.Now()
			asking.ask("www.victim.", c.victim, &err)
			asking.Wait()
			refused := 0
			for _, err := range results {
				if err == errShare {
					refused++
				}
			}
			if refused < 500 || (err != nil) != c.same {
				t.Errorf("%s and %s: %d refused, the victim: %v after %v", c.attacker, c.victim, refused, err, time.Since(start))
			}
		})
	}
}

// The same for a recursor: while a client has asked for a thousand names that
// take 2 s each, of a hundred that are worked on at once, others get theirs.
func TestClientLeavesRoomInRecursor(t *testing.T) {
	for _, c := range []struct {
		attacker, victim string
		same             bool
	}{
		{"192.0.2.1", "192.0.2.2", false},
		{"192.0.2.1", "192.0.2.1", true},
		{"2001:db8::%d", "2001:db8:0:100::1", false},
		{"2001:db8:0:%d::1", "2001:db8:0:ff::1", true},
	} {
		playRoot(t, Config{MaxInFlight: 100}, after(2*time.Second, refers(nil, nil)), func(r *Recursor, _ *upstreamtest.Network) {
			asking := clients{t: t, of: r}
			results := asking.attack(c.attacker, "zone%d.")
			victims := make([]error, 20)
			start := time.Now()
			for i := range victims {
				asking.ask(fmt.Sprintf("victim%d.", i), c.victim, &victims[i])
			}
			asking.Wait()
			answered, lost := 0, 0
			for _, err := range results {
				if err == nil {
					answered++
				}
			}
			for _, err := range victims {
				if err != nil {
					lost++
				}
			}
			// How the others end - refused, or too late - depends on the
			// order in which their goroutines run.
			if answered < 140 || answered > 300 || c.same != (lost == len(victims)) || !c.same && lost > 0 {
				t.Errorf("%s and %s: %d of %d answered; %d of %d victims have no answer after %v", c.attacker, c.victim, answered, len(results), lost, len(victims), time.Since(start))
			}
			if _, err := namestest.Try(t, r, "later.", wire.TypeA, namestest.From(netip.AddrPortFrom(netip.MustParseAddr(c.victim), 4242))); err != nil {
				t.Errorf("%s: no answer when all is over: %v", c.victim, err)
			}
		})
	}
}

// A zone whose names take 2 s leaves room for another one on the same server.
func TestSlowZoneLeavesRoomOnItsServer(t *testing.T) {
	root := refers(map[string]string{"slow.": "ns.slow.", "healthy.": "ns.healthy."}, map[string]string{"ns.slow.": "192.0.2.53", "ns.healthy.": "192.0.2.53"})
	playRoot(t, Config{}, root, func(r *Recursor, network *upstreamtest.Network) {
		slowZone := wire.MustParseName("slow.")
		network.Serve(netip.MustParseAddrPort("192.0.2.53:53"), func(q *upstreamtest.Query) {
			if q.Questions[0].Name.HasSuffix(slowZone) {
				<-time.After(2 * time.Second)
			}
			m := q.Reply()
			m.Flags |= wire.FlagAA
			m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
			q.SendMessage(m)
		}, nil)
		var asking sync.WaitGroup
		var attacked, answered atomic.Int32
		ask := func(name string, client int, count *atomic.Int32) {
			asking.Go(func() {
				from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(client >> 8), byte(client)}), 4242)
				if _, err := namestest.Try(t, r, name, wire.TypeA, namestest.From(from)); err == nil {
					count.Add(1)
				}
			})
		}
		const seconds, rate, healthy = 3, 3000, 200
		for i := range seconds * rate {
			ask(fmt.Sprintf("r%d.slow.", i), i, &attacked)
			if i >= rate && i%((seconds-1)*rate/healthy) == 0 {
				ask(fmt.Sprintf("www%d.healthy.", i), i, &answered)
			}
			time.Sleep(time.Second / rate)
		}
		asking.Wait()
		if n := answered.Load(); n < healthy*99/100 {
			t.Errorf("%d of %d names of the healthy zone are answered", n, healthy)
		}
		if n := attacked.Load(); n < 500 {
			t.Errorf("only %d names of the slow zone are answered: it has no share left", n)
		}
	})
}
