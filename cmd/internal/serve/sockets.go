package serve

import (
	"os"
	"slices"

	"github.com/names-dns/names/cmd/internal/systemd"
	"github.com/names-dns/names/listener"
)

// passedSockets takes over the sockets that the service manager has opened: nil if
// there are none.
func passedSockets(getenv func(string) string) (*listener.Inherited, error) {
	sockets, err := systemd.Sockets(getenv)
	if err != nil || len(sockets) == 0 {
		return nil, err
	}
	files := make([]*os.File, len(sockets))
	for i, s := range sockets {
		files[i] = s.File
	}
	return listener.Inherit(files)
}

// useSockets has queries received at sockets that are open already. Without addresses
// of its own the server is at theirs.
func (s *Server) useSockets(sockets *listener.Inherited) {
	if sockets == nil {
		return
	}
	s.network = sockets
	for _, a := range sockets.Addresses() {
		if !slices.Contains(s.passed, a) {
			s.passed = append(s.passed, a)
		}
	}
	listen := &s.settings.Listen
	for _, a := range s.passed {
		if !listen.IsDefault && !slices.Contains(listen.Addresses, a) {
			s.log.Warn("socket of the service manager is not used: no address to listen on is its own", "address", a.String())
		}
	}
}
