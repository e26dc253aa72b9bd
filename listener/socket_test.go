package listener

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestErrorsOfBindingSayWhatToDo(t *testing.T) {
	a := netip.MustParseAddrPort("192.0.2.1:53")
	for errno, advice := range map[syscall.Errno]string{
		syscall.EADDRINUSE:    "choose another port",
		syscall.EACCES:        "CAP_NET_BIND_SERVICE",
		syscall.EADDRNOTAVAIL: "no interface",
		syscall.EAFNOSUPPORT:  "no IPv6",
		syscall.EMFILE:        "open files",
	} {
		cause := &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(a), Err: os.NewSyscallError("bind", errno)}
		err := explain(cause, a, "udp")
		if text := err.Error(); !errors.Is(err, errno) || !strings.Contains(text, advice) || strings.Count(text, "192.0.2.1:53") != 1 {
			t.Errorf("%v: %s", errno, text)
		}
	}
}

// crowded is a network where most ports are taken for datagrams.
type crowded struct {
	systemNetwork
	taken int
	bound []net.Listener
}

func (c *crowded) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := c.systemNetwork.Listen(ctx, network, address)
	c.bound = append(c.bound, l)
	return l, err
}

func (c *crowded) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	if c.taken--; c.taken >= 0 {
		return nil, &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	return c.systemNetwork.ListenPacket(ctx, network, address)
}

// bindAt binds an address for UDP and TCP.
func bindAt(n Network, address string, sockets int) ([]*boundEndpoint, error) {
	endpoints := Plain(netip.MustParseAddrPort(address))
	for i := range endpoints {
		endpoints[i].Network = n
	}
	return bindAll(endpoints, func(Network) int { return sockets }, nil)
}

func TestAnyPortIsOneForBoth(t *testing.T) {
	for taken, works := range map[int]bool{0: true, 7: true, portAttempts: false} {
		n := &crowded{taken: taken}
		bound, err := bindAt(n, "127.0.0.1:0", 2)
		if (err == nil) != works {
			t.Fatalf("%d ports taken: %v", taken, err)
		}
		if err == nil {
			udp, tcp := bound[0], bound[1]
			if len(udp.packets) != 2 || addrPort(udp.packets[1].LocalAddr()) != udp.Address || addrPort(tcp.streams.Addr()) != udp.Address || tcp.Address != udp.Address {
				t.Errorf("endpoints are %+v, %+v", udp, tcp)
			}
			udp.close()
			tcp.close()
		}
		for _, l := range n.bound { // nothing is left open
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("a socket is left open: %v", err)
			}
		}
	}
	if _, err := bindAt(&crowded{taken: 1}, "127.0.0.1:40053", 1); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("a port that was asked for is taken: %v", err)
	}
}

// notOurs is a network whose datagram sockets lack what is needed.
type notOurs struct{ systemNetwork }

type bareConn struct{ net.PacketConn }

func (n notOurs) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	c, err := n.systemNetwork.ListenPacket(ctx, network, address)
	return bareConn{c}, err
}

func TestNetworkMustFit(t *testing.T) {
	if _, err := bindAt(notOurs{}, "127.0.0.1:0", 1); err == nil || !strings.Contains(err.Error(), "PacketConn") {
		t.Errorf("error is %v", err)
	}
}

func TestAddrPortOfAnything(t *testing.T) {
	if a := addrPort(&net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1"), Port: 53}); a != netip.MustParseAddrPort("192.0.2.1:53") {
		t.Errorf("address is %v", a)
	}
	if a := addrPort(&net.UnixAddr{Name: "socket"}); a.IsValid() {
		t.Errorf("address is %v", a)
	}
}
