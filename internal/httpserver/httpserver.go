// Package httpserver runs HTTP servers that have one listener each.
package httpserver

import (
	"context"
	"errors"
	"net"
	"net/http"
)

// Server is a server of what comes to a listener.
type Server struct {
	HTTP     http.Server
	Listener net.Listener
}

// Serve answers requests until Shutdown is called, over TLS if HTTP says how.
func (s *Server) Serve() error {
	var err error
	if s.HTTP.TLSConfig == nil {
		err = s.HTTP.Serve(s.Listener)
	} else {
		err = s.HTTP.ServeTLS(s.Listener, "", "")
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Shutdown ends the server. Requests in progress end before ctx is done, or not at
// all.
func (s *Server) Shutdown(ctx context.Context) {
	if s.HTTP.Shutdown(ctx) != nil {
		s.HTTP.Close()
	}
	s.Listener.Close() // the server does not know it before it serves
}
