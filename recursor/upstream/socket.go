package upstream

import (
	"context"
	"net"
	"net/netip"
)

// socket is a datagram socket connected to a server, for one question.
type socket interface {
	// local is where it sends from, without a zone.
	local() netip.AddrPort
	send(b []byte) error
	// receive waits for a datagram. Once ctx is done it returns its cause.
	receive(ctx context.Context, b []byte) (int, error)
	close()
}

// sockets opens sockets, each on a port that nobody can predict.
type sockets interface {
	// open connects a socket, which is used until ctx is done at the latest.
	open(ctx context.Context, server netip.AddrPort) (socket, error)
	// close lets go of what is kept for later. Sockets may be opened still, and
	// nothing is kept then.
	close()
}

// networkSockets opens the sockets of a [Network], each time a new one.
type networkSockets struct{ network Network }

func (n networkSockets) open(ctx context.Context, server netip.AddrPort) (socket, error) {
	conn, err := n.network.DialUDP(ctx, server)
	if err != nil {
		return nil, err
	}
	return &networkSocket{conn, context.AfterFunc(ctx, func() { conn.SetReadDeadline(longAgo) })}, nil
}

func (networkSockets) close() {}

type networkSocket struct {
	conn net.Conn
	stop func() bool // lets ctx pass
}

func (s *networkSocket) local() netip.AddrPort { return localAddress(s.conn) }

func (s *networkSocket) send(b []byte) error {
	_, err := s.conn.Write(b)
	return err
}

func (s *networkSocket) receive(ctx context.Context, b []byte) (int, error) {
	n, err := s.conn.Read(b)
	if err != nil && ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return n, err
}

func (s *networkSocket) close() {
	s.stop()
	s.conn.Close()
}
