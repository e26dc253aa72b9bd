package listener

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/names"
)

// connection is one of those in the table, whoever serves it.
type connection interface {
	isIdle() bool      // nothing is going on: no query is being answered, none waits for its reply
	lastActive() int64 // when a query or a reply was last seen, by one clock for all
	stop()             // ends it once what was asked is answered
	hangUp()           // ends it now
}

// streamLoop serves the connections of some sockets by itself.
type streamLoop interface {
	run()         // until the loop is stopped and its connections are done
	stop()        // ends the connections once what they asked is answered
	abandon()     // ends them now
	release()     // gives back what a loop took that was never run
	sum(t *tally) // adds what it counted to t
}

// connections is the table of those that are open, and keeps its limits.
type connections struct {
	edge      *Edge
	pool      *slowPool
	ledger    *ledger
	limits    streamLimits
	max       int
	perClient int
	idle      time.Duration
	broken    *complaint
	stopping  <-chan struct{}

	mu      sync.Mutex
	open    map[connection]netip.Prefix
	clients map[netip.Prefix]int // how many of open each has
	stopped bool
	count   atomic.Int64   // len(open), for those who must not wait for mu
	done    sync.WaitGroup // of streams
}

func newConnections(c *Config, e *Edge, p *slowPool, l *ledger) *connections {
	t := &connections{
		edge: e, pool: p, ledger: l,
		max: c.MaxConnections, perClient: c.MaxConnectionsPerClient, idle: c.IdleTimeout,
		broken:  &complaint{log: c.Log, text: "cannot accept connections"},
		open:    make(map[connection]netip.Prefix),
		clients: make(map[netip.Prefix]int),
	}
	t.limits = streamLimits{
		pipelined:  c.MaxPipelined,
		firstQuery: c.FirstQueryTimeout,
		idle:       t.idleTimeout,
		write:      c.WriteTimeout,
	}
	e.idleTimeout = t.idleTimeout
	return t
}

// accept serves the connections that come to l until it is closed.
func (t *connections) accept(l net.Listener) {
	failures := 0
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			t.ledger.add(acceptErrors)
			t.broken.say(func() []any { return []any{"address", l.Addr().String(), "error", err} })
			failures++
			if !pause(failures, t.stopping) {
				return
			}
			continue
		}
		failures = 0
		t.admit(conn)
	}
}

// admit serves conn, or closes it where that would be too many.
func (t *connections) admit(conn net.Conn) {
	remote := addrPort(conn.RemoteAddr())
	s := &stream{
		conn: conn,
		peer: names.Peer{Transport: transportOf(conn), Remote: withoutZone(remote), Local: withoutZone(addrPort(conn.LocalAddr()))},
		edge: t.edge, pool: t.pool, ledger: t.ledger, limits: &t.limits,
	}
	s.answered.L = &s.mu
	s.active.Store(time.Now().UnixNano())
	if !t.enter(s, clientOf(remote.Addr())) {
		conn.Close()
		return
	}
	s.context, s.cancel = context.WithCancel(t.pool.context)
	t.done.Go(func() {
		s.run()
		t.leave(s)
	})
}

// enter puts a connection of a client into the table, unless there are too
// many: it then returns false.
func (t *connections) enter(c connection, client netip.Prefix) bool {
	t.ledger.add(accepted)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped || t.clients[client] >= t.perClient || len(t.open) >= t.max && !t.evict() {
		t.ledger.add(connectionsRefused)
		return false
	}
	t.open[c] = client
	t.clients[client]++
	t.count.Add(1)
	return true
}

// transportOf is how queries come over conn: a tls.Conn is known by its
// handshake, so that those who serve in the clear need not build TLS.
func transportOf(conn net.Conn) names.Transport {
	if _, isTLS := conn.(interface {
		HandshakeContext(context.Context) error
	}); isTLS {
		return names.TLS
	}
	return names.TCP
}

// evict closes the connection that has been idle longest. It returns false
// where none is idle.
func (t *connections) evict() bool {
	var oldest connection
	for c := range t.open {
		if (oldest == nil || c.lastActive() < oldest.lastActive()) && c.isIdle() {
			oldest = c
		}
	}
	if oldest == nil {
		return false
	}
	t.ledger.add(connectionsEvicted)
	oldest.hangUp()
	t.remove(oldest)
	return true
}

// leave takes a connection out of the table unless it is out already.
func (t *connections) leave(c connection) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(c)
}

func (t *connections) remove(c connection) {
	client, ok := t.open[c]
	if !ok {
		return
	}
	delete(t.open, c)
	t.count.Add(-1)
	if t.clients[client]--; t.clients[client] == 0 {
		delete(t.clients, client)
	}
}

// idleTimeout is how long a connection may be idle: all of the time up to half
// the limit of connections, then in proportion to the room that is left, and
// never less than a tenth.
func (t *connections) idleTimeout() time.Duration {
	free := t.max - int(t.count.Load())
	if free >= t.max/2 {
		return t.idle
	}
	return max(t.idle*time.Duration(2*free)/time.Duration(t.max), t.idle/10)
}

// stop ends every connection once what it has asked is answered.
func (t *connections) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stopped = true
	for c := range t.open {
		c.stop()
	}
}

// close ends every connection now.
func (t *connections) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.open {
		c.hangUp()
	}
}

// clientOf is whom an address stands for: itself, or for IPv6 its /64, all of
// which one machine may use.
func clientOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.WithZone("").Prefix(bits) // the zero prefix where there is no address
	return p
}

// pause waits longer the more attempts in a row have failed, at most a second:
// what fails for good must not take a core. It returns false where the server
// stops meanwhile.
func pause(failures int, stopping <-chan struct{}) bool {
	wait := time.NewTimer(min(time.Millisecond<<min(failures, 10), time.Second))
	defer wait.Stop()
	select {
	case <-wait.C:
		return true
	case <-stopping:
		return false
	}
}
