package listenertest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
)

// Network is a network in memory. It implements listener.Network.
type Network struct {
	mu       sync.Mutex
	packets  map[netip.AddrPort]*packetConn
	streams  map[netip.AddrPort]*streamListener
	lastPort uint16
}

// NewNetwork returns an empty network.
func NewNetwork() *Network {
	return &Network{
		packets:  make(map[netip.AddrPort]*packetConn),
		streams:  make(map[netip.AddrPort]*streamListener),
		lastPort: 49151,
	}
}

// ListenPacket opens a datagram socket at address; port 0 means a free one.
func (n *Network) ListenPacket(_ context.Context, network, address string) (net.PacketConn, error) {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.openPacket(network, a)
}

func (n *Network) openPacket(network string, a netip.AddrPort) (*packetConn, error) {
	a = n.withPort(a)
	if n.packets[a] != nil {
		return nil, inUse(network, a)
	}
	c := &packetConn{network: n, local: a, inbox: make(chan datagram, inboxSize), closed: make(chan struct{})}
	c.read.init()
	n.packets[a] = c
	return c, nil
}

// Listen opens a stream socket at address; port 0 means a free one.
func (n *Network) Listen(_ context.Context, network, address string) (net.Listener, error) {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	a = n.withPort(a)
	if n.streams[a] != nil {
		return nil, inUse(network, a)
	}
	l := &streamListener{network: n, local: a, backlog: make(chan net.Conn), closed: make(chan struct{})}
	n.streams[a] = l
	return l, nil
}

func inUse(network string, a netip.AddrPort) error {
	return &net.OpError{Op: "listen", Net: network, Addr: net.UDPAddrFromAddrPort(a), Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
}

// withPort gives a a port of its own if it has none.
func (n *Network) withPort(a netip.AddrPort) netip.AddrPort {
	if a.Port() == 0 {
		n.lastPort++
		a = netip.AddrPortFrom(a.Addr(), n.lastPort)
	}
	return a
}

// Dial connects from one address to another, over "udp" or "tcp". A stream
// waits until the server accepts it. Its Close ends both directions; it has
// CloseWrite to end one.
func (n *Network) Dial(network string, from, to netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch network {
	case "udp":
		c, err := n.openPacket(network, from)
		if err != nil {
			return nil, err
		}
		return &packetDial{c, to}, nil
	case "tcp":
		l := n.streams[to]
		if l == nil {
			l = n.streams[unspecified(to)]
		}
		if l == nil {
			return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: syscall.ECONNREFUSED}
		}
		from = n.withPort(from)
		client, server := newStream(from, to)
		n.mu.Unlock()
		defer n.mu.Lock()
		select {
		case l.backlog <- server:
			return client, nil
		case <-l.closed:
			return nil, &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: syscall.ECONNREFUSED}
		}
	}
	return nil, fmt.Errorf("network %q is neither udp nor tcp", network)
}

// Forge sends a datagram that claims to come from an address, which need not
// be anybody's.
func (n *Network) Forge(b []byte, from, to netip.AddrPort) { n.deliver(b, from, to) }

// unspecified is where a server listens that takes what is sent to any address.
func unspecified(a netip.AddrPort) netip.AddrPort {
	if a.Addr().Is4() {
		return netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port())
	}
	return netip.AddrPortFrom(netip.IPv6Unspecified(), a.Port())
}

// deliver puts a datagram where it is received, if anybody does.
func (n *Network) deliver(b []byte, from, to netip.AddrPort) {
	n.mu.Lock()
	c := n.packets[to]
	if c == nil {
		c = n.packets[unspecified(to)]
	}
	n.mu.Unlock()
	if c == nil {
		return
	}
	select {
	case c.inbox <- datagram{append([]byte(nil), b...), from}:
	default: // full: datagrams get lost
	}
}
