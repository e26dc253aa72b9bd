package listener

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Who is overdue, at time 100 in seconds: no query in the first 3, nothing for
// 10, a reply not taken for 5.
func TestOverdue(t *testing.T) {
	const second = int64(time.Second)
	table := &connections{}
	table.limits.Store(&connectionLimits{firstQuery: 3 * time.Second, write: 5 * time.Second})
	l := &epollLoop{table: table}
	for _, c := range []struct {
		name          string
		active        int64 // when something was last seen
		hasBegun      bool
		waiting, owed int
		blocked       int64 // since when
		want          bool
	}{
		{"just connected", 98, false, 0, 0, 0, false},
		{"connected, and nothing since", 97, false, 0, 0, 0, true},
		{"idle", 91, true, 0, 0, 0, false},
		{"idle for too long", 90, true, 0, 0, 0, true},
		{"waits for a reply", 1, true, 1, 0, 0, false},
		{"does not read", 1, true, 0, 1, 96, false},
		{"does not read for too long", 99, true, 0, 1, 95, true},
		{"waits, and does not read", 99, true, 1, 1, 95, true},
	} {
		conn := &loopConn{loop: l, hasBegun: c.hasBegun, waiting: c.waiting, owed: c.owed, out: make([]byte, c.owed), blocked: c.blocked * second}
		conn.active.Store(c.active * second)
		if got := conn.isOverdue(100*second, 10*time.Second); got != c.want {
			t.Errorf("%s: overdue %v", c.name, got)
		}
		conn.mu.Lock()
		if conn.isOverdue(100*second, 10*time.Second) || conn.isIdle() {
			t.Errorf("%s: another goroutine is at it", c.name)
		}
		conn.mu.Unlock()
	}
}

// Each of the replies that a client does not take at once has its time: those
// that come after others only once the others are gone.
func TestTimeToTakeReplies(t *testing.T) {
	c := &loopConn{out: make([]byte, 100), owed: 100, blocked: 1}
	c.active.Store(1)
	c.out = append(c.out, make([]byte, 50)...) // another, later
	for _, step := range []struct {
		taken        int
		now          int64
		owed         int
		blocked      int64
		active, left int64
	}{
		{60, 2, 40, 1, 1, 90},
		{39, 3, 1, 1, 1, 51},
		{1, 4, 50, 4, 4, 50}, // those are gone
		{30, 5, 20, 4, 4, 20},
		{20, 6, 0, 6, 6, 0},
	} {
		c.taken(step.taken, step.now)
		if c.owed != step.owed || c.blocked != step.blocked || c.active.Load() != step.active || int64(len(c.out)) != step.left {
			t.Errorf("at %d: %d owed since %d, active %d, %d left", step.now, c.owed, c.blocked, c.active.Load(), len(c.out))
		}
	}
}

// A socket that cannot accept, for want of descriptors say, is left alone for
// a while and then tried again.
func TestRestingSocketIsTriedAgain(t *testing.T) {
	s, err := Listen(Config{Resolver: Echo{}, Workers: 1, Endpoints: Plain(netip.MustParseAddrPort("127.0.0.1:0"))})
	if err != nil {
		t.Fatal(err)
	}
	l := s.loops[0].(*epollLoop)
	if err := unix.EpollCtl(l.fd, unix.EPOLL_CTL_DEL, l.sockets[0].fd, nil); err != nil {
		t.Fatal(err)
	}
	l.sockets[0].isResting = true
	l.now = monotonic()
	l.tick()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx) }()
	Ask(t, Dial(t, s, "tcp"), fastQuery)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// An idle connection costs no goroutine, and hardly any memory.
func TestIdleConnectionsAreSmall(t *testing.T) {
	s := Serving(t, Config{Workers: 1})
	conn := Dial(t, s, "tcp")
	Ask(t, conn, fastQuery)
	send(t, conn, Question(3, "www.example.", nil))
	expectID(t, conn, 3)
	l := s.loops[0].(*epollLoop)
	s.connections.mu.Lock()
	defer s.connections.mu.Unlock()
	for c := range s.connections.open {
		c := c.(*loopConn)
		c.mu.Lock()
		if n := cap(c.in.buf) + cap(c.out); n > 0 || c.loop != l {
			t.Errorf("%d octets of buffers", n)
		}
		c.mu.Unlock()
	}
}

// A listener that is not a socket of the system gets goroutines.
func TestLoopsWantSockets(t *testing.T) {
	if canLoop(notASocket{}) {
		t.Error("a loop would serve it")
	}
}

type notASocket struct{ net.Listener }
