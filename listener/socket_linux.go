package listener

import (
	"net"
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

// maxUnsent is how many octets of a connection's replies the kernel holds that
// it has not sent yet.
const maxUnsent = 128 << 10

// limitUnsent makes the kernel say that a client takes more whenever it takes
// some: with its own large buffers a slow reader would seem to stand still for
// longer than it may. Connections have it from the socket they come from.
func limitUnsent(fd int) {
	unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
}

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
	// The runtime allows sending to broadcast addresses; a query that claims to
	// come from one gets no reply.
	{"SO_BROADCAST", true, func(fd int, _ netip.Addr) error {
		return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 0)
	}},
	// Nothing that was sent to groups which others on this machine have joined.
	{"MULTICAST_ALL", false, func(fd int, a netip.Addr) error {
		if a.Is4() {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_ALL, 0)
	}},
	// OMIT: fragment where the interface makes it necessary, and never because
	// a forged message claims that the path does: forged fragments ride on that.
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

// setReusePort lets sockets of this user have the same port, or not.
func setReusePort(fd int, may bool) (ok bool) {
	value := 0
	if may {
		value = 1
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, value) == nil
}

// isDualStack reports whether a socket of IPv6 takes IPv4, too.
func isDualStack(fd int, a netip.Addr) bool {
	if a.Is4() || !a.IsUnspecified() {
		return false
	}
	only, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
	return err == nil && only == 0
}

// discardPort is that of the discard service, which never sends anything.
const discardPort = 9

// connectToNothing connects a datagram socket with an address of this machine that
// sends nothing: it receives from nowhere else then, and can send as before. If it
// fails, what comes until the socket is closed may be lost.
func connectToNothing(fd int, local netip.Addr) {
	switch {
	case local.Is4() && local.IsUnspecified():
		local = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case local.IsUnspecified():
		local = netip.IPv6Loopback()
	}
	if local.Is4() {
		unix.Connect(fd, &unix.SockaddrInet4{Port: discardPort, Addr: local.As4()})
		return
	}
	unix.Connect(fd, &unix.SockaddrInet6{Port: discardPort, Addr: local.As16(), ZoneId: zoneID(local)})
}

// zoneID is the number of the interface of a link-local address.
func zoneID(a netip.Addr) uint32 {
	if a.Zone() == "" {
		return 0
	}
	if i, err := net.InterfaceByName(a.Zone()); err == nil {
		return uint32(i.Index)
	}
	return 0
}
