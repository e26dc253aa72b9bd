package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	maxDatagram = 4096 // octets; more than we ask for, for servers that send more
	maxQuery    = 512  // octets of a query: name 255, OPT with cookie 55

	// maxForeign is how many packets that do not match are waited past before
	// the question goes over TCP: an attacker may be guessing.
	maxForeign = 3
)

// sockets opens sockets, each on a port that cannot be predicted.
type sockets interface {
	// open connects a socket, which is for one question. What comes for it is
	// w's.
	open(w waiter, server netip.AddrPort) (socket, error)
	// close closes what is kept for later, keeps nothing from now on, and waits
	// until the sockets in use are closed.
	close()
}

// socket is a datagram socket connected to a server.
type socket interface {
	// local is where it sends from, without a zone.
	local() netip.AddrPort
	send(b []byte) error
	// read returns what has come, errNothing if that is nothing.
	read(b []byte) (int, error)
	// close neither waits nor calls anybody. It may be called by ready.
	close()
}

// waiter is called when something has come for a socket of its own.
type waiter interface {
	// ready may read it, into space, which is lent. The socket may be closed by
	// now, and another waiter's.
	ready(s socket, space []byte)
}

var errNothing = errors.New("nothing has come")

// networkSockets opens the sockets of a [Network], each time a new one.
type networkSockets struct {
	network Network
	readers *sync.WaitGroup
}

func (n networkSockets) open(w waiter, server netip.AddrPort) (socket, error) {
	conn, err := n.network.DialUDP(context.Background(), server)
	if err != nil {
		return nil, err
	}
	return &networkSocket{sockets: n, conn: conn, waiter: w}, nil
}

func (networkSockets) close() {}

// networkSocket has a goroutine that waits for what comes, one after the other.
type networkSocket struct {
	sockets networkSockets
	conn    net.Conn
	waiter  waiter
	// What has come and was not read. The goroutine sets it before it calls the
	// waiter, which reads it meanwhile.
	packet []byte
	err    error
	has    bool

	isSent bool // the goroutine is there, and will close the socket
}

func (s *networkSocket) local() netip.AddrPort { return localAddress(s.conn) }

func (s *networkSocket) send(b []byte) error {
	if _, err := s.conn.Write(b); err != nil {
		return err
	}
	s.isSent = true
	s.sockets.readers.Go(s.wait)
	return nil
}

// wait receives until the socket is closed or fails.
func (s *networkSocket) wait() {
	defer s.conn.Close()
	buf := packets.Get().(*[2 * maxDatagram]byte)
	defer packets.Put(buf)
	for s.err == nil {
		n, err := s.conn.Read(buf[:maxDatagram])
		s.packet, s.err, s.has = buf[:n], err, true
		s.waiter.ready(s, buf[maxDatagram:])
	}
}

// packets has space for a datagram twice.
var packets = sync.Pool{New: func() any { return new([2 * maxDatagram]byte) }}

func (s *networkSocket) read(b []byte) (int, error) {
	if !s.has {
		return 0, errNothing
	}
	s.has = false
	return copy(b, s.packet), s.err
}

// close has the goroutine that reads close the connection, if there is one:
// closing a [net.Conn] waits until its last use is over.
func (s *networkSocket) close() {
	if !s.isSent || s.conn.SetReadDeadline(time.Unix(0, 1)) != nil {
		s.conn.Close()
	}
}
