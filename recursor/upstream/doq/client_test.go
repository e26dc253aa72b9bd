package doq

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/names-dns/names/internal/certificatetest"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/internal/pin"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/wire"
)

// Handshakes take as long as the machine needs.
func TestMain(m *testing.M) {
	handshakeTime = eventually.Limit
	os.Exit(m.Run())
}

func certificate(t testing.TB) *tls.Certificate {
	return certificatetest.New(t, &x509.Certificate{DNSNames: []string{"ns.example"}}, nil)
}

// server accepts connections over QUIC, and does with each stream what answer does.
type server struct {
	listener *quic.Listener
	accepted atomic.Int32
	url      string
}

func listen(t testing.TB, answer func(conn *quic.Conn, stream *quic.Stream)) *server {
	t.Helper()
	c := certificate(t)
	l, err := quic.ListenAddr("127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*c}, NextProtos: []string{"doq"}}, &quic.Config{HandshakeIdleTimeout: handshakeTime})
	if err != nil {
		t.Fatal(err)
	}
	s := &server{listener: l, url: fmt.Sprintf("quic://%s?pin=%s", l.Addr(), pin.Text(pin.Of(c.Leaf)))}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept(context.Background())
			if err != nil {
				return
			}
			s.accepted.Add(1)
			running.Go(func() {
				for {
					stream, err := conn.AcceptStream(context.Background())
					if err != nil {
						return
					}
					running.Go(func() { answer(conn, stream) })
				}
			})
		}
	})
	t.Cleanup(running.Wait)
	t.Cleanup(func() { l.Close() })
	return s
}

// right answers a query with its own octets, as a reply.
func right(_ *quic.Conn, stream *quic.Stream) {
	query, err := frame.Read(stream, nil)
	if err != nil {
		return
	}
	query[2] |= 0x80
	if rest, err := io.ReadAll(stream); len(rest) == 0 && err == nil { // RFC 9250 4.2: the end has to come
		frame.Write(stream, query)
	}
	stream.Close()
}

func transport(t testing.TB, url string) *upstream.Transport {
	t.Helper()
	s, err := encrypted.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := encrypted.New(s, encrypted.Config{QUIC: New, HTTP3: NewHTTP3})
	if err != nil {
		t.Fatal(err)
	}
	transport := c.Transport()
	t.Cleanup(transport.Close)
	return transport
}

func query(name string) []byte {
	return wire.AppendQuery(nil, 0, wire.FlagRD, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, nil)
}

// limit is long enough for a machine that is busy with something else.
func limit(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func TestQueriesShareAConnection(t *testing.T) {
	s := listen(t, right)
	transport, ctx := transport(t, s.url), limit(t)
	var asking sync.WaitGroup
	for i := range 200 { // more than there may be streams at once
		asking.Go(func() {
			q := query(fmt.Sprintf("host%d.example.", i))
			reply, err := transport.Exchange(ctx, q)
			if err != nil || len(reply) != len(q) || string(reply[12:]) != string(q[12:]) {
				t.Errorf("question %d: % x, %v", i, reply, err)
			}
		})
	}
	asking.Wait()
	if got := s.accepted.Load(); got != 1 {
		t.Errorf("%d connections", got)
	}
	transport.Close()
	if _, err := transport.Exchange(ctx, query("www.example.")); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

// What had no answer when the server closed the connection is asked once more.
func TestReconnect(t *testing.T) {
	var asked atomic.Int32
	s := listen(t, func(conn *quic.Conn, stream *quic.Stream) {
		if asked.Add(1)%2 == 0 {
			conn.CloseWithError(noError, "")
			return
		}
		right(conn, stream)
	})
	transport, ctx := transport(t, s.url), limit(t)
	for i := range 4 {
		if _, err := transport.Exchange(ctx, query("www.example.")); err != nil {
			t.Fatalf("question %d: %v", i, err)
		}
	}
	if got := s.accepted.Load(); got != 4 {
		t.Errorf("%d connections", got)
	}
}

func TestBadServers(t *testing.T) {
	for what, c := range map[string]struct {
		answer func(*quic.Conn, *quic.Stream)
		want   string
	}{
		"closes each connection": {func(conn *quic.Conn, _ *quic.Stream) { conn.CloseWithError(5, "go away") }, `the server closed the connection: error 0x5 "go away"`},
		"ends each stream":       {func(_ *quic.Conn, s *quic.Stream) { s.CancelWrite(1) }, "stream ended without a reply"},
		"sends half a reply": {func(_ *quic.Conn, s *quic.Stream) {
			s.Write([]byte{0, 100, 1, 2, 3})
			s.Close()
		}, "stream ended without a reply"},
		"is silent": {func(*quic.Conn, *quic.Stream) {}, context.Canceled.Error()},
	} {
		got := make(chan struct{}, 10)
		s := listen(t, func(conn *quic.Conn, stream *quic.Stream) {
			c.answer(conn, stream)
			got <- struct{}{}
		})
		transport := transport(t, s.url)
		ctx, cancel := context.WithCancel(limit(t))
		if strings.Contains(c.want, "canceled") {
			go func() {
				<-got
				cancel()
			}()
		}
		if _, err := transport.Exchange(ctx, query("www.example.")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("a server that %s: %v, want %q", what, err, c.want)
		}
		cancel()
	}
}

// The end of the stream is not waited for, nor what comes after the reply.
func TestReplyWithoutEnd(t *testing.T) {
	s := listen(t, func(_ *quic.Conn, stream *quic.Stream) {
		query, _ := frame.Read(stream, nil)
		frame.Write(stream, query)
		for chunk := make([]byte, 1000); ; {
			if _, err := stream.Write(chunk); err != nil {
				return
			}
		}
	})
	if _, err := transport(t, s.url).Exchange(limit(t), query("www.example.")); err != nil {
		t.Error(err)
	}
}

func TestProof(t *testing.T) {
	s := listen(t, right)
	address := s.listener.Addr().String()
	for url, want := range map[string]string{
		"quic://" + address + "?opportunistic":                                    "",
		"quic://" + address + "#ns.example":                                       "no authority that is trusted vouches for it",
		"quic://" + address + "?pin=B6LEEoIsxgYmZnhsL+MUw4MtEyz8WUCMHTa3mFR7b20=": "key is not the one that is pinned",
	} {
		if _, err := transport(t, url).Exchange(limit(t), query("www.example.")); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}

func TestHTTP3(t *testing.T) {
	c := certificate(t)
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http3.Server{TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{*c}}), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/dns-message")
		if r.URL.Path == "/huge" {
			for chunk := make([]byte, 1000); err == nil; {
				_, err = w.Write(chunk)
			}
			return
		}
		w.Write(query)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.Serve(conn)
	}()
	t.Cleanup(func() { h.Close(); conn.Close(); <-ended })
	for path, want := range map[string]string{"": "", "/huge": "more than a DNS message has"} {
		transport := transport(t, fmt.Sprintf("h3://%s%s?pin=%s", conn.LocalAddr(), path, pin.Text(pin.Of(c.Leaf))))
		q := query("www.example.")
		reply, err := transport.Exchange(limit(t), q)
		if want == "" && (err != nil || string(reply) != string(q)) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("path %q: % x, %v, want %q", path, reply, err, want)
		}
	}
}
