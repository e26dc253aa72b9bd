package listener

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/internal/freeport"
)

// opened returns the file of a socket, as a service manager opens it.
func opened(t *testing.T, socket interface{ File() (*os.File, error) }) *os.File {
	t.Helper()
	f, err := socket.File()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Sockets that are open already are used for their addresses, also after the address
// has gone and come back; another address is opened.
func TestInheritedSockets(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := addrPort(l.Addr())
	p, err := net.ListenPacket("udp4", address.String())
	if err != nil {
		t.Skipf("the port is not free for UDP: %v", err)
	}
	files := []*os.File{opened(t, p.(*net.UDPConn)), opened(t, l.(*net.TCPListener))}
	p.Close()
	l.Close()
	n, err := Inherit(files)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if !slices.Equal(n.Addresses(), []netip.AddrPort{address, address}) {
		t.Errorf("addresses are %v, not %v", n.Addresses(), address)
	}
	other := freePorts(t, 1)[0]
	c := Config{Resolver: Echo{}, Network: n, Workers: 2, DedicatedThreads: true, Endpoints: Plain(address)}
	s := Serving(t, c)
	for _, addresses := range [][]netip.AddrPort{{address}, {other}, {address, other}} {
		c.Endpoints = Plain(addresses...)
		if err := s.Configure(c); err != nil {
			t.Fatal(err)
		}
		waitForLeaving(t, s)
		for _, a := range addresses {
			for range 20 { // more than one worker
				if !reach(t, "udp", a) || !reach(t, "tcp", a) {
					t.Fatalf("%v does not answer", a)
				}
			}
		}
	}
}

// Queries that a socket has received before the server runs are answered.
func TestQueriesThatWaitInASocket(t *testing.T) {
	for name, c := range map[string]Config{"system": {}, "portable": {portable: true}, "dedicated": {DedicatedThreads: true}} {
		t.Run(name, func(t *testing.T) {
			address := freeport.At(t, netip.IPv4Unspecified())
			p, err := net.ListenPacket("udp4", address.String())
			if err != nil {
				t.Fatal(err)
			}
			client, err := net.Dial("udp4", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), address.Port()).String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			if _, err := client.Write(fastQuery); err != nil {
				t.Fatal(err)
			}
			n, err := Inherit([]*os.File{opened(t, p.(*net.UDPConn))})
			if err != nil {
				t.Fatal(err)
			}
			defer n.Close()
			p.Close()
			c.Resolver, c.Network, c.Workers, c.Endpoints = Echo{}, n, 1, Plain(address)
			Serving(t, c)
			client.SetDeadline(time.Now().Add(patience))
			buf := make([]byte, 512)
			if size, err := client.Read(buf); err != nil || ParseReply(t, buf[:size]).Answers != 1 {
				t.Errorf("no answer: %v", err)
			}
		})
	}
}

func TestSocketsThatCannotBeInherited(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := Inherit([]*os.File{file}); err == nil || !strings.Contains(err.Error(), "neither a UDP socket nor a TCP socket") {
		t.Errorf("a file: %v", err)
	}
	var both net.ListenConfig
	p, err := both.ListenPacket(context.Background(), "udp", "[::]:0")
	if err != nil {
		t.Skipf("no IPv6: %v", err)
	}
	defer p.Close()
	f := opened(t, p.(*net.UDPConn))
	defer f.Close()
	if isDualStack(int(f.Fd()), netip.IPv6Unspecified()) {
		if _, err := Inherit([]*os.File{f}); err == nil || !strings.Contains(err.Error(), "BindIPv6Only=ipv6-only") {
			t.Errorf("a socket for IPv4 and IPv6: %v", err)
		}
	}
}
