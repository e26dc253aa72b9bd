package upstream

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/names-dns/names/names"
)

// Transport is how a server is asked that is not asked over UDP and TCP: over
// TLS, HTTPS or QUIC, say. One of Dial and Exchange is set; many goroutines call
// them at once, and both end when their context does.
type Transport struct {
	// Protocol is what queries travel by.
	Protocol names.Transport

	// Name is what the server is called in errors and logs.
	Name string

	// Dial opens a connection on which messages follow their lengths, as over
	// TCP. Questions share it, and it is used again (RFC 7858 3.4).
	Dial func(ctx context.Context) (net.Conn, error)

	// Exchange sends a query, whose ID is 0 (RFC 8484 4.1, RFC 9250 4.2.1), and
	// returns the reply, which is the caller's.
	Exchange func(ctx context.Context, query []byte) (reply []byte, err error)

	// Close closes what Exchange keeps open; it may be called again. It may be nil.
	Close func()
}

const (
	// encryptedIdleTimeout is idleTimeout for a connection that was dear to open.
	encryptedIdleTimeout = 30 * time.Second
	// A server that is asked over connections only has more of them, and more
	// questions on each: the product is what a Forwarder has in flight by default.
	encryptedConnections = 8
	encryptedPipelined   = 128
	// maxExchanges is how many questions are in flight by Exchange.
	maxExchanges = encryptedConnections * encryptedPipelined
)

// streamLimits is what a server's connections may be and have.
type streamLimits struct {
	connections, pipelined int
	idle                   time.Duration
}

func (s *Server) limits() streamLimits {
	if s.transport != nil {
		return streamLimits{encryptedConnections, encryptedPipelined, encryptedIdleTimeout}
	}
	return streamLimits{maxConnections, maxPipelined, idleTimeout}
}

// Transport returns what queries to the server travel by. names.UDP stands for
// UDP, and TCP if necessary.
func (s *Server) Transport() names.Transport {
	if s.transport == nil {
		return names.UDP
	}
	return s.transport.Protocol
}

// String is what the server is called in errors and logs.
func (s *Server) String() string {
	if s.transport == nil {
		return s.addr.String()
	}
	return s.transport.Name
}

// protocol is what a query that does not go over UDP travels by.
func (s *Server) protocol() names.Transport {
	if s.transport == nil {
		return names.TCP
	}
	return s.transport.Protocol
}

// dial opens a connection to the server.
func (s *Server) dial(ctx context.Context) (net.Conn, error) {
	if s.transport == nil {
		return s.client.network.DialTCP(ctx, s.addr)
	}
	return s.transport.Dial(ctx)
}

// overStream sends a query in the way that is not UDP.
func (s *Server) overStream(ctx context.Context, q *Query, f queryForm) (answer, error) {
	if s.transport != nil && s.transport.Exchange != nil {
		return s.exchange(ctx, q, f)
	}
	return s.overTCP(ctx, q, f)
}

// exchange sends a query by the transport's Exchange.
func (s *Server) exchange(ctx context.Context, q *Query, f queryForm) (answer, error) {
	if s.exchanges.Add(1) > maxExchanges {
		s.exchanges.Add(-1)
		return answer{}, errBusy
	}
	defer s.exchanges.Add(-1)
	if err := q.Budget.send(); err != nil {
		return answer{}, err
	}
	o := outgoing{Query: q, form: f}
	var buf [maxQuery]byte
	o.compose(buf[:0], s.client.udpSize, nil)
	sent := time.Now()
	if s.client.packet != nil {
		s.tap(&o, Packet{Transport: s.protocol(), Message: o.packet, Sent: sent})
	}
	b, err := s.transport.Exchange(ctx, o.packet)
	if err != nil {
		return answer{}, err
	}
	return s.readReply(&o, b, netip.AddrPort{}, sent)
}

// transportError is what a server that is asked by a transport fails with. No
// deadline of a question shows through it: it is the server that took too long.
func transportError(err error) error {
	switch {
	case errors.Is(err, ErrBudget):
		return err
	case errors.Is(err, errBusy):
		return &NotSentError{err}
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no connection in time: %v", err)
	}
	return err
}
