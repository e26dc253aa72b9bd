package bound

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/httpserver"
)

// The limits of an HTTP server.
const (
	maxConnections = 64 // others wait
	maxHeader      = 16 << 10
	requestTime    = 10 * time.Second // to receive a request
	idleTime       = time.Minute
)

// NewHTTP returns a server over HTTP, for operators and their programs, of what comes
// to l, over TLS unless config is nil.
func NewHTTP(l net.Listener, h http.Handler, config *tls.Config, log *slog.Logger) Server {
	l = &boundedListener{Listener: l, places: make(chan struct{}, maxConnections)}
	if config != nil {
		l = tls.NewListener(l, config)
	}
	return &httpserver.Server{Listener: l, HTTP: http.Server{
		Handler: h, ReadTimeout: requestTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}
}

// AtAddress is a server that is wanted at an address.
func AtAddress(what, address string, h http.Handler, config *tls.Config, log *slog.Logger) Wanted {
	return Wanted{Place{what, address}, func(func(Place) net.Addr) (Server, net.Addr, error) {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, nil, err
		}
		return NewHTTP(l, h, config, log), l.Addr(), nil
	}}
}

// Handler passes requests on to the handler that it was given last.
type Handler struct{ now atomic.Pointer[http.Handler] }

// Set replaces the handler for the requests from now on.
func (h *Handler) Set(next http.Handler) { h.now.Store(&next) }

// ServeHTTP passes a request on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*h.now.Load()).ServeHTTP(w, r) }

// TLS is a server's side of TLS that can be replaced.
type TLS struct{ now atomic.Pointer[tls.Config] }

// Set replaces it for the connections from now on.
func (t *TLS) Set(next *tls.Config) { t.now.Store(next) }

// Config is what servers are given once.
func (t *TLS) Config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.now.Load(), nil },
	}
}

// boundedListener keeps connections waiting while too many are open.
type boundedListener struct {
	net.Listener
	places chan struct{}
}

func (l *boundedListener) Accept() (net.Conn, error) {
	l.places <- struct{}{}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.places
		return nil, err
	}
	return &boundedConn{Conn: conn, places: l.places}, nil
}

type boundedConn struct {
	net.Conn
	places chan struct{}
	once   sync.Once
}

func (c *boundedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { <-c.places })
	return err
}
