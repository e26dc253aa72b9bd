package encrypted

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/wire"
)

// web serves HTTP over what a network opens, with a certificate.
type web struct {
	server http.Server
	conns  chan net.Conn
	once   sync.Once
	over   chan struct{}
}

func newWeb(c *tls.Certificate, h http.HandlerFunc) *web {
	w := &web{conns: make(chan net.Conn), over: make(chan struct{})}
	w.server = http.Server{Handler: h, TLSConfig: &tls.Config{Certificates: []tls.Certificate{*c}}, ErrorLog: nil}
	return w
}

func (w *web) serve(conn net.Conn) {
	closed := make(chan struct{})
	w.conns <- &watched{Conn: conn, closed: closed}
	<-closed
}

// watched tells when it is closed.
type watched struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (c *watched) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func (w *web) Accept() (net.Conn, error) {
	select {
	case c := <-w.conns:
		return c, nil
	case <-w.over:
		return nil, net.ErrClosed
	}
}

func (w *web) Close() error {
	w.once.Do(func() { close(w.over) })
	return nil
}

func (w *web) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 53), Port: 443} }

// withWeb runs f with a client of a server that does what h does.
func withWeb(t *testing.T, h http.HandlerFunc, f func(n *network, a *asking)) {
	t.Helper()
	ca, n := newAuthority(t), new(network)
	w := newWeb(ca.issue(t, &x509.Certificate{DNSNames: []string{"ns.example"}}), h)
	n.serve("192.0.2.53:443", w.serve)
	var serving sync.WaitGroup
	serving.Go(func() { w.server.ServeTLS(w, "", "") })
	a := ask(t, "https://ns.example/dns@192.0.2.53", Config{Authorities: ca.pool, Dial: n.dial})
	f(n, a)
	a.close()
	w.server.Close()
	n.running.Wait()
	serving.Wait()
}

func TestHTTPS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		withWeb(t, func(w http.ResponseWriter, r *http.Request) {
			query, _ := io.ReadAll(r.Body)
			if r.Host != "ns.example" || r.URL.Path != "/dns" || r.ProtoMajor != 2 || query[0]|query[1] != 0 || len(query)%128 != 0 || r.Method != "POST" {
				t.Errorf("%s %s %s%s, % x", r.Proto, r.Method, r.Host, r.URL.Path, query)
			}
			for name := range r.Header {
				if name != "Accept" && name != "Content-Type" && name != "Content-Length" && name != "Cache-Control" {
					t.Errorf("header %s: %s", name, r.Header.Get(name))
				}
			}
			time.Sleep(10 * time.Millisecond)
			w.Header().Set("Content-Type", mediaType)
			w.Write(reply(query))
		}, func(n *network, a *asking) {
			if _, err := a.ask(t.Context(), "www.example."); err != nil {
				t.Error(err)
			}
			var asking sync.WaitGroup
			for i := range 100 {
				asking.Go(func() {
					r, err := a.ask(t.Context(), fmt.Sprintf("host%d.example.", i))
					if err != nil || r.RCode != wire.RCodeNoError || r.RTT != 10*time.Millisecond {
						t.Errorf("question %d: %v after %v, %v", i, r.RCode, r.RTT, err)
					}
				})
			}
			asking.Wait()
			if got := n.connections(); got != 1 {
				t.Errorf("%d connections", got)
			}
			time.Sleep(time.Minute)
			if _, err := a.ask(t.Context(), "www.example."); err != nil {
				t.Error(err)
			}
			if s := a.Stats(); s != (Stats{Full: 1, Resumed: 1}) {
				t.Errorf("handshakes: %+v", s)
			}
		})
	})
}

// What is not the answer in the form of RFC 8484 is refused, in bounded time and memory.
func TestBadWebServers(t *testing.T) {
	write := func(w io.Writer, octets int) (err error) {
		chunk := make([]byte, 4096)
		for ; octets > 0 && err == nil; octets -= len(chunk) {
			_, err = w.Write(chunk)
		}
		return err
	}
	for what, c := range map[string]struct {
		serve http.HandlerFunc
		want  string
	}{
		"does not know the path": {http.NotFound, "answered 404 Not Found"},
		"sends its clients elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://other.example/", http.StatusFound)
		}, "answered 302 Found"},
		"sends a page": {func(w http.ResponseWriter, r *http.Request) { w.Write([]byte("<html>log in</html>")) }, `answered with content of type "text/html`},
		"announces a huge body": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			w.Header().Set("Content-Length", "1000000000")
			w.WriteHeader(http.StatusOK)
		}, "more than a DNS message has"},
		"sends a huge body": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			if write(w, 1<<30) == nil {
				t.Error("a gigabyte was taken")
			}
		}, "more than a DNS message has"},
		"sends endless headers": {func(w http.ResponseWriter, r *http.Request) {
			for i := range 2000 {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("x", 100))
			}
			w.Header().Set("Content-Type", mediaType)
			query, _ := io.ReadAll(r.Body)
			w.Write(reply(query))
		}, "PROTOCOL_ERROR"},
		"sends hints without end": {func(w http.ResponseWriter, r *http.Request) {
			for range 100_000 {
				w.WriteHeader(http.StatusEarlyHints)
				if r.Context().Err() != nil {
					return
				}
			}
		}, ""}, // one limit or another ends it
		"sends half a message": {func(w http.ResponseWriter, r *http.Request) {
			query, _ := io.ReadAll(r.Body)
			w.Header().Set("Content-Type", mediaType)
			w.Write(reply(query)[:20])
		}, "reply does not match the question"},
		"sends nothing":   {func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Type", mediaType) }, "reply does not match the question"},
		"ends the stream": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "stream error"},
		"is silent":       {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, context.DeadlineExceeded.Error()},
		"is silent in the middle of a body": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", mediaType)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, context.DeadlineExceeded.Error()},
	} {
		synctest.Test(t, func(t *testing.T) {
			withWeb(t, c.serve, func(n *network, a *asking) {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				if _, err := a.ask(ctx, "www.example."); err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("a server that %s: %v, want %q", what, err, c.want)
				}
				if got := n.connections(); got > 2 {
					t.Errorf("a server that %s: %d connections", what, got)
				}
			})
		})
	}
}
