package listener

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
)

// Inherited is the network of the operating system with some sockets that are open
// already, as a service manager passes them to the programs that it starts. They
// are used for their addresses; all others are opened. They stay open until Close,
// so that an address may go and come back.
type Inherited struct {
	packets, streams map[netip.AddrPort]*os.File
	addresses        []netip.AddrPort
}

// Inherit takes over sockets, which must be bound: of datagrams, or of streams that
// listen. Of IPv6 they must not take IPv4, too. After an error they are the caller's.
func Inherit(sockets []*os.File) (*Inherited, error) {
	n := &Inherited{packets: map[netip.AddrPort]*os.File{}, streams: map[netip.AddrPort]*os.File{}}
	for _, f := range sockets {
		address, err := n.add(f)
		if err != nil {
			return nil, fmt.Errorf("socket %s: %w", f.Name(), err)
		}
		n.addresses = append(n.addresses, address)
	}
	return n, nil
}

func (n *Inherited) add(f *os.File) (address netip.AddrPort, err error) {
	all := n.packets
	var of net.Addr
	if conn, err := net.FilePacketConn(f); err == nil {
		of = conn.LocalAddr()
		conn.Close()
	} else if l, err := net.FileListener(f); err == nil {
		of, all = l.Addr(), n.streams
		l.Close()
	} else {
		return address, errors.New("neither a UDP socket nor a TCP socket that listens")
	}
	if address = addrPort(of); !address.IsValid() {
		return address, fmt.Errorf("%s %s is not an address of UDP or TCP", of.Network(), of)
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return address, err
	}
	controlErr := raw.Control(func(fd uintptr) {
		switch {
		case isDualStack(int(fd), address.Addr()):
			err = errors.New("it takes IPv4, too: set BindIPv6Only=ipv6-only in the socket unit, and list 0.0.0.0")
		case of.Network() == "udp":
			err = setOptions(int(fd), address.Addr())
		default:
			limitUnsent(int(fd))
		}
	})
	if all[address] == nil {
		all[address] = f
	}
	return address, errors.Join(controlErr, err)
}

// Addresses returns the addresses of the sockets, in their order.
func (n *Inherited) Addresses() []netip.AddrPort { return n.addresses }

// ListenPacket returns a copy of the datagram socket that was inherited for address,
// or opens one.
func (n *Inherited) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	if f := find(n.packets, address); f != nil {
		return net.FilePacketConn(f)
	}
	return systemNetwork{}.ListenPacket(ctx, network, address)
}

// Listen returns a copy of the stream socket that was inherited for address, or opens
// one.
func (n *Inherited) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	if f := find(n.streams, address); f != nil {
		return net.FileListener(f)
	}
	return systemNetwork{}.Listen(ctx, network, address)
}

func find(sockets map[netip.AddrPort]*os.File, address string) *os.File {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil
	}
	return sockets[a]
}

// Close closes the sockets; copies stay open.
func (n *Inherited) Close() {
	for _, f := range n.packets {
		f.Close()
	}
	for _, f := range n.streams {
		f.Close()
	}
}
