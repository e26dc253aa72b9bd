package recursor

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// Servers of the small network that most tests play on.
var (
	serverA = netip.MustParseAddrPort("192.0.2.53:53")
	serverB = netip.MustParseAddrPort("[2001:db8::53]:53")
	serverC = netip.MustParseAddrPort("198.51.100.53:5353")
)

// scene is a network, a forwarder in it, and time that passes by command.
type scene struct {
	*testing.T
	network upstreamtest.Network
	f       *Forwarder
	log     logBook
}

// pass lets time go by in a scene: it is virtual, and over at once.
func pass(d time.Duration) { time.Sleep(d) }

// play has a forwarder to servers A and B, unless c says otherwise, act in a
// network without servers. At the end nothing may be left.
func play(t *testing.T, c ForwardConfig, act func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t}
		if c.Servers == nil && c.Zones == nil {
			c.Servers = []netip.AddrPort{serverA, serverB}
		}
		c.Network, c.Log = &s.network, slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		f, err := NewForwarder(c)
		if err != nil {
			t.Fatal(err)
		}
		s.f = f
		act(s)
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		s.network.Wait()
		if _, open, _ := s.network.Sockets(); open != 0 {
			t.Errorf("%d sockets are still open", open)
		}
		if n := f.turns.running.Used() + f.turns.queued.Used() + f.turns.busy.Len(); n != 0 {
			t.Errorf("%d questions are still in flight", n)
		}
		if n := f.waiting.Load(); n != 0 {
			t.Errorf("%d clients are still waiting", n)
		}
	})
}

// logBook keeps what is logged.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (s *scene) serve(addr netip.AddrPort, udp, tcp upstreamtest.Handler) {
	s.network.Serve(addr, udp, tcp)
}

// mustAnswer asks for the addresses of www.example.com and wants the answer 192.0.2.7
// after that time.
func (s *scene) mustAnswer(after time.Duration) *wire.Message {
	s.Helper()
	start := time.Now()
	m := namestest.Ask(s, s.f, "www.Example.com.", wire.TypeA)
	if len(m.Answers) != 1 || m.Answers[0].String() != "www.Example.com.\t300\tIN\tA\t192.0.2.7" {
		s.Fatalf("wrong answer:\n%v", m)
	}
	if got := time.Since(start); got != after {
		s.Errorf("the answer took %v, not %v", got, after)
	}
	return m
}

// mustFail asks the same and wants a failure with that extended error.
func (s *scene) mustFail(after time.Duration, code wire.ExtendedErrorCode, text string) *Failure {
	s.Helper()
	start := time.Now()
	m, err := namestest.Try(s, s.f, "www.example.com.", wire.TypeA)
	var failure *Failure
	if !errors.As(err, &failure) {
		s.Fatalf("got error %v and reply\n%v", err, m)
	}
	if gotCode, gotText := failure.ExtendedError(); wire.ExtendedErrorCode(gotCode) != code || gotText != text {
		s.Errorf("extended error %d %q, not %d %q", gotCode, gotText, code, text)
	}
	if got := time.Since(start); got != after {
		s.Errorf("the failure took %v, not %v", got, after)
	}
	return failure
}

func right(q *upstreamtest.Query) { q.Answer("@ A 192.0.2.7") }

func silent(*upstreamtest.Query) {}

func truncated(q *upstreamtest.Query) {
	m := q.Reply()
	m.Flags |= wire.FlagTC
	q.SendMessage(m)
}

// after is h, so much later.
func after(d time.Duration, h upstreamtest.Handler) upstreamtest.Handler {
	return func(q *upstreamtest.Query) {
		time.Sleep(d)
		h(q)
	}
}

func failing(r wire.RCode) upstreamtest.Handler {
	return func(q *upstreamtest.Query) { q.Fail(r) }
}

// counter counts queries.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) count(h upstreamtest.Handler) upstreamtest.Handler {
	return func(q *upstreamtest.Query) {
		c.mu.Lock()
		c.n++
		c.mu.Unlock()
		h(q)
	}
}

// take returns how many there were since the last time.
func (c *counter) take() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n
	c.n = 0
	return n
}

func background(seconds int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), time.Duration(seconds)*time.Second)
}
