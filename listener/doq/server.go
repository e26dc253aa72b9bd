package doq

import (
	"cmp"
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

	"github.com/names-dns/names/listener"
)

// The limits of a server.
const (
	idleTime       = 30 * time.Second
	maxStreams     = 100       // queries of a connection at once
	streamRoom     = 66 << 10  // octets of a query that wait to be read: a whole one
	connectionRoom = 256 << 10 // and of all queries of a connection
	maxHeader      = 16 << 10  // octets of the headers of a request by HTTP/3
	freeHandshakes = 100       // a second, before clients have to prove their address first

	defaultConnections = 1000
	defaultPerClient   = 100
)

// handshakeTime is how long a handshake may take. Tests, which do not look at it, set it
// to what a busy machine needs.
var handshakeTime = 5 * time.Second

// Config says what is served, and what clients may take. Zero values mean the defaults
// given with each field.
type Config struct {
	// Edge answers the queries.
	Edge *listener.Edge

	// TLS is the server's side of TLS. Its protocols (ALPN) are set by the server.
	TLS *tls.Config

	// DoQ answers DNS over QUIC.
	DoQ bool

	// HTTP answers HTTP/3. Nil: it is not offered.
	HTTP http.Handler

	// MaxConnections is how many connections may be open. By default 1000.
	MaxConnections int

	// MaxConnectionsPerClient is how many of those one client may have: an IPv4
	// address, or the /64 around an IPv6 address. By default 100.
	MaxConnectionsPerClient int

	// Admit reports whether a client may begin one more connection. It is called for
	// clients that have shown that they are at their address; of the others there are
	// few at once. Nil: all may.
	Admit func(client netip.Addr) bool

	// Refused is called if a client has a connection too many, or all have. Nil: nothing is.
	Refused func(client netip.Prefix)
}

// Server answers what comes to one UDP socket.
type Server struct {
	config    Config
	transport *quic.Transport
	listener  *quic.EarlyListener
	http      *http3.Server
	retry     retry
	done      sync.WaitGroup

	mu             sync.Mutex // guards what follows; nothing is closed or waited for under it
	max, perClient int
	open           int
	clients        map[netip.Prefix]int
	all            map[*quic.Conn]struct{}

	ends listener.Ends

	early atomic.Bool // queries in early data may be answered

	accepted, broken, retries, earlyQueries atomic.Uint64
}

// protocols of ALPN.
const (
	protocolDoQ  = "doq"
	protocolHTTP = "h3"
)

// Listen returns a server for what comes to conn, which belongs to it from then on.
func Listen(conn net.PacketConn, c Config) (*Server, error) {
	s := &Server{config: c, max: cmp.Or(c.MaxConnections, defaultConnections), perClient: cmp.Or(c.MaxConnectionsPerClient, defaultPerClient), clients: map[netip.Prefix]int{}, all: map[*quic.Conn]struct{}{}}
	protocols := c.TLS.Clone()
	protocols.NextProtos = nil
	if c.DoQ {
		protocols.NextProtos = append(protocols.NextProtos, protocolDoQ)
	}
	if c.HTTP != nil {
		protocols.NextProtos = append(protocols.NextProtos, protocolHTTP)
		s.http = &http3.Server{Handler: c.HTTP, MaxHeaderBytes: maxHeader, IdleTimeout: idleTime}
	}
	if len(protocols.NextProtos) == 0 {
		return nil, errors.New("doq: there is nothing to serve")
	}
	protocols.MinVersion = tls.VersionTLS13
	s.transport = &quic.Transport{Conn: conn, VerifySourceAddress: s.verifyAddress, ConnContext: s.admit}
	config := &quic.Config{
		HandshakeIdleTimeout: handshakeTime, MaxIdleTimeout: idleTime,
		MaxIncomingStreams: maxStreams, MaxIncomingUniStreams: uniStreams(c.HTTP != nil),
		InitialStreamReceiveWindow: streamRoom, MaxStreamReceiveWindow: streamRoom,
		InitialConnectionReceiveWindow: connectionRoom, MaxConnectionReceiveWindow: connectionRoom,
	}
	early := config.Clone()
	early.Allow0RTT = true
	config.GetConfigForClient = func(*quic.ClientInfo) (*quic.Config, error) {
		if s.early.Load() {
			return early, nil
		}
		return config, nil
	}
	var err error
	s.listener, err = s.transport.ListenEarly(protocols, config)
	if err != nil {
		return nil, fmt.Errorf("doq: %w", err)
	}
	return s, nil
}

// uniStreams is how many streams in one direction a client may open: DNS over QUIC has
// none (RFC 9250 4.2), HTTP/3 three of its own.
func uniStreams(http bool) int64 {
	if http {
		return 8
	}
	return -1
}

// Limit changes how many connections may be open, and how many of those one client may
// have; 0: the default. Those that are open stay.
func (s *Server) Limit(connections, perClient int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.max, s.perClient = cmp.Or(connections, defaultConnections), cmp.Or(perClient, defaultPerClient)
}

// IsDoQ reports whether the server answers DNS over QUIC.
func (s *Server) IsDoQ() bool { return s.config.DoQ }

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Serve answers queries until Shutdown is called.
func (s *Server) Serve() error {
	for {
		conn, err := s.listener.Accept(context.Background())
		if err != nil {
			if errors.Is(err, quic.ErrServerClosed) {
				return nil
			}
			return err
		}
		s.mu.Lock()
		s.all[conn] = struct{}{}
		s.mu.Unlock()
		s.done.Go(func() {
			s.serve(conn)
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.all, conn)
		})
	}
}

// serve answers what comes over one connection, whose handshake has begun.
func (s *Server) serve(conn *quic.Conn) {
	if !s.answersEarly(conn) && !isDone(conn.Context(), conn.HandshakeComplete()) {
		return
	}
	if conn.ConnectionState().TLS.NegotiatedProtocol == protocolHTTP {
		s.http.ServeQUICConn(conn)
		return
	}
	s.serveDoQ(conn)
}

// Shutdown accepts no more connections, lets queries in progress end until ctx is
// done, and closes all.
func (s *Server) Shutdown(ctx context.Context) {
	s.listener.Close()
	s.mu.Lock()
	for conn := range s.all {
		if conn.ConnectionState().TLS.NegotiatedProtocol == protocolDoQ {
			go func() { // RFC 9250 5.1: what is not answered by then is asked elsewhere
				<-ctx.Done()
				conn.CloseWithError(quic.ApplicationErrorCode(noError), "")
			}()
		}
	}
	s.mu.Unlock()
	if s.http != nil {
		s.http.Shutdown(ctx)
		s.http.Close()
	}
	<-ctx.Done()
	s.transport.Close()
	s.done.Wait()
	s.transport.Conn.Close()
}

// admit takes a place for a connection whose first packet has come.
func (s *Server) admit(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	address := addrPort(info.RemoteAddr).Addr()
	if s.config.Admit != nil && info.AddrVerified && !s.config.Admit(address) {
		s.refuse()
		return nil, errTooFast
	}
	client := clientOf(address)
	if !s.enter(client) {
		if s.config.Refused != nil {
			s.config.Refused(client)
		}
		return nil, errTooMany
	}
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.open--
		if s.clients[client]--; s.clients[client] == 0 {
			delete(s.clients, client)
		}
		*endOf(context.Cause(ctx), &s.ends)++
	})
	if info.AddrVerified {
		ctx = context.WithValue(ctx, isVerified{}, true)
	}
	return ctx, nil
}

// refuse counts a connection that is not admitted.
func (s *Server) refuse() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted.Add(1)
	s.ends.Refused++
}

// enter takes a place for a connection of a client, if there is one.
func (s *Server) enter(client netip.Prefix) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accepted.Add(1)
	if s.open >= s.max || s.clients[client] >= s.perClient {
		s.ends.Refused++
		return false
	}
	s.open++
	s.clients[client]++
	return true
}

var (
	errTooMany = errors.New("too many connections")
	errTooFast = errors.New("too many connections a second")
)

// verifyAddress reports whether a client has to show first that it is at its address,
// which costs it a round trip (RFC 9000 8.1.2): if many want to connect, of whom some may
// be forged, or many are connected.
func (s *Server) verifyAddress(net.Addr) bool {
	s.mu.Lock()
	isBusy := s.open > s.max/2
	s.mu.Unlock()
	if isBusy || !s.retry.allow(time.Now()) {
		s.retries.Add(1)
		return true
	}
	return false
}

// retry counts handshakes.
type retry struct {
	mu    sync.Mutex // nothing is called under it
	since time.Time
	count int
}

// allow reports whether one more handshake is within the rate.
func (r *retry) allow(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) > time.Second {
		r.since, r.count = now, 0
	}
	r.count++
	return r.count <= freeHandshakes
}

// endOf is where a connection that ended with err is counted.
func endOf(err error, ends *listener.Ends) *uint64 {
	if e, ok := errors.AsType[*quic.ApplicationError](err); ok {
		switch isGood := e.ErrorCode == noError || e.ErrorCode == quic.ApplicationErrorCode(http3.ErrCodeNoError); {
		case !isGood:
			return &ends.Broken
		case e.Remote:
			return &ends.Finished
		}
		return &ends.Stopped
	}
	if e, ok := errors.AsType[*quic.TransportError](err); ok && e.Remote && e.ErrorCode == quic.NoError {
		return &ends.Finished
	}
	var timeout net.Error
	switch {
	case errors.Is(err, quic.ErrServerClosed), errors.Is(err, quic.ErrTransportClosed):
		return &ends.Stopped
	case errors.As(err, &timeout) && timeout.Timeout():
		return &ends.Overdue
	}
	return &ends.Broken
}

// Stats is what a server has done. Connections is the sum of those that are open and
// those that have ended.
type Stats struct {
	Connections    uint64 // begun, those that were refused among them
	Ends           listener.Ends
	Retries        uint64 // clients that had to prove their address
	ProtocolErrors uint64 // connections ended because their client does not keep to RFC 9250
	EarlyQueries   uint64 // queries answered before the end of the handshake
}

// Stats returns what was counted so far.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Stats{Connections: s.accepted.Load(), Ends: s.ends, Retries: s.retries.Load(), ProtocolErrors: s.broken.Load(), EarlyQueries: s.earlyQueries.Load()}
}

// addrPort is the address in a as the edge wants it.
func addrPort(a net.Addr) netip.AddrPort {
	with, ok := a.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.AddrPort{}
	}
	p := with.AddrPort()
	return netip.AddrPortFrom(p.Addr().Unmap().WithZone(""), p.Port())
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
