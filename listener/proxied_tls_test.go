package listener_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"testing"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
)

// The header comes before the handshake or, from proxies at which TLS ends, right after it.
func TestProxiedTLS(t *testing.T) {
	cert, trusted := certificate(t)
	proxies, err := names.ParsePeerSet("127.0.0.2")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan names.Peer, 1)
	s := listener.Serving(t, listener.Config{
		Endpoints: []listener.Endpoint{{Address: loopback, Transport: names.TLS, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}},
		Proxies:   proxies,
		Resolver: names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			seen <- x.Peer
			return nil
		}),
	})
	const header = "PROXY TCP4 192.0.2.9 198.51.100.53 4097 853\r\n"
	for _, c := range []struct {
		what, from, before, within string
		want                       string
	}{
		{"a proxy", "127.0.0.2", header, "", "192.0.2.9"},
		{"a proxy, encrypted", "127.0.0.2", "", header, "192.0.2.9"},
		{"a proxy with two headers", "127.0.0.2", header, header, ""},
		{"a proxy with an encrypted header that names no client", "127.0.0.2", "", "PROXY TCP4 0.0.0.0 198.51.100.53 4097 853\r\n", ""},
		{"a proxy with no header in TLS, but a line", "127.0.0.2", "", "PROXY nonsense\r\n", ""},
		{"a client", "127.0.0.1", "", "", "127.0.0.1"},
		{"a proxy without a header", "127.0.0.2", "", "", ""},
		{"a header from a client", "127.0.0.1", header, "", ""},
		{"a header from a client, encrypted", "127.0.0.1", "", header, ""},
	} {
		raw, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.from)}}).Dial("tcp", s.Endpoints()[0].Address.String())
		if err != nil {
			t.Fatal(err)
		}
		raw.Write([]byte(c.before))
		conn := tls.Client(raw, &tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"})
		conn.Write([]byte(c.within))
		conn.Write(framed(listener.Question(1, "www.example.", nil)))
		if c.want == "" {
			if n, err := conn.Read(make([]byte, 1)); err == nil {
				t.Errorf("%s: %d octets of reply", c.what, n)
			}
		} else {
			listener.ReadFrame(t, conn)
			if p := <-seen; p.Remote.Addr() != netip.MustParseAddr(c.want) || p.Transport != names.TLS || p.Proxy.IsValid() != (c.before+c.within != "") {
				t.Errorf("%s: peer is %+v", c.what, p)
			}
		}
		conn.Close()
	}
}
