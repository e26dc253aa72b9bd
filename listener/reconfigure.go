package listener

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/names-dns/names/names"
)

// Configure makes a server do what c says, from the next query on; see
// [Edge.Configure]. Endpoints that c does not have any longer receive nothing more:
// what has come there is answered, and connections from there are closed when what
// they asked is answered. Those that are new are bound before anything changes; if
// one cannot be bound, nothing is changed, and the error says why. Connections above
// a limit that is lower now stay.
//
// Workers must be what it was, or 0. Network, Events, Log and DedicatedThreads count for
// new endpoints only.
func (s *Server) Configure(c Config) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Workers == 0 {
		c.Workers = s.config.Workers // not GOMAXPROCS, which Serve may have raised
	}
	if err := c.complete(); err != nil {
		return err
	}
	switch {
	case len(c.Endpoints) == 0:
		return errors.New("there is no address to listen on")
	case c.Workers != s.config.Workers:
		return fmt.Errorf("number of workers cannot change while the server runs: %d, was %d", c.Workers, s.config.Workers)
	case s.isStopped:
		return errors.New("the server has been stopped")
	}
	kept, added, removed := s.compareEndpoints(c.Endpoints)
	bound, err := s.bindAdded(added, removed, len(kept) > 0)
	if err != nil {
		return err
	}
	before := s.config
	s.config = c
	for i, e := range bound {
		if err := s.equip(e); err != nil {
			for _, e := range bound[:i] {
				s.leave(e)
			}
			for _, e := range bound[i:] {
				e.close()
			}
			s.config = before
			return err
		}
	}
	s.edge.configure(&c)
	s.pool.setTimeout(c.QueryTimeout)
	s.connections.configure(&c)
	if s.isServing {
		for _, e := range bound {
			s.start(e)
		}
	}
	s.endpoints = inOrder(c.Endpoints, append(kept, bound...))
	for _, e := range removed {
		s.leave(e)
	}
	return nil
}

// compareEndpoints says which endpoints are there already, which are new and which
// are to go.
func (s *Server) compareEndpoints(next []Endpoint) (kept []*boundEndpoint, added []Endpoint, removed []*boundEndpoint) {
	removed = slices.Clone(s.endpoints)
	for _, e := range next {
		i := slices.IndexFunc(removed, func(b *boundEndpoint) bool { return isSame(b.configured, e) })
		if i < 0 {
			added = append(added, e)
			continue
		}
		kept = append(kept, removed[i])
		removed = slices.Delete(removed, i, i+1)
	}
	return kept, added, removed
}

// isSame reports whether two endpoints are the same socket, served in the same way.
func isSame(a, b Endpoint) bool {
	return a.Address == b.Address && a.Transport == b.Transport && a.TLS == b.TLS &&
		reflect.TypeOf(a.Network) == reflect.TypeOf(b.Network) && reflect.TypeOf(a.Network).Comparable() && a.Network == b.Network
}

// inOrder puts endpoints in the order of the configuration.
func inOrder(order []Endpoint, bound []*boundEndpoint) (all []*boundEndpoint) {
	for _, e := range order {
		i := slices.IndexFunc(bound, func(b *boundEndpoint) bool { return isSame(b.configured, e) })
		if i >= 0 {
			all = append(all, bound[i])
			bound = slices.Delete(bound, i, i+1)
		}
	}
	return all
}

// bindAdded binds new endpoints. One that has the port of a stream socket that is to
// go shares it for a moment: 0.0.0.0 and 192.0.2.1, say.
func (s *Server) bindAdded(added []Endpoint, removed []*boundEndpoint, hasOthers bool) ([]*boundEndpoint, error) {
	if len(added) == 0 {
		return nil, nil
	}
	added = slices.Clone(added)
	for _, e := range s.leaving { // it may be at the address of one of them
		if e.streams != nil {
			<-e.unbound
		}
	}
	var shared []*boundEndpoint
	for i := range added {
		e := &added[i]
		if _, isSystem := e.Network.(systemNetwork); !isSystem || e.Transport == names.UDP {
			continue
		}
		for _, r := range removed {
			if r.streams != nil && r.Address.Port() == e.Address.Port() && sharePort(r.streams, true) {
				e.Network = systemNetwork{sharesPort: true}
				shared = append(shared, r)
			}
		}
	}
	bound, err := bindAll(added, s.sockets, s.sayMissing)
	if err != nil && hasOthers && hasNoSuchAddresses(err) && !slices.ContainsFunc(added, func(e Endpoint) bool { return !e.Optional }) {
		err = nil // they were optional, and none is there
	}
	for _, e := range append(shared, bound...) {
		if e.streams != nil {
			sharePort(e.streams, false)
		}
	}
	for _, e := range bound {
		if _, isSystem := e.Network.(systemNetwork); isSystem {
			e.Network, e.configured.Network = systemNetwork{}, systemNetwork{}
		}
	}
	return bound, err
}

// leave ends the service of an endpoint: what has come is answered first. s.mu is
// held.
func (s *Server) leave(e *boundEndpoint) {
	s.leaving = append(s.leaving, e)
	e.unbound = make(chan struct{})
	if _, isOurs := e.Network.(systemNetwork); isOurs { // others have inherited sockets, too
		for _, p := range e.packets {
			turnAway(p, e.Address)
		}
	}
	var waits []func()
	for _, l := range e.loops {
		waits = append(waits, l.unlisten(e.streams))
	}
	s.running.Go(func() {
		for _, wait := range waits {
			wait()
		}
		e.stop()
		close(e.unbound)
		e.running.Wait()
		for _, w := range e.workers {
			w.waiting.Wait()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, w := range e.workers {
			s.edge.sharedCounts.takeOver(&w.sharedCounts)
		}
		e.close()
		s.leaving = slices.DeleteFunc(s.leaving, func(other *boundEndpoint) bool { return other == e })
	})
}
