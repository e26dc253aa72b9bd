package listener

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// oneSocketPerWorker: Linux spreads datagrams over the sockets of one address
// by a hash of the sender.
const oneSocketPerWorker = true

// bufferSize is what a datagram socket may hold in octets, in each direction:
// some milliseconds of a full link. Without privileges the kernel gives as
// much of it as net.core.rmem_max and wmem_max say.
const bufferSize = 4 << 20

// udpOptions in the order in which they are set.
var udpOptions = []socketOption{
	{"SO_REUSEPORT", true, func(fd int, _ netip.Addr) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}},
	{"SO_RCVBUF", false, func(fd int, _ netip.Addr) error {
		return setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
	}},
	{"SO_SNDBUF", false, func(fd int, _ netip.Addr) error {
		return setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	}},
	{"PKTINFO", true, func(fd int, a netip.Addr) error {
		switch {
		case !a.IsUnspecified():
			return nil // replies leave from the only address there is
		case a.Is4():
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	}},
	// OMIT: fragment where the interface makes it necessary, and never because
	// somebody claims that the path does: forged fragments ride on that.
	{"MTU_DISCOVER", false, func(fd int, a netip.Addr) error {
		if a.Is4() {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT)
	}},
}

// setBuffer asks for more than the limit first, which takes privileges.
func setBuffer(fd, force, polite int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, bufferSize) == nil {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, polite, bufferSize)
}
