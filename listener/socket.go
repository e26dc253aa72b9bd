package listener

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
)

// socketOption is one thing done to a datagram socket before it is bound.
type socketOption struct {
	name string
	must bool // without it the server could not keep its promises
	// set is called with the address the socket will be bound to.
	set func(fd int, a netip.Addr) error
}

// systemNetwork is the network of the operating system.
type systemNetwork struct{}

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
func (systemNetwork) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	c := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{Enable: false}, KeepAlive: -1} // idle ones are closed long before
	c.SetMultipathTCP(false)                                                                  // handshakes would cost more than a query
	return c.Listen(ctx, network, address)
}

// endpoint is what is bound to one address.
type endpoint struct {
	address netip.AddrPort
	packets []PacketConn // one, or one for each worker
	streams net.Listener
}

func (e *endpoint) close() {
	for _, p := range e.packets {
		p.Close()
	}
	if e.streams != nil {
		e.streams.Close()
	}
}

// portAttempts is how many ports are tried for one that is free for UDP and
// TCP both.
const portAttempts = 20

// bind opens the sockets of one address: sockets for datagrams, one for
// connections, all on the same port.
func bind(n Network, a netip.AddrPort, sockets int) (*endpoint, error) {
	for attempt := 1; ; attempt++ {
		e, err := bindOnce(n, a, sockets)
		if err == nil {
			return e, nil
		}
		if a.Port() != 0 || attempt == portAttempts || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, err
		}
	}
}

func bindOnce(n Network, a netip.AddrPort, sockets int) (*endpoint, error) {
	family := "6" // Go binds "udp6" and "tcp6" to IPv6 only, so that 0.0.0.0 may stand beside ::
	if a.Addr().Is4() {
		family = "4"
	}
	// The stream socket first: it cannot be shared, so that a second server on
	// the address is noticed though datagram sockets could be.
	streams, err := n.Listen(context.Background(), "tcp"+family, a.String())
	if err != nil {
		return nil, explain(err, a, "tcp")
	}
	e := &endpoint{address: addrPort(streams.Addr()), streams: streams}
	for range sockets {
		conn, err := n.ListenPacket(context.Background(), "udp"+family, e.address.String())
		if err != nil {
			e.close()
			return nil, explain(err, e.address, "udp")
		}
		p, ok := conn.(PacketConn)
		if !ok {
			conn.Close()
			e.close()
			return nil, fmt.Errorf("cannot listen on %v (udp): a %T is no listener.PacketConn", a, conn)
		}
		e.packets = append(e.packets, p)
	}
	return e, nil
}

// addrPort is the address in a, the zero value where it has none.
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
