package listener

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"
)

// Server answers queries at the addresses it has bound.
type Server struct {
	config      Config
	edge        *Edge
	pool        *slowPool
	connections *connections
	endpoints   []*endpoint
	workers     []*worker
	dedicated   int          // how many of them have a thread to themselves
	loops       []streamLoop // none: each connection has a goroutine
	ledger      ledger       // of all but the workers

	isServing bool // the loops run, and release themselves
	stopping  chan struct{}
	giveUp    context.CancelFunc // ends the queries that wait
}

// batchSize is how many datagrams are received and sent at once: enough that
// the calls of the kernel weigh little beside them, few enough that the first
// of a batch does not wait long for the last.
const batchSize = 64

// Listen binds every address of c, or none: the error then says which one
// could not be bound, and what may be done about it. The caller must call
// Serve or Close.
func Listen(c Config) (*Server, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	if len(c.Addresses) == 0 {
		return nil, errors.New("there is no address to listen on")
	}
	s := &Server{config: c, edge: newEdge(&c), stopping: make(chan struct{})}
	s.pool, s.giveUp = newSlowPool(s.edge, c.MaxSlow, &s.ledger)
	s.connections = newConnections(&c, s.edge, s.pool, &s.ledger)
	s.connections.stopping = s.stopping

	network, sockets := c.Network, 1
	if network == nil {
		network = systemNetwork{}
		if oneSocketPerWorker {
			sockets = c.Workers
		}
	}
	for _, a := range c.Addresses {
		e, err := bind(network, a, sockets)
		if err != nil {
			s.Close()
			return nil, err
		}
		s.endpoints = append(s.endpoints, e)
		s.addWorkers(e)
	}
	if !c.portable {
		if err := s.addLoops(); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

// addWorkers makes the workers of an endpoint.
func (s *Server) addWorkers(e *endpoint) {
	broken := &complaint{log: s.config.Log, text: "cannot receive datagrams"}
	for i := range s.config.Workers {
		w := &worker{
			edge: s.edge, pool: s.pool, local: e.address,
			slots:    newSlots(batchSize, s.config.MaxUDPSize),
			stopping: s.stopping, broken: broken,
		}
		conn := e.packets[i%len(e.packets)]
		if !s.config.portable {
			w.io = newBatchIO(conn, w.slots)
		}
		if w.io == nil {
			w.slots = w.slots[:1]
			w.io = newPortableIO(conn, w.slots)
		}
		if s.config.DedicatedThreads && len(e.packets) == s.config.Workers {
			if d := newDedicatedIO(w.io); d != nil {
				w.io = d
				s.dedicated++
			}
		}
		s.workers = append(s.workers, w)
	}
}

// addLoops makes the loops that serve all connections, where the platform has
// such.
func (s *Server) addLoops() (err error) {
	var streams []net.Listener
	for _, e := range s.endpoints {
		streams = append(streams, e.streams)
	}
	if s.loops, err = newStreamLoops(streams, s.config.Workers, s.connections); err != nil {
		return fmt.Errorf("cannot wait for connections: %w", err)
	}
	return nil
}

// Addresses returns the addresses that are bound, in the order of
// Config.Addresses, each for UDP and TCP both, with the ports the system chose
// where Config had 0.
func (s *Server) Addresses() []netip.AddrPort {
	bound := make([]netip.AddrPort, len(s.endpoints))
	for i, e := range s.endpoints {
		bound[i] = e.address
	}
	return bound
}

// Counters returns what the server has done so far.
func (s *Server) Counters() Counters {
	var t tally
	s.ledger.sum(&t)
	for _, w := range s.workers {
		w.ledger.sum(&t)
	}
	for _, l := range s.loops {
		l.sum(&t)
	}
	return t.counters()
}

// Serve answers queries until ctx is done. It then receives no more of them,
// waits at most for the grace period until those it has are answered, and
// closes every socket and connection. It may be called once.
//
// Nothing it started is left when it returns, but for goroutines in resolvers
// that do not return though their context is done; the error then says so.
func (s *Server) Serve(ctx context.Context) error {
	if s.dedicated > 0 {
		raiseProcessors(s.dedicated)
		defer raiseProcessors(-s.dedicated)
	}
	var running sync.WaitGroup
	for _, w := range s.workers {
		running.Go(w.run)
	}
	for _, l := range s.loops {
		running.Go(l.run)
	}
	if s.loops == nil {
		for _, e := range s.endpoints {
			running.Go(func() { s.connections.accept(e.streams) })
		}
	}
	s.isServing = true
	<-ctx.Done()
	s.stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		running.Wait()
		s.connections.done.Wait()
		s.pool.workers.End()
	}()
	graceful := endsWithin(ended, s.config.Grace)
	s.Close()
	if !graceful && !endsWithin(ended, lastGrace) {
		return errors.New("gave up on queries whose resolvers do not stop")
	}
	return nil
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
	close(s.stopping)
	for _, e := range s.endpoints {
		e.streams.Close()
	}
	for _, w := range s.workers {
		w.io.stop()
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
	for _, l := range s.loops {
		if s.isServing {
			l.abandon()
		} else {
			l.release()
		}
	}
	for _, w := range s.workers {
		w.io.close()
	}
	for _, e := range s.endpoints {
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
