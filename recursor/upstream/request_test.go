package upstream

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// start has a request ask, and returns how often it was done since.
func (s *scene) start(a *Request) (done func() int) {
	s.Helper()
	n := make(chan error, 10)
	a.Query = *newQuery("www.Example.com.")
	a.Done = func(r *Reply, err error) {
		if err == nil {
			if m, err := wire.ParseMessage(r.Message); err != nil || m.Questions[0].Name.String() != "www.Example.com." {
				s.Errorf("the reply is %v, %v", m, err)
			}
		}
		n <- err
	}
	if err := a.Start(s.server); err != nil {
		s.Fatal(err)
	}
	return func() int {
		synctest.Wait()
		return len(n)
	}
}

// A request that is cancelled is not done, wherever it was, and may be used
// again at once.
func TestCancel(t *testing.T) {
	slowly := func(h upstreamtest.Handler) upstreamtest.Handler {
		return func(q *upstreamtest.Query) {
			time.Sleep(time.Second)
			h(q)
		}
	}
	for name, c := range map[string]struct{ udp, tcp upstreamtest.Handler }{
		"over UDP":           {slowly(right), nil},
		"over TCP":           {truncated, slowly(right)},
		"over TCP, no reply": {truncated, silent},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, Config{}, func(s *scene) {
				s.serve(c.udp, c.tcp)
				var a Request
				done := s.start(&a)
				time.Sleep(100 * time.Millisecond)
				if !a.Cancel(context.Canceled) {
					t.Error("it was done already")
				}
				if a.Cancel(context.Canceled) {
					t.Error("it was cancelled twice")
				}
				s.serve(right, nil)
				again := s.start(&a)
				if n := again(); n != 1 {
					t.Errorf("used again it was done %d times", n)
				}
				if a.Cancel(context.Canceled) {
					t.Error("it was cancelled when it was done")
				}
				time.Sleep(2 * time.Second) // the reply to the first question finds no waiter
				if n := done() + again(); n != 1 {
					t.Errorf("done %d times", n)
				}
			})
		})
	}
}

// What cannot be sent is reported at once, and only once.
func TestStartFails(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		a := Request{Query: *newQuery("www.example.com."), Done: func(*Reply, error) { t.Error("it is done") }}
		a.Query.Budget.Reset(0, 0)
		if err := a.Start(s.server); err != ErrBudget {
			t.Errorf("got %v", err)
		}
		if a.Cancel(context.Canceled) {
			t.Error("it was under way")
		}
	})
}

// A connection is given up where a question on it got no answer in time, and
// not if the answer was no longer wanted.
func TestStuckConnectionOfARequest(t *testing.T) {
	for _, why := range []error{context.Canceled, context.DeadlineExceeded} {
		play(t, Config{}, func(s *scene) {
			s.serve(truncated, silent)
			var a Request
			done := s.start(&a)
			time.Sleep(time.Second)
			a.Cancel(why)
			if n := done(); n != 0 {
				t.Errorf("done %d times", n)
			}
			s.server.mu.Lock()
			left := 0
			for _, c := range s.server.pool.conns {
				if !c.isOver() {
					left++
				}
			}
			s.server.mu.Unlock()
			if stuck := errors.Is(why, context.DeadlineExceeded); left != map[bool]int{false: 1, true: 0}[stuck] {
				t.Errorf("%v: %d connections are left", why, left)
			}
		})
	}
}
