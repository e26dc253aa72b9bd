package doq

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/recursor/upstream/encrypted"
)

// The limits of a client.
const (
	idleTime       = 30 * time.Second
	streamRoom     = 66 << 10 // octets of a reply that wait to be read: a whole one
	connectionRoom = 1 << 20
	maxHeader      = 16 << 10
	// stuckTime is how long nothing may come on a connection while a question waits that
	// is then cancelled, if others are to be asked over it.
	stuckTime = 2 * time.Second
)

// handshakeTime is how long a handshake may take. Tests, which do not look at it, set it
// to what a busy machine needs.
var handshakeTime = 3 * time.Second

// The error codes of RFC 9250 4.3.
const (
	noError         = 0x0
	protocolError   = 0x2
	requestCanceled = 0x3
)

// New carries queries over QUIC, for [encrypted.Config].
func New(c *encrypted.Client) encrypted.Exchanger { return &client{server: c} }

// NewHTTP3 carries requests over HTTP/3, for [encrypted.Config].
func NewHTTP3(c *encrypted.Client) encrypted.RoundTripper {
	return &http3.Transport{
		TLSClientConfig: c.TLS("h3"), QUICConfig: config(), MaxResponseHeaderBytes: maxHeader, DisableCompression: true,
		Dial: func(ctx context.Context, _ string, t *tls.Config, q *quic.Config) (*quic.Conn, error) {
			return dial(ctx, c, t, q)
		},
	}
}

var _ http.RoundTripper = (*http3.Transport)(nil)

func config() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: handshakeTime, MaxIdleTimeout: idleTime,
		InitialStreamReceiveWindow: streamRoom, MaxStreamReceiveWindow: streamRoom,
		InitialConnectionReceiveWindow: connectionRoom, MaxConnectionReceiveWindow: connectionRoom,
		MaxIncomingStreams: -1, // the server opens none (RFC 9250 4.2)
	}
}

func dial(ctx context.Context, c *encrypted.Client, t *tls.Config, q *quic.Config) (*quic.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	return encrypted.First(ctx, c, func(ctx context.Context, address netip.AddrPort) (*quic.Conn, error) {
		return quic.DialAddr(ctx, address.String(), t, q)
	})
}

// client is the connection to a server: one, which is opened when it is needed.
type client struct {
	server *encrypted.Client

	mu      sync.Mutex // guards current; a connection is opened and closed by a goroutine of its own
	current *connection
}

// connection is one that may still be opening.
type connection struct {
	opened chan struct{} // closed once conn or err is set
	conn   *quic.Conn
	err    error
	heard  atomic.Int64 // when something came last, in nanoseconds since 1970; 0: never
}

// Exchange sends a query on a stream of its own. If the connection turns out to be closed
// that was used before, a new one is tried once.
func (c *client) Exchange(ctx context.Context, query []byte) ([]byte, error) {
	for isSecond := false; ; isSecond = true {
		connection := c.connection()
		select {
		case <-connection.opened:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		if connection.err != nil {
			return nil, connection.err
		}
		isUsed := connection.heard.Load() != 0
		reply, err := connection.exchange(ctx, query)
		if errors.Is(err, net.ErrClosed) { // streams end before their connection says that it has
			select {
			case <-connection.conn.Context().Done():
			case <-ctx.Done():
			}
		}
		switch {
		case err == nil:
			return reply, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case connection.conn.Context().Err() == nil:
			return nil, fmt.Errorf("stream ended without a reply: %w", err)
		case !isUsed || isSecond:
			return nil, closed(err)
		}
	}
}

// closed says why a connection was closed.
func closed(err error) error {
	if e, ok := errors.AsType[*quic.ApplicationError](err); ok && e.Remote {
		return fmt.Errorf("the server closed the connection: error %#x %.64q", uint64(e.ErrorCode), e.ErrorMessage)
	}
	return fmt.Errorf("the connection was closed: %w", encrypted.Explain(err))
}

// connection returns the one that is open, or opens one.
func (c *client) connection() *connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.current; n != nil && !n.isOver() {
		return n
	}
	n := &connection{opened: make(chan struct{})}
	c.current = n
	go func() {
		defer close(n.opened)
		n.conn, n.err = dial(context.Background(), c.server, c.server.TLS("doq"), config())
	}()
	return n
}

// isOver reports whether no question can be asked on n any longer.
func (n *connection) isOver() bool {
	select {
	case <-n.opened:
		return n.err != nil || n.conn.Context().Err() != nil
	default:
		return false
	}
}

// exchange asks on a stream.
func (n *connection) exchange(ctx context.Context, query []byte) ([]byte, error) {
	stream, err := n.conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	sent := time.Now()
	stop := context.AfterFunc(ctx, func() {
		stream.CancelRead(requestCanceled)
		stream.CancelWrite(requestCanceled)
		if now := time.Now(); now.Sub(sent) >= stuckTime && n.heard.Load() < sent.UnixNano() {
			n.conn.CloseWithError(noError, "") // it is stuck: the next question has a new one
		}
	})
	defer stop()
	if err := frame.Write(stream, query); err != nil {
		return nil, err
	}
	stream.Close() // RFC 9250 4.2: no more is sent
	reply, err := frame.Read(stream, nil)
	if err != nil {
		stream.CancelRead(protocolError)
		return nil, err
	}
	n.heard.Store(time.Now().UnixNano())
	stream.CancelRead(noError) // the end is not waited for, if it has not come
	return reply, nil
}

// Close ends the connection.
func (c *client) Close() {
	c.mu.Lock()
	n := c.current
	c.current = nil
	c.mu.Unlock()
	if n == nil {
		return
	}
	go func() { // it may still be opening
		<-n.opened
		if n.conn != nil {
			n.conn.CloseWithError(noError, "")
		}
	}()
}
