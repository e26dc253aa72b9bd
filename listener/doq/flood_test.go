package doq

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
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/doh"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// overUDP serves in addition over UDP, and returns a function that asks there.
func overUDP(t *testing.T) (ask func()) {
	t.Helper()
	s, err := listener.Listen(listener.Config{Resolver: names.ResolverFunc(zone), Endpoints: []listener.Endpoint{{Address: netip.MustParseAddrPort("127.0.0.1:0"), Transport: names.UDP}}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	conn, err := net.Dial("udp", s.Addresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	q, reply := query(7, "www.example.", wire.TypeA), make([]byte, 512)
	return func() {
		t.Helper()
		conn.SetDeadline(time.Now().Add(eventually.Limit))
		if _, err := conn.Write(q); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(reply); err != nil {
			t.Errorf("UDP is not answered: %v", err)
		}
	}
}

// Clients that have a server prove one path after the other, many at once, hold what their
// connections hold: no place, no goroutine and no stream more. UDP and other clients are answered.
func TestPathChallengeFlood(t *testing.T) {
	const clients, atOnce, paths = 4, 4, 24
	s, address := start(t, Config{DoQ: true})
	to, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		t.Fatal(err)
	}
	at := func() (*quic.Transport, func()) {
		socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		transport := &quic.Transport{Conn: socket}
		return transport, func() {
			transport.Close()
			socket.Close()
		}
	}
	askUDP, good := overUDP(t), dial(t, address)
	ctx, cancel := context.WithTimeout(context.Background(), eventually.Limit)
	defer cancel()
	var conns []*quic.Conn
	for range clients {
		transport, end := at()
		defer end()
		conn, err := transport.Dial(ctx, to, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"doq"}}, &quic.Config{HandshakeIdleTimeout: handshakeTime})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ask(t, conn, framed(query(0, "www.example.", wire.TypeA))); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	before := runtime.NumGoroutine()
	var flood sync.WaitGroup
	var proved atomic.Int32
	for _, conn := range conns {
		for range atOnce {
			flood.Go(func() {
				for range paths / atOnce {
					transport, end := at()
					if path, err := conn.AddPath(transport); err == nil {
						probing, cancel := context.WithTimeout(ctx, time.Second)
						if path.Probe(probing) == nil {
							proved.Add(1)
						}
						cancel()
						path.Close()
					}
					end()
				}
			})
		}
	}
	over := make(chan struct{})
	go func() {
		flood.Wait()
		close(over)
	}()
	for isFlood := true; isFlood; isFlood = !isOver(over) {
		askUDP()
		if _, err := ask(t, good, framed(query(0, "www.example.", wire.TypeA))); err != nil {
			t.Fatalf("another client: %v", err)
		}
	}
	if proved.Load() == 0 {
		t.Error("no path was proved: this was not a flood")
	}
	s.mu.Lock()
	open, of := s.open, s.clients[netip.MustParsePrefix("127.0.0.1/32")]
	s.mu.Unlock()
	if stats := s.Stats(); open != clients+1 || of != open || stats.Connections != clients+1 || stats.Retries != 0 {
		t.Errorf("%d connections, %d of the client, %+v", open, of, stats)
	}
	eventually.Succeed(t, func() error {
		if now := runtime.NumGoroutine(); now > before+1 {
			return fmt.Errorf("%d goroutines before, %d after %d paths", before, now, proved.Load())
		}
		return nil
	})
}

// fieldLines is a block of headers (RFC 9204 4.5) with so many lines, each of which is two
// octets and names a line of 76 octets in the static table.
func fieldLines(n int) []byte {
	block := append([]byte{0, 0},
		0xC0|20,      // :method POST
		0xC0|23,      // :scheme https
		0xC0|1,       // :path /
		0x50, 1, 'a') // :authority a
	for range n {
		block = append(block, 0xFF, 85-63) // content-security-policy: script-src 'none'; object-src 'none'; base-uri 'none'
	}
	return block
}

// rawHTTP3 sends octets as the first on a request stream, and others on the encoder's stream
// of QPACK, and returns the error that the request ends with.
func rawHTTP3(t *testing.T, address string, request, encoder []byte) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), eventually.Limit)
	defer cancel()
	conn, err := quic.DialAddr(ctx, address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h3"}}, &quic.Config{HandshakeIdleTimeout: handshakeTime})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	for kind, octets := range map[byte][]byte{0: {4, 0}, 2: encoder} { // control with empty SETTINGS; encoder
		stream, err := conn.OpenUniStream()
		if err != nil {
			t.Fatal(err)
		}
		stream.Write(append([]byte{kind}, octets...))
	}
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return err
	}
	stream.SetDeadline(time.Now().Add(eventually.Limit))
	stream.Write(append(quicvarint.Append([]byte{1}, uint64(len(request))), request...)) // HEADERS
	stream.Close()
	reply, err := io.ReadAll(stream)
	if err == nil && len(reply) > 0 {
		return nil
	}
	if err == nil {
		<-conn.Context().Done()
		err = context.Cause(conn.Context())
	}
	return err
}

// A small block of headers that unfolds (QPACK) is refused by what it unfolds to, before there is a
// request; a table that the client fills (RFC 9204 3.2) is none at all. UDP and other clients
// are answered.
func TestQPACKBomb(t *testing.T) {
	var requests atomic.Int32
	e := edge(t, names.ResolverFunc(zone))
	h := &doh.Handler{Edge: e}
	_, address := start(t, Config{Edge: e, HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		h.ServeHTTP(w, r)
	})})
	askUDP := overUDP(t)
	if err := rawHTTP3(t, address, fieldLines(1), nil); err != nil || requests.Load() != 1 {
		t.Fatalf("a request that is none: %v, %d requests", err, requests.Load())
	}
	for name, c := range map[string]struct{ request, encoder []byte }{
		"20 KiB of 0.5 KiB":       {fieldLines(270), nil},
		"600 KiB of 16 KiB":       {fieldLines(8000), nil},
		"a table of 1 MiB":        {fieldLines(1), []byte{0x3F, 0xE1, 0xFF, 0x3F}}, // Set Dynamic Table Capacity
		"a line of no table":      {append(fieldLines(0), 0x80), nil},
		"a block that waits":      {append([]byte{0xFF, 0xFF, 0x03, 0}, fieldLines(1)[2:]...), nil},
		"a length without an end": {append(fieldLines(0), bytes.Repeat([]byte{0xFF}, 20)...), nil},
	} {
		before := requests.Load()
		err := rawHTTP3(t, address, c.request, c.encoder)
		if n := requests.Load() - before; n != 0 && c.encoder == nil {
			t.Errorf("%s: %d requests reach the handler, %v", name, n, err)
		}
		var ended *quic.ApplicationError
		if c.encoder != nil && err != nil && !errors.As(err, &ended) {
			t.Errorf("%s: %v", name, err)
		}
		askUDP()
	}
	client := &http3.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer client.Close()
	r, err := (&http.Client{Transport: client, Timeout: eventually.Limit}).Post("https://"+address+"/dns-query", "application/dns-message", bytes.NewReader(query(0, "www.example.", wire.TypeA)))
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("another client: %v, %v", r, err)
	}
	r.Body.Close()
}
