package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/names-dns/names/internal/throttledlog"
	"github.com/names-dns/names/names"
)

// Server answers queries at the addresses it has bound.
type Server struct {
	edge        *Edge
	pool        *slowPool
	connections *connections
	running     sync.WaitGroup // goroutines that serve

	mu        sync.Mutex
	config    Config
	endpoints []*boundEndpoint
	missing   map[netip.AddrPort]bool
	leaving   []*boundEndpoint // removed, and still answering what they have received
	loops     []streamLoop     // of the connections that need no goroutine
	isServing bool             // the loops run, and release themselves
	isStopped bool

	stopping chan struct{}
	giveUp   context.CancelFunc // ends the queries that wait
}

// batchSize is how many datagrams are received and sent at once: enough that
// the calls of the kernel cost little next to them, few enough that the first
// of a batch does not wait long for the last.
const batchSize = 64

// Listen binds every endpoint of c, or none: the error then says which address
// could not be bound, and what may be done about it. The caller must call Serve
// or Close.
func Listen(c Config) (*Server, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	if len(c.Endpoints) == 0 {
		return nil, errors.New("there is no address to listen on")
	}
	s := &Server{config: c, edge: newEdge(&c), stopping: make(chan struct{}), missing: map[netip.AddrPort]bool{}}
	s.pool, s.giveUp = newSlowPool(s.edge)
	s.connections = newConnections(&c, s.edge, s.pool, &s.edge.sharedCounts)
	s.connections.stopping = s.stopping
	var err error
	if s.endpoints, err = bindAll(c.Endpoints, s.sockets, s.sayMissing); err != nil {
		s.Close()
		return nil, err
	}
	for _, e := range s.endpoints {
		if err := s.equip(e); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// sockets is how many a datagram endpoint of a network has.
func (s *Server) sockets(n Network) int {
	switch n.(type) {
	case systemNetwork, *Inherited: // of an inherited socket each worker has a copy
		if oneSocketPerWorker {
			return s.config.Workers
		}
	}
	return 1
}

// sayMissing tells the operator once of each address that the machine does not
// have.
func (s *Server) sayMissing(e Endpoint, err error) {
	if !s.missing[e.Address] {
		s.missing[e.Address] = true
		s.config.Log.Warn("address left out", "address", e.Address.String(), "error", err)
	}
}

// equip gives an endpoint what serves it: workers, loops or a goroutine that accepts
// connections, which start to run in start.
func (s *Server) equip(e *boundEndpoint) error {
	e.stopping = make(chan struct{})
	switch {
	case e.Transport == names.UDP:
		s.addWorkers(e)
	case e.Transport == names.TCP && !s.config.portable && canLoop(e.streams):
		return s.addToLoops(e)
	}
	return nil
}

// addWorkers makes the workers of a datagram endpoint.
func (s *Server) addWorkers(e *boundEndpoint) {
	broken := throttledlog.New(s.config.Log, slog.LevelError, "cannot receive datagrams")
	for i := range s.config.Workers {
		w := &worker{
			edge: s.edge, pool: s.pool, local: e.Address, space: s.config.MaxUDPSize,
			slots:    newSlots(batchSize, s.config.MaxUDPSize),
			stopping: e.stopping, broken: broken,
		}
		conn := e.packets[i%len(e.packets)]
		if !s.config.portable {
			w.io = newBatchIO(conn, w.slots)
		}
		if w.io == nil {
			w.slots = w.slots[:1]
			w.io = newPortableIO(conn, w.slots)
		}
		// To wake such a thread shuts the socket down, which would be for good if it is
		// another's, too.
		_, isInherited := e.Network.(*Inherited)
		if s.config.DedicatedThreads && len(e.packets) == s.config.Workers && !isInherited {
			if d := newDedicatedIO(w.io); d != nil {
				w.io = d
				e.dedicated++
			}
		}
		e.workers = append(e.workers, w)
	}
}

// addToLoops has the connections to an endpoint served by the loops, if the
// platform has such.
func (s *Server) addToLoops(e *boundEndpoint) (err error) {
	if s.loops == nil {
		if s.loops, err = newStreamLoops(s.config.Workers, s.connections); err != nil {
			return fmt.Errorf("cannot wait for connections: %w", err)
		}
		if s.isServing {
			for _, l := range s.loops {
				s.running.Go(l.run)
			}
		}
	}
	e.loops = s.loops
	for _, l := range s.loops {
		if err := l.listen(e.streams); err != nil {
			return fmt.Errorf("cannot wait for connections: %w", err)
		}
	}
	return nil
}

// start has an endpoint served.
func (s *Server) start(e *boundEndpoint) {
	if e.dedicated > 0 {
		raiseProcessors(e.dedicated)
	}
	for _, w := range e.workers {
		e.running.Go(w.run)
	}
	if e.streams != nil && e.loops == nil {
		e.running.Go(func() { s.connections.accept(e.streams) })
	}
	s.running.Go(func() {
		e.running.Wait()
		if e.dedicated > 0 {
			raiseProcessors(-e.dedicated)
		}
	})
}

// Edge is what all queries of the server go through, for transports of other
// packages: what they answer by it is counted and limited with the rest.
func (s *Server) Edge() *Edge { return s.edge }

// Endpoints returns what is bound, in the order of Config.Endpoints, with the
// ports the system chose for port 0. Optional ones that could not be bound are
// missing.
func (s *Server) Endpoints() []Endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	bound := make([]Endpoint, len(s.endpoints))
	for i, e := range s.endpoints {
		bound[i] = e.Endpoint
	}
	return bound
}

// Addresses returns the addresses that are bound for UDP or TCP, each once.
func (s *Server) Addresses() []netip.AddrPort {
	var bound []netip.AddrPort
	for _, e := range s.Endpoints() {
		if e.Transport != names.TLS && !slices.Contains(bound, e.Address) {
			bound = append(bound, e.Address)
		}
	}
	return bound
}

// Stats returns what the server has done so far.
func (s *Server) Stats() Stats {
	t := s.sum()
	return t.stats()
}

// sum is what all goroutines have counted.
func (s *Server) sum() (t counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edge.sharedCounts.sum(&t)
	for _, e := range slices.Concat(s.endpoints, s.leaving) {
		for _, w := range e.workers {
			w.sharedCounts.sum(&t)
		}
	}
	for _, l := range s.loops {
		l.sum(&t)
	}
	return t
}

// Serve answers queries until ctx is done. It then receives no more of them,
// waits at most for the grace period until those it has are answered, and
// closes every socket and connection. It may be called once.
//
// Nothing it started is left when it returns, but for goroutines in resolvers
// that do not return though their context is done; the error then says so.
func (s *Server) Serve(ctx context.Context) error {
	s.mu.Lock()
	s.isServing = true
	for _, l := range s.loops {
		s.running.Go(l.run)
	}
	for _, e := range s.endpoints {
		s.start(e)
	}
	s.mu.Unlock()
	<-ctx.Done()
	s.stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.running.Wait()
		s.connections.done.Wait()
		s.pool.workers.End()
	}()
	graceful := endsWithin(ended, s.grace())
	s.Close()
	if !graceful && !endsWithin(ended, lastGrace) {
		return errors.New("gave up on queries whose resolvers do not stop")
	}
	return nil
}

func (s *Server) grace() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config.Grace
}

// raiseProcessors changes GOMAXPROCS by n.
func raiseProcessors(n int) {
	raising.Lock()
	defer raising.Unlock()
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + n)
}

var raising sync.Mutex

// lastGrace is how long resolvers may take to notice that their context is done.
const lastGrace = time.Second

// stop receives no more queries.
func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isStopped = true
	close(s.stopping)
	for _, e := range slices.Concat(s.endpoints, s.leaving) {
		e.stop()
	}
	s.connections.stop()
	for _, l := range s.loops {
		l.stop()
	}
}

// Close gives back what Listen took, without waiting for anything. It is for
// servers that are not going to serve; Serve does it by itself.
func (s *Server) Close() {
	s.giveUp()
	s.connections.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isStopped = true
	for _, l := range s.loops {
		if s.isServing {
			l.abandon()
		} else {
			l.release()
		}
	}
	for _, e := range slices.Concat(s.endpoints, s.leaving) {
		e.close()
	}
}

// endsWithin waits for ended, at most for d.
func endsWithin(ended <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ended:
		return true
	case <-t.C:
		return false
	}
}
