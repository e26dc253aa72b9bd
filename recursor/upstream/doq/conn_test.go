package doq

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/recursor/upstream/encrypted"
)

func dialConn(t testing.TB, s *server, from netip.Addr) (net.Conn, error) {
	t.Helper()
	parsed, err := encrypted.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := encrypted.New(parsed, encrypted.Config{QUIC: New})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := Dial(limit(t), c, from)
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

// Queries that are written as to TCP have a stream each and the ID 0; replies of many
// messages come back with the ID of the query, from the address that is wanted.
func TestConn(t *testing.T) {
	const messages = 5
	bad := make(chan string, 100)
	s := listen(t, func(conn *quic.Conn, stream *quic.Stream) {
		query, err := frame.Read(stream, nil)
		if err != nil || query[0]|query[1] != 0 {
			bad <- "a query with an ID"
		}
		if rest, err := io.ReadAll(stream); len(rest) != 0 || err != nil {
			bad <- "a stream that does not end"
		}
		if from := conn.RemoteAddr().(*net.UDPAddr).IP.String(); from != "127.0.0.9" {
			bad <- "a query from " + from
		}
		for range messages {
			frame.Write(stream, query)
		}
		stream.Close()
	})
	conn, err := dialConn(t, s, netip.MustParseAddr("127.0.0.9"))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("before a query: %d octets, %v", n, err)
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	for i := range 200 { // more than there may be streams at once
		want := query("www.example.")
		want[0], want[1] = 0x12, byte(i)
		framed := frame.Append(nil, want)
		cut := i % len(framed)
		for _, part := range [][]byte{framed[:cut], framed[cut:]} {
			if _, err := conn.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		from := io.Reader(conn)
		if i%2 == 1 {
			from = iotest.OneByteReader(conn)
		}
		for range 1 + i%messages { // the rest is not read
			if got, err := frame.Read(from, nil); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("query %d: % x, %v", i, got, err)
			}
		}
	}
	if _, err := conn.Write([]byte{0, 3, 1, 2, 3}); err == nil {
		t.Error("half a header is sent")
	}
	select {
	case what := <-bad:
		t.Error(what)
	default:
	}
}

func TestConnToBadServers(t *testing.T) {
	for what, c := range map[string]struct {
		answer func(*quic.Conn, *quic.Stream)
		want   error // nil: any
	}{
		"closes the connection": {func(conn *quic.Conn, _ *quic.Stream) { conn.CloseWithError(5, "go away") }, nil},
		"ends the stream":       {func(_ *quic.Conn, s *quic.Stream) { s.Close() }, io.EOF},
		"resets the stream":     {func(_ *quic.Conn, s *quic.Stream) { s.CancelWrite(1) }, nil},
		"sends half a reply": {func(_ *quic.Conn, s *quic.Stream) {
			s.Write(append([]byte{0, 100}, make([]byte, 50)...))
			s.Close()
		}, io.ErrUnexpectedEOF},
		"sends no header": {func(_ *quic.Conn, s *quic.Stream) { s.Write([]byte{0, 3, 1, 2, 3}) }, nil},
		"is silent":       {func(*quic.Conn, *quic.Stream) {}, os.ErrDeadlineExceeded},
	} {
		s := listen(t, func(conn *quic.Conn, stream *quic.Stream) { c.answer(conn, stream) })
		conn, err := dialConn(t, s, netip.Addr{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(frame.Append(nil, query("www.example."))); err != nil {
			t.Fatalf("a server that %s: %v", what, err)
		}
		if c.want == os.ErrDeadlineExceeded {
			conn.SetDeadline(time.Now())
		}
		if _, err := frame.Read(conn, nil); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("a server that %s: %v", what, err)
		}
		conn.Close()
		if _, err := conn.Write(frame.Append(nil, query("www.example."))); err == nil {
			t.Errorf("a server that %s: a query is sent after the end", what)
		}
	}
}

// A server that proves nothing is asked nothing.
func TestConnNeedsProof(t *testing.T) {
	s := listen(t, right)
	s.url = "quic://" + s.listener.Addr().String() + "#ns.example"
	if _, err := dialConn(t, s, netip.Addr{}); err == nil || !strings.Contains(err.Error(), "no authority that is trusted vouches for it") {
		t.Errorf("error %v", err)
	}
}
