package ratelimit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Of a thousand replies that come at once a client gets as many octets as the limit says,
// and TC in place of the others, unless its address is known.
func TestLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		exempt, _ := names.ParsePeerSet("198.51.100.0/24")
		l := NewLate(LateConfig{Octets: 10000, Exempt: exempt}, slog.New(slog.NewTextHandler(&out, nil)))
		defer l.Close()
		end := make(chan struct{})
		e, err := listener.NewEdge(listener.Config{QueryTimeout: time.Hour, Resolver: names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			<-end
			if err := zone(x); err != nil {
				return err
			}
			l.Bound(x)
			return nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			client    string
			transport names.Transport
			isBounded bool
		}{
			{"192.0.2.1", names.UDP, true}, {"2001:db8::1", names.UDP, true}, {"192.0.2.1", names.TCP, false},
			{"198.51.100.1", names.UDP, false}, {"127.0.0.1", names.UDP, false},
		} {
			var mu sync.Mutex
			octets, full, truncated := 0, 0, 0
			var all sync.WaitGroup
			for i := range 1000 {
				all.Go(func() {
					q := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName(fmt.Sprintf("x%d.wild.example.", i)), Type: wire.TypeA, Class: wire.ClassIN}, nil)
					peer := names.Peer{Transport: c.transport, Remote: netip.AddrPortFrom(netip.MustParseAddr(c.client), 5353)}
					reply := e.Answer(t.Context(), new(names.Exchange), q, peer, nil)
					mu.Lock()
					defer mu.Unlock()
					if len(reply) > 2 && reply[2]&2 != 0 {
						truncated++
						return
					}
					full++
					octets += len(reply)
				})
			}
			time.Sleep(time.Minute)
			end <- struct{}{} // one of them: those that come later take nothing of its share
			time.Sleep(time.Minute)
			close(end)
			all.Wait()
			if full+truncated != 1000 || (truncated > 0) != c.isBounded || c.isBounded && (octets > 10100 || octets < 9000) {
				t.Errorf("%s over %v: %d octets in %d replies, %d truncated", c.client, c.transport, octets, full, truncated)
			}
			end = make(chan struct{})
		}
		if s := l.Stats(); s.Truncated == 0 || s.Begun == 0 {
			t.Errorf("counted %+v", s)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if line := `msg="rate limit reached" client=192.0.2.1/32 limit="octets at once of replies that waited"`; strings.Count(out.String(), line) != 1 {
			t.Errorf("not one line %s in\n%s", line, out.String())
		}
	})
}

// As much comes within a tenth of a second once more.
func TestLateShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLate(LateConfig{}, nil)
		defer l.Close()
		take := func() (n int) {
			for l.allow(1, 100, 10000) {
				n++
			}
			return n
		}
		if n := take(); n != 100 {
			t.Errorf("%d at once", n)
		}
		time.Sleep(50 * time.Millisecond)
		if n := take(); n != 50 {
			t.Errorf("%d half a window later", n)
		}
		time.Sleep(time.Hour)
		if n := take(); n != 100 {
			t.Errorf("%d much later", n)
		}
	})
}
