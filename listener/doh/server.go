package doh

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/httpserver"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/doh/internal/h2"
)

// The limits of a server.
const (
	maxHeader      = 16 << 10 // octets of the headers of a request: a query in a URL has to fit
	maxStreams     = 100      // requests of a connection at once
	frameSize      = 16 << 10
	connectionRoom = 256 << 10 // octets of bodies that wait to be read, of a connection
	streamRoom     = 64 << 10  // and of a request: a whole query
	replyRoom      = 1 << 20   // octets of replies that a client does not take, of a connection
	headerTime     = 5 * time.Second

	defaultConnections = 1000
	defaultPerClient   = 100
	idleTime           = 30 * time.Second
)

// ServerConfig says how a server is reached, and what clients may take. Zero values
// mean the defaults given with each field.
type ServerConfig struct {
	Handler http.Handler

	// Direct returns the handler of messages as it is now, which Handler would pass them to.
	// What comes over HTTP/2 and TLS is answered by it without Handler, where that is
	// possible. Nil: it is Handler, if that is a [Handler].
	Direct func() *Handler

	// Alternative returns what replies say of other ways to this server, the value of the header field
	// Alt-Svc (RFC 7838 3). Nil, or if it returns nothing: they have no such field.
	Alternative func() string

	// TLS is the server's side of TLS. Nil: requests come in the clear, from a proxy
	// on the same machine.
	TLS *tls.Config

	// MaxConnections is how many connections may be open. By default 1000.
	MaxConnections int

	// MaxConnectionsPerClient is how many of those one client may have: an IPv4
	// address, or the /64 around an IPv6 address. By default 100. There is no such
	// limit without TLS: all connections are those of the proxy.
	MaxConnectionsPerClient int

	// Admit reports whether a client may begin one more connection. It is called for
	// clients of TLS; connections in the clear are those of the proxy. Nil: all may.
	Admit func(client netip.Addr) bool

	// Refused is called if a client has a connection too many, or all have. Nil: nothing is.
	Refused func(client netip.Prefix)

	Log *slog.Logger // of failures, at level debug
}

// Server is an HTTP server for a [Handler].
type Server struct {
	server   httpserver.Server
	listener *boundedListener
	log      *slog.Logger

	direct      func() *Handler
	alternative func() string // may be nil
	date        date

	mu   sync.Mutex // guards open, and that none is added to it and not stopped
	open map[*h2.Conn]struct{}
}

// NewServer returns a server of what comes to l.
func NewServer(l net.Listener, c ServerConfig) *Server {
	c.MaxConnections, c.MaxConnectionsPerClient = cmp.Or(c.MaxConnections, defaultConnections), cmp.Or(c.MaxConnectionsPerClient, defaultPerClient)
	if c.TLS == nil {
		c.MaxConnectionsPerClient, c.Admit = c.MaxConnections, nil
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Direct == nil {
		h, _ := c.Handler.(*Handler)
		c.Direct = func() *Handler { return h }
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(c.TLS != nil)
	protocols.SetUnencryptedHTTP2(c.TLS == nil)
	bounded := &boundedListener{Listener: l, isPlain: c.TLS == nil, max: c.MaxConnections, perClient: c.MaxConnectionsPerClient, clients: map[netip.Prefix]int{}, refused: c.Refused, admit: c.Admit}
	s := &Server{
		listener: bounded, log: c.Log, direct: c.Direct, alternative: c.Alternative, open: map[*h2.Conn]struct{}{},
		server: httpserver.Server{Listener: bounded, HTTP: http.Server{
			Handler:           noteRequests(withAlternative(c.Handler, c.Alternative)),
			ConnContext:       withConn,
			ReadHeaderTimeout: headerTime, ReadTimeout: 2 * headerTime, IdleTimeout: idleTime,
			MaxHeaderBytes: maxHeader,
			ErrorLog:       slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
			TLSConfig:      c.TLS,
			Protocols:      protocols,
			HTTP2: &http.HTTP2Config{ // without TLS
				MaxConcurrentStreams: maxStreams, MaxReadFrameSize: frameSize,
				MaxReceiveBufferPerConnection: connectionRoom, MaxReceiveBufferPerStream: streamRoom,
				SendPingTimeout: idleTime, PingTimeout: headerTime, WriteByteTimeout: headerTime,
			},
		}},
	}
	if c.TLS != nil {
		s.server.HTTP.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){"h2": s.serveHTTP2}
		s.server.HTTP.RegisterOnShutdown(s.stop)
	}
	return s
}

func withAlternative(h http.Handler, alternative func() string) http.Handler {
	if alternative == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if value := alternative(); value != "" {
			w.Header()["Alt-Svc"] = []string{value}
		}
		h.ServeHTTP(w, r)
	})
}

// Limit changes how many connections may be open, and how many of those one client may
// have; 0: the default. Those that are open stay.
func (s *Server) Limit(connections, perClient int) {
	connections, perClient = cmp.Or(connections, defaultConnections), cmp.Or(perClient, defaultPerClient)
	l := s.listener
	if l.isPlain {
		perClient = connections
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.max, l.perClient = connections, perClient
}

// Serve answers requests until Shutdown is called.
func (s *Server) Serve() error { return s.server.Serve() }

// Shutdown ends the server. Requests in progress end before ctx is done, or not at
// all.
func (s *Server) Shutdown(ctx context.Context) {
	s.listener.stopping.Store(true)
	s.server.Shutdown(ctx)
}

// Stats is what a server has done. Connections is the sum of those that are open and
// those that have ended.
type Stats struct {
	Connections uint64 // accepted, those that were refused among them
	Ends        listener.Ends
}

// Stats returns what was counted so far.
func (s *Server) Stats() Stats {
	l := s.listener
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats
}

// boundedListener closes connections that are too many.
type boundedListener struct {
	net.Listener
	isPlain  bool // all connections are those of one proxy
	stopping atomic.Bool
	refused  func(client netip.Prefix)    // may be nil
	admit    func(client netip.Addr) bool // may be nil

	mu             sync.Mutex // guards what follows; nothing is closed under it
	max, perClient int
	open           int
	clients        map[netip.Prefix]int
	stats          Stats
}

// Accept returns the next connection that is within the limits.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		address := addressOf(conn.RemoteAddr())
		if l.admit != nil && !l.admit(address) {
			l.refuse()
			conn.Close()
			continue
		}
		client := clientOf(address)
		if l.enter(client) {
			return &boundedConn{Conn: conn, listener: l, client: client, accepted: time.Now()}, nil
		}
		if l.refused != nil {
			l.refused(client)
		}
		conn.Close()
	}
}

// refuse counts a connection that is not admitted.
func (l *boundedListener) refuse() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Connections++
	l.stats.Ends.Refused++
}

func (l *boundedListener) enter(client netip.Prefix) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Connections++
	if l.open >= l.max || l.clients[client] >= l.perClient {
		l.stats.Ends.Refused++
		return false
	}
	l.open++
	l.clients[client]++
	return true
}

func (l *boundedListener) leave(client netip.Prefix, why end) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if l.clients[client]--; l.clients[client] == 0 {
		delete(l.clients, client)
	}
	*why.of(&l.stats.Ends)++
}

// addressOf is the address in a, the zero value if there is none.
func addressOf(a net.Addr) netip.Addr { return addrPortOf(a).Addr() }

// addrPortOf is addressOf with the port.
func addrPortOf(a net.Addr) netip.AddrPort {
	with, ok := a.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.AddrPort{}
	}
	local := with.AddrPort()
	return netip.AddrPortFrom(local.Addr().Unmap().WithZone(""), local.Port())
}

// clientOf is the client that an address stands for: itself, or for IPv6 its /64.
func clientOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits)
	return p
}
