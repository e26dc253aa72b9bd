package upstreamtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/wire"
)

// Network is servers in memory. The zero value has none; a datagram to where
// no server is gets "connection refused", and so does a connection.
type Network struct {
	mu      sync.Mutex
	servers map[netip.AddrPort]handlers
	opened  int // sockets, in all
	open    int // and now
	most    int // and at the most
	closing sync.WaitGroup
}

// handlers are those of a server; a nil one refuses.
type handlers struct{ udp, tcp Handler }

// Client is the address that the queries of a network come from.
var Client = netip.AddrFrom4([4]byte{192, 0, 2, 1})

// Serve puts a server at addr. If a handler is nil, the server is not there
// by that transport.
func (n *Network) Serve(addr netip.AddrPort, udp, tcp Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.servers == nil {
		n.servers = map[netip.AddrPort]handlers{}
	}
	n.servers[addr] = handlers{udp, tcp}
}

// Sockets returns how many sockets were opened, how many are open, and how
// many were at once.
func (n *Network) Sockets() (opened, open, most int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.opened, n.open, n.most
}

// Wait waits for the handlers and the connections to end.
func (n *Network) Wait() { n.closing.Wait() }

func (n *Network) dial(server netip.AddrPort) (handlers, netip.AddrPort) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.opened++
	n.open++
	n.most = max(n.most, n.open)
	return n.servers[server], netip.AddrPortFrom(Client, uint16(1024+rand.IntN(64512)))
}

func (n *Network) closed() {
	n.mu.Lock()
	n.open--
	n.mu.Unlock()
}

// DialUDP opens a datagram socket.
func (n *Network) DialUDP(_ context.Context, server netip.AddrPort) (net.Conn, error) {
	h, local := n.dial(server)
	return &socket{network: n, handler: h.udp, local: local, remote: server,
		inbox: make(chan []byte, 64), refused: make(chan struct{}, 1), wake: make(chan struct{})}, nil
}

// socket is a datagram socket connected to a server.
type socket struct {
	network       *Network
	handler       Handler
	local, remote netip.AddrPort
	inbox         chan []byte
	refused       chan struct{} // as the network reports it
	once          sync.Once
	wake          chan struct{} // closed when no goroutine is to wait any longer
	isClosed      sync.Once
}

func (s *socket) Write(b []byte) (int, error) {
	if s.handler == nil {
		return len(b), nil
	}
	q := &Query{Packet: bytes.Clone(b), From: s.local, send: func(b []byte) {
		select {
		case s.inbox <- bytes.Clone(b):
		default: // as a socket drops packets that are not read
		}
	}, refuse: func() {
		select {
		case s.refused <- struct{}{}:
		default: // it is known already
		}
	}}
	m, err := wire.ParseMessage(q.Packet)
	if err != nil {
		panic(err)
	}
	q.Message = m
	s.network.closing.Go(func() { s.handler(q) })
	return len(b), nil
}

func (s *socket) Read(b []byte) (int, error) {
	refused := &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("read", syscall.ECONNREFUSED)}
	if s.handler == nil {
		return 0, refused
	}
	select {
	case m := <-s.inbox:
		return copy(b, m), nil
	case <-s.refused:
		return 0, refused
	case <-s.wake:
		return 0, os.ErrDeadlineExceeded
	}
}

func (s *socket) Close() error {
	s.isClosed.Do(s.network.closed)
	return s.SetReadDeadline(time.Time{}.Add(1))
}

// SetReadDeadline ends the wait of Read; deadlines in the future are not kept.
func (s *socket) SetReadDeadline(t time.Time) error {
	if t.After(time.Now()) {
		return errors.New("deadlines in the future are not kept")
	}
	s.once.Do(func() { close(s.wake) })
	return nil
}

func (s *socket) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(s.local) }
func (s *socket) RemoteAddr() net.Addr             { return net.UDPAddrFromAddrPort(s.remote) }
func (s *socket) SetDeadline(t time.Time) error    { return s.SetReadDeadline(t) }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }

// DialTCP opens a connection.
func (n *Network) DialTCP(_ context.Context, server netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	isThere := n.servers[server].tcp != nil
	n.mu.Unlock()
	if !isThere {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	h, local := n.dial(server)
	near, far := net.Pipe()
	n.closing.Go(func() {
		serveStream(far, local, h.tcp)
		n.closed()
	})
	return &stream{near, local}, nil
}

// stream is a connection that says where it comes from.
type stream struct {
	net.Conn
	local netip.AddrPort
}

func (s *stream) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(s.local) }

// serveStream handles the queries of a connection until it ends.
func serveStream(c net.Conn, from netip.AddrPort, handler Handler) {
	var handling sync.WaitGroup
	var writing sync.Mutex
	defer handling.Wait()
	defer c.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		packet := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, packet); err != nil {
			return
		}
		m, err := wire.ParseMessage(packet)
		if err != nil {
			panic(err)
		}
		q := &Query{Message: m, Packet: packet, From: from, TCP: true, send: func(b []byte) {
			writing.Lock()
			defer writing.Unlock()
			if b == nil { // a server that closes
				c.Close()
				return
			}
			frame.Write(c, b)
		}, refuse: func() { c.Close() }}
		handling.Go(func() { handler(q) })
	}
}

// CloseConnection ends the connection that a query over TCP came by.
func (q *Query) CloseConnection() {
	if q.TCP {
		q.send(nil)
	}
}
