package query

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/listener/doq"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// encryptedDigServer is a digServer over TLS and HTTPS.
func encryptedDigServer(t *testing.T) (s *digServer, tlsPort, httpsPort, pin string) {
	t.Helper()
	s = startDigServer(t)
	c, err := certificate.MakeSelfSigned([]string{"ns.example"}, []netip.Addr{netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*c}, NextProtos: []string{"dot"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serveStream(conn)
		}
	}()
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query, _ := io.ReadAll(r.Body)
		if r.Method == "GET" || r.URL.Path != "/dns-query" {
			w.Write([]byte("a page"))
			return
		}
		w.Header().Set("Content-Type", "application/dns-message")
		w.Write(s.answer(query, true)[0])
	}))
	web.TLS = &tls.Config{Certificates: []tls.Certificate{*c}}
	web.EnableHTTP2 = true
	web.StartTLS()
	t.Cleanup(web.Close)
	port := func(a net.Addr) string { _, port, _ := net.SplitHostPort(a.String()); return port }
	return s, port(l.Addr()), port(web.Listener.Addr()), certificate.Pin(c.Leaf)
}

func TestQueryEncrypted(t *testing.T) {
	_, dot, https, pin := encryptedDigServer(t)
	for _, c := range []struct {
		args string
		code int
		want string // in what is printed
	}{
		{"@127.0.0.1 -p " + dot + " a.example +tls", 0, "WARNING: the server was not proved"},
		{"@127.0.0.1 -p " + dot + " a.example +tls", 0, ";; SERVER: 127.0.0.1#" + dot + "(127.0.0.1) (TLS)"},
		{"@127.0.0.1 -p " + dot + " a.example +tls", 0, "certificate 1: ns.example, 127.0.0.1\n"},
		{"@127.0.0.1 -p " + dot + " a.example +tls", 0, "pin " + pin},
		{"@127.0.0.1 -p " + dot + " a.example +tls +qr", 0, "QUERY SIZE: 128"},
		{"@127.0.0.1 -p " + dot + " a.example +tls +qr +padding=0", 0, "QUERY SIZE: 50"},
		{"@127.0.0.1 -p " + dot + " a.example +tls-pin=" + pin, 0, "the server has the key that is pinned"},
		{"@127.0.0.1 -p " + dot + " a.example +tls +tls-ca", 1, "certificate refused: no authority that is trusted vouches for it; its pin is " + pin},
		{"@127.0.0.1 -p " + dot + " a.example +tls-hostname=other.example", 1, "certificate refused: it is for ns.example, 127.0.0.1, not for other.example"},
		{"@tls://127.0.0.1:" + dot + "?pin=" + pin + " a.example +short", 0, "192.0.2.1\n192.0.2.2\n"},
		{"@tls://127.0.0.1:" + dot + " a.example", 1, "no authority that is trusted"},
		{"@127.0.0.1 -p " + https + " a.example +https", 0, "id: 0\n"},
		{"@127.0.0.1 -p " + https + " a.example +https", 0, "(HTTPS)"},
		{"@https://127.0.0.1:" + https + "?pin=" + pin + " a.example +short", 0, "192.0.2.1\n192.0.2.2\n"},
		{"@127.0.0.1 -p " + https + " a.example +https-get", 1, "answered with content of type"},
		{"@127.0.0.1 -p " + https + " a.example axfr +https", 1, "transfers are asked for over TCP, TLS or QUIC, not HTTPS"},
		{"@127.0.0.1 -p " + dot + " a.example +tls-certfile=/nowhere", 1, "certificate of the client"},
		{"@tls://127.0.0.1#no_such@192.0.2.1 a.example", 2, "two addresses of one server"},
		{"@127.0.0.1 a.example +tls-pin=x", 2, `+tls-pin: "x" is not a pin`},
		{"@127.0.0.1 a.example +https=x", 2, "+https wants a path"},
	} {
		code, stdout, stderr := runQueryText(strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%s: exit code %d, want %d and %q in\n%s%s", c.args, code, c.code, c.want, stdout, stderr)
		}
	}
}

// A zone is transferred over QUIC, on a stream of its own.
func TestTransferOverQUIC(t *testing.T) {
	c, err := certificate.MakeSelfSigned([]string{"ns.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	soa := func(x *names.Exchange) error {
		return x.Reply.Record(x.Question().Name, wire.ClassIN, 60, &wire.SOA{Primary: wire.Root, Mailbox: wire.Root, Serial: 7})
	}
	e, err := listener.NewEdge(listener.Config{Resolver: names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		if err := soa(x); err != nil {
			return err
		}
		if err := x.NextMessage(); err != nil {
			return err
		}
		return soa(x)
	})})
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := doq.Listen(socket, doq.Config{Edge: e, DoQ: true, TLS: &tls.Config{Certificates: []tls.Certificate{*c}}})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	defer func() {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s.Shutdown(ctx)
		<-ended
	}()
	_, port, _ := net.SplitHostPort(s.Addr().String())
	code, stdout, stderr := runQueryText("@127.0.0.1", "-p", port, "example", "axfr", "+quic", "+tls-pin="+certificate.Pin(c.Leaf))
	if want := "(QUIC)"; code != 0 || !strings.Contains(stdout, want) || strings.Count(stdout, "SOA") < 2 {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
}

func TestEncryptedPorts(t *testing.T) {
	for args, want := range map[string]string{
		"@192.0.2.1 a": "192.0.2.1:53", "@192.0.2.1 a +tls": "192.0.2.1:853", "@192.0.2.1 a +https": "192.0.2.1:443", "@192.0.2.1 a +quic": "192.0.2.1:853",
		"@192.0.2.1 a +http3 -p 8443": "192.0.2.1:8443", "@192.0.2.1#54 a +tls": "192.0.2.1:54", "@quic://192.0.2.1 a": "192.0.2.1:853",
	} {
		o, err := parseQueryArguments(strings.Fields(args))
		if err != nil {
			t.Fatal(err)
		}
		servers, err := o.servers(t.Context())
		if err != nil || len(servers) != 1 || servers[0].String() != want {
			t.Errorf("%s: %v, %v", args, servers, err)
		}
	}
	if o, err := parseQueryArguments([]string{"@h3://192.0.2.1/q", "a"}); err != nil || o.encryption.protocol != names.HTTPS || !o.encryption.http3 || o.encryption.path != "/q" {
		t.Errorf("%+v, %v", o, err)
	}
}
