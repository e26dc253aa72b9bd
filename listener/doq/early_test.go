package doq

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// firstFlight is the socket of a client that can be kept from ending its handshake: it
// keeps what is sent until something was received, and nothing is received before open is
// closed.
type firstFlight struct {
	net.PacketConn
	open chan struct{}

	mu       sync.Mutex
	sent     [][]byte // all that is sent before something is received
	received bool     // what is sent then is lost
	released bool     // and no longer
}

func (f *firstFlight) ReadFrom(b []byte) (int, net.Addr, error) {
	<-f.open
	n, from, err := f.PacketConn.ReadFrom(b)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.received = true
	return n, from, err
}

func (f *firstFlight) WriteTo(b []byte, to net.Addr) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.released:
	case f.received:
		return len(b), nil
	default:
		f.sent = append(f.sent, slices.Clone(b))
	}
	return f.PacketConn.WriteTo(b, to)
}

func (f *firstFlight) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.released = true
}

// flight is what was sent, and how many of these datagrams have early packets.
func (f *firstFlight) flight() (sent [][]byte, early int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.sent {
		if hasEarly(b) {
			early++
		}
	}
	return slices.Clone(f.sent), early
}

// hasEarly reports whether one of the packets of a datagram is early data (RFC 9000 17.2).
func hasEarly(b []byte) bool {
	for len(b) > 7 && b[0]&0x80 != 0 {
		kind := b[0] >> 4 & 3
		if kind == 1 {
			return true
		}
		i := 5
		i += 1 + int(b[i])
		i += 1 + int(b[i])
		if kind == 0 { // it has a token
			length, n, _ := quicvarint.Parse(b[i:])
			i += n + int(length)
		}
		length, n, _ := quicvarint.Parse(b[i:])
		b = b[i+n+int(length):]
	}
	return false
}

// memory is what a client knows from an earlier connection.
type memory struct {
	tls.ClientSessionCache
	quic.TokenStore
	sessions, tokens atomic.Int32
}

func (m *memory) sessionCache() tls.ClientSessionCache { return (*memorySessions)(m) }

type memorySessions memory

func (m *memorySessions) Get(key string) (*tls.ClientSessionState, bool) {
	return m.ClientSessionCache.Get(key)
}

func (m *memorySessions) Put(key string, s *tls.ClientSessionState) {
	m.ClientSessionCache.Put(key, s)
	m.sessions.Add(1)
}

func (m *memory) Put(key string, token *quic.ClientToken) {
	m.TokenStore.Put(key, token)
	m.tokens.Add(1)
}

func (m *memory) Pop(key string) *quic.ClientToken { return m.TokenStore.Pop(key) }

// earlyClient comes back to a server it was connected to before.
type earlyClient struct {
	*firstFlight
	conn *quic.Conn
}

// comeBack connects to a server, and once more with early data, the end of whose handshake
// is withheld.
func comeBack(t *testing.T, address string, certificates []tls.Certificate, hasToken bool) earlyClient {
	t.Helper()
	return comeBackBy(t, address, certificates, hasToken, &firstFlight{open: make(chan struct{})})
}

func comeBackBy(t *testing.T, address string, certificates []tls.Certificate, hasToken bool, by *firstFlight) earlyClient {
	t.Helper()
	m := &memory{ClientSessionCache: tls.NewLRUClientSessionCache(1), TokenStore: quic.NewLRUTokenStore(1, 1)}
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	both := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"doq"}, ClientSessionCache: m.sessionCache(), Certificates: certificates}
	config := &quic.Config{HandshakeIdleTimeout: handshakeTime, TokenStore: m}
	first, err := quic.DialAddr(ctx, address, both, config)
	if err != nil {
		t.Fatal(err)
	}
	eventually.Succeed(t, func() error {
		if m.sessions.Load() == 0 || m.tokens.Load() == 0 {
			return errors.New("no session and token yet")
		}
		return nil
	})
	first.CloseWithError(noError, "")
	if !hasToken {
		config.TokenStore = nil
	}
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	by.PacketConn = socket
	c := earlyClient{firstFlight: by}
	transport := &quic.Transport{Conn: c.firstFlight}
	if c.conn, err = transport.DialEarly(ctx, to, both, config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		select {
		case <-c.open:
		default:
			close(c.open)
		}
		transport.Close()
		socket.Close()
	})
	return c
}

// send sends a query on a stream of its own.
func (c *earlyClient) send(t *testing.T, message []byte) *quic.Stream {
	t.Helper()
	stream, err := c.conn.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	stream.SetDeadline(time.Now().Add(eventually.Limit))
	if _, err := stream.Write(framed(message)); err != nil {
		t.Fatal(err)
	}
	stream.Close()
	return stream
}

// sendEarly is send, and waits until the query has left.
func (c *earlyClient) sendEarly(t *testing.T, message []byte) *quic.Stream {
	t.Helper()
	_, before := c.flight()
	stream := c.send(t, message)
	eventually.Succeed(t, func() error {
		if _, early := c.flight(); early == before {
			return errors.New("nothing is sent early")
		}
		return nil
	})
	return stream
}

// counting is a resolver that counts what it is asked, by opcode and type.
type counting struct {
	mu    sync.Mutex
	asked map[string]int
}

func (c *counting) Resolve(ctx context.Context, x *names.Exchange) error {
	c.mu.Lock()
	c.asked[kindOf(x.Query.Header.Flags.Opcode(), x.Question().Type)]++
	c.mu.Unlock()
	return zone(ctx, x)
}

func kindOf(o wire.Opcode, kind wire.Type) string { return fmt.Sprint(o, " ", kind) }

func (c *counting) count(o wire.Opcode, kind wire.Type) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[kindOf(o, kind)]
}

// startEarly serves, and counts what the resolver is asked.
func startEarly(t *testing.T, isAllowed bool, config *tls.Config) (s *Server, address string, asked *counting) {
	t.Helper()
	asked = &counting{asked: map[string]int{}}
	e, err := listener.NewEdge(listener.Config{Resolver: asked, Opcodes: map[wire.Opcode]names.Resolver{wire.OpcodeUpdate: asked, wire.OpcodeNotify: asked}})
	if err != nil {
		t.Fatal(err)
	}
	s, address = start(t, Config{Edge: e, DoQ: true, TLS: config})
	s.Early(isAllowed)
	return s, address, asked
}

// request is a message of another opcode than QUERY.
func request(o wire.Opcode) []byte {
	b := query(0, "example.", wire.TypeSOA)
	b[2] |= byte(o) << 3
	return b
}

// Queries are answered before the end of the handshake; what must not be repeated waits
// for it (RFC 9250 4.5).
func TestEarlyData(t *testing.T) {
	s, address, asked := startEarly(t, true, nil)
	c := comeBack(t, address, nil, true)
	at := c.sendEarly(t, query(0, "www.example.", wire.TypeA))
	later := []*quic.Stream{
		c.sendEarly(t, request(wire.OpcodeUpdate)), c.sendEarly(t, request(wire.OpcodeNotify)),
		c.sendEarly(t, query(0, "example.", wire.TypeAXFR)), c.sendEarly(t, query(0, "example.", wire.TypeIXFR)),
	}
	close(c.open)
	if got, err := io.ReadAll(at); err != nil || len(got) < 2 {
		t.Fatalf("early query: % x, %v", got, err)
	}
	if !c.conn.ConnectionState().Used0RTT {
		t.Error("early data is not accepted")
	}
	others := func() [4]int {
		return [4]int{asked.count(wire.OpcodeUpdate, wire.TypeSOA), asked.count(wire.OpcodeNotify, wire.TypeSOA), asked.count(wire.OpcodeQuery, wire.TypeAXFR), asked.count(wire.OpcodeQuery, wire.TypeIXFR)}
	}
	if n := others(); n != [4]int{} {
		t.Errorf("%v UPDATE, NOTIFY, AXFR, IXFR are processed before the end of the handshake", n)
	}
	if n := s.Stats().EarlyQueries; n != 1 {
		t.Errorf("%d queries are early", n)
	}
	c.release()
	for i, stream := range later {
		if got, err := io.ReadAll(stream); err != nil || len(got) < 2 {
			t.Errorf("after the handshake, stream %d: % x, %v", i, got, err)
		}
	}
	if n := others(); n != [4]int{1, 1, 1, 1} {
		t.Errorf("%v UPDATE, NOTIFY, AXFR, IXFR after the handshake", n)
	}
}

// Queries wait for the end of the handshake if the operator does not want early data, the
// client may have forged its address, or is one by a certificate.
func TestEarlyDataThatWaits(t *testing.T) {
	ca, err := certificate.MakeSelfSigned([]string{"client.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		hasToken     bool
		certificates []tls.Certificate
		server       *tls.Config
	}{
		{"no token", false, nil, nil},
		{"certificate", true, []tls.Certificate{*ca}, &tls.Config{ClientAuth: tls.RequireAnyClientCert}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, address, asked := startEarly(t, true, c.server)
			client := comeBack(t, address, c.certificates, c.hasToken)
			stream := client.sendEarly(t, query(0, "www.example.", wire.TypeA))
			close(client.open)
			<-client.conn.HandshakeComplete() // for the client: the server has not its end
			if n := asked.count(wire.OpcodeQuery, wire.TypeA); n != 0 {
				t.Errorf("%d queries before the end of the handshake", n)
			}
			client.release()
			if got, err := io.ReadAll(stream); err != nil || len(got) < 2 {
				t.Errorf("after it: % x, %v", got, err)
			}
			if n := s.Stats().EarlyQueries; n != 0 {
				t.Errorf("%d queries are early", n)
			}
		})
	}
	t.Run("off", func(t *testing.T) {
		s, address, _ := startEarly(t, false, nil)
		by := &firstFlight{open: make(chan struct{}), released: true} // there is nothing to send early
		close(by.open)
		client := comeBackBy(t, address, nil, true, by)
		if got, err := io.ReadAll(client.send(t, query(0, "www.example.", wire.TypeA))); err != nil || len(got) < 2 {
			t.Errorf("% x, %v", got, err)
		}
		if client.conn.ConnectionState().Used0RTT || s.Stats().EarlyQueries != 0 {
			t.Error("early data is accepted")
		}
	})
}

// An observer that sends the packets of a client again has its query answered once more,
// to the address of the client, and changes nothing; from another address it has only
// the beginning of a handshake.
func TestReplayedEarlyData(t *testing.T) {
	for _, c := range []struct {
		name, from string
		want       int // queries that are answered
	}{
		{"address of the client", "127.0.0.1", 1},
		{"another address", "127.0.0.2", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, address, asked := startEarly(t, true, nil)
			packets := captureEarly(t, s, address)
			queries, updates := asked.count(wire.OpcodeQuery, wire.TypeA), asked.count(wire.OpcodeUpdate, wire.TypeSOA)
			socket, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(c.from), 0)))
			if err != nil {
				t.Fatal(err)
			}
			defer socket.Close()
			to, sent := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(address)), 0
			before := s.Stats().Connections
			eventually.Succeed(t, func() error { // the connection that was closed is known for a while
				if s.Stats().Connections > before {
					return nil
				}
				sent = 0
				for _, p := range packets {
					if _, err := socket.WriteTo(p, to); err != nil {
						t.Fatal(err)
					}
					sent += len(p)
				}
				return errors.New("not a new connection")
			})
			received, buf := 0, make([]byte, 2048)
			receive := func() error {
				n, err := socket.Read(buf)
				received += n
				return err
			}
			socket.SetReadDeadline(time.Now().Add(eventually.Limit))
			if err := receive(); err != nil { // the handshake, which is read before the queries
				t.Fatal(err)
			}
			eventually.Succeed(t, func() error {
				if n := asked.count(wire.OpcodeQuery, wire.TypeA) - queries; n < c.want {
					return fmt.Errorf("%d queries are answered, not %d", n, c.want)
				}
				return nil
			})
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			s.Shutdown(ctx) // all queries are over
			if n := asked.count(wire.OpcodeQuery, wire.TypeA) - queries; n != c.want {
				t.Errorf("%d queries are answered, not %d", n, c.want)
			}
			if n := asked.count(wire.OpcodeUpdate, wire.TypeSOA) - updates; n != 0 {
				t.Errorf("%d updates", n)
			}
			socket.SetReadDeadline(time.Now())
			for receive() == nil {
			}
			if received > 3*sent { // RFC 9000 8.1
				t.Errorf("%d octets sent, %d received", sent, received)
			}
		})
	}
}

// captureEarly returns what a client sends that comes back with an update and a query, once
// it is gone.
func captureEarly(t *testing.T, s *Server, address string) (packets [][]byte) {
	t.Helper()
	c := comeBack(t, address, nil, true)
	at := c.sendEarly(t, query(0, "www.example.", wire.TypeA))
	c.sendEarly(t, request(wire.OpcodeUpdate))
	packets, _ = c.flight()
	close(c.open)
	if _, err := io.ReadAll(at); err != nil {
		t.Fatal(err)
	}
	c.release()
	c.conn.CloseWithError(noError, "")
	eventually.Succeed(t, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open != 0 {
			return fmt.Errorf("%d connections are open", s.open)
		}
		return nil
	})
	return packets
}

// A client that has shown its address, and has a certificate and no session, is the one of
// its certificate, though its connection may be looked at before that comes.
func TestCertificateWithoutSession(t *testing.T) {
	certificates, err := certificate.MakeSelfSigned([]string{"client.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var unknown atomic.Int32
	e := edge(t, names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
		if x.Peer.TLS == nil || x.Peer.TLS.ClientKey == nil {
			unknown.Add(1)
		}
		return zone(ctx, x)
	}))
	s, address := start(t, Config{Edge: e, DoQ: true, TLS: &tls.Config{ClientAuth: tls.RequireAnyClientCert}})
	s.Early(true)
	m := &memory{TokenStore: quic.NewLRUTokenStore(1, 1)}
	for i := range 5 {
		tokens := m.tokens.Load()
		ctx, cancel := context.WithTimeout(context.Background(), eventually.Limit)
		conn, err := quic.DialAddr(ctx, address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"doq"}, Certificates: []tls.Certificate{*certificates}}, &quic.Config{HandshakeIdleTimeout: handshakeTime, TokenStore: m})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ask(t, conn, framed(query(0, "www.example.", wire.TypeA))); err != nil {
			t.Errorf("connection %d: %v", i, err)
		}
		eventually.Succeed(t, func() error {
			if m.tokens.Load() == tokens {
				return errors.New("no token for the next connection")
			}
			return nil
		})
		conn.CloseWithError(noError, "")
	}
	if n := unknown.Load(); n != 0 {
		t.Errorf("%d queries are of no client", n)
	}
}
