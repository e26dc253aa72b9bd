package recursor

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

func newTestServer() *server {
	return newServer(upstream.NewClient(upstream.Config{}).Server(serverA), 5*time.Second, nil, slog.New(slog.DiscardHandler))
}

// RFC 6298 2, and the bounds of what is made of it.
func TestRoundTripTime(t *testing.T) {
	s := newTestServer()
	now := time.Now()
	if got := s.patience(); got != unknownPatience {
		t.Errorf("nothing is known and patience is %v", got)
	}
	for _, c := range []struct{ rtt, smoothed, variation, patience time.Duration }{
		{80 * time.Millisecond, 80 * time.Millisecond, 40 * time.Millisecond, 240 * time.Millisecond},
		{80 * time.Millisecond, 80 * time.Millisecond, 30 * time.Millisecond, 200 * time.Millisecond},
		{160 * time.Millisecond, 90 * time.Millisecond, 42500 * time.Microsecond, 260 * time.Millisecond},
		{0, 90 * time.Millisecond, 42500 * time.Microsecond, 260 * time.Millisecond}, // not measured
		{8090 * time.Millisecond, 1090 * time.Millisecond, 2031875 * time.Microsecond, maxPatience},
	} {
		s.heard(now, c.rtt)
		if s.rtt != c.smoothed || s.variation != c.variation || s.patience() != c.patience {
			t.Errorf("after %v: %v, variation %v, patience %v; want %v, %v, %v", c.rtt, s.rtt, s.variation, s.patience(), c.smoothed, c.variation, c.patience)
		}
	}
	for range 200 {
		s.heard(now, time.Microsecond)
	}
	if got := s.patience(); got != minPatience {
		t.Errorf("a fast server's patience is %v", got)
	}
}

// What makes a server dead, and what does not.
func TestWhatIsDead(t *testing.T) {
	start := time.Unix(1e9, 0)
	for _, c := range []struct {
		what    string
		waiting int
		heard   time.Duration // after the start; 0: not at all
		waited  time.Duration
		want    bool
	}{
		{"one question, for some time", 1, 0, maxSilence - 1, false},
		{"one question, for a long time", 1, 0, maxSilence, true},
		{"one question, but others were answered", 1, time.Second, maxSilence, false},
		{"many questions, for a short time", manyQuestions, 0, silenceOfMany - 1, false},
		{"many questions, for some time", manyQuestions, 0, silenceOfMany, true},
		{"fewer questions, for some time", manyQuestions - 1, 0, silenceOfMany, false},
		{"many questions, but others were answered", manyQuestions, time.Second, silenceOfMany, false},
	} {
		s := newTestServer()
		for range c.waiting {
			s.asked(time.Now())
		}
		if c.heard > 0 {
			s.heard(start.Add(c.heard), 0)
		}
		if got := s.silent(start, start.Add(c.waited), false); got != c.want || (s.condition(start.Add(c.waited)) == isDead) != c.want {
			t.Errorf("%s: dead is %v", c.what, got)
		}
	}
}

// A dead server's life: left alone, tried, left alone for longer, heard again.
func TestBackoff(t *testing.T) {
	s := newTestServer()
	now := time.Unix(1e9, 0)
	gone := errors.New("gone")
	s.failed(now, gone)
	s.failed(now, gone) // of the same moment: it counts once
	want := minBackoff
	for i := range 10 {
		if s.condition(now.Add(want-1)) != isDead || s.condition(now.Add(want)) != isDue {
			t.Fatalf("failure %d: not left alone for %v", i+1, want)
		}
		now = now.Add(want)
		if got := s.startTrial(now); got != (i == 0) {
			t.Errorf("failure %d: a waiting client is %v", i+1, got)
		}
		if i > 0 && !s.mayProbe(now) || s.mayProbe(now) || s.startTrial(now) || s.condition(now) != isDead {
			t.Errorf("failure %d: not asked exactly once", i+1)
		}
		s.failed(now, gone)
		want = min(2*want, maxBackoff)
	}
	s.heard(now, time.Millisecond)
	if s.condition(now) != isAlive || s.status().Dead {
		t.Error("it answers and is dead")
	}
	s.failed(now, gone)
	if s.condition(now.Add(minBackoff)) != isDue {
		t.Error("old failures count")
	}
}

// The faster server is asked, and a change is noticed.
func TestFasterServerIsPreferred(t *testing.T) {
	play(t, ForwardConfig{}, func(s *scene) {
		var a, b counter
		s.serve(serverA, a.count(after(80*time.Millisecond, right)), nil)
		s.serve(serverB, b.count(after(10*time.Millisecond, right)), nil)
		for range 500 {
			namestest.Ask(t, s.f, "www.example.com.", wire.TypeA)
			time.Sleep(50 * time.Millisecond)
		}
		if fast, slow := b.take(), a.take(); fast < 480 || slow < 5 || slow > 60 {
			t.Errorf("the fast server was asked %d times, the slow one %d times", fast, slow)
		}
		s.serve(serverA, a.count(after(10*time.Millisecond, right)), nil)
		s.serve(serverB, b.count(after(80*time.Millisecond, right)), nil)
		for range 500 {
			namestest.Ask(t, s.f, "www.example.com.", wire.TypeA)
			time.Sleep(50 * time.Millisecond)
		}
		a.take()
		b.take()
		for range 100 {
			namestest.Ask(t, s.f, "www.example.com.", wire.TypeA)
			time.Sleep(50 * time.Millisecond)
		}
		if fast, slow := a.take(), b.take(); fast < 90 || slow > 20 {
			t.Errorf("afterwards the server that is fast now was asked %d times, the other %d times", fast, slow)
		}
	})
}

// An answer that takes longer than this server's do is asked for elsewhere too.
func TestHedging(t *testing.T) {
	play(t, ForwardConfig{}, func(s *scene) {
		s.serve(serverA, after(10*time.Millisecond, right), nil)
		s.serve(serverB, after(15*time.Millisecond, right), nil)
		for range 30 {
			namestest.Ask(t, s.f, "www.example.com.", wire.TypeA)
			time.Sleep(time.Second)
		}
		s.serve(serverA, silent, nil)
		s.mustAnswer(minPatience + 15*time.Millisecond)
		for range 20 {
			s.mustAnswer(15 * time.Millisecond) // it costs the next one nothing
		}
	})
}

// What a server says to a query sent in the background is not an
// answer, and clients do not wait for it.
func TestExplorationIsInTheBackground(t *testing.T) {
	play(t, ForwardConfig{}, func(s *scene) {
		var b counter
		s.serve(serverA, after(time.Millisecond, right), nil)
		s.serve(serverB, b.count(func(q *upstreamtest.Query) { q.Fail(wire.RCodeServFail) }), nil)
		for range 300 {
			s.mustAnswer(time.Millisecond)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := b.take(); n < 5 || n > 60 {
			t.Errorf("the other server was asked %d times", n)
		}
	})
}
