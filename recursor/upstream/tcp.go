package upstream

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/names-dns/names/internal/frame"
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
	// stuckTime is how long nothing may come on a connection while a question
	// waits that is then cancelled, if others are to be asked over it.
	stuckTime = 2 * time.Second
	// maxPipelined is how many questions wait on one connection.
	maxPipelined = 64
	// maxStray is how many replies to no question a connection may
	// bring: some come late, more are a flood.
	maxStray = 2 * maxPipelined
)

// errBroken is returned for a connection that ended under a question.
var errBroken = errors.New("the connection was closed")

// conn is a connection that questions share.
type conn struct {
	limits streamLimits
	idle   *time.Timer
	cancel context.CancelFunc // ends the dialling

	// opened is closed once the connection is there or has failed; net and
	// local are not looked at before.
	opened chan struct{}
	net    net.Conn
	local  netip.AddrPort

	// writing has an element while a query is written, which may take as long
	// as writeTimeout; questions wait for it no longer than they wait at all.
	writing chan struct{}

	mu      sync.Mutex             // nothing waits or is called under it
	waiting map[uint16]chan []byte // by ID; each receives one message, or is closed
	claimed int                    // questions that will be asked over it or are
	asked   int                    // questions it has had in its life
	heard   int                    // messages that have come
	retired bool                   // no more questions: it seems to be stuck
	broken  error                  // why it ended
}

// overTCP sends a query over a connection and waits for what answers it. If
// the connection was used before and turns out to be closed, a new one is
// tried once: the server has ended what it thought idle.
func (s *Server) overTCP(ctx context.Context, q *Query, f queryForm) (answer, error) {
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
func (s *Server) ask(ctx context.Context, c *conn, q *Query, f queryForm) (answer, error) {
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
	for reply == nil { // an ID that is free on the connection
		o.draw()
		o.compose(buf[:2], s.client.udpSize, serverCookie)
		var err error
		if reply, err = c.await(o.id); err != nil {
			return answer{}, err
		}
	}
	defer c.forget(o.id)
	key := outstandingQuery{c.local, o.id}
	s.client.own.add(key)
	defer s.client.own.remove(key)
	binary.BigEndian.PutUint16(buf[:], uint16(len(o.packet)))
	if err := c.write(ctx, buf[:2+len(o.packet)]); err != nil {
		return answer{}, err
	}
	sent, heard := time.Now(), c.messages()
	if s.client.packet != nil {
		s.tap(&o, Packet{Local: c.local, Transport: s.protocol(), Message: o.packet, Sent: sent})
	}
	select {
	case <-ctx.Done():
		isStuck := time.Since(sent) >= stuckTime && c.messages() == heard
		if isStuck || errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			c.retire()
		}
		return answer{}, context.Cause(ctx)
	case b, ok := <-reply:
		if !ok {
			return answer{}, errBroken
		}
		return s.readReply(&o, b, c.local, sent)
	}
}

// readReply finds out what the message b is that came for o.
func (s *Server) readReply(o *outgoing, b []byte, local netip.AddrPort, sent time.Time) (answer, error) {
	if err := o.Query.Budget.receive(len(b)); err != nil {
		return answer{}, err
	}
	a := answer{message: &wire.Query{}}
	var why string
	a.verdict, why = o.match(a.message, b, true)
	if why != "" {
		s.client.unexpected(s.addr, why)
	}
	if a.verdict == isForeign || a.verdict == isDoubtful {
		return answer{}, ErrMismatch
	}
	now := time.Now()
	if s.client.packet != nil {
		s.tap(o, Packet{Local: local, Transport: s.protocol(), IsReply: true, Message: b, Sent: sent, Received: now})
	}
	if s.transport != nil {
		a.rtt = now.Sub(sent)
	}
	a.wrongCase = !a.message.Question.Name.IsZero() && !o.repeatsCase(b)
	o.restoreCase(a.message)
	s.learnCookie(now, o, a.message)
	return a, nil
}

// await makes room for the reply with that ID; nil if the ID is taken.
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

// messages is how many messages have come.
func (c *conn) messages() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.heard
}

func (c *conn) retire() {
	c.mu.Lock()
	c.retired = true
	c.mu.Unlock()
}

func (c *conn) write(ctx context.Context, frame []byte) error {
	select {
	case c.writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	c.net.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, err := c.net.Write(frame)
	<-c.writing
	if err != nil {
		c.close(err)
		return errBroken
	}
	return nil
}

// run opens the connection and hands replies to the questions they belong to,
// until it ends.
func (c *conn) run(ctx context.Context, dial func(context.Context) (net.Conn, error)) {
	socket, err := dial(ctx)
	if broken := c.hasOpened(socket, err); broken != nil {
		if err == nil {
			socket.Close()
		}
		c.cancel()
		return
	}
	in := bufio.NewReader(c.net)
	stray := 0
	for {
		b, err := frame.Read(in, nil)
		if err != nil {
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

// hasOpened records that the connection is there, or why it is not. It returns
// why it cannot be used.
func (c *conn) hasOpened(socket net.Conn, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(c.opened)
	switch {
	case c.broken != nil: // closed meanwhile
		return c.broken
	case err != nil:
		c.broken = err
		return err
	}
	c.net, c.local = socket, localAddress(socket)
	return nil
}

// deliver hands b to the question with its ID.
func (c *conn) deliver(b []byte) bool {
	if len(b) < 2 {
		return false
	}
	id := binary.BigEndian.Uint16(b)
	c.mu.Lock()
	c.heard++
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
