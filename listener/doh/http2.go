package doh

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/doh/internal/h2"
	"github.com/names-dns/names/names"
)

// serveHTTP2 answers what comes over a connection whose client has chosen HTTP/2: net/http
// has shaken hands, and closes it afterwards. h is the handler with what net/http adds to it.
func (s *Server) serveHTTP2(_ *http.Server, conn *tls.Conn, h http.Handler) {
	ctx := context.Background()
	if with, ok := h.(interface{ BaseContext() context.Context }); ok {
		ctx = with.BaseContext()
	}
	state := conn.ConnectionState()
	bounded := conn.NetConn().(*boundedConn)
	c := h2.New(conn, h2.Config{
		Limits: limits, Context: ctx, Handler: h, Log: s.log,
		Direct: &direct{server: s, peer: names.Peer{
			Transport: names.HTTPS,
			Remote:    addrPortOf(conn.RemoteAddr()), Local: addrPortOf(conn.LocalAddr()), TLS: listener.PeerTLS(state),
		}},
		Below: bounded,
	})
	s.begin(c)
	defer s.end(c)
	bounded.why.Store(int32(endOf(c.Serve())))
}

// limits are those of a connection over HTTP/2.
var limits = h2.Limits{
	Streams: maxStreams, Header: maxHeader, ConnectionRoom: connectionRoom, StreamRoom: streamRoom, ReplyRoom: replyRoom,
	First: headerTime, Body: bodyTime, Take: bodyTime + waitTime, Idle: idleTime, Write: headerTime,
}

// endOf is why a connection ended that was served until err.
func endOf(err error) end {
	switch {
	case errors.Is(err, io.EOF):
		return finished
	case err == h2.ErrIdle, errors.Is(err, os.ErrDeadlineExceeded):
		return overdue
	case err == h2.ErrStopped:
		return stopped
	case errors.Is(err, net.ErrClosed):
		return unknown // by the server
	}
	return broken
}

func (s *Server) begin(c *h2.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[c] = struct{}{}
	if s.listener.stopping.Load() {
		c.Stop()
	}
}

func (s *Server) end(c *h2.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// stop ends the connections when what was asked is answered.
func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		c.Stop()
	}
}
