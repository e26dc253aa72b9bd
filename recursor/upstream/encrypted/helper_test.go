package encrypted

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/names-dns/names/internal/certificatetest"
	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// authority vouches for certificates of a test.
type authority struct {
	certificate *tls.Certificate
	pool        *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	a := &authority{certificatetest.New(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "authority"}}, nil), x509.NewCertPool()}
	a.pool.AddCert(a.certificate.Leaf)
	return a
}

func (a *authority) issue(t testing.TB, template *x509.Certificate) *tls.Certificate {
	t.Helper()
	return certificatetest.New(t, template, a.certificate)
}

// network is servers in memory, so that time may be that of testing/synctest.
type network struct {
	mu      sync.Mutex
	servers map[string]func(net.Conn)
	dialed  int
	running sync.WaitGroup
}

func (n *network) serve(address string, serve func(net.Conn)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.servers == nil {
		n.servers = map[string]func(net.Conn){}
	}
	n.servers[address] = serve
}

func (n *network) connections() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dialed
}

func (n *network) dial(ctx context.Context, _, address string) (net.Conn, error) {
	n.mu.Lock()
	serve := n.servers[address]
	n.dialed++
	n.mu.Unlock()
	if serve == nil {
		return nil, errors.New("connection refused")
	}
	near, far := pipe()
	n.running.Go(func() {
		defer far.Close()
		serve(far)
	})
	return near, nil
}

// answers has each query answered by answer, over TLS with a certificate.
func answers(c *tls.Certificate, answer func(conn net.Conn, query []byte) bool) func(net.Conn) {
	config := &tls.Config{Certificates: []tls.Certificate{*c}, NextProtos: []string{"dot"}}
	return func(conn net.Conn) {
		server := tls.Server(conn, config)
		if server.Handshake() != nil {
			return
		}
		for {
			query, err := frame.Read(server, nil)
			if err != nil || !answer(server, query) {
				return
			}
		}
	}
}

// reply is the right one to a query: an address.
func reply(query []byte) []byte {
	m, err := wire.ParseMessage(query)
	if err != nil {
		panic(err)
	}
	m.Flags |= wire.FlagQR | wire.FlagRA
	m.EDNS = nil
	m.Answers = []wire.Record{{Name: m.Questions[0].Name, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 1}}}
	b, err := m.AppendTo(nil)
	if err != nil {
		panic(err)
	}
	return b
}

func right(conn net.Conn, query []byte) bool { return frame.Write(conn, reply(query)) == nil }

var known = netip.MustParseAddrPort("192.0.2.53:853")

// asking is a client of a server, as a forwarder has it.
type asking struct {
	*Client
	all    *upstream.Client
	server *upstream.Server
}

func ask(t testing.TB, url string, c Config) *asking {
	t.Helper()
	s, err := Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	client, err := New(s, c)
	if err != nil {
		t.Fatal(err)
	}
	a := &asking{Client: client, all: upstream.NewClient(upstream.Config{Transports: map[netip.AddrPort]*upstream.Transport{known: client.Transport()}})}
	a.server = a.all.Server(known)
	t.Cleanup(a.close)
	return a
}

func (a *asking) close() {
	a.server.Close()
	a.all.Wait()
}

func (a *asking) ask(ctx context.Context, name string) (upstream.Reply, error) {
	return a.server.Ask(ctx, &upstream.Query{
		Question: wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, Flags: wire.FlagRD, Budget: upstream.NewBudget(10, 1<<20),
	})
}
