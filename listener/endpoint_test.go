package listener_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// An endpoint is one transport and no other.
func TestEndpointWithUDPOnly(t *testing.T) {
	s := listener.Serving(t, listener.Config{Endpoints: []listener.Endpoint{{Address: loopback, Transport: names.UDP}}, Workers: 2})
	if got := listener.ParseReply(t, listener.Ask(t, listener.Dial(t, s, "udp"), listener.Question(1, "www.example.", nil))); got.Answers != 1 {
		t.Errorf("reply is %+v", got)
	}
	if conn, err := net.Dial("tcp", s.Addresses()[0].String()); err == nil {
		conn.Close()
		t.Error("there is something at the TCP port")
	} else if !strings.Contains(err.Error(), syscall.ECONNREFUSED.Error()) {
		t.Error(err)
	}
}

func TestEndpointWithTCPOnly(t *testing.T) {
	s := listener.Serving(t, listener.Config{Endpoints: []listener.Endpoint{{Address: loopback, Transport: names.TCP}}})
	if got := listener.ParseReply(t, listener.Ask(t, listener.Dial(t, s, "tcp"), listener.Question(1, "www.example.", nil))); got.Answers != 1 {
		t.Errorf("reply is %+v", got)
	}
}

// TLS next to UDP and TCP, in one server; what the handshake says is in Peer.
func TestEndpointWithTLS(t *testing.T) {
	cert, trusted := certificate(t)
	seen := make(chan names.Peer, 1)
	s := listener.Serving(t, listener.Config{
		Endpoints: append(listener.Plain(loopback), listener.Endpoint{
			Address: loopback, Transport: names.TLS,
			TLS: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"dot"}, ClientAuth: tls.RequestClientCert},
		}),
		Resolver: names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			seen <- x.Peer
			return x.Reply.Raw(x.Question().Name, wire.TypeA, wire.ClassIN, 60, []byte{192, 0, 2, 1})
		}),
	})
	endpoints := s.Endpoints()
	if len(endpoints) != 3 || endpoints[0].Address != endpoints[1].Address || endpoints[2].Address == endpoints[1].Address || len(s.Addresses()) != 1 {
		t.Fatalf("endpoints are %+v", endpoints)
	}
	conn, err := tls.Dial("tcp", endpoints[2].Address.String(), &tls.Config{
		RootCAs: trusted, ServerName: "127.0.0.1", NextProtos: []string{"dot"}, Certificates: []tls.Certificate{cert},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(eventually.Limit))
	if got := listener.ParseReply(t, listener.Ask(t, conn, listener.Question(1, "www.example.", nil))); got.Answers != 1 {
		t.Errorf("reply is %+v", got)
	}
	key := sha256.Sum256(conn.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo) // both use one certificate
	peer := <-seen
	if peer.Transport != names.TLS || peer.TLS == nil || peer.TLS.Protocol != "dot" || !bytes.Equal(peer.TLS.ClientKey, key[:]) || peer.TLS.ClientNames != nil {
		t.Errorf("peer is %+v, %+v", peer, peer.TLS)
	}
	if got := listener.ParseReply(t, listener.Ask(t, listener.Dial(t, s, "tcp"), listener.Question(1, "www.example.", nil))); got.Answers != 1 {
		t.Errorf("reply in the clear is %+v", got)
	}
	if peer := <-seen; peer.Transport != names.TCP || peer.TLS != nil {
		t.Errorf("peer in the clear is %+v", peer)
	}
	listener.Eventually(t, s, "a query over TLS and one over TCP", func(c listener.Stats) bool {
		return c.TLSQueries == 1 && c.TCPQueries == 1
	})
}

func TestBadEndpoints(t *testing.T) {
	for want, e := range map[string]listener.Endpoint{
		"is empty":                     {},
		"served by a package":          {Address: loopback, Transport: names.QUIC},
		"without a configuration":      {Address: loopback, Transport: names.TLS},
		"for TLS, and transport udp":   {Address: loopback, TLS: new(tls.Config)},
		"cannot listen on 192.0.2.1:0": {Address: netip.MustParseAddrPort("192.0.2.1:0")},
	} {
		_, err := listener.Listen(listener.Config{Resolver: listener.Echo{}, Endpoints: []listener.Endpoint{e}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, not one with %q", err, want)
		}
	}
}
