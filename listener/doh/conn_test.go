package doh

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/listener"
)

// TestEnds: each connection is counted once, by why it ended.
func TestEnds(t *testing.T) {
	s, address, config := serving(t, ServerConfig{MaxConnectionsPerClient: 2})
	var want Stats
	expect := func(what string) {
		t.Helper()
		want.Connections++
		eventually.Succeed(t, func() error {
			if got := s.Stats(); got != want {
				return fmt.Errorf("%s: %+v, not %+v", what, got, want)
			}
			return nil
		})
	}
	for _, protocol := range []string{"h2", "http/1.1"} {
		config.NextProtos = []string{protocol}
		transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: protocol == "h2"}
		r, err := (&http.Client{Transport: transport}).Post("https://"+address+"/dns-query", mediaType, bytes.NewReader(query("www.example.")))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
		transport.CloseIdleConnections()
		want.Ends.Finished++
		expect(protocol + ", the client closes")
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n")
	want.Ends.Broken++
	expect("what comes is not TLS")
	var open []net.Conn
	for range 3 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		open = append(open, conn)
	}
	io.Copy(io.Discard, open[2])
	want.Ends.Refused++
	want.Connections += 2
	expect("too many")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.Shutdown(ctx)
	want.Ends.Stopped += 2
	want.Connections--
	expect("the server stops")
	if sum := want.Ends.Sum(); sum != want.Connections {
		t.Errorf("%d connections, of which %d have ended", want.Connections, sum)
	}
}

// serving is startServer for tests that stop the server.
func serving(t *testing.T, c ServerConfig) (s *Server, address string, config *tls.Config) {
	t.Helper()
	address, config = startServer(t, c, func(started *Server) { s = started })
	return s, address, config
}

// TestReasons: what reads and writes say of the end, and what is not an end.
func TestReasons(t *testing.T) {
	past := time.Unix(1, 0)
	for _, c := range []struct {
		name string
		do   func(c *boundedConn, client net.Conn)
		want end
	}{
		{"the client closes", func(c *boundedConn, client net.Conn) { client.Close(); c.Read(make([]byte, 1)) }, finished},
		{"nothing comes in time", func(c *boundedConn, _ net.Conn) {
			c.SetReadDeadline(c.accepted.Add(time.Nanosecond))
			c.Read(make([]byte, 1))
		}, overdue},
		{"a reply is not taken in time", func(c *boundedConn, _ net.Conn) {
			c.SetDeadline(c.accepted.Add(time.Nanosecond))
			c.Write(make([]byte, 1))
		}, overdue},
		{"the server ends its own read, then the connection", func(c *boundedConn, _ net.Conn) {
			c.asked.Store(true)
			c.SetReadDeadline(past)
			c.Read(make([]byte, 1))
		}, finished},
		{"a timer of HTTP/2", func(c *boundedConn, _ net.Conn) { c.isReading.Store(true) }, overdue},
		{"no request", func(*boundedConn, net.Conn) {}, broken},
		{"a reset", func(c *boundedConn, _ net.Conn) { c.note(errors.New("reset")) }, broken},
		{"the first error counts", func(c *boundedConn, _ net.Conn) { c.note(io.EOF); c.note(os.ErrDeadlineExceeded) }, finished},
		{"the server stops", func(c *boundedConn, _ net.Conn) { c.listener.stopping.Store(true) }, stopped},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, server := net.Pipe()
			defer client.Close()
			l := &boundedListener{max: 1, perClient: 1, clients: map[netip.Prefix]int{}}
			l.enter(netip.Prefix{})
			conn := &boundedConn{Conn: server, listener: l, accepted: time.Now()}
			c.do(conn, client)
			conn.Close()
			conn.Close()
			var want listener.Ends
			*c.want.of(&want)++
			if got := l.stats.Ends; got != want || l.open != 0 {
				t.Errorf("%+v, not %+v", got, want)
			}
		})
	}
}
