package listener

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"

	"github.com/names-dns/names/names"
)

// socketOption is one thing done to a datagram socket before it is bound.
type socketOption struct {
	name string
	must bool // without it the server could not keep its promises
	// set is called with the address the socket will be bound to.
	set func(fd int, a netip.Addr) error
}

// systemNetwork is the network of the operating system.
type systemNetwork struct {
	sharesPort bool // stream sockets may be bound to a port that others have
}

// ListenPacket opens a datagram socket with the options of the platform.
func (systemNetwork) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	c := net.ListenConfig{Control: func(_, address string, raw syscall.RawConn) error {
		a, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		var failed error
		if err := raw.Control(func(fd uintptr) { failed = setOptions(int(fd), a.Addr()) }); err != nil {
			return err
		}
		return failed
	}}
	return c.ListenPacket(ctx, network, address)
}

// setOptions applies the options in their order.
func setOptions(fd int, a netip.Addr) error {
	for _, o := range udpOptions {
		if err := o.set(fd, a); err != nil && o.must {
			return os.NewSyscallError(o.name, err)
		}
	}
	return nil
}

// Listen opens a stream socket.
func (n systemNetwork) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	c := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: false}, KeepAlive: -1} // idle ones are closed long before
	c.Control = func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			limitUnsent(int(fd))
			if n.sharesPort {
				setReusePort(int(fd), true)
			}
		})
	}
	c.SetMultipathTCP(false) // handshakes would cost more than a query
	return c.Listen(ctx, network, address)
}

// sharePort lets other stream sockets be bound to the port of l, or not, and reports
// whether the platform can.
func sharePort(l net.Listener, may bool) (ok bool) {
	c, isSocket := l.(syscall.Conn)
	if !isSocket {
		return false
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	return raw.Control(func(fd uintptr) { ok = setReusePort(int(fd), may) }) == nil && ok
}

// turnAway makes the kernel give the datagrams to come to other sockets bound to the
// address of c, if there are any; what is in its queue stays there. Sockets that the
// system does not know are left as they are.
func turnAway(c PacketConn, local netip.AddrPort) {
	s, isSocket := c.(syscall.Conn)
	if !isSocket {
		return
	}
	if raw, err := s.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) { connectToNothing(int(fd), local.Addr()) })
	}
}

// bind opens the sockets of an endpoint: sockets for datagrams, or one for
// connections.
func bind(e Endpoint, sockets int) (*boundEndpoint, error) {
	family := "6" // Go binds "udp6" and "tcp6" to IPv6 only, so that 0.0.0.0 may be bound next to ::
	if e.Address.Addr().Is4() {
		family = "4"
	}
	b := &boundEndpoint{Endpoint: e}
	if e.Transport != names.UDP {
		l, err := e.Network.Listen(context.Background(), "tcp"+family, e.Address.String())
		if err != nil {
			return nil, explain(err, e.Address, "tcp")
		}
		b.Address = addrPort(l.Addr())
		if e.TLS != nil {
			l = tls.NewListener(begunListener{l}, e.TLS)
		}
		b.streams = l
		return b, nil
	}
	for range sockets {
		conn, err := e.Network.ListenPacket(context.Background(), "udp"+family, b.Address.String())
		if err != nil {
			b.close()
			return nil, explain(err, b.Address, "udp")
		}
		p, ok := conn.(PacketConn)
		if !ok {
			conn.Close()
			b.close()
			return nil, fmt.Errorf("cannot listen on %v (udp): %T is not a listener.PacketConn", e.Address, conn)
		}
		b.packets = append(b.packets, p)
		b.Address = addrPort(conn.LocalAddr())
	}
	return b, nil
}

// addrPort is the address in a, the zero value if it has none.
func addrPort(a net.Addr) netip.AddrPort {
	with, ok := a.(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.AddrPort{}
	}
	ap := with.AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// explain says which address could not be bound, and what may be done about it.
func explain(err error, a netip.AddrPort, network string) error {
	advice := ""
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		advice = ": stop the server that uses it, or choose another port or address"
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		advice = ": ports below 1024 take root or CAP_NET_BIND_SERVICE; choose a higher port, or grant it"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		advice = ": no interface of this machine has that address"
	case errors.Is(err, syscall.EAFNOSUPPORT):
		advice = ": this machine has no IPv6, or no IPv4; leave the address out"
	case errors.Is(err, syscall.EMFILE):
		advice = ": raise the limit of open files"
	}
	return fmt.Errorf("cannot listen on %v (%s): %w%s", a, network, rootCause(err), advice)
}

// rootCause takes off what repeats the address.
func rootCause(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) && strings.HasPrefix(call.Syscall, "bind") {
		err = call.Err
	}
	return err
}
