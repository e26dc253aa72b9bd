package upstream

import (
	"context"
	"errors"
	"slices"
	"time"
)

// maxConnections is how many connections a server is given. Questions share
// them; servers limit how many a client may have.
const maxConnections = 4

// errBusy is returned if a server's connections have as many questions as
// they may.
var errBusy = errors.New("too many queries wait for the server over TCP")

// pool is the connections of a server, under its lock.
type pool struct {
	conns  []*conn
	closed bool
}

// connection returns one to ask over, which may still be opening, with a place
// claimed on it. isFresh says that nothing was asked over it before.
func (s *Server) connection() (c *conn, isFresh bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &s.pool
	if p.closed {
		return nil, false, errServerClosed
	}
	p.conns = slices.DeleteFunc(p.conns, (*conn).isOver)
	for _, c := range p.conns {
		if isFresh, ok := c.claim(); ok {
			return c, isFresh, nil
		}
	}
	limits := s.limits()
	if len(p.conns) >= limits.connections {
		return nil, false, errBusy
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	c = &conn{limits: limits, cancel: cancel, opened: make(chan struct{}), writing: make(chan struct{}, 1), waiting: map[uint16]chan []byte{}}
	c.idle = time.AfterFunc(openTimeout+limits.idle, c.closeIfIdle)
	c.claim()
	p.conns = append(p.conns, c)
	s.client.readers.Go(func() { c.run(ctx, s.dial) })
	return c, true, nil
}

// release gives back a place on c.
func (s *Server) release(c *conn) {
	c.mu.Lock()
	c.claimed--
	unused := c.claimed == 0
	stuck := unused && c.retired
	if unused && c.broken == nil {
		c.idle.Reset(c.limits.idle)
	}
	c.mu.Unlock()
	if stuck {
		c.close(errBroken)
	}
}

// claim takes a place on c, if there is one.
func (c *conn) claim() (isFresh, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil || c.retired || c.claimed >= c.limits.pipelined {
		return false, false
	}
	c.claimed++
	return c.asked == 0, true
}

func (c *conn) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken != nil
}

func (c *conn) closeIfIdle() {
	c.mu.Lock()
	unused := c.claimed == 0
	c.retired = c.retired || unused
	c.mu.Unlock()
	if unused {
		c.close(errBroken)
	}
}

// close empties the pool for good.
func (p *pool) close() []*conn {
	conns := p.conns
	p.conns, p.closed = nil, true
	return conns
}
