package listener

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/throttledlog"
	"github.com/names-dns/names/listener/internal/proxy"
	"github.com/names-dns/names/names"
)

// connection is one of those in the table, however it is served.
type connection interface {
	isIdle() bool      // nothing is going on: no query is being answered, none waits for its reply
	lastActive() int64 // when a query or a reply was last seen, by one clock for all
	stop()             // ends it once what was asked is answered
	condemn()          // says that hangUp is meant for it, while it is in the table
	hangUp()           // ends it now, unless it has ended and is another by now
}

// streamLoop serves the connections of some sockets by itself.
type streamLoop interface {
	run()     // until the loop is stopped and its connections are done
	stop()    // ends the connections once what they asked is answered
	abandon() // ends them now
	release() // gives back what a loop took that was never run

	// listen makes the loop accept what comes to l, and unlisten ends that: it
	// answers what connections from there have asked, and closes them. The function
	// that unlisten returns waits until l is not used any longer, which may be closed
	// then. They may be called while the loop runs, and before.
	listen(l net.Listener) error
	unlisten(l net.Listener) (wait func())

	sum(t *counts) // adds what it counted to t
}

// connections is the table of those that are open, and keeps its limits.
type connections struct {
	edge         *Edge
	pool         *slowPool
	sharedCounts *sharedCounts
	limits       atomic.Pointer[connectionLimits]
	broken       *throttledlog.Log
	stopping     <-chan struct{}

	mu      sync.Mutex
	open    map[connection]netip.Prefix
	clients map[netip.Prefix]int // how many of open each has
	stopped bool
	count   atomic.Int64   // len(open), for readers that must not wait for mu
	done    sync.WaitGroup // of streams
}

func newConnections(c *Config, e *Edge, p *slowPool, l *sharedCounts) *connections {
	t := &connections{
		edge: e, pool: p, sharedCounts: l,
		broken:  throttledlog.New(c.Log, slog.LevelError, "cannot accept connections"),
		open:    make(map[connection]netip.Prefix),
		clients: make(map[netip.Prefix]int),
	}
	t.configure(c)
	e.idleTimeout = t.idleTimeout
	return t
}

// connectionLimits is what clients may take of connections, altogether and of each.
type connectionLimits struct {
	max, perClient          int
	pipelined               int
	firstQuery, idle, write time.Duration
	admit                   func(netip.Addr) bool // nil: all may begin connections
}

// configure changes the limits. Connections above them stay.
func (t *connections) configure(c *Config) {
	t.limits.Store(&connectionLimits{
		max: c.MaxConnections, perClient: c.MaxConnectionsPerClient, pipelined: c.MaxPipelined,
		firstQuery: c.FirstQueryTimeout, idle: c.IdleTimeout, write: c.WriteTimeout,
		admit: c.Admit,
	})
}

// admits reports whether a client may begin one more connection.
func (l *connectionLimits) admits(client netip.Addr) bool {
	return l.admit == nil || l.admit(client)
}

// accept serves the connections that come to l until it is closed and, if it is
// closed before the server stops, ends them once what they asked is answered.
func (t *connections) accept(l net.Listener) {
	defer t.stopOf(l)
	failures := 0
	for {
		conn, err := l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			t.sharedCounts.add(acceptErrors)
			t.broken.Say(func() []any { return []any{"address", l.Addr().String(), "error", err} })
			failures++
			if !pause(failures, t.stopping) {
				return
			}
			continue
		}
		failures = 0
		t.admit(conn, l)
	}
}

// stopOf ends the connections that l has accepted once what they asked is answered.
func (t *connections) stopOf(l net.Listener) {
	t.mu.Lock()
	var all []*stream
	for c := range t.open {
		if s, ok := c.(*stream); ok && s.from == l {
			all = append(all, s)
		}
	}
	t.mu.Unlock()
	for _, s := range all {
		s.stop()
	}
}

// admit serves conn, which l has accepted, or closes it if that would be too many.
func (t *connections) admit(conn net.Conn, l net.Listener) {
	remote := addrPort(conn.RemoteAddr())
	s := &stream{
		conn: conn, from: l, opens: t.edge.rules.Load().openingOf(withoutZone(remote).Addr()),
		peer: names.Peer{Transport: transportOf(conn), Remote: withoutZone(remote), Local: withoutZone(addrPort(conn.LocalAddr()))},
		edge: t.edge, pool: t.pool, sharedCounts: t.sharedCounts, table: t,
	}
	s.answered.L = &s.mu
	s.active.Store(time.Now().UnixNano())
	if !t.enter(s, s.peer.Remote.Addr(), s.opens) {
		conn.Close()
		return
	}
	s.context, s.cancel = context.WithCancel(t.pool.context)
	t.done.Go(func() {
		why := s.run()
		if t.leave(s) {
			t.sharedCounts.add(why)
		}
	})
}

// enter puts a connection of a client into the table, unless there are too
// many: it then returns false. Whose connection that of a proxy is, identify says.
func (t *connections) enter(c connection, client netip.Addr, opens opening) bool {
	t.sharedCounts.add(accepted)
	if opens != aHeader && !t.limits.Load().admits(client) {
		t.sharedCounts.add(connectionsRefused)
		t.sharedCounts.add(limitConnectionRate)
		t.edge.events.limited(LimitConnectionRate)
		return false
	}
	evicted, reached, ok := t.tryEnter(c, clientOf(client), opens == aHeader)
	if evicted != nil {
		t.sharedCounts.add(connectionsEvicted)
		evicted.hangUp()
	}
	if !ok {
		t.sharedCounts.add(connectionsRefused)
	}
	switch reached {
	case limitConnections:
		t.sharedCounts.add(reached)
		t.edge.events.limited(LimitConnections)
	case limitPerClient:
		t.sharedCounts.add(reached)
		t.edge.events.limited(LimitPerClient)
	}
	return ok
}

// tryEnter is enter, but leaves it to the caller to hang up on the connection that
// had to make room, if one had, and to count the limit that was reached, if one was.
func (t *connections) tryEnter(c connection, client netip.Prefix, isProxy bool) (evicted connection, reached count, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return nil, 0, false
	}
	if !isProxy && t.clients[client] >= t.limits.Load().perClient {
		return nil, limitPerClient, false
	}
	if len(t.open) >= t.limits.Load().max {
		reached = limitConnections
		if evicted = t.longestIdle(); evicted == nil {
			return nil, reached, false
		}
		evicted.condemn()
		t.removeLocked(evicted)
	}
	t.addLocked(c, client)
	return evicted, reached, true
}

// identify makes p, a proxy, the client that its header names, whose connection c is
// from here on. The error says why it may not be.
func (t *connections) identify(c connection, p *names.Peer, h *proxy.Header) error {
	if err := checkHeader(h); err != nil || h.IsLocal {
		return err
	}
	clientOfHeader(p, h)
	if !t.limits.Load().admits(p.Remote.Addr()) {
		return errTooFast
	}
	client := clientOf(p.Remote.Addr())
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.open[c]; !ok {
		return nil // it had to make room, and ends
	}
	if t.clients[client] >= t.limits.Load().perClient {
		return errTooMany
	}
	t.removeLocked(c)
	t.addLocked(c, client)
	return nil
}

// refuseHeader returns what a connection counts as that ends because of its PROXY
// header, or because of whom it names.
func (t *connections) refuseHeader(p *names.Peer, err error) (why count) {
	switch err {
	case errTooMany:
		t.sharedCounts.add(limitPerClient)
		t.edge.events.limited(LimitPerClient)
		return connectionsRefused
	case errTooFast:
		t.sharedCounts.add(limitConnectionRate)
		t.edge.events.limited(LimitConnectionRate)
		return connectionsRefused
	}
	t.edge.headers.say(p.Remote, p.Transport, err)
	return connectionsForged
}

// transportOf is how queries come over conn: a tls.Conn is known by its
// handshake, so that programs without TLS need not build it.
func transportOf(conn net.Conn) names.Transport {
	if _, isTLS := conn.(interface {
		HandshakeContext(context.Context) error
	}); isTLS {
		return names.TLS
	}
	return names.TCP
}

// longestIdle is the connection that has been idle longest, nil if none is idle.
// t.mu is held.
func (t *connections) longestIdle() (oldest connection) {
	for c := range t.open {
		if (oldest == nil || c.lastActive() < oldest.lastActive()) && c.isIdle() {
			oldest = c
		}
	}
	return oldest
}

// leave takes a connection out of the table, and reports whether it was there: it is
// not if it had to make room.
func (t *connections) leave(c connection) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.removeLocked(c)
}

// addLocked puts a connection into the table. t.mu is held.
func (t *connections) addLocked(c connection, client netip.Prefix) {
	t.open[c] = client
	t.clients[client]++
	t.count.Add(1)
}

// removeLocked is leave while t.mu is held.
func (t *connections) removeLocked(c connection) bool {
	client, ok := t.open[c]
	if !ok {
		return false
	}
	delete(t.open, c)
	t.count.Add(-1)
	if t.clients[client]--; t.clients[client] == 0 {
		delete(t.clients, client)
	}
	return true
}

// hasStopped reports whether the server ends all connections.
func (t *connections) hasStopped() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stopped
}

// idleTimeout is how long a connection may be idle: all of the time up to half
// the limit of connections, then in proportion to the room that is left, and
// never less than a tenth.
func (t *connections) idleTimeout() time.Duration {
	limits := t.limits.Load()
	free := limits.max - int(t.count.Load())
	if free >= limits.max/2 {
		return limits.idle
	}
	return max(limits.idle*time.Duration(2*free)/time.Duration(limits.max), limits.idle/10)
}

// stop ends every connection once what it has asked is answered.
func (t *connections) stop() {
	t.mu.Lock()
	t.stopped = true
	all := slices.Collect(maps.Keys(t.open))
	t.mu.Unlock()
	for _, c := range all {
		c.stop()
	}
}

// close ends every connection now.
func (t *connections) close() {
	t.mu.Lock()
	all := slices.Collect(maps.Keys(t.open))
	for _, c := range all {
		c.condemn()
	}
	t.mu.Unlock()
	for _, c := range all {
		c.hangUp()
	}
}

// clientOf is the client that an address stands for: itself, or for IPv6 its /64, all of
// which one machine may use.
func clientOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.WithZone("").Prefix(bits) // the zero prefix if there is no address
	return p
}

// pause waits longer the more attempts in a row have failed, at most a second:
// what fails for good must not take a core. It returns false if the server
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
