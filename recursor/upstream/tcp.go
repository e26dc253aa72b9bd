package upstream

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/names-dns/names/wire"
)

const (
	// idleTimeout is how long a connection is kept without a question: what
	// RFC 7766 6.2.3 calls a few seconds.
	idleTimeout = 10 * time.Second
	// openTimeout is how long a connection may take to open.
	openTimeout = 3 * time.Second
	// writeTimeout is how long a server may take to receive a query.
	writeTimeout = 2 * time.Second
	// maxPipelined is how many questions wait on one connection.
	maxPipelined = 64
	// maxStray is how many replies that nobody waits for a connection may
	// bring: some come late, more are a flood.
	maxStray = 2 * maxPipelined
)

// errBroken is returned for a connection that ended under a question.
var errBroken = errors.New("the connection was closed")

// conn is a connection that questions share.
type conn struct {
	idle   *time.Timer
	cancel context.CancelFunc // ends the dialling

	// opened is closed once the connection is there or has failed; net and
	// local are not looked at before.
	opened chan struct{}
	net    net.Conn
	local  netip.AddrPort

	writing sync.Mutex

	mu      sync.Mutex
	waiting map[uint16]chan []byte // by ID; each receives one message, or is closed
	claimed int                    // questions that will be asked over it or are
	asked   int                    // questions it has had in its life
	retired bool                   // no more questions: it seems to be stuck
	broken  error                  // why it ended
}

// overTCP sends a query over a connection and waits for what answers it. If
// the connection was used before and turns out to be closed, a new one is
// tried once: the server has ended what it thought idle.
func (s *Server) overTCP(ctx context.Context, q *Query, f form) (answer, error) {
	for {
		if err := q.Budget.send(); err != nil {
			return answer{}, err
		}
		c, isFresh, err := s.connection()
		if err != nil {
			return answer{}, err
		}
		a, err := s.ask(ctx, c, q, f)
		s.release(c)
		if err == nil || isFresh || !errors.Is(err, errBroken) || ctx.Err() != nil {
			return a, err
		}
	}
}

// ask sends a query over c.
func (s *Server) ask(ctx context.Context, c *conn, q *Query, f form) (answer, error) {
	select {
	case <-c.opened:
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	}
	if err := c.failure(); err != nil {
		return answer{}, err
	}
	o := outgoing{Query: q, form: f}
	var buf [2 + maxQuery]byte
	serverCookie := s.cookieFor(c.local.Addr(), &o)
	var reply chan []byte
	for reply == nil { // an ID that nobody on the connection uses
		o.draw()
		o.compose(buf[:2], s.client.udpSize, serverCookie)
		var err error
		if reply, err = c.await(o.id); err != nil {
			return answer{}, err
		}
	}
	defer c.forget(o.id)
	key := ownQuery{c.local, o.id}
	s.client.own.add(key)
	defer s.client.own.remove(key)
	binary.BigEndian.PutUint16(buf[:], uint16(len(o.packet)))
	if err := c.write(buf[:2+len(o.packet)]); err != nil {
		return answer{}, err
	}
	select {
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			c.retire()
		}
		return answer{}, context.Cause(ctx)
	case b, ok := <-reply:
		if !ok {
			return answer{}, errBroken
		}
		if err := q.Budget.receive(len(b)); err != nil {
			return answer{}, err
		}
		a := answer{message: &wire.Query{}}
		var why string
		a.verdict, why = o.match(a.message, b, true)
		if why != "" {
			s.client.unexpected(s.addr, why)
		}
		if a.verdict == isForeign {
			return answer{}, ErrMismatch
		}
		a.repeats = o.repeatsCase(b)
		o.restoreCase(a.message)
		s.learnCookie(&o, a.message)
		return a, nil
	}
}

// await makes room for the reply with that ID; nil where the ID is taken.
func (c *conn) await(id uint16) (chan []byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.broken != nil:
		return nil, errBroken
	case c.waiting[id] != nil:
		return nil, nil
	}
	reply := make(chan []byte, 1)
	c.waiting[id] = reply
	c.asked++
	return reply, nil
}

func (c *conn) forget(id uint16) {
	c.mu.Lock()
	delete(c.waiting, id)
	c.mu.Unlock()
}

func (c *conn) retire() {
	c.mu.Lock()
	c.retired = true
	c.mu.Unlock()
}

func (c *conn) write(frame []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.net.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := c.net.Write(frame); err != nil {
		c.close(err)
		return errBroken
	}
	return nil
}

// run opens the connection and hands replies to those who wait for them, until
// it ends.
func (c *conn) run(ctx context.Context, network Network, server netip.AddrPort) {
	socket, err := network.DialTCP(ctx, server)
	c.mu.Lock()
	switch {
	case c.broken != nil: // closed meanwhile
		if err == nil {
			socket.Close()
		}
		err = c.broken
	case err != nil:
		c.broken = err
	default:
		c.net, c.local = socket, localAddress(socket)
	}
	c.mu.Unlock()
	close(c.opened)
	if err != nil {
		c.cancel()
		return
	}
	in := bufio.NewReader(c.net)
	stray := 0
	for {
		var length [2]byte
		if _, err := io.ReadFull(in, length[:]); err != nil {
			c.close(err)
			return
		}
		b := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(in, b); err != nil {
			c.close(err)
			return
		}
		if !c.deliver(b) {
			if stray++; stray > maxStray {
				c.close(ErrMismatch)
				return
			}
		}
	}
}

// deliver hands b to whoever waits for its ID.
func (c *conn) deliver(b []byte) bool {
	if len(b) < 2 {
		return false
	}
	id := binary.BigEndian.Uint16(b)
	c.mu.Lock()
	reply := c.waiting[id]
	delete(c.waiting, id)
	c.mu.Unlock()
	if reply == nil {
		return false
	}
	reply <- b // has room for it
	return true
}

// close ends the connection, and with it all that waits on it.
func (c *conn) close(why error) {
	c.mu.Lock()
	if c.broken == nil {
		c.broken = why
		for id, reply := range c.waiting {
			close(reply)
			delete(c.waiting, id)
		}
	}
	socket := c.net
	c.mu.Unlock()
	c.idle.Stop()
	c.cancel()
	if socket != nil {
		socket.Close()
	}
}

// failure is why the connection could not be opened.
func (c *conn) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.net == nil {
		return c.broken
	}
	return nil
}
