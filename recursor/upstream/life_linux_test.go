//go:build !386 && !s390x

package upstream

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// watchdog ends the tests, and says what every goroutine does, if f does not
// return. How long it waits measures nothing: what waits for itself never ends,
// and neither would the cleanup of the test.
func watchdog(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		panic(what + " does not end")
	}
}

// flooded is a waiter whose question ends with the first datagram, while more
// have come than a socket may have to be used again.
type flooded struct {
	isFull chan struct{}
	closed chan struct{}
}

func (f *flooded) ready(s socket, _ []byte) {
	<-f.isFull
	s.close()
	close(f.closed)
}

// The last socket is closed by the goroutine that watches the sockets, which
// ends when there are none left: it must not wait for itself.
func TestLastSocketIsFlooded(t *testing.T) {
	ports, server := newPorts(t), newPeer(t, "127.0.0.1")
	for range 3 {
		w := &flooded{make(chan struct{}), make(chan struct{})}
		s, err := ports.open(w, server.addr)
		if err != nil {
			t.Fatal(err)
		}
		server.sendTo(s, 60)
		close(w.isFull)
		watchdog(t, "the question", func() {
			<-w.closed
			ports.watches.Wait()
		})
	}
}

// A hostile server sends its reply sixty times. Every question is answered, and nothing is
// left.
func TestReplySixtyTimes(t *testing.T) {
	addr := upstreamtest.Listen(t, func(q *upstreamtest.Query) {
		for range 60 {
			right(q)
		}
	}, right) // a socket that is used again may have too many old replies, and TCP is next
	before := descriptors(t)
	questions := 500
	if testing.Short() {
		questions = 100
	}
	watchdog(t, "one of the questions", func() {
		client := NewClient(Config{})
		server := client.Server(addr)
		for range questions {
			if _, err := server.Ask(context.Background(), newQuery("www.example.com.")); err != nil {
				t.Error(err)
			}
		}
		server.Close()
		client.Wait()
	})
	eventually.Succeed(t, func() error { // the server may still be closing its end of a connection
		if after := descriptors(t); after > before {
			return fmt.Errorf("%d descriptors were open before, %d are after", before, after)
		}
		return nil
	})
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// burst sends b so many times.
func burst(q *upstreamtest.Query, b []byte, times int) {
	for range times {
		q.Send(b)
	}
}

// whim is a server that does something else each time.
func whim(q *upstreamtest.Query) {
	m := q.Reply()
	switch n := rand.IntN(8); {
	case n == 0:
		m.ID++
	case n == 1:
		m.Flags |= wire.FlagTC
	case n == 2:
		m.RCode, m.EDNS, m.Questions = wire.RCodeFormErr, nil, nil
	case n == 3 && m.EDNS != nil:
		m.RCode = wire.RCodeBadCookie
	default:
		m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 192.0.2.7")
	}
	b, err := m.AppendTo(nil)
	if err != nil {
		panic(err)
	}
	if q.TCP && rand.IntN(4) == 0 {
		q.CloseConnection()
		return
	}
	burst(q, b, []int{0, 1, 1, 2, maxLate + 1, 60}[rand.IntN(6)])
}

// The life of sockets, in thousands of orders: replies that come once, many
// times, not at all, are wrong or lead to TCP, and questions that are cancelled
// before, meanwhile or after that. Every question ends once, and nothing is
// left.
func TestSocketLife(t *testing.T) {
	schedules := 3000
	if testing.Short() {
		schedules = 300
	}
	addr := upstreamtest.Listen(t, whim, whim)
	for n := range schedules {
		client := NewClient(Config{})
		server := client.Server(addr)
		watchdog(t, fmt.Sprintf("schedule %d", n), func() {
			var askers sync.WaitGroup
			for range 1 + rand.IntN(3) {
				askers.Go(func() { askOnAWhim(t, server) })
			}
			askers.Wait()
			server.Close()
			client.Wait()
		})
		p := client.sockets.(*ports)
		if left := members(&client.own.queries); p.made != 0 || len(p.all) != 0 || p.watch != nil || len(left) != 0 {
			t.Fatalf("schedule %d: %d sockets and queries %v are left", n, p.made, left)
		}
	}
}

// askOnAWhim has one request sent twice, and cancels it at any time.
func askOnAWhim(t *testing.T, s *Server) {
	done := make(chan error, 2)
	a := Request{Done: func(_ *Reply, err error) { done <- err }}
	for range 2 {
		a.Query = *newQuery("www.example.com.")
		a.Query.Progress = func() {}
		if err := a.Start(s); err != nil {
			t.Error(err)
			return
		}
		if rand.IntN(3) > 0 {
			select {
			case <-done:
				continue
			case <-time.After(time.Duration(rand.IntN(3000)) * time.Microsecond):
			}
		}
		if !a.Cancel(context.DeadlineExceeded) {
			<-done
		}
		if len(done) > 0 {
			t.Error("a question has ended twice")
		}
	}
}
