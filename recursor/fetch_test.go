package recursor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// playRoot has a recursor act in a network where the only root server is at
// 198.41.0.4 and does what root says, in virtual time. At the end nothing may
// be left.
func playRoot(t *testing.T, c Config, root upstreamtest.Handler, act func(r *Recursor, network *upstreamtest.Network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var network upstreamtest.Network
		network.Serve(netip.MustParseAddrPort("198.41.0.4:53"), root, nil)
		var err error
		if c.Cache, err = cache.New(cache.Config{Size: 1 << 20}); err != nil {
			t.Fatal(err)
		}
		c.Network, c.Hints = &network, []Hint{{wire.MustParseName("a.root-servers.net."), []netip.AddrPort{netip.MustParseAddrPort("198.41.0.4:53")}}}
		r, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		act(r, &network)
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		network.Wait()
		if _, open, _ := network.Sockets(); open != 0 {
			t.Errorf("%d sockets are still open", open)
		}
		if n := r.turns.running.Used() + r.turns.queued.Used() + r.turns.busy.Len(); n != 0 || r.waiting.Load() != 0 || len(r.fetches) != 0 || len(r.busy) != 0 {
			t.Errorf("left: %d turns, %d waiting, %d fetches, %d zones", n, r.waiting.Load(), len(r.fetches), len(r.busy))
		}
	})
}

// refers has a root server that names the servers of each zone below it, and
// where those are if it knows.
func refers(delegations map[string]string, glue map[string]string) upstreamtest.Handler {
	return func(q *upstreamtest.Query) {
		m := q.Reply()
		asked := q.Questions[0]
		zone := asked.Name.Ancestor(1).Fold().String()
		if host, ok := delegations[zone]; ok {
			m.Authority = upstreamtest.Records(wire.Root, zone+" NS "+host)
			if address, ok := glue[host]; ok && wire.MustParseName(host).HasSuffix(wire.MustParseName(zone)) {
				m.Additional = upstreamtest.Records(wire.Root, host+" A "+address)
			}
		} else {
			m.Flags |= wire.FlagAA
			m.RCode = wire.RCodeNXDomain
			m.Authority = upstreamtest.Records(wire.Root, ". SOA a. b. 1 2 3 4 5")
		}
		q.SendMessage(m)
	}
}

// TestCyclicDelegations: name servers that are found through each other are
// not found, at once.
func TestCyclicDelegations(t *testing.T) {
	var asked counter
	root := asked.count(refers(map[string]string{"a.": "ns.b.", "b.": "ns.c.", "c.": "ns.a."}, nil))
	playRoot(t, Config{}, root, func(r *Recursor, _ *upstreamtest.Network) {
		start := time.Now()
		for _, name := range []string{"www.a.", "www.b.", "www.c."} {
			_, err := namestest.Try(t, r, name, wire.TypeA)
			var failure *Failure
			if !errors.As(err, &failure) || failure.Code != wire.ExtendedErrorNoReachableAuthority {
				t.Errorf("%s: %v", name, err)
			}
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("it took %v", took)
		}
		if n := asked.take(); n > 10 {
			t.Errorf("the root was asked %d times", n)
		}
	})
}

// TestCyclicDelegationsAtOnce: the same, with questions that wait for each
// other from both sides.
func TestCyclicDelegationsAtOnce(t *testing.T) {
	root := after(10*time.Millisecond, refers(map[string]string{"a.": "ns.b.", "b.": "ns.a."}, nil))
	playRoot(t, Config{}, root, func(r *Recursor, _ *upstreamtest.Network) {
		start := time.Now()
		var all sync.WaitGroup
		for i := range 50 {
			for _, zone := range []string{"a.", "b."} {
				all.Go(func() {
					if _, err := namestest.Try(t, r, fmt.Sprintf("www%d.%s", i, zone), wire.TypeA); err == nil {
						t.Errorf("www%d.%s: an answer", i, zone)
					}
				})
			}
		}
		all.Wait()
		if took := time.Since(start); took > time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestSharedInquiry: equal questions are asked once, and who leaves does not
// take the answer away from the others.
func TestSharedInquiry(t *testing.T) {
	var asked counter
	root := asked.count(after(50*time.Millisecond, refers(nil, nil)))
	playRoot(t, Config{}, root, func(r *Recursor, _ *upstreamtest.Network) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		q := wire.Question{Name: wire.MustParseName("nothing."), Type: wire.TypeA, Class: wire.ClassIN}
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := r.fetchAnswer(ctx, fetchKeyOf(q), q, netip.Addr{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("who leaves gets %v", err)
			}
		})
		for range 10 {
			all.Go(func() {
				if a, err := r.fetchAnswer(context.Background(), fetchKeyOf(q), q, netip.Addr{}); err != nil || a.rcode != wire.RCodeNXDomain {
					t.Errorf("who stays gets %v, %v", a, err)
				}
			})
		}
		all.Wait()
		if n := asked.take(); n > 2 {
			t.Errorf("the root was asked %d times, not for its servers and the name", n)
		}
	})
}

// TestEveryBurstIsAnswered: 50 000 names at once of a zone whose servers are
// silent. Each client gets a failure in time, and no more is held than may be.
func TestEveryBurstIsAnswered(t *testing.T) {
	questions, waiting := 50000, 20000
	if testing.Short() {
		t.Log("fewer questions in short mode")
		questions, waiting = 10000, 4000
	}
	c := Config{Timeout: 5 * time.Second, MaxInFlight: 512, MaxWaiting: waiting}
	root := refers(map[string]string{"slow.": "ns.slow."}, map[string]string{"ns.slow.": "192.0.2.53"})
	playRoot(t, c, root, func(r *Recursor, network *upstreamtest.Network) {
		network.Serve(netip.MustParseAddrPort("192.0.2.53:53"), silent, nil)
		start := time.Now()
		var all sync.WaitGroup
		for i := range questions {
			all.Go(func() {
				_, err := namestest.Try(t, r, fmt.Sprintf("www%d.slow.", i), wire.TypeA)
				if err == nil {
					t.Errorf("www%d.slow.: an answer", i)
				}
			})
		}
		all.Wait()
		if took := time.Since(start); took > c.Timeout {
			t.Errorf("the last one waited %v", took)
		}
		if _, _, most := network.Sockets(); most > 512*maxTries {
			t.Errorf("%d sockets were open at once", most)
		}
	})
}

// TestFailuresOfOurOwnAreRemembered: a name server that cannot be found is not
// looked for again by every question that would need it (RFC 9520).
func TestFailuresOfOurOwnAreRemembered(t *testing.T) {
	var asked counter
	root := refers(map[string]string{"a.": "ns.b.", "b.": "ns.b."}, map[string]string{"ns.b.": "192.0.2.53"})
	playRoot(t, Config{}, root, func(r *Recursor, network *upstreamtest.Network) {
		fail := failing(wire.RCodeServFail)
		countAndFail := asked.count(fail)
		network.Serve(netip.MustParseAddrPort("192.0.2.53:53"), func(q *upstreamtest.Query) {
			if q.Questions[0].Name.HasSuffix(wire.MustParseName("b.")) {
				countAndFail(q)
			} else {
				fail(q) // its glue is the last resort for a.
			}
		}, nil)
		for i := range 20 {
			if _, err := namestest.Try(t, r, fmt.Sprintf("www%d.a.", i), wire.TypeA); err == nil {
				t.Fatal("an answer")
			}
		}
		if n := asked.take(); n > 8 {
			t.Errorf("the server of the name server was asked %d times", n)
		}
		for i := range 2 * maxFailed {
			r.mu.Lock()
			r.rememberFailure(fetchKey{name: fmt.Sprint(i)})
			r.mu.Unlock()
		}
		if len(r.failed) > maxFailed {
			t.Errorf("%d failures are remembered, more than %d", len(r.failed), maxFailed)
		}
	})
}
