package listenertest

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// inboxSize is how many datagrams a socket holds.
const inboxSize = 1024

type datagram struct {
	data []byte
	from netip.AddrPort
}

// packetConn is a datagram socket. It implements listener.PacketConn.
type packetConn struct {
	network *Network
	local   netip.AddrPort
	inbox   chan datagram
	read    deadline
	once    sync.Once
	closed  chan struct{}
}

// ReadMsgUDPAddrPort waits for a datagram. What does not fit b is lost.
func (c *packetConn) ReadMsgUDPAddrPort(b, _ []byte) (n, oobn, flags int, from netip.AddrPort, err error) {
	if c.read.isOver() {
		return 0, 0, 0, from, os.ErrDeadlineExceeded // before what is there, as sockets do
	}
	select {
	case d := <-c.inbox:
		return copy(b, d.data), 0, 0, d.from, nil
	case <-c.read.over():
		return 0, 0, 0, from, os.ErrDeadlineExceeded
	case <-c.closed:
		return 0, 0, 0, from, net.ErrClosed
	}
}

// WriteMsgUDPAddrPort sends a datagram.
func (c *packetConn) WriteMsgUDPAddrPort(b, _ []byte, to netip.AddrPort) (n, oobn int, err error) {
	select {
	case <-c.closed:
		return 0, 0, net.ErrClosed
	default:
	}
	c.network.deliver(b, c.local, to)
	return len(b), 0, nil
}

func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, _, from, err := c.ReadMsgUDPAddrPort(b, nil)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

func (c *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	n, _, err := c.WriteMsgUDPAddrPort(b, nil, to.(*net.UDPAddr).AddrPort())
	return n, err
}

func (c *packetConn) Close() error {
	c.once.Do(func() {
		close(c.closed)
		c.network.mu.Lock()
		defer c.network.mu.Unlock()
		delete(c.network.packets, c.local)
	})
	return nil
}

func (c *packetConn) LocalAddr() net.Addr                { return net.UDPAddrFromAddrPort(c.local) }
func (c *packetConn) SetReadDeadline(t time.Time) error  { c.read.set(t); return nil }
func (c *packetConn) SetWriteDeadline(t time.Time) error { return nil } // nothing waits
func (c *packetConn) SetDeadline(t time.Time) error      { return c.SetReadDeadline(t) }

// packetDial is a datagram socket that sends to one address, and takes nothing
// from others.
type packetDial struct {
	*packetConn
	to netip.AddrPort
}

func (c *packetDial) Read(b []byte) (int, error) {
	for {
		n, _, _, from, err := c.ReadMsgUDPAddrPort(b, nil)
		if err != nil || from == c.to || c.to.Addr().IsUnspecified() || from == unspecified(c.to) {
			return n, err
		}
	}
}

func (c *packetDial) Write(b []byte) (int, error) {
	n, _, err := c.WriteMsgUDPAddrPort(b, nil, c.to)
	return n, err
}

func (c *packetDial) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.to) }
