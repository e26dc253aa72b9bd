package listener

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestSocketOptions(t *testing.T) {
	for _, c := range []struct {
		address              string
		level, option, value int
	}{
		{"127.0.0.1:0", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1},
		{"127.0.0.1:0", unix.IPPROTO_IP, unix.IP_PKTINFO, 0}, // costs more than it tells
		{"0.0.0.0:0", unix.IPPROTO_IP, unix.IP_PKTINFO, 1},
		{"0.0.0.0:0", unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT},
		{"[::]:0", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1},
		{"[::]:0", unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
		{"[::1]:0", unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 0},
		{"[::1]:0", unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT},
	} {
		network := "udp6"
		if netip.MustParseAddrPort(c.address).Addr().Is4() {
			network = "udp4"
		}
		conn, err := systemNetwork{}.ListenPacket(context.Background(), network, c.address)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := conn.(*net.UDPConn).SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		raw.Control(func(fd uintptr) {
			if got, err := unix.GetsockoptInt(int(fd), c.level, c.option); err != nil || got != c.value {
				t.Errorf("%s: option %d/%d is %d, %v; want %d", c.address, c.level, c.option, got, err, c.value)
			}
		})
		conn.Close()
	}
}
