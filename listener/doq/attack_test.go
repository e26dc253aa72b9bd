package doq

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/names-dns/names/listener/doh"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// deaf is a socket that sends, and receives nothing: that of a client that forges its
// address.
type deaf struct {
	net.PacketConn
	closed chan struct{}
}

func (d deaf) ReadFrom([]byte) (int, net.Addr, error) {
	<-d.closed
	return 0, nil, net.ErrClosed
}

func (d deaf) Close() error {
	close(d.closed)
	return d.PacketConn.Close()
}

// First packets from addresses at which no client is: half of the places at the most are
// taken, then clients have to prove their address, and those that do are answered.
func TestForgedInitials(t *testing.T) {
	const places = 40
	s, address := start(t, Config{DoQ: true, MaxConnections: places, MaxConnectionsPerClient: places})
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var ended []chan struct{}
	for range 3 * places {
		socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		transport := &quic.Transport{Conn: deaf{socket, make(chan struct{})}}
		over := make(chan struct{})
		ended = append(ended, over)
		go func() {
			defer close(over)
			if _, err := transport.Dial(ctx, to, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"doq"}}, nil); err == nil {
				t.Error("a client that receives nothing is connected")
			}
			transport.Conn.Close()
		}()
	}
	conn := dial(t, address) // proves its address, if it comes late
	for range 100 {
		if _, err := ask(t, conn, framed(query(0, "www.example.", wire.TypeA))); err != nil {
			t.Fatalf("a good client: %v", err)
		}
	}
	s.mu.Lock()
	open := s.open
	s.mu.Unlock()
	if open > places/2+5 { // the one that makes it busy, and the good one
		t.Errorf("%d of %d places are taken", open, places)
	}
	cancel()
	for _, over := range ended {
		<-over
	}
}

// A client that leaves all its streams in the middle of a query takes no more than they
// are: it can open no more, and others are answered.
func TestStreamsWithoutEnd(t *testing.T) {
	_, address := start(t, Config{DoQ: true})
	conn, other := dial(t, address), dial(t, address)
	half := framed(query(0, "www.example.", wire.TypeA))[:20]
	opened := 0
	for {
		stream, err := conn.OpenStream()
		if errors.As(err, new(*quic.StreamLimitReachedError)) || errors.Is(err, quic.StreamLimitReachedError{}) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if opened++; opened > 10*maxStreams { // those whose time is over make room for others
			t.Fatalf("%d streams are open", opened)
		}
		stream.Write(half)
	}
	if _, err := ask(t, other, framed(query(0, "www.example.", wire.TypeA))); err != nil {
		t.Errorf("another client: %v", err)
	}
}

// A query that is larger than a message can be, and a stream that is filled without being
// read: the client is held to its window, and the connection is ended.
func TestWindowIsBounded(t *testing.T) {
	_, address := start(t, Config{DoQ: true})
	conn, other := dial(t, address), dial(t, address)
	stream, err := conn.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	stream.SetWriteDeadline(time.Now().Add(time.Minute))
	octets := append(framed(make([]byte, 65535)), make([]byte, 1<<20)...)
	if n, err := stream.Write(octets); err == nil {
		t.Errorf("%d octets are taken", n)
	}
	<-conn.Context().Done()
	if _, err := ask(t, other, framed(query(0, "www.example.", wire.TypeA))); err != nil {
		t.Errorf("another client: %v", err)
	}
}

// A client that moves to another address again and again, each of which it has to prove
// (PATH_CHALLENGE), is one connection all the same, and is answered.
func TestMigrations(t *testing.T) {
	s, address := start(t, Config{DoQ: true})
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	at := func() *quic.Transport {
		socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		transport := &quic.Transport{Conn: socket}
		t.Cleanup(func() {
			transport.Close()
			socket.Close()
		})
		return transport
	}
	conn, err := at().Dial(ctx, to, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"doq"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		path, err := conn.AddPath(at())
		if err != nil {
			t.Fatal(err)
		}
		err = path.Probe(ctx)
		if err != nil {
			t.Fatalf("path %d: %v", i, err)
		}
		if i%2 == 0 {
			err = path.Switch()
		} else { // it was only probed
			err = path.Close()
		}
		if err != nil {
			t.Fatalf("path %d: %v", i, err)
		}
		if _, err := ask(t, conn, framed(query(0, "www.example.", wire.TypeA))); err != nil {
			t.Fatalf("after move %d: %v", i, err)
		}
	}
	s.mu.Lock()
	open, clients := s.open, len(s.clients)
	s.mu.Unlock()
	if open != 1 || clients != 1 || s.Stats().Connections != 1 {
		t.Errorf("%d connections, %d clients, %+v", open, clients, s.Stats())
	}
}

// Headers that are too large, whole or by unfolding (QPACK), are not taken, and the server
// goes on.
func TestLargeHeadersOverHTTP3(t *testing.T) {
	e := edge(t, names.ResolverFunc(zone))
	_, address := start(t, Config{Edge: e, HTTP: &doh.Handler{Edge: e}})
	post := func(headers int) (*http.Response, error) {
		transport := &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		defer transport.Close()
		r, err := http.NewRequest("POST", "https://"+address+"/dns-query", bytes.NewReader(query(0, "www.example.", wire.TypeA)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/dns-message")
		for range headers {
			r.Header.Add("x", strings.Repeat("a", 1000))
		}
		response, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Do(r)
		if err == nil {
			response.Body.Close()
		}
		return response, err
	}
	for _, headers := range []int{20, 2000} {
		if r, err := post(headers); err == nil && r.StatusCode == http.StatusOK {
			t.Errorf("%d headers of 1000 octets are taken", headers)
		}
	}
	if r, err := post(1); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("another client: %v, %v", r, err)
	}
}
