package encrypted

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/internal/pin"
	"github.com/names-dns/names/wire"
)

// Questions share a connection, are padded, and a session is resumed when the
// connection has ended.
func TestReuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, n := newAuthority(t), new(network)
		var mu sync.Mutex
		lengths := map[int]bool{}
		n.serve("192.0.2.53:853", answers(ca.issue(t, &x509.Certificate{DNSNames: []string{"ns.example"}}), func(conn net.Conn, query []byte) bool {
			mu.Lock()
			defer mu.Unlock()
			lengths[len(query)] = true
			return right(conn, query)
		}))
		a := ask(t, "tls://192.0.2.53#ns.example", Config{Authorities: ca.pool, Dial: n.dial})
		askMany := func() {
			var asking sync.WaitGroup
			for i := range 50 {
				asking.Go(func() {
					r, err := a.ask(t.Context(), fmt.Sprintf("%s%d.example.", strings.Repeat("x", i), i))
					if err != nil || r.RCode != wire.RCodeNoError {
						t.Errorf("question %d: %v, %v", i, r.RCode, err)
					}
				})
			}
			asking.Wait()
		}
		askMany()
		askMany()
		if n.connections() != 1 {
			t.Errorf("%d connections", n.connections())
		}
		if len(lengths) != 1 || !lengths[128] {
			t.Errorf("queries of %v octets, not all of 128", lengths)
		}
		time.Sleep(time.Minute) // idle for long
		askMany()
		if s := a.Stats(); s != (Stats{Full: 1, Resumed: 1}) {
			t.Errorf("handshakes: %+v", s)
		}
		a.close()
		n.running.Wait()
	})
}

// What does not prove who it is gets no question, and the error says what is wrong.
func TestProof(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, other, n := newAuthority(t), newAuthority(t), new(network)
		good := ca.issue(t, &x509.Certificate{DNSNames: []string{"ns.example"}, IPAddresses: []net.IP{net.ParseIP("192.0.2.53")}})
		key := pin.Text(pin.Of(good.Leaf))
		old := &x509.Certificate{DNSNames: []string{"ns.example"}, NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-24 * time.Hour)}
		early := &x509.Certificate{DNSNames: []string{"ns.example"}, NotBefore: time.Now().Add(time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
		for _, c := range []struct {
			url         string
			certificate *tls.Certificate
			want        string // "": good
		}{
			{"tls://192.0.2.53#ns.example", good, ""},
			{"tls://192.0.2.53", good, ""},
			{"tls://ns.example@192.0.2.53", good, ""},
			{"tls://192.0.2.53?pin=" + key, good, ""},
			{"tls://192.0.2.53?pin=" + somePin + "&pin=" + key, good, ""},
			{"tls://192.0.2.53?opportunistic", other.issue(t, &x509.Certificate{}), ""},
			{"tls://192.0.2.53#other.example", good, "it is for ns.example, 192.0.2.53, not for other.example"},
			{"tls://192.0.2.53#ns.example", other.issue(t, &x509.Certificate{DNSNames: []string{"ns.example"}}), "no authority that is trusted vouches for it; its pin is"},
			{"tls://192.0.2.53?pin=" + somePin, good, "key is not the one that is pinned: it is " + key},
			{"tls://192.0.2.53#ns.example", ca.issue(t, old), "it expired on 1999-12-31T"},
			{"tls://192.0.2.53#ns.example", ca.issue(t, early), "it is not valid before 2000-01-01T01:00:00Z"},
			{"tls://192.0.2.53?pin=" + somePin, ca.issue(t, &x509.Certificate{}), "key is not the one"},
		} {
			n.serve("192.0.2.53:853", answers(c.certificate, func(conn net.Conn, query []byte) bool {
				if c.want != "" {
					t.Errorf("%s: a question was asked", c.url)
				}
				return right(conn, query)
			}))
			a := ask(t, c.url, Config{Authorities: ca.pool, Dial: n.dial})
			_, err := a.ask(t.Context(), "www.example.")
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%s: %v", c.url, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%s: %v, want %q", c.url, err, c.want)
			}
			a.close()
		}
		n.running.Wait()
	})
}

// A server does what it should not; the question fails in bounded time, and what the
// server sends is not the answer to anything.
func TestBadServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, n := newAuthority(t), new(network)
		certificate := ca.issue(t, &x509.Certificate{DNSNames: []string{"ns.example"}})
		for what, c := range map[string]struct {
			serve func(net.Conn)
			most  time.Duration
			want  string
		}{
			"never finishes its handshake": {func(conn net.Conn) {
				buf := make([]byte, 4096)
				for {
					if _, err := conn.Read(buf); err != nil {
						return
					}
				}
			}, 3 * time.Second, "no connection in time"},
			"sends octets of its handshake one a second, for ever": {func(conn net.Conn) {
				go conn.Read(make([]byte, 4096))
				for _, b := range append([]byte{22, 3, 3, 0x40, 0, 2, 0, 0x3f, 0xfc}, make([]byte, 1<<14)...) {
					if _, err := conn.Write([]byte{b}); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}, 3 * time.Second, "no connection in time"},
			"sends garbage": {func(conn net.Conn) {
				go conn.Read(make([]byte, 4096))
				conn.Write([]byte("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"))
			}, 0, ""},
			"closes at once":             {func(net.Conn) {}, 0, ""},
			"closes after the handshake": {answers(certificate, func(net.Conn, []byte) bool { return false }), 0, "the connection was closed"},
			"sends garbage in TLS": {answers(certificate, func(conn net.Conn, _ []byte) bool {
				conn.Write([]byte{0, 1, 0, 0, 0})
				return false
			}), 0, "the connection was closed"},
			"floods with replies to questions never asked": {answers(certificate, func(conn net.Conn, query []byte) bool {
				for id := range uint16(10000) {
					b := reply(query)
					if b[0], b[1] = byte(id>>8), byte(id); id == uint16(query[0])<<8|uint16(query[1]) {
						continue
					}
					if frame.Write(conn, b) != nil {
						return false
					}
				}
				return true
			}), 0, "the connection was closed"},
			"answers another question": {answers(certificate, func(conn net.Conn, query []byte) bool {
				b := reply(query)
				b[13] ^= 1 // in the name
				return frame.Write(conn, b) == nil
			}), 0, "reply does not match the question"},
			"is silent": {answers(certificate, func(net.Conn, []byte) bool { return true }), 5 * time.Second, context.DeadlineExceeded.Error()},
		} {
			n.serve("192.0.2.53:853", c.serve)
			a := ask(t, "tls://192.0.2.53#ns.example", Config{Authorities: ca.pool, Dial: n.dial})
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := a.ask(ctx, "www.example.")
			cancel()
			if took := time.Since(began); err == nil || !strings.Contains(err.Error(), c.want) || took > c.most {
				t.Errorf("a server that %s: %v after %v, want %q after %v", what, err, took, c.want, c.most)
			}
			a.close()
			n.running.Wait()
		}
	})
}

// A question that had no answer when the server closed is asked once more; others are
// asked over a new connection.
func TestReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, n := newAuthority(t), new(network)
		asked := 0
		n.serve("192.0.2.53:853", answers(ca.issue(t, &x509.Certificate{DNSNames: []string{"ns.example"}}), func(conn net.Conn, query []byte) bool {
			if asked++; asked%2 == 0 { // the second question of each connection
				return false
			}
			return right(conn, query)
		}))
		a := ask(t, "tls://192.0.2.53#ns.example", Config{Authorities: ca.pool, Dial: n.dial})
		for i := range 4 {
			if _, err := a.ask(t.Context(), "www.example."); err != nil {
				t.Fatalf("question %d: %v", i, err)
			}
		}
		if got := n.connections(); got != 4 {
			t.Errorf("%d connections", got)
		}
		a.close()
		n.running.Wait()
	})
}

// A server's address is looked up once, and again when it does not answer there.
func TestLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, n := newAuthority(t), new(network)
		serve := answers(ca.issue(t, &x509.Certificate{DNSNames: []string{"ns.example"}}), right)
		n.serve("192.0.2.2:853", serve)
		var found []netip.Addr
		lookups := 0
		a := ask(t, "tls://ns.example", Config{Authorities: ca.pool, Dial: n.dial, Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
			if lookups++; host != "ns.example" {
				return nil, errors.New("another name")
			}
			return found, nil
		}})
		if _, err := a.ask(t.Context(), "www.example."); err == nil || !strings.Contains(err.Error(), "address of ns.example: it has none") {
			t.Errorf("without an address: %v", err)
		}
		found = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")} // the first one refuses
		for range 3 {
			if _, err := a.ask(t.Context(), "www.example."); err != nil {
				t.Error(err)
			}
			time.Sleep(time.Minute) // which ends the connection
		}
		if lookups != 2 {
			t.Errorf("%d lookups", lookups)
		}
		n.serve("192.0.2.2:853", nil)
		n.serve("192.0.2.3:853", serve)
		found = []netip.Addr{netip.MustParseAddr("192.0.2.3")}
		if _, err := a.ask(t.Context(), "www.example."); err == nil {
			t.Error("asked where no server is")
		}
		if _, err := a.ask(t.Context(), "www.example."); err != nil {
			t.Errorf("after the server has moved: %v", err)
		}
		a.close()
		n.running.Wait()
	})
}

func TestNew(t *testing.T) {
	for url, want := range map[string]string{
		"tls://ns.example":      "its address is not known: add @ADDRESS",
		"quic://192.0.2.1":      "this program has no QUIC",
		"h3://192.0.2.1/dns":    "this program has no QUIC",
		"https://192.0.2.1/dns": "",
	} {
		s, err := Parse(url)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = New(s, Config{}); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}
