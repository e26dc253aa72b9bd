package transfer

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Dialer opens a connection from one of our addresses, or any of them if from is
// not valid.
type Dialer func(ctx context.Context, network string, from netip.Addr, to netip.AddrPort) (net.Conn, error)

// dial is the Dialer of the operating system.
func dial(ctx context.Context, network string, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	if from.IsValid() {
		switch address := netip.AddrPortFrom(from, 0); network {
		case "udp":
			d.LocalAddr = net.UDPAddrFromAddrPort(address)
		default:
			d.LocalAddr = net.TCPAddrFromAddrPort(address)
		}
	}
	return d.DialContext(ctx, network, to.String())
}

// Pool has the connections to primaries. It bounds how many there are at once, to
// each primary and in all, so that thousands of zones neither burden a primary nor
// take all files; zones wait in the order in which they came. A connection that
// one zone has finished with serves the next.
type Pool struct {
	PerPrimary int // by default 4
	Total      int // by default 64
	Dial       Dialer

	once  sync.Once
	total chan struct{}
	mu    sync.Mutex // guards lanes and what is idle in them; nothing is closed under it
	lanes map[laneKey]*lane
}

type laneKey struct {
	to   netip.AddrPort
	from netip.Addr
	over *Transport
}

// lane is the connections to one primary.
type lane struct {
	slots  chan struct{}
	idle   []*link   // the last one is the last used
	failed time.Time // when no connection could be made last
	why    error
}

// link is a connection, lent to one zone at a time.
type link struct {
	net.Conn
	pool   *Pool
	lane   *lane
	reader *bufio.Reader // a length and its message come with one call
	buf    []byte        // messages are read into it; nil at first
	isUsed bool          // by another zone before
	expiry *time.Timer
}

func (l *link) Read(b []byte) (int, error) { return l.reader.Read(b) }

// idleTime is how long a connection waits for the next zone: less than servers
// commonly do (RFC 7766 6.2.3).
const idleTime = 3 * time.Second

func (p *Pool) begin() {
	p.once.Do(func() {
		p.total = make(chan struct{}, cmp.Or(p.Total, 64))
		p.lanes = map[laneKey]*lane{}
		if p.Dial == nil {
			p.Dial = dial
		}
	})
}

// get returns a connection to a primary: one that is open already, unless a new one
// is needed. It waits until there may be one.
func (p *Pool) get(ctx context.Context, to Primary, timeout time.Duration, isNew bool) (*link, error) {
	p.begin()
	key := laneKey{to.Address, to.Source, to.Over}
	p.mu.Lock()
	l := p.lanes[key]
	if l == nil {
		l = &lane{slots: make(chan struct{}, cmp.Or(p.PerPrimary, 4))}
		p.lanes[key] = l
	}
	p.mu.Unlock()
	for _, slots := range []chan struct{}{l.slots, p.total} {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			if slots == p.total {
				<-l.slots
			}
			return nil, context.Cause(ctx)
		}
	}
	giveUp := func(err error) (*link, error) {
		<-p.total
		<-l.slots
		return nil, err
	}
	if !isNew {
		if found := p.takeIdle(l); found != nil {
			return found, nil
		}
	}
	if err := p.failure(l); err != nil {
		return giveUp(err)
	}
	dialing, cancel := context.WithTimeoutCause(ctx, timeout, errors.New("no connection in time"))
	defer cancel()
	open := p.Dial
	if to.Over != nil {
		open = to.Over.Dial
	}
	conn, err := open(dialing, "tcp", to.Source, to.Address)
	if err != nil {
		if ctx.Err() == nil { // or it says nothing of the primary
			p.mu.Lock()
			l.failed, l.why = time.Now(), err
			p.mu.Unlock()
		}
		return giveUp(err)
	}
	return &link{Conn: conn, pool: p, lane: l, reader: bufio.NewReader(conn)}, nil
}

// failureTime is how long a primary that could not be reached is taken to be out of
// reach: all zones that wait for it learn so at once, and not one after the other.
const failureTime = 500 * time.Millisecond

func (p *Pool) failure(l *lane) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(l.failed) < failureTime {
		return l.why
	}
	return nil
}

func (p *Pool) takeIdle(l *lane) *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(l.idle) > 0 {
		n := len(l.idle) - 1
		last := l.idle[n]
		l.idle = l.idle[:n]
		if last.expiry.Stop() {
			last.isUsed = true
			return last
		}
	}
	return nil
}

// put gives a connection back. It can serve another zone if isGood.
func (l *link) put(isGood bool) {
	if isGood {
		l.pool.mu.Lock()
		l.expiry = time.AfterFunc(idleTime, func() { l.expire() })
		l.lane.idle = append(l.lane.idle, l)
		l.pool.mu.Unlock()
	} else {
		l.Close()
	}
	<-l.pool.total
	<-l.lane.slots
}

// expire closes a connection that waited for too long.
func (l *link) expire() {
	l.pool.mu.Lock()
	for i, other := range l.lane.idle {
		if other == l {
			l.lane.idle = append(l.lane.idle[:i], l.lane.idle[i+1:]...)
			break
		}
	}
	l.pool.mu.Unlock()
	l.Close()
}

// CloseIdle closes the connections that wait for the next zone.
func (p *Pool) CloseIdle() {
	p.mu.Lock()
	var idle []*link
	for _, l := range p.lanes {
		idle = append(idle, l.idle...)
		l.idle = nil
	}
	p.mu.Unlock()
	for _, l := range idle { // with TLS that may take seconds
		if l.expiry.Stop() {
			l.Close()
		}
	}
}
