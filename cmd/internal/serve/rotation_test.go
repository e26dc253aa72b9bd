package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/doq"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/wire"
)

// asking asks a server over a transport, and notes which certificates it shows.
type asking struct {
	client      *upstream.Client
	server      *upstream.Server
	connections atomic.Int64
	pin         atomic.Pointer[string] // that of the last connection
}

func newAsking(t *testing.T, s encrypted.Server, resume bool) *asking {
	t.Helper()
	a := new(asking)
	c, err := encrypted.New(s, encrypted.Config{QUIC: doq.New, HTTP3: doq.NewHTTP3, HTTPConnections: 1, NoResumption: !resume, Connected: func(state *tls.ConnectionState) {
		a.connections.Add(1)
		pin := certificate.Pin(state.PeerCertificates[0])
		a.pin.Store(&pin)
	}})
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(s.Address, s.Port)
	a.client = upstream.NewClient(upstream.Config{Transports: map[netip.AddrPort]*upstream.Transport{at: c.Transport()}})
	a.server = a.client.Server(at)
	return a
}

func (a *asking) ask() error {
	question := wire.Question{Name: wire.MustParseName("ns.example."), Type: wire.TypeA, Class: wire.ClassIN}
	reply, err := a.server.Ask(context.Background(), &upstream.Query{Question: question, Budget: upstream.NewBudget(1, 1<<20)})
	if err != nil {
		return err
	}
	if m, err := wire.ParseMessage(reply.Message); err != nil || m.RCode != wire.RCodeNoError || len(m.Answers) != 1 {
		return fmt.Errorf("reply %v, %v", m, err)
	}
	return nil
}

func (a *asking) close() {
	a.server.Close()
	a.client.Wait()
}

// A hundred new certificates under load, over HTTPS with HTTP/2 and HTTP/3, and over QUIC: each is in effect for the
// next connection, and connections that are open stay and lose no query.
func TestCertificatesRotateOverHTTPSAndQUIC(t *testing.T) {
	dir := t.TempDir()
	zone, file := filepath.Join(dir, "example"), filepath.Join(dir, "tls.pem")
	if err := os.WriteFile(zone, []byte(smallZone), 0o600); err != nil {
		t.Fatal(err)
	}
	writeCertificate(t, file)
	server, reload, log := startWhole(t, "--bindzone", "example="+zone, "--https", "127.0.0.1:0", "--quic", "127.0.0.1:0", "--tls-certificate", file)
	at := func(what string) encrypted.Server {
		s := encrypted.Server{Host: "127.0.0.1", Name: "127.0.0.1", Address: netip.MustParseAddr("127.0.0.1"), Path: "/dns-query", NoProof: true}
		switch a := server.transports.servers.Addresses(what)[0].(type) {
		case *net.TCPAddr:
			s.Port = uint16(a.Port)
		case *net.UDPAddr:
			s.Port = uint16(a.Port)
		}
		return s
	}
	https, http3, quic := at(overHTTPS), at(overHTTP3), at(overQUIC)
	https.Protocol, http3.Protocol, quic.Protocol, http3.HTTP3 = names.HTTPS, names.HTTPS, names.QUIC, true
	transports := map[string]encrypted.Server{overHTTPS: https, overHTTP3: http3, overQUIC: quic}
	kept := map[string]*asking{}
	var load sync.WaitGroup
	var isOver atomic.Bool
	for what, s := range transports {
		a := newAsking(t, s, true)
		kept[what] = a
		load.Go(func() {
			defer a.close()
			for !isOver.Load() {
				if err := a.ask(); err != nil {
					t.Errorf("%s: a query is lost on a connection that is kept: %v", what, err)
					return
				}
			}
		})
		load.Go(func() {
			for !isOver.Load() {
				a := newAsking(t, s, true)
				err := a.ask()
				a.close()
				if err != nil {
					t.Errorf("%s: a query is lost on a new connection: %v", what, err)
					return
				}
			}
		})
	}
	for range 100 {
		pin := writeCertificate(t, file)
		reload()
		for what, s := range transports {
			a := newAsking(t, s, false)
			err := a.ask()
			a.close()
			if err != nil || *a.pin.Load() != pin {
				t.Errorf("%s: certificate %v, want %s; %v\n%s", what, a.pin.Load(), pin, err, log())
			}
		}
		if t.Failed() {
			break
		}
	}
	isOver.Store(true)
	load.Wait()
	for what, a := range kept {
		if n := a.connections.Load(); n != 1 {
			t.Errorf("%s: %d connections, not the one that was kept", what, n)
		}
	}
}
