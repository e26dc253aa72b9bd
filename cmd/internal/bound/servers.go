// Package bound has the servers next to that of plain DNS: those over HTTP and QUIC. A
// reload keeps each that has its place still, and what it does can be replaced: see
// [Handler] and [TLS].
package bound

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

// Server answers at one address until Shutdown is called. Requests in progress end
// before the context is done, or not at all.
type Server interface {
	Serve() error
	Shutdown(context.Context)
}

// Place is where a server is.
type Place struct {
	What    string // "https", "metrics", ...
	Address string // as it is configured
}

// Wanted is a server that there is to be.
type Wanted struct {
	Place
	// Open binds the address. at tells where other servers are that are wanted.
	Open func(at func(Place) net.Addr) (Server, net.Addr, error)
}

// Servers are those that there are. The zero value has none.
type Servers struct {
	Log  *slog.Logger
	Are  string       // what they are, in the log: "service" if it is empty
	Gone func(Server) // called with each that has ended; may be nil

	mu        sync.Mutex // sockets are opened under it; servers end without it
	open      map[Place]open
	isServing bool
	running   sync.WaitGroup
}

type open struct {
	Server
	at net.Addr
}

// Serve has all that are wanted answer.
func Serve(log *slog.Logger, wanted ...Wanted) (*Servers, error) {
	s := &Servers{Log: log}
	c, err := s.Change(wanted)
	if err != nil {
		return nil, err
	}
	c.Commit()
	s.Start()
	return s, nil
}

// Change is what is to be different.
type Change struct {
	of   *Servers
	next map[Place]open
	new  []Place
}

// Change binds the addresses of servers that are wanted and not there yet. Either
// Commit or Cancel has to be called then.
func (s *Servers) Change(wanted []Wanted) (*Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &Change{of: s, next: map[Place]open{}}
	at := func(p Place) net.Addr { return c.next[p].at }
	for _, w := range wanted {
		one, ok := s.open[w.Place]
		if !ok {
			server, address, err := w.Open(at)
			if err != nil {
				c.Cancel()
				return nil, s.explain(w.Place, err)
			}
			one = open{server, address}
			c.new = append(c.new, w.Place)
		}
		c.next[w.Place] = one
	}
	return c, nil
}

// explain says which address cannot be bound, and if that is because of a server of
// ours that is to go, what to do.
func (s *Servers) explain(p Place, err error) error {
	err = fmt.Errorf("%s: %w", p.What, err)
	if errors.Is(err, syscall.EADDRINUSE) {
		for other := range s.open {
			if other.Address == p.Address {
				return fmt.Errorf("%w, by %s of this server: take that out in one reload, and add %s in the next", err, other.What, p.What)
			}
		}
	}
	return err
}

// Cancel gives back what was bound.
func (c *Change) Cancel() {
	for _, p := range c.new {
		end(c.next[p], 0)
	}
}

// Commit has new servers answer, and ends those that are not wanted. It does not wait
// for their end.
func (c *Change) Commit() {
	s := c.of
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range c.new {
		s.Log.Info("listening", "address", c.next[p].at.String(), cmp.Or(s.Are, "service"), p.What)
		if s.isServing {
			s.serve(p, c.next[p])
		}
	}
	for p, one := range s.open {
		if _, ok := c.next[p]; ok {
			continue
		}
		s.Log.Info("no longer listening", "address", one.at.String(), cmp.Or(s.Are, "service"), p.What)
		s.running.Go(func() {
			end(one, graceTime)
			if s.Gone != nil {
				s.Gone(one.Server)
			}
		})
	}
	s.open = c.next
}

// serve has a server answer. s.mu is held.
func (s *Servers) serve(p Place, one open) {
	s.running.Go(func() {
		if err := one.Serve(); err != nil {
			s.Log.Error("server failed", "address", one.at.String(), cmp.Or(s.Are, "service"), p.What, "error", err)
		}
	})
}

// Start has the servers answer, now and those that come.
func (s *Servers) Start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isServing = true
	for p, one := range s.open {
		s.serve(p, one)
	}
}

// All returns the servers.
func (s *Servers) All() (all []Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.open {
		all = append(all, one.Server)
	}
	return all
}

// Addresses returns where servers of one kind are.
func (s *Servers) Addresses(what string) (all []net.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p, one := range s.open {
		if p.What == what {
			all = append(all, one.at)
		}
	}
	return all
}

// graceTime is how long requests in progress may take to end.
const graceTime = 2 * time.Second

// Close ends all servers, and waits for that.
func (s *Servers) Close() {
	s.mu.Lock()
	all := s.open
	s.open = nil
	s.mu.Unlock()
	for _, one := range all {
		s.running.Go(func() { end(one, graceTime) })
	}
	s.running.Wait()
}

func end(s Server, grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	s.Shutdown(ctx)
}
