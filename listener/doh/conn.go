package doh

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/listener"
)

// end is why a connection ended.
type end int32

const (
	unknown end = iota // not by what a read or write said
	finished
	overdue
	broken
	stopped
)

// of is where connections that ended for this reason are counted.
func (e end) of(counts *listener.Ends) *uint64 {
	switch e {
	case finished:
		return &counts.Finished
	case overdue:
		return &counts.Overdue
	case stopped:
		return &counts.Stopped
	}
	return &counts.Broken
}

// boundedConn gives its place back when it is closed, and says why it was. What is
// above it, TLS and HTTP, tells no one: it is found from how its last read and write ended.
type boundedConn struct {
	net.Conn
	listener *boundedListener
	client   netip.Prefix
	accepted time.Time
	once     sync.Once

	beforeRead func() // what is above is done with what was read; may be nil

	writing  sync.Mutex // guards what follows
	gathers  bool       // what is written is kept, to be sent together
	gathered []byte

	why         atomic.Int32 // an end
	isReading   atomic.Bool
	interrupted atomic.Bool // the server's read is to end, not the connection
	asked       atomic.Bool // a request has come
}

// Read reads, and notes an error.
func (c *boundedConn) Read(b []byte) (int, error) {
	if c.beforeRead != nil {
		c.beforeRead()
	}
	c.isReading.Store(true)
	n, err := c.Conn.Read(b)
	c.isReading.Store(false)
	if err != nil {
		c.note(err)
	}
	return n, err
}

// BeforeRead has f called before each read.
func (c *boundedConn) BeforeRead(f func()) { c.beforeRead = f }

// Gather keeps what is written until Release.
func (c *boundedConn) Gather() {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.gathers = true
}

// Release writes what was gathered, and all that follows at once again.
func (c *boundedConn) Release() error {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.gathers = false
	_, err := c.write(c.gathered)
	if c.gathered = c.gathered[:0]; cap(c.gathered) > keptBuffer {
		c.gathered = nil
	}
	return err
}

// Write writes, and notes an error.
func (c *boundedConn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if c.gathers {
		c.gathered = append(c.gathered, b...)
		return len(b), nil
	}
	return c.write(b)
}

func (c *boundedConn) write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil {
		c.note(err)
	}
	return n, err
}

// note keeps the first error that is not the server's own doing.
func (c *boundedConn) note(err error) {
	why := broken
	switch {
	case errors.Is(err, io.EOF):
		why = finished
	case errors.Is(err, os.ErrDeadlineExceeded):
		if c.interrupted.Load() {
			return
		}
		why = overdue
	case errors.Is(err, net.ErrClosed):
		return
	}
	c.why.CompareAndSwap(int32(unknown), int32(why))
}

// SetDeadline sets both deadlines.
func (c *boundedConn) SetDeadline(t time.Time) error {
	c.noteDeadline(t)
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline sets the deadline of reads.
func (c *boundedConn) SetReadDeadline(t time.Time) error {
	c.noteDeadline(t)
	return c.Conn.SetReadDeadline(t)
}

// noteDeadline knows a deadline long past: net/http ends with it a read that has waited
// for the client to go while a request was answered.
func (c *boundedConn) noteDeadline(t time.Time) {
	c.interrupted.Store(!t.IsZero() && t.Before(c.accepted))
}

// Close closes the connection.
func (c *boundedConn) Close() error {
	c.once.Do(func() { c.listener.leave(c.client, c.reason()) })
	return c.Conn.Close()
}

func (c *boundedConn) reason() end {
	if why := end(c.why.Load()); why != unknown {
		return why
	}
	switch {
	case c.listener.stopping.Load():
		return stopped
	case c.isReading.Load(): // for nothing: a timer of HTTP/2
		return overdue
	case c.asked.Load(): // TLS has ended in order, or the reply was the last
		return finished
	}
	return broken // what came was not TLS or not HTTP
}

type connKey struct{}

// withConn lets noteRequests find the connection of a request.
func withConn(ctx context.Context, conn net.Conn) context.Context {
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = over.NetConn()
	}
	return context.WithValue(ctx, connKey{}, conn)
}

func noteRequests(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if conn, ok := r.Context().Value(connKey{}).(*boundedConn); ok {
			conn.asked.Store(true)
		}
		h.ServeHTTP(w, r)
	})
}
