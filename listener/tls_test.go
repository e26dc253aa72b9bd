package listener_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"testing"

	"github.com/names-dns/names/internal/certificatetest"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// certificate returns one for 127.0.0.1, and a pool that trusts it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	c := certificatetest.New(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}, nil)
	trusted := x509.NewCertPool()
	trusted.AddCert(c.Leaf)
	return *c, trusted
}

// overTLS is a network whose streams are encrypted.
type overTLS struct {
	*net.ListenConfig
	config *tls.Config
}

func (n overTLS) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := n.ListenConfig.Listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return tls.NewListener(l, n.config), nil
}

// A server whose Network wraps its streams in TLS, and a client whose Dial
// does, pad what they send (RFC 8467 4.1), and only there.
func TestOverTLS(t *testing.T) {
	cert, trusted := certificate(t)
	seen := make(chan names.Peer, 1)
	lengths := make(chan int, 1)
	s := listener.Serving(t, listener.Config{
		Network: overTLS{ListenConfig: new(net.ListenConfig), config: &tls.Config{Certificates: []tls.Certificate{cert}}},
		Resolver: names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			seen <- x.Peer
			lengths <- len(x.Query.Message)
			return x.Reply.Raw(x.Question().Name, wire.TypeA, wire.ClassIN, 60, []byte{192, 0, 2, 1})
		}),
	})
	address := s.Addresses()[0]
	secure := func(ctx context.Context, network, address string) (net.Conn, error) {
		if network == "udp" {
			return new(net.Dialer).DialContext(ctx, network, address)
		}
		return (&tls.Dialer{Config: &tls.Config{RootCAs: trusted}}).DialContext(ctx, network, address)
	}
	for _, c := range []struct {
		what      string
		tcp       bool
		transport names.Transport
		query     int // octets it is a multiple of
		reply     int
	}{
		{"encrypted", true, names.TLS, 128, 468},
		{"not encrypted", false, names.UDP, 1, 1},
	} {
		querier := names.Querier{Dial: secure, TCP: c.tcp}
		query := listener.Question(1, "www.example.", &wire.EDNS{UDPSize: 1232})
		r, err := querier.Query(context.Background(), query, address)
		if err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		peer, length := <-seen, <-lengths
		if peer.Transport != c.transport || peer.Remote.Addr() != netip.MustParseAddr("127.0.0.1") {
			t.Errorf("%s: asked by %+v", c.what, peer)
		}
		if isLong := length > len(query); length%c.query != 0 || isLong != (c.query > 1) {
			t.Errorf("%s: query of %d octets became %d", c.what, len(query), length)
		}
		if _, isPadded := listener.ParseReply(t, r.Message).EDNS.Options.Find(wire.OptionPadding); len(r.Message)%c.reply != 0 || isPadded != (c.reply > 1) {
			t.Errorf("%s: reply of %d octets", c.what, len(r.Message))
		}
	}
}
