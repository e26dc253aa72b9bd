package h2

import (
	"context"
	"slices"
	"time"

	"golang.org/x/net/http2"
)

// state is how far a stream is.
type state uint8

const (
	unlisted  state = iota // it is the reader's own, or not in use
	receiving              // its body is to come
	waiting                // its reply is to come
	replying               // the client has not made room for all of its reply
)

// Stream is a request and its reply.
type Stream struct {
	Request

	conn     *Conn
	id       uint32
	state    state
	isEnded  bool  // the client sends no more
	isGone   bool  // the client does not want the reply
	isLent   bool  // Body is the framer's
	overdue  bool  // the body did not come in time
	received int64 // octets of the body
	body     []byte
	room     int       // what of StreamRoom the client has left
	deadline time.Time // while receiving and replying

	window int64  // how much of the reply the client takes
	rest   []byte // what is left to send

	context context.Context
	cancel  context.CancelFunc
}

// keptBody is the largest buffer that is kept for the next request.
const keptBody = 4 << 10

// take returns a stream that is not in use. c.mu is held.
func (c *Conn) take(id uint32) *Stream {
	var s *Stream
	if n := len(c.free); n > 0 {
		s, c.free = c.free[n-1], c.free[:n-1]
	} else {
		s = &Stream{conn: c}
	}
	s.id, s.window, s.room = id, c.send.initial, c.StreamRoom
	return s
}

// list adds s to the streams that are open. c.mu is held.
func (c *Conn) list(s *Stream, as state) {
	if s.state == unlisted {
		c.streams = append(c.streams, s)
	}
	s.state = as
}

// done takes s out of the streams that are open. c.mu is held.
func (c *Conn) done(s *Stream) {
	if s.state != unlisted {
		i := slices.Index(c.streams, s)
		c.streams = slices.Delete(c.streams, i, i+1)
		if s.state != receiving {
			c.active = time.Now()
		}
		if c.stopping && len(c.streams) == 0 {
			c.conn.SetReadDeadline(past) // wakes the reader, which ends the connection
		}
	}
	if s.cancel != nil {
		s.cancel()
	}
	c.stored -= len(s.rest)
	*s = Stream{conn: c, Request: Request{Fields: s.Fields[:0]}, body: s.body[:0]}
	if cap(s.body) > keptBody {
		s.body = nil
	}
	if len(c.free) < keptStreams {
		c.free = append(c.free, s)
	}
}

// keptStreams is how many streams that are not in use a connection keeps.
const keptStreams = 4

// find returns the stream that is open with an ID, or nil. c.mu is held.
func (c *Conn) find(id uint32) *Stream {
	for i := len(c.streams) - 1; i >= 0; i-- {
		if s := c.streams[i]; s.id == id {
			return s
		}
	}
	return nil
}

// onHeaders begins a request, or ends its body. It holds c.mu, but not while a request is answered.
func (c *Conn) onHeaders(b *block) error {
	id := b.stream
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.find(id)
	switch {
	case s != nil:
		return c.onTrailers(s, b)
	case c.stopping:
		return nil // RFC 9113 6.8: it is for another connection
	case id == c.last: // RFC 9113 5.1
		return http2.ConnectionError(http2.ErrCodeStreamClosed)
	case id%2 == 0, id < c.last: // RFC 9113 5.1.1
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	c.last, c.tally.asked, c.tally.idle = id, true, 0
	if b.isOwn || b.isWrong { // RFC 7540 5.3.1, RFC 9113 8.1.1
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeProtocol}
	}
	if len(c.streams) >= c.Streams { // RFC 9113 5.1.2
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeRefusedStream}
	}
	s = c.take(id)
	s.isEnded = b.isLast
	if !s.fill(b.fields) && !b.tooLarge || s.isEnded && s.Length > 0 { // RFC 9113 8.1.1
		c.done(s)
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeProtocol}
	}
	switch {
	case b.tooLarge:
		c.reply(s, tooLarge, nil)
	case s.isEnded:
		c.mu.Unlock()
		defer c.mu.Lock()
		c.answer(s)
	case s.Length > int64(c.StreamRoom):
		c.handOver(s) // it will be refused for its length
	default:
		s.deadline = time.Now().Add(c.Body)
		c.list(s, receiving)
		if s.expects { // RFC 9110 10.1.1
			c.out = appendHeaders(c.out, id, false, carryOn)
		}
	}
	return nil
}

// onTrailers ends a body. c.mu is held, but not while the request is answered.
func (c *Conn) onTrailers(s *Stream, b *block) error {
	switch {
	case s.isEnded:
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeStreamClosed}
	case !b.isLast, b.isWrong, b.hasPseudo(): // RFC 9113 8.1
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeProtocol}
	}
	return c.endBody(s, nil)
}

// onData adds to the body of a request.
func (c *Conn) onData(f *http2.DataFrame) error {
	whole, data := int(f.Length), f.Data()
	if c.room -= whole; c.room < 0 { // RFC 9113 6.9
		return http2.ConnectionError(http2.ErrCodeFlowControl)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.find(f.StreamID)
	if s == nil || s.isEnded {
		c.giveBack(whole)
		switch {
		case f.StreamID <= c.last:
			return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeStreamClosed}
		case c.stopping:
			return nil
		}
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	if s.room -= whole; s.room < 0 {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeFlowControl}
	}
	if len(data) > 0 {
		c.tally.idle-- // it is worth something
	}
	if padding := whole - len(data); padding > 0 {
		c.giveBack(padding)
		if !f.StreamEnded() {
			s.room += padding
			c.out = appendWindow(c.out, s.id, padding)
		}
	}
	s.received += int64(len(data))
	switch {
	case s.state != receiving: // it is answered without
		c.giveBack(len(data))
		s.isEnded = f.StreamEnded()
		return nil
	case f.StreamEnded():
		return c.endBody(s, data)
	}
	s.body = append(s.body, data...)
	if len(s.body) >= c.StreamRoom {
		c.handOver(s)
	}
	return nil
}

// endBody answers a request whose body ends with data. c.mu is held, but not while it is answered.
func (c *Conn) endBody(s *Stream, data []byte) error {
	s.isEnded = true
	if s.state != receiving {
		return nil
	}
	if s.Length >= 0 && s.received != s.Length { // RFC 9113 8.1.1
		c.giveBack(len(data))
		return http2.StreamError{StreamID: s.id, Code: http2.ErrCodeProtocol}
	}
	s.Body, s.isLent = data, true
	if len(s.body) > 0 {
		s.body = append(s.body, data...)
		s.Body, s.isLent = s.body, false
	}
	c.giveBack(len(s.Body))
	c.mu.Unlock()
	defer c.mu.Lock()
	c.answer(s)
	return nil
}

// giveBack lets the client send as much again, as soon as that is worth a frame. c.mu is held.
func (c *Conn) giveBack(n int) {
	if c.owed += n; c.owed < c.ConnectionRoom/4 {
		return
	}
	c.out = appendWindow(c.out, 0, c.owed)
	c.room, c.owed = c.room+c.owed, 0
}

// answer has a whole request answered.
func (c *Conn) answer(s *Stream) {
	if c.Direct != nil && c.Direct.Answer(s) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.handOver(s)
}

// handOver has the handler answer a request, of whose body it gets what has come. c.mu is held.
func (c *Conn) handOver(s *Stream) {
	if s.state == receiving && s.Body == nil {
		c.giveBack(len(s.body))
	}
	if s.isLent {
		s.body = append(s.body[:0], s.Body...)
	}
	s.Body, s.isLent = s.body, false
	ctx := s.later()
	go c.handle(ctx, s, s.isEnded)
}

// Later promises a reply that comes later, from any goroutine. The context ends when no client wants it.
// Body is not to be used from here on.
func (s *Stream) Later() context.Context {
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	return s.later()
}

func (s *Stream) later() context.Context {
	s.conn.list(s, waiting)
	s.context, s.cancel = context.WithCancel(s.conn.context)
	return s.context
}

// onReset takes a request back (RFC 9113 6.4). What works on it does not end at once, and
// has its place until it does (CVE-2023-44487).
func (c *Conn) onReset(id uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.find(id)
	switch {
	case s != nil:
		c.giveUp(s)
		return c.countReset()
	case id > c.last && !c.stopping:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	return nil
}

// countReset ends the connection of a client that has far more requests reset than answered. c.mu is held.
func (c *Conn) countReset() error {
	if c.resets++; c.resets > maxResets {
		return http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
	}
	return nil
}

// reset ends a stream for what the client did wrong, maybe so that it is ended (CVE-2025-8671).
func (c *Conn) reset(id uint32, code http2.ErrCode) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id > c.last && id%2 == 1 && !c.stopping {
		c.last = id
	}
	if s := c.find(id); s != nil {
		c.resetLocked(s, code)
	} else {
		c.out = appendReset(c.out, id, code)
	}
	return c.countReset()
}

func (c *Conn) resetLocked(s *Stream, code http2.ErrCode) {
	if !s.isGone {
		c.out = appendReset(c.out, s.id, code)
	}
	c.giveUp(s)
}

// giveUp forgets a stream, or, while its reply is made, that it is wanted. c.mu is held.
func (c *Conn) giveUp(s *Stream) {
	if s.state != waiting {
		if s.state == receiving {
			c.giveBack(len(s.body))
		}
		c.done(s)
		return
	}
	s.isGone = true
	s.cancel()
}
