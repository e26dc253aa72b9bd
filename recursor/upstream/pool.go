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

// errBusy is returned where a server's connections have as many questions as
// they may.
var errBusy = errors.New("too many questions wait for the server over TCP")

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
	if len(p.conns) >= maxConnections {
		return nil, false, errBusy
	}
	ctx, cancel := context.WithTimeout(context.Background(), openTimeout)
	c = &conn{cancel: cancel, opened: make(chan struct{}), waiting: map[uint16]chan []byte{}}
	c.idle = time.AfterFunc(openTimeout+idleTimeout, c.closeIfIdle)
	c.claim()
	p.conns = append(p.conns, c)
	s.client.readers.Go(func() { c.run(ctx, s.client.network, s.addr) })
	return c, true, nil
}

// release gives back a place on c.
func (s *Server) release(c *conn) {
	c.mu.Lock()
	c.claimed--
	unused := c.claimed == 0
	stuck := unused && c.retired
	if unused && c.broken == nil {
		c.idle.Reset(idleTimeout)
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
	if c.broken != nil || c.retired || c.claimed >= maxPipelined {
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
