package h2

import (
	"time"

	"golang.org/x/net/http2"
)

// sending is how much the client takes.
type sending struct {
	window  int64 // of all replies
	initial int64 // of each
	resized bool  // the client has said how large a table of header fields it keeps
}

func newSending() sending { return sending{window: initialWindow, initial: initialWindow} }

// Reply answers with encoded header fields, see [AppendStatus] and [AppendField], and a body.
// Both may be used again when it returns. s is not to be used after it.
func (s *Stream) Reply(fields, body []byte) {
	c := s.conn
	c.mu.Lock()
	isLate := s.state == waiting
	c.reply(s, fields, body)
	c.mu.Unlock()
	if isLate {
		c.sendLate()
	}
}

// Reset ends a stream without a reply. s is not to be used after it.
func (s *Stream) Reset() { s.resetFor(http2.ErrCodeInternal) }

func (s *Stream) resetFor(code http2.ErrCode) {
	c := s.conn
	c.mu.Lock()
	isLate := s.state == waiting
	if !s.isGone {
		c.out = appendReset(c.out, s.id, code)
	}
	c.done(s)
	c.mu.Unlock()
	if isLate {
		c.sendLate()
	}
}

// sendLate sends what the reader does not wait for.
func (c *Conn) sendLate() {
	if c.flush() != nil {
		c.conn.SetReadDeadline(past) // wakes the reader, which ends the connection
	}
}

// reply appends a reply to what is sent, as far as the client takes it. c.mu is held.
func (c *Conn) reply(s *Stream, fields, body []byte) {
	if s.isGone {
		c.done(s)
		return
	}
	c.resets = max(0, c.resets-1)
	if len(c.out)+c.stored+len(body) > c.ReplyRoom {
		c.out = appendReset(c.out, s.id, http2.ErrCodeEnhanceYourCalm)
		c.done(s)
		return
	}
	if c.send.resized { // RFC 7541 4.2
		c.send.resized = false
		fields = append([]byte{noTable}, fields...)
	}
	c.out = appendHeaders(c.out, s.id, len(body) == 0, fields)
	if body = body[c.appendData(s, body):]; len(body) == 0 {
		c.endReply(s)
		return
	}
	c.list(s, replying)
	s.rest = append([]byte(nil), body...)
	s.deadline = time.Now().Add(c.Take)
	c.stored += len(s.rest)
}

// appendData appends as much of body as the client takes, and returns how much that is. c.mu is held.
func (c *Conn) appendData(s *Stream, body []byte) (sent int) {
	for sent < len(body) {
		n := int(min(int64(len(body)-sent), s.window, c.send.window, maxFrame))
		if n <= 0 {
			break
		}
		s.window -= int64(n)
		c.send.window -= int64(n)
		var flags http2.Flags
		if sent+n == len(body) {
			flags = http2.FlagDataEndStream
		}
		c.out = append(appendFrame(c.out, n, http2.FrameData, flags, s.id), body[sent:sent+n]...)
		sent += n
	}
	return sent
}

// endReply forgets a stream whose reply is sent. c.mu is held.
func (c *Conn) endReply(s *Stream) {
	if !s.isEnded { // RFC 9113 8.1: what is still to come of the request is not wanted
		c.out = appendReset(c.out, s.id, http2.ErrCodeNo)
	}
	c.cuts = append(c.cuts, len(c.out))
	c.done(s)
}

// pump sends what the client has made room for. c.mu is held.
func (c *Conn) pump() {
	if c.stored == 0 {
		return
	}
	for i := 0; i < len(c.streams) && c.send.window > 0; {
		s := c.streams[i]
		if s.state != replying || s.window <= 0 {
			i++
			continue
		}
		sent := c.appendData(s, s.rest)
		c.stored -= sent
		if s.rest = s.rest[sent:]; len(s.rest) > 0 {
			i++
			continue
		}
		c.endReply(s) // takes it out of c.streams
	}
}

// onWindow lets more be sent (RFC 9113 6.9.1).
func (c *Conn) onWindow(id uint32, more int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id == 0 {
		if c.send.window += more; c.send.window > maxWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		c.pump()
		return nil
	}
	s := c.find(id)
	switch {
	case s == nil && id > c.last && !c.stopping:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	case s == nil:
		return nil // its reply is on the way
	}
	if s.window += more; s.window > maxWindow {
		return http2.StreamError{StreamID: id, Code: http2.ErrCodeFlowControl}
	}
	c.pump()
	return nil
}

// changeWindows makes the window of each stream another one (RFC 9113 6.9.2). c.mu is held.
func (c *Conn) changeWindows(to int64) error {
	for _, s := range c.streams {
		if s.window += to - c.send.initial; s.window > maxWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
	}
	c.send.initial = to
	return nil
}

// flush sends the frames that were gathered. After an error it sends nothing.
func (c *Conn) flush() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.broken == nil {
		c.broken = c.write()
	}
	return c.broken
}

// write is flush while c.writing is held.
func (c *Conn) write() error {
	c.mu.Lock()
	out, cuts := c.out, c.cuts
	c.out, c.cuts = c.spare[:0], c.spareCuts[:0]
	c.mu.Unlock()
	c.spare, c.spareCuts = nil, nil
	if cap(out) <= keptOut {
		defer func() { c.spare, c.spareCuts = out[:0], cuts[:0] }()
	}
	if len(out) == 0 {
		return nil
	}
	if len(cuts) < 2 || c.Below == nil || len(out) > 2*flushAt {
		return c.writeAll(out)
	}
	c.conn.SetWriteDeadline(time.Now().Add(c.Write))
	c.Below.Gather()
	err := c.writeReplies(out, cuts)
	if errBelow := c.Below.Release(); err == nil {
		err = errBelow
	}
	return err
}

// writeReplies has each reply in a record of TLS of its own, in one write to the system: dnsperf
// takes one reply only from what it reads at once, which is a record.
func (c *Conn) writeReplies(out []byte, cuts []int) error {
	begin := 0
	for _, end := range append(cuts, len(out)) {
		if end == begin {
			continue
		}
		if _, err := c.conn.Write(out[begin:end]); err != nil {
			return err
		}
		begin = end
	}
	return nil
}

// writeAll writes at most flushAt octets in the time for that.
func (c *Conn) writeAll(out []byte) error {
	for len(out) > 0 {
		n := min(len(out), flushAt)
		c.conn.SetWriteDeadline(time.Now().Add(c.Write))
		if _, err := c.conn.Write(out[:n]); err != nil {
			return err
		}
		out = out[n:]
	}
	return nil
}

// keptOut is the largest buffer that is kept for the next frames.
const keptOut = 2 * flushAt
