package doq

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/listener/doh"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Handshakes take as long as the machine needs.
func TestMain(m *testing.M) {
	handshakeTime = eventually.Limit
	os.Exit(m.Run())
}

// zone answers A for all names, drops drop., and sends three messages for AXFR.
func zone(_ context.Context, x *names.Exchange) error {
	name := x.Question().Name
	if name.String() == "drop." {
		return names.ErrDrop
	}
	for i := range 3 {
		if err := x.Reply.Raw(name, wire.TypeA, wire.ClassIN, 60, []byte{192, 0, 2, byte(i)}); err != nil {
			return err
		}
		if x.Question().Type != wire.TypeAXFR {
			break
		}
		if i < 2 {
			if err := x.NextMessage(); err != nil {
				return err
			}
		}
	}
	return nil
}

func edge(t testing.TB, r names.Resolver) *listener.Edge {
	t.Helper()
	e, err := listener.NewEdge(listener.Config{Resolver: r})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// start serves on loopback.
func start(t testing.TB, c Config) (s *Server, address string) {
	t.Helper()
	if c.Edge == nil {
		c.Edge = edge(t, names.ResolverFunc(zone))
	}
	cert, err := certificate.MakeSelfSigned([]string{"ns.example"}, []netip.Addr{netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	if c.TLS == nil {
		c.TLS = &tls.Config{}
	}
	c.TLS.Certificates = []tls.Certificate{*cert}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if s, err = Listen(conn, c); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Shutdown(ctx)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s, s.Addr().String()
}

func dial(t testing.TB, address string) *quic.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := quic.DialAddr(ctx, address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"doq"}}, &quic.Config{HandshakeIdleTimeout: handshakeTime})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseWithError(0, "") })
	return conn
}

func query(id uint16, name string, kind wire.Type, options ...wire.OptionCode) []byte {
	e := &wire.EDNS{UDPSize: 1232}
	for _, o := range options {
		e.Options = e.Options.AppendOption(o, nil)
	}
	return wire.AppendQuery(nil, id, 0, wire.Question{Name: wire.MustParseName(name), Type: kind, Class: wire.ClassIN}, e)
}

func framed(messages ...[]byte) (b []byte) {
	for _, m := range messages {
		b = binary.BigEndian.AppendUint16(b, uint16(len(m)))
		b = append(b, m...)
	}
	return b
}

// ask sends octets on a stream of their own, and returns what comes back.
func ask(t testing.TB, conn *quic.Conn, octets []byte) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	stream.SetDeadline(time.Now().Add(time.Minute))
	if _, err := stream.Write(octets); err != nil {
		return nil, err
	}
	stream.Close()
	return io.ReadAll(stream)
}

func TestQueriesOverQUIC(t *testing.T) {
	_, address := start(t, Config{DoQ: true})
	conn := dial(t, address)
	var all sync.WaitGroup
	for range 150 { // more than there may be at once
		all.Go(func() {
			got, err := ask(t, conn, framed(query(0, "www.example.", wire.TypeA)))
			if err != nil || len(got) < 2 || len(got) != 2+int(binary.BigEndian.Uint16(got)) {
				t.Errorf("reply % x, %v", got, err)
				return
			}
			if m, err := wire.ParseMessage(got[2:]); err != nil || m.ID != 0 || len(m.Answers) != 1 {
				t.Errorf("%v, %v", m, err)
			}
		})
	}
	all.Wait()
	got, err := ask(t, conn, framed(query(0, "example.", wire.TypeAXFR)))
	if err != nil {
		t.Fatal(err)
	}
	messages := 0
	for len(got) > 2 {
		n := int(binary.BigEndian.Uint16(got))
		if _, err := wire.ParseMessage(got[2 : 2+n]); err != nil {
			t.Fatal(err)
		}
		got = got[2+n:]
		messages++
	}
	if messages != 3 {
		t.Errorf("%d messages of a transfer", messages)
	}
	if _, err := ask(t, conn, framed(query(0, "drop.", wire.TypeA))); err == nil {
		t.Error("a query that is dropped has a reply")
	}
	if _, err := ask(t, conn, framed(query(0, "www.example.", wire.TypeA))); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// What RFC 9250 forbids ends the connection with DOQ_PROTOCOL_ERROR (4.3.3).
func TestProtocolErrors(t *testing.T) {
	s, address := start(t, Config{DoQ: true})
	good := query(0, "www.example.", wire.TypeA)
	broken := uint64(0)
	for what, octets := range map[string][]byte{
		"an ID":              framed(query(1, "www.example.", wire.TypeA)),
		"keepalive":          framed(query(0, "www.example.", wire.TypeA, wire.OptionKeepalive)),
		"two queries":        framed(good, good),
		"half a query":       framed(good)[:10],
		"nothing":            {},
		"half a length":      {0},
		"less than a header": {0, 3, 1, 2, 3},
		"an octet more":      append(framed(good), 0),
	} {
		conn := dial(t, address)
		_, err := ask(t, conn, octets)
		var closed *quic.ApplicationError
		<-conn.Context().Done()
		if cause := context.Cause(conn.Context()); !errors.As(cause, &closed) || closed.ErrorCode != protocolError {
			t.Errorf("%s: %v, %v", what, err, cause)
		}
		broken++
	}
	if got := s.Stats().ProtocolErrors; got != broken {
		t.Errorf("%d errors counted, of %d", got, broken)
	}
	conn := dial(t, address)
	if stream, err := conn.OpenUniStream(); err == nil {
		t.Errorf("a stream in one direction was opened: %v", stream.StreamID())
	}
}

// Clients have a share of the connections; who has too many is refused.
func TestConnectionsOfAClient(t *testing.T) {
	refused := make(chan netip.Prefix, 100)
	s, address := start(t, Config{DoQ: true, MaxConnectionsPerClient: 3, Refused: func(client netip.Prefix) {
		select {
		case refused <- client:
		default:
		}
	}})
	for range 3 {
		dial(t, address)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := quic.DialAddr(ctx, address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"doq"}}, nil); err == nil {
		t.Error("a fourth connection was accepted")
	}
	if client := <-refused; client.String() != "127.0.0.1/32" {
		t.Errorf("refused %v", client)
	}
	if got := s.Stats(); got.Ends.Refused == 0 {
		t.Errorf("%+v", got)
	}
	s.Limit(0, 0) // not 4: a packet of the client that was refused may still take a place
	dial(t, address)
}

// First packets without a second one: those above a rate get a Retry, and nothing is
// kept of them; good clients still get through.
func TestInitialFlood(t *testing.T) {
	s, address := start(t, Config{DoQ: true, MaxConnections: 300, MaxConnectionsPerClient: 290})
	now := time.Unix(1, 0)
	for range freeHandshakes {
		if !s.retry.allow(now) {
			t.Fatal("a client has to prove its address at once")
		}
	}
	if s.retry.allow(now) {
		t.Error("clients need not prove their address")
	}
	if !s.retry.allow(now.Add(2 * time.Second)) {
		t.Error("clients have to prove their address for ever")
	}
	s.retry.mu.Lock()
	s.retry.since, s.retry.count = time.Now().Add(time.Hour), freeHandshakes // a flood that goes on
	s.retry.mu.Unlock()
	conn := dial(t, address)
	if _, err := ask(t, conn, framed(query(0, "www.example.", wire.TypeA))); err != nil {
		t.Errorf("a client that proves its address: %v", err)
	}
	if s.Stats().Retries == 0 {
		t.Error("no Retry was sent")
	}
}

// Clients are asked about once they have proved their address, and refused at once.
func TestAdmission(t *testing.T) {
	var asked atomic.Int32
	s, address := start(t, Config{DoQ: true, Admit: func(client netip.Addr) bool { return asked.Add(1) < 2 }})
	dial(t, address)
	if n := asked.Load(); n != 0 {
		t.Errorf("asked %d times about an address that may be forged", n)
	}
	s.retry.mu.Lock()
	s.retry.since, s.retry.count = time.Now().Add(time.Hour), freeHandshakes
	s.retry.mu.Unlock()
	dial(t, address)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := quic.DialAddr(ctx, address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"doq"}}, nil); err == nil {
		t.Error("a connection too many a second was accepted")
	}
	if got := s.Stats(); got.Ends.Refused == 0 || got.Connections != 2+got.Ends.Refused { // a first packet may come again
		t.Errorf("%+v", got)
	}
}

// A client is asked about by its address, not by that of its network: it may be loopback,
// or without a limit.
func TestAdmissionOfAddress(t *testing.T) {
	var asked netip.Addr
	s := &Server{config: Config{Admit: func(a netip.Addr) bool {
		asked = a
		return false
	}}}
	from := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("[::1]:4711"))
	if _, err := s.admit(t.Context(), &quic.ClientInfo{RemoteAddr: from, AddrVerified: true}); err != errTooFast || asked != netip.IPv6Loopback() {
		t.Errorf("asked about %v (%v)", asked, err)
	}
}

func TestHTTP3(t *testing.T) {
	e := edge(t, names.ResolverFunc(zone))
	_, address := start(t, Config{Edge: e, HTTP: &doh.Handler{Edge: e}})
	transport := &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.Close()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	q := query(0, "www.example.", wire.TypeA)
	for what, do := range map[string]func() (*http.Response, error){
		"GET": func() (*http.Response, error) {
			return client.Get("https://" + address + "/dns-query?dns=" + base64.RawURLEncoding.EncodeToString(q))
		},
		"POST": func() (*http.Response, error) {
			return client.Post("https://"+address+"/dns-query", "application/dns-message", bytes.NewReader(q))
		},
	} {
		r, err := do()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if m, err := wire.ParseMessage(body); err != nil || len(m.Answers) != 1 || r.Header.Get("Cache-Control") != "max-age=60" || r.ProtoMajor != 3 {
			t.Errorf("%s: %v, %v, %v", what, r, m, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(framed(query(0, "www.example.", wire.TypeA)))
	f.Add([]byte{0, 12})
	f.Fuzz(func(t *testing.T, octets []byte) {
		var e, slow exchange
		err := e.read(bytes.NewReader(octets))
		errSlow := slow.read(iotest.OneByteReader(bytes.NewReader(octets)))
		if (err == nil) != (errSlow == nil) || !bytes.Equal(e.query, slow.query) {
			t.Fatalf("%v, octet by octet %v", err, errSlow)
		}
		if err == nil {
			if !bytes.Equal(framed(e.query), octets) {
				t.Errorf("query % x of % x", e.query, octets)
			}
			isAllowed(e.query)
		}
	})
}

// TestEnds: each connection is counted once, by why it ended.
func TestEnds(t *testing.T) {
	s, address := start(t, Config{DoQ: true})
	var want listener.Ends
	expect := func(what string) {
		t.Helper()
		eventually.Succeed(t, func() error {
			if got := s.Stats(); got.Ends != want || got.Connections != want.Sum() {
				return fmt.Errorf("%s: %+v, not %+v", what, got, want)
			}
			return nil
		})
	}
	conn := dial(t, address)
	if _, err := ask(t, conn, framed(query(0, "www.example.", wire.TypeA))); err != nil {
		t.Fatal(err)
	}
	conn.CloseWithError(noError, "")
	want.Finished++
	expect("the client closes")
	conn = dial(t, address)
	ask(t, conn, framed(query(1, "www.example.", wire.TypeA))) // the ID is not 0
	want.Broken++
	expect("an error of the client")
	other := &want
	for _, c := range []struct {
		err  error
		want *uint64
	}{
		{&quic.IdleTimeoutError{}, &other.Overdue}, {&quic.HandshakeTimeoutError{}, &other.Overdue},
		{&quic.ApplicationError{ErrorCode: noError}, &other.Stopped}, {quic.ErrServerClosed, &other.Stopped}, {quic.ErrTransportClosed, &other.Stopped},
		{&quic.ApplicationError{ErrorCode: quic.ApplicationErrorCode(http3.ErrCodeNoError), Remote: true}, &other.Finished},
		{&quic.TransportError{ErrorCode: quic.NoError, Remote: true}, &other.Finished},
		{&quic.TransportError{ErrorCode: quic.FlowControlError, Remote: true}, &other.Broken}, {&quic.StatelessResetError{}, &other.Broken},
	} {
		if got := endOf(c.err, other); got != c.want {
			t.Errorf("%v is counted elsewhere", c.err)
		}
	}
}
