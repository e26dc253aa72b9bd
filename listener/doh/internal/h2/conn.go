package h2

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// Limits are what a client may take. All have to be set.
type Limits struct {
	Streams        int // requests at once
	Header         int // octets of the header fields of a request, as RFC 9113 6.5.2 counts them
	ConnectionRoom int // octets of bodies that come in, of all requests
	StreamRoom     int // and of one: what is longer is passed on as far as it came
	ReplyRoom      int // octets of replies that the client has not taken

	First time.Duration // until the client has said how it speaks
	Body  time.Duration // for the body of a request
	Take  time.Duration // until the client gives a window for all of a reply
	Idle  time.Duration // without a request
	Write time.Duration // for what is sent at once
}

// Config is how a connection is served.
type Config struct {
	Limits
	Handler http.Handler
	Direct  Direct          // nil: Handler answers everything
	Context context.Context // that of all requests is made from it
	Log     *slog.Logger    // of handlers that panic

	// Below is what is below TLS. Nil: the reader looks before each read whether the client is overdue, and
	// sends what there is.
	Below Below
}

// Below is what carries TLS.
type Below interface {
	// BeforeRead says what is to be called before each read that may wait: all that has come was given to TLS.
	BeforeRead(func())
	// Gather keeps what is written until Release sends it.
	Gather()
	Release() error
}

// Direct answers requests on the goroutine that reads them.
type Direct interface {
	// Answer answers a request, whose body is whole, with Reply or Reset, or promises that with Later. Of s it may
	// keep nothing else. It returns false if the request is for the handler.
	Answer(s *Stream) bool

	// Sent is called when the replies to all that was asked so far are sent.
	Sent()
}

// Errors that end a connection, besides those of its reads and writes.
var (
	ErrIdle    = errors.New("client has asked nothing for too long")
	ErrStopped = errors.New("the server is stopping")
)

// Conn is a connection.
type Conn struct {
	Config
	conn   net.Conn
	framer *http2.Framer

	// The reader's own.
	block   *block
	last    uint32 // the largest stream that the client has begun
	tally   tally
	room    int   // what of ConnectionRoom the client has left
	owed    int   // and what it gets back
	failure error // what the reader finds while it is about to wait
	isOver  bool  // the reader is to wait without looking

	context context.Context
	cancel  context.CancelFunc

	mu       sync.Mutex // guards what follows
	streams  []*Stream  // those that are open
	free     []*Stream
	out      []byte // frames that wait to be sent
	cuts     []int  // where replies in it end
	stored   int    // octets of replies that wait for a window
	resets   int    // streams that the client has ended, or has made the server end, less those that were answered
	active   time.Time
	stopping bool
	isSaid   bool // and the client knows
	send     sending

	writing   sync.Mutex // one writer at a time
	spare     []byte     // under writing: the buffer that is not out
	spareCuts []int      // the same
	broken    error      // of a write
}

// flushAt is how many octets of frames are gathered before they are sent though there is more to
// read.
const flushAt = 16 << 10

// past is a deadline that is long over.
var past = time.Unix(1, 0)

// New returns the server's side of a connection. Requests come over conn, after the handshake
// of TLS.
func New(conn net.Conn, config Config) *Conn {
	c := &Conn{Config: config, conn: conn, room: config.ConnectionRoom, active: time.Now(), send: newSending()}
	c.context, c.cancel = context.WithCancel(config.Context)
	c.framer = http2.NewFramer(nil, source{c})
	c.framer.SetReuseFrames()
	c.framer.SetMaxReadFrameSize(maxFrame)
	c.block = newBlock(config.Header)
	if config.Below != nil {
		config.Below.BeforeRead(c.wait)
	}
	return c
}

// Serve answers requests until the client is done, or takes too much, or Stop is called. It
// returns why: [io.EOF], [ErrIdle], [ErrStopped], an [http2.ConnectionError], or
// the error of a read or write. It leaves conn open. Requests that are not answered then are
// given up.
func (c *Conn) Serve() error {
	err := c.begin()
	for err == nil {
		err = c.readFrame()
	}
	c.isOver = true
	c.cancel()
	c.takeLeave(err)
	return err
}

// begin exchanges what a connection starts with (RFC 9113 3.4).
func (c *Conn) begin() error {
	c.mu.Lock()
	c.out = c.appendSettings(c.out)
	c.mu.Unlock()
	var preface [len(http2.ClientPreface)]byte
	if _, err := io.ReadFull(source{c}, preface[:]); err != nil {
		return err
	}
	if string(preface[:]) != http2.ClientPreface {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	frame, err := c.framer.ReadFrame()
	if err != nil {
		return err
	}
	if first, ok := frame.(*http2.SettingsFrame); !ok || first.IsAck() {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	c.tally.begun = true
	return c.process(frame)
}

// readFrame reads a frame and does what it says. An error ends the connection.
func (c *Conn) readFrame() error {
	frame, err := c.framer.ReadFrame()
	if err == nil {
		err = c.process(frame)
	}
	if err != nil {
		stream, ok := err.(http2.StreamError)
		if !ok {
			return err
		}
		if err := c.reset(stream.StreamID, stream.Code); err != nil {
			return err
		}
	}
	if c.tally.idle++; c.tally.idle > maxIdleFrames {
		return http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
	}
	c.mu.Lock()
	waiting := len(c.out)
	c.mu.Unlock()
	if waiting >= flushAt {
		return c.flush()
	}
	return nil
}

// source is what the reader reads from.
type source struct{ *Conn }

// Read waits as long as the client has time.
func (c source) Read(b []byte) (int, error) {
	for {
		if c.Below == nil {
			c.wait()
		}
		n, err := c.conn.Read(b)
		switch {
		case n > 0:
			return n, nil
		case c.failure != nil:
			return 0, c.failure
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return 0, err
		}
		// Something else than the connection is over. wait has seen to it, or will.
	}
}

// wait sends what there is, and sets the time for the next octets. What ends the connection
// ends the read that follows, and is in failure: TLS would not read again after another error.
func (c *Conn) wait() {
	if c.isOver {
		return
	}
	now := time.Now()
	c.mu.Lock()
	if c.stopping && !c.isSaid {
		c.isSaid = true
		c.out = appendGoAway(c.out, c.last, http2.ErrCodeNo)
	}
	deadline := c.expire(now)
	c.mu.Unlock()
	c.failure = c.flush()
	if c.Direct != nil {
		c.Direct.Sent()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.failure != nil:
	case c.stopping && len(c.streams) == 0:
		c.failure = ErrStopped
	case !deadline.After(now):
		c.failure = ErrIdle
	default:
		c.conn.SetReadDeadline(deadline)
		return
	}
	c.conn.SetReadDeadline(past)
}

// expire gives up what has waited too long, and returns when the next does. c.mu is held.
func (c *Conn) expire(now time.Time) (next time.Time) {
	if c.tally.asked {
		c.tally.asked, c.active = false, now
	}
	next = c.active.Add(c.Idle)
	if !c.tally.begun {
		next = c.active.Add(c.First)
	}
	if len(c.streams) == 0 {
		return next
	}
	if c.tally.begun {
		next = now.Add(c.Idle) // RFC 7766 6.2.3: a connection with a query in progress is not idle
	}
	for i := len(c.streams) - 1; i >= 0; i-- { // those that end leave
		s := c.streams[i]
		switch {
		case s.state == waiting:
			continue
		case s.deadline.After(now):
			if s.deadline.Before(next) {
				next = s.deadline
			}
		case s.state == receiving:
			s.overdue = true
			c.handOver(s)
		default:
			c.resetLocked(s, http2.ErrCodeCancel)
		}
	}
	return next
}

// Stop ends the connection when what was asked is answered. The client learns that what it
// asks from here on is for another connection (RFC 9113 6.8).
func (c *Conn) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	c.conn.SetReadDeadline(past) // wakes the reader, which says goodbye
}

// takeLeave tells the client why the connection ends, and gives it a moment to read that: what comes
// meanwhile and is not read would have the system throw away what was sent.
func (c *Conn) takeLeave(why error) {
	var code http2.ErrCode
	switch why := why.(type) {
	case http2.ConnectionError:
		code = http2.ErrCode(why)
	default:
		switch why {
		case http2.ErrFrameTooLarge:
			code = http2.ErrCodeFrameSize
		case ErrIdle, ErrStopped:
			code = http2.ErrCodeNo
		default:
			return // the connection is gone
		}
	}
	c.mu.Lock()
	c.out = appendGoAway(c.out, c.last, code)
	c.mu.Unlock()
	if c.flush() != nil {
		return
	}
	if c.Direct != nil {
		c.Direct.Sent()
	}
	below := c.conn
	if over, ok := c.conn.(interface {
		NetConn() net.Conn
		CloseWrite() error
	}); ok {
		over.CloseWrite()
		below = over.NetConn()
	}
	below.SetReadDeadline(time.Now().Add(leaveTime))
	io.CopyN(io.Discard, below, leaveRoom)
}

// What a client may still send to a connection that has ended.
const (
	leaveTime = time.Second
	leaveRoom = 256 << 10
)
