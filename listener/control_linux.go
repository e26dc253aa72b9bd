package listener

import (
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Control messages: the kernel says to which address a datagram was sent and on
// which interface it came; we say from which address the reply leaves.

// controlLen is the room the longest of them takes: IPV6_PKTINFO.
const controlLen = (unix.SizeofCmsghdr+alignment-1)/alignment*alignment +
	(unix.SizeofInet6Pktinfo+alignment-1)/alignment*alignment

const alignment = unix.SizeofPtr

// control is a buffer for control messages, aligned as the kernel wants it.
type control struct {
	_    [0]unix.Cmsghdr
	data [controlLen]byte
}

var toEveryHost = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// readControl sets where a datagram was sent to, if b says so.
func readControl(b []byte, p *path) {
	for len(b) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(unsafe.SliceData(b)))
		length := int(h.Len)
		if length < unix.SizeofCmsghdr || length > len(b) {
			return
		}
		data := b[unix.CmsgLen(0):length]
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			info := (*unix.Inet4Pktinfo)(unsafe.Pointer(unsafe.SliceData(data)))
			// Addr is the address in the packet, Spec_dst the one of ours that
			// stands for it: another if that is a broadcast or multicast address.
			p.local, p.toMany = netip.AddrFrom4(info.Spec_dst), info.Addr != info.Spec_dst
			if p.local.IsUnspecified() {
				// It came before the socket was ours, which had not this option then: the
				// kernel knows only where the packet was sent to. From the address of a
				// network's broadcast, which looks like any other, no reply can leave.
				p.local = netip.AddrFrom4(info.Addr)
				p.toMany = p.local.IsMulticast() || p.local == toEveryHost
			}
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(unsafe.SliceData(data)))
			local := netip.AddrFrom16(info.Addr)
			if local.IsMulticast() {
				p.toMany = true
				return
			}
			p.local = local
			if local.IsLinkLocalUnicast() || p.remote.Addr().IsLinkLocalUnicast() {
				p.scope = info.Ifindex
			}
		}
		b = b[min(unix.CmsgSpace(length-unix.CmsgLen(0)), len(b)):]
	}
}

// appendControl appends the message that makes a reply leave from the address
// that was asked. The interface is left to routing unless the address means
// nothing without one. b must be aligned for a control message at its end.
func appendControl(b []byte, p path) []byte {
	switch {
	case !p.local.IsValid():
		return b
	case p.local.Is4():
		b, data := appendControlHeader(b, unix.IPPROTO_IP, unix.IP_PKTINFO, unix.SizeofInet4Pktinfo)
		*(*unix.Inet4Pktinfo)(data) = unix.Inet4Pktinfo{Spec_dst: p.local.As4()}
		return b
	}
	b, data := appendControlHeader(b, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, unix.SizeofInet6Pktinfo)
	*(*unix.Inet6Pktinfo)(data) = unix.Inet6Pktinfo{Addr: p.local.As16(), Ifindex: p.scope}
	return b
}

// appendControlHeader appends a message with room for size octets of data, and
// returns where they go.
func appendControlHeader(b []byte, level, kind int32, size int) ([]byte, unsafe.Pointer) {
	at := len(b)
	var zeros [controlLen]byte
	b = append(b, zeros[:unix.CmsgSpace(size)]...)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[at]))
	h.Level, h.Type = level, kind
	h.SetLen(unix.CmsgLen(size))
	return b, unsafe.Pointer(&b[at+unix.CmsgLen(0)])
}

// readSockaddr is the address the kernel wrote into s, and the interface it
// needs if it is link-local. Zero for other families.
func readSockaddr(s *unix.RawSockaddrInet6) (netip.AddrPort, uint32) {
	switch s.Family {
	case unix.AF_INET:
		s4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(s))
		return netip.AddrPortFrom(netip.AddrFrom4(s4.Addr), networkOrder(&s4.Port)), 0
	case unix.AF_INET6:
		a := netip.AddrFrom16(s.Addr).Unmap()
		scope := uint32(0)
		if a.IsLinkLocalUnicast() {
			scope = s.Scope_id
		}
		return netip.AddrPortFrom(a, networkOrder(&s.Port)), scope
	}
	return netip.AddrPort{}, 0
}

// networkOrder reads a port as sockaddrs keep it: the upper octet first.
func networkOrder(port *uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(port))
	return uint16(b[0])<<8 | uint16(b[1])
}

// setSockaddr makes s the address that a reply goes to, and returns how long it is.
func setSockaddr(s *unix.RawSockaddrInet6, to path) uint32 {
	if a := to.remote.Addr(); a.Is6() {
		*s = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: a.As16(), Scope_id: to.scope}
		setNetworkOrder(&s.Port, to.remote.Port())
		return unix.SizeofSockaddrInet6
	}
	s4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(s))
	*s4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.remote.Addr().As4()}
	setNetworkOrder(&s4.Port, to.remote.Port())
	return unix.SizeofSockaddrInet4
}

// setNetworkOrder is the inverse of networkOrder.
func setNetworkOrder(at *uint16, port uint16) {
	b := (*[2]byte)(unsafe.Pointer(at))
	b[0], b[1] = byte(port>>8), byte(port)
}
