package listener_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
)

// Clients that begin a handshake and do not end it are gone after the time for a
// first query, however slowly they go on; neither UDP nor good clients notice.
func TestSlowHandshakes(t *testing.T) {
	cert, _ := certificate(t)
	synctest.Test(t, func(t *testing.T) {
		network := listenertest.NewNetwork()
		at := netip.MustParseAddrPort("192.0.2.53:853")
		udp := netip.MustParseAddrPort("192.0.2.53:53")
		s := listener.Serving(t, listener.Config{
			Endpoints: []listener.Endpoint{
				{Address: udp, Transport: names.UDP},
				{Address: at, Transport: names.TLS, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}},
			},
			Network: network, Resolver: names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
				return nil
			}),
			FirstQueryTimeout: 3 * time.Second, MaxConnections: 100, MaxConnectionsPerClient: 20,
		})
		began := time.Now()
		var slow []net.Conn
		for i := range 60 {
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 51, 100, byte(i / 20)}), uint16(2000+i))
			conn, err := network.Dial("tcp", from, at)
			if err != nil {
				t.Fatal(err)
			}
			slow = append(slow, conn)
		}
		// An octet of a ClientHello each second: record of 16 KiB, all of it to come.
		hello := append([]byte{22, 3, 1, 0x40, 0, 1, 0, 0x3F, 0xFC}, strings.Repeat("a", 20)...)
		for i := range 10 {
			for _, conn := range slow {
				conn.Write(hello[i : i+1])
			}
			time.Sleep(time.Second)
		}
		for i, conn := range slow {
			conn.SetReadDeadline(time.Now().Add(time.Second))
			if _, err := conn.Read(make([]byte, 1)); err == nil {
				t.Errorf("connection %d is open after %v", i, time.Since(began))
			}
			conn.Close()
		}
		if stats := s.Stats(); stats.ConnectionsOverdue != 60 {
			t.Errorf("%d connections were overdue", stats.ConnectionsOverdue)
		}
	})
}

// What is not TLS, or too large for a handshake, ends the connection.
func TestBrokenHandshakes(t *testing.T) {
	cert, _ := certificate(t)
	s := listener.Serving(t, listener.Config{
		Endpoints: []listener.Endpoint{{Address: netip.MustParseAddrPort("127.0.0.1:0"), Transport: names.TLS, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}}},
		Resolver:  names.Chain{},
	})
	at := s.Endpoints()[0].Address.String()
	for what, octets := range map[string]string{
		"a query in the clear":    "\x00\x1d\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01",
		"HTTP":                    "GET / HTTP/1.1\r\nHost: ns.example\r\n\r\n",
		"a handshake of 16 MiB":   "\x16\x03\x01\x40\x00\x01\xff\xff\xff" + strings.Repeat("a", 16380),
		"a record of 64 KiB":      "\x16\x03\x01\xff\xff\x01" + strings.Repeat("a", 100),
		"an alert":                "\x15\x03\x01\x00\x02\x02\x00",
		"application data first":  "\x17\x03\x03\x00\x05hello",
		"a hello without content": "\x16\x03\x01\x00\x04\x01\x00\x00\x00",
	} {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte(octets))
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		for {
			if _, err := conn.Read(make([]byte, 1024)); err != nil {
				if e, ok := err.(net.Error); ok && e.Timeout() {
					t.Errorf("%s: the connection stays open", what)
				}
				break
			}
		}
		conn.Close()
	}
}

// Many whole handshakes at once, more than there may be connections, some of them for a name
// that is far too long: UDP is answered meanwhile.
func TestHandshakeFlood(t *testing.T) {
	cert, _ := certificate(t)
	s := listener.Serving(t, listener.Config{
		Endpoints: []listener.Endpoint{
			{Address: netip.MustParseAddrPort("127.0.0.1:0"), Transport: names.UDP},
			{Address: netip.MustParseAddrPort("127.0.0.1:0"), Transport: names.TLS, TLS: &tls.Config{Certificates: []tls.Certificate{cert}}},
		},
		Resolver: names.ResolverFunc(func(context.Context, *names.Exchange) error { return nil }), MaxConnections: 5, MaxConnectionsPerClient: 5,
	})
	var udp, overTLS string
	for _, e := range s.Endpoints() {
		if e.Transport == names.UDP {
			udp = e.Address.String()
		} else {
			overTLS = e.Address.String()
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var flood, begun sync.WaitGroup
	for i := range 12 {
		begun.Add(1)
		first := sync.OnceFunc(begun.Done)
		flood.Go(func() {
			config := &tls.Config{InsecureSkipVerify: true, ServerName: "ns.example"}
			if i%2 == 1 {
				config.ServerName = strings.Repeat("a.", 10000) + "example"
			}
			for ctx.Err() == nil {
				conn, err := net.Dial("tcp", overTLS)
				first()
				if err != nil {
					return
				}
				tls.Client(conn, config).HandshakeContext(ctx) // may be refused
				conn.Close()
			}
		})
	}
	conn, err := net.Dial("udp", udp)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	query := []byte("\x00\x1d\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x00\x00\x01\x00\x01")
	reply := make([]byte, 512)
	begun.Wait()
	for range 20 {
		if _, err := conn.Write(query); err != nil {
			t.Fatal(err)
		}
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := conn.Read(reply); err != nil {
			t.Fatalf("UDP is not answered: %v", err)
		}
	}
	cancel()
	flood.Wait()
}
