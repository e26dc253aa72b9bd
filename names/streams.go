package names

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/names-dns/names/internal/frame"
)

// streamIdle is how long a connection is kept for the next query: less than
// servers usually wait for one.
const streamIdle = 3 * time.Second

// streams keeps one idle connection to each server, for the next query over
// TCP (RFC 7766 6.2.1).
type streams struct {
	mu   sync.Mutex // connections are closed when it is released: with TLS that may take seconds
	idle map[netip.AddrPort]*idleStream
}

// idleStream is a connection that is not in use, and what will close it.
type idleStream struct {
	net.Conn
	end *time.Timer
}

// ask sends query and waits for the reply until ctx is done.
func (s *streams) ask(ctx context.Context, query []byte, server netip.AddrPort, dial func(ctx context.Context, network, address string) (net.Conn, error)) ([]byte, error) {
	if conn := s.take(server); conn != nil {
		message, err := s.askOver(ctx, conn, query, server)
		if err == nil || ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return message, err
		}
		// The server had closed it meanwhile: that says nothing about a new one.
	}
	conn, err := dial(ctx, "tcp", server.String())
	if err != nil {
		return nil, err
	}
	return s.askOver(ctx, conn, query, server)
}

// askOver asks over conn, which is kept or closed afterwards.
func (s *streams) askOver(ctx context.Context, conn net.Conn, query []byte, server netip.AddrPort) (message []byte, err error) {
	unwatch := expireWith(ctx, conn)
	err = frame.Write(conn, pad(query, conn))
	if err == nil {
		message, err = frame.Read(conn, nil)
	}
	if err == nil && !IsReply(message, query) {
		err = errNoMatch
	}
	if !unwatch() || err != nil { // not stopped: its deadline is set, or being set
		conn.Close()
		return message, err
	}
	s.keep(server, conn)
	return message, nil
}

// take returns the idle connection to server, nil if there is none.
func (s *streams) take(server netip.AddrPort) net.Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.idle[server]
	if i == nil {
		return nil
	}
	delete(s.idle, server)
	i.end.Stop()
	return i.Conn
}

// keep takes conn back for the next query, unless there is one already.
func (s *streams) keep(server netip.AddrPort, conn net.Conn) {
	if !s.tryKeep(server, conn) {
		conn.Close()
	}
}

func (s *streams) tryKeep(server netip.AddrPort, conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.idle[server] != nil {
		return false
	}
	if s.idle == nil {
		s.idle = map[netip.AddrPort]*idleStream{}
	}
	i := &idleStream{Conn: conn}
	i.end = time.AfterFunc(streamIdle, func() { s.close(server, i) })
	s.idle[server] = i
	return true
}

// close closes i unless it was taken.
func (s *streams) close(server netip.AddrPort, i *idleStream) {
	s.mu.Lock()
	isIdle := s.idle[server] == i
	if isIdle {
		delete(s.idle, server)
	}
	s.mu.Unlock()
	if isIdle {
		i.Close()
	}
}

// closeAll closes all idle connections.
func (s *streams) closeAll() {
	s.mu.Lock()
	idle := s.idle
	s.idle = nil
	s.mu.Unlock()
	for _, i := range idle {
		i.end.Stop()
		i.Close()
	}
}
