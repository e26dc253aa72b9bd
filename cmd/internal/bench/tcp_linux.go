package bench

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"syscall"
	"time"
)

// tcpLink is one connection after the other.
type tcpLink struct {
	w           *worker
	outstanding *outstanding
	state       connectionState
	fd          int
	since       time.Duration // connecting: since when; closed: until when

	left    int    // queries that the connection may still carry
	out     []byte // what is to be written,
	written int    // and how much of it was
	frames  frameHeads
	replied bool // on this connection
}

type connectionState uint8

const (
	stateClosed connectionState = iota
	stateConnecting
	stateOpen
)

const (
	// maxFrame is the longest query after its length.
	maxFrame = 2 + maxQueryLen
	// tcpBatch is how many queries are written at once.
	tcpBatch = 64
	// connectAgain is how long a connection that came to nothing is not tried
	// again.
	connectAgain = 100 * time.Millisecond
)

func newTCPLink(w *worker, f *outstanding) *tcpLink {
	return &tcpLink{w: w, outstanding: f, fd: -1, out: make([]byte, 0, maxFrame*min(tcpBatch, f.size))}
}

// upkeep opens the next connection when the last is used up.
func (c *tcpLink) upkeep(now time.Duration) {
	if c.state == stateOpen && c.left == 0 && c.outstanding.used == 0 {
		c.close()
	}
	if c.state == stateConnecting && now-c.since > c.w.timeout {
		c.fail(now, fmt.Errorf("no connection within %v", c.w.timeout))
	}
	if c.state == stateClosed && now >= c.since && !c.w.finished {
		c.open(now)
	}
}

func (c *tcpLink) open(now time.Duration) {
	fd, err := openSocket(syscall.SOCK_STREAM, c.w.address)
	if err != nil {
		c.fail(now, err)
		return
	}
	c.fd, c.state, c.since = fd, stateConnecting, now
	// Without it queries would wait for the acknowledgement of others.
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if err := syscall.Connect(fd, c.w.peer); err == nil {
		c.opened(now)
	} else if err != syscall.EINPROGRESS {
		c.fail(now, err)
	}
}

func (c *tcpLink) opened(now time.Duration) {
	if now >= c.w.countFrom {
		c.w.tally.connecting.add(now - c.since)
	}
	c.state = stateOpen
	c.left = math.MaxInt
	if c.w.perConnection > 0 {
		c.left = c.w.perConnection
	}
	c.frames, c.replied = frameHeads{}, false
}

// fail closes the connection. What was asked on it is lost.
func (c *tcpLink) fail(now time.Duration, err error) {
	t := &c.w.tally
	waiting := c.outstanding.used > 0
	switch {
	case err != io.EOF:
		t.failed(err)
	case waiting && now >= c.w.countFrom:
		t.cutShort++
	}
	t.lost += c.outstanding.expire(forever, c.w.countFrom)
	replied := c.replied
	c.close()
	if !replied {
		c.since = now + connectAgain
	}
}

func (c *tcpLink) close() {
	if c.fd >= 0 {
		syscall.Close(c.fd)
	}
	c.fd, c.state, c.since = -1, stateClosed, 0
	c.out, c.written, c.replied = c.out[:0], 0, false
}

func (c *tcpLink) room() int {
	if c.state != stateOpen {
		return 0
	}
	return min(c.left, (cap(c.out)-len(c.out))/maxFrame)
}

func (c *tcpLink) put(id uint16, question int) (octets int) {
	at := len(c.out)
	c.out = c.w.appendQuery(append(c.out, 0, 0), id, question)
	length := len(c.out) - at - 2
	binary.BigEndian.PutUint16(c.out[at:], uint16(length))
	c.left--
	return length
}

func (c *tcpLink) flush(now time.Duration) {
	for c.written < len(c.out) {
		n, err := syscall.Write(c.fd, c.out[c.written:])
		switch err {
		case nil:
			c.written += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			return
		default:
			c.fail(now, err)
			return
		}
	}
	c.out, c.written = c.out[:0], 0
}

func (c *tcpLink) waitsFor() (fd int32, events int16) {
	switch {
	case c.state == stateConnecting:
		return int32(c.fd), pollOut
	case len(c.out) > 0:
		return int32(c.fd), pollIn | pollOut
	}
	return int32(c.fd), pollIn
}

func (c *tcpLink) ready(events int16) {
	now := c.w.now()
	if c.state == stateConnecting {
		code, err := syscall.GetsockoptInt(c.fd, syscall.SOL_SOCKET, syscall.SO_ERROR)
		switch {
		case err != nil:
			c.fail(now, err)
		case code != 0:
			c.fail(now, syscall.Errno(code))
		default:
			c.opened(now)
		}
		return
	}
	if events&pollOut != 0 {
		c.flush(now)
	}
	if events&^pollOut != 0 && c.state == stateOpen {
		c.read(now)
	}
}

func (c *tcpLink) read(now time.Duration) {
	n, err := syscall.Read(c.fd, c.w.octets[:])
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return
	case err != nil:
		c.fail(now, err)
		return
	case n == 0:
		c.fail(now, io.EOF)
		return
	}
	for rest := c.w.octets[:n]; len(rest) > 0; {
		var length int
		var ended bool
		if rest, length, ended = c.frames.next(rest); ended {
			c.replied = true
			c.w.received(c.outstanding, c.frames.message(), length, now)
		}
	}
}
