package certificate

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/names-dns/names/internal/certificatetest"
	"github.com/names-dns/names/internal/eventually"
)

// connect is shakeHands over TCP, which keeps what both sides send at once.
func connect(t *testing.T, server, client *tls.Config) (state tls.ConnectionState, err error) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ended := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			conn.SetDeadline(time.Now().Add(eventually.Limit))
			_, err = conn.Write([]byte("x"))
			conn.Close()
		}
		ended <- err
	}()
	socket, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	socket.SetDeadline(time.Now().Add(eventually.Limit))
	c := tls.Client(socket, client)
	_, err = io.ReadFull(c, make([]byte, 1))
	state = c.ConnectionState()
	if errServer := <-ended; errServer != nil {
		err = errServer
	}
	return state, err
}

// What clients have to show may change while they have sessions: one that is resumed is
// judged by what holds now, though its ticket can still be read.
func TestClientsThatResume(t *testing.T) {
	_, _, server := write(t, t.TempDir(), "server.example")
	client := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	one, two := certificatetest.New(t, client, nil), certificatetest.New(t, client, nil)
	pin := func(c *tls.Certificate) Clients {
		return Clients{Pins: [][32]byte{sha256.Sum256(c.Leaf.RawSubjectPublicKeyInfo)}}
	}
	authority := func(c *tls.Certificate) Clients {
		pool := x509.NewCertPool()
		pool.AddCert(c.Leaf)
		return Clients{Authorities: pool}
	}
	optional := func(c Clients) Clients {
		c.Optional = true
		return c
	}
	for i, c := range []struct {
		before, after Clients
		with          *tls.Certificate
		ok            bool
	}{
		{pin(one), pin(one), one, true},
		{Clients{}, pin(one), nil, false},
		{Clients{}, authority(one), nil, false},
		{optional(pin(one)), pin(one), nil, false},
		{pin(one), pin(two), one, false},
		{pin(one), optional(pin(two)), one, false},
		{authority(one), authority(two), one, false},
		{authority(one), optional(authority(two)), one, false},
		{authority(one), pin(two), one, false},
		{pin(one), authority(two), one, false},
		{pin(one), optional(authority(two)), one, false},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			client := &tls.Config{ServerName: "server.example", InsecureSkipVerify: true, MaxVersion: version, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
			client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if c.with == nil {
					return new(tls.Certificate), nil
				}
				return c.with, nil
			}
			serve := func(clients Clients) *tls.Config {
				config := &tls.Config{Certificates: []tls.Certificate{*server}}
				config.SetSessionTicketKeys([][32]byte{{1}})
				clients.Apply(config)
				return config
			}
			what := fmt.Sprintf("%d, TLS %x", i, version)
			if _, err := connect(t, serve(c.before), client); err != nil {
				t.Fatalf("%s: the first connection: %v", what, err)
			}
			if _, ok := client.ClientSessionCache.Get("server.example"); !ok {
				t.Fatalf("%s: there is no session", what)
			}
			state, err := connect(t, serve(c.after), client)
			if (err == nil) != c.ok {
				t.Errorf("%s: resumed %v, %v", what, state.DidResume, err)
			}
			if c.ok && !state.DidResume {
				t.Errorf("%s: the session is not resumed", what)
			}
		}
	}
}
