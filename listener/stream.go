package listener

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// stream is one connection: queries come in one behind the other, and replies
// leave as soon as they are there, not always in that order (RFC 7766 6.2.1.1,
// 7). One goroutine reads, and writes the replies that are there at once;
// those that come later are written by who resolved them.
//
// It needs no more than a net.Conn, so that TLS may stand in between. What comes
// over sockets of the system is served by loops where a platform has them
// (stream_loop_linux.go), by the same rules.
type stream struct {
	conn   net.Conn
	peer   names.Peer
	edge   *Edge
	pool   *slowPool
	limits *streamLimits

	// The reader's own.
	in     frames
	x      names.Exchange
	space  []byte // where replies are written
	out    []byte // replies that wait to be sent, each behind its length
	tally  tally
	ledger *ledger

	context context.Context // of the queries that wait; over when nobody wants the replies
	cancel  context.CancelFunc

	active  atomic.Int64 // when a query or a reply was last seen, in nanoseconds since 1970
	working atomic.Bool  // the reader is at a query, not waiting for one
	begun   atomic.Bool  // there was a first query

	mu       sync.Mutex
	waiting  int       // queries whose replies come later
	answered sync.Cond // on mu: waiting has shrunk
	stopping bool      // no more queries are to be read

	writing sync.Mutex // one writer at a time
	frame   []byte     // under writing: a reply that came later, behind its length
}

// streamLimits is what a client may take of one connection.
type streamLimits struct {
	pipelined  int
	firstQuery time.Duration
	idle       func() time.Duration
	write      time.Duration
}

// flushAt is how many octets of replies are gathered before they are sent
// though more queries are there.
const flushAt = 16 << 10

var errStopping = errors.New("the server is stopping")

// run serves the connection until the client is done with it, or takes too
// much, or the server stops.
func (s *stream) run() {
	err := s.read()
	if errors.Is(err, io.EOF) || err == errStopping {
		if s.flush() == nil {
			s.drain() // who has sent all may still be waiting for replies
		}
	}
	s.cancel()
	s.conn.Close()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.tally[connectionsOverdue]++
	}
	s.ledger.take(&s.tally)
	s.drain()
}

// read answers queries until no more can be read.
func (s *stream) read() error {
	for {
		query, ok := s.in.next()
		if !ok {
			if err := s.flush(); err != nil {
				return err
			}
			if err := s.fill(); err != nil {
				return err
			}
			continue
		}
		if len(query) < wire.HeaderLen {
			return errNoDNS
		}
		s.working.Store(true)
		err := s.answer(query)
		lend(query)
		if err == nil && len(s.out) >= flushAt {
			err = s.flush()
		}
		if err != nil {
			return err
		}
	}
}

var errNoDNS = errors.New("what the client sends is no DNS")

// answer answers query, or sends it off to those who wait. It waits itself
// while as many of the client's queries do as may.
func (s *stream) answer(query []byte) error {
	s.tally[tcpQueries]++
	s.begun.Store(true)
	if s.space == nil {
		s.space = make([]byte, 0, firstBuffer)
	}
	s.x.Peer = s.peer
	reply, isSlow := s.edge.try(&s.x, query, s.space[:0], &s.tally)
	if isSlow {
		if !s.enter() {
			// Those that are answered must not wait for those that are not.
			if err := s.flush(); err != nil {
				return err
			}
			s.ledger.take(&s.tally)
			s.enterLater()
		}
		if !s.pool.resolve(s.context, &s.x, s, path{}) {
			s.leave()
			reply = s.edge.shed(&s.x, &s.tally)
		}
	}
	if reply != nil {
		s.out = appendFrame(s.out, reply)
	}
	if s.space = s.x.Reply.Buffer(); cap(s.space) > keptReply {
		s.space = nil
	}
	return nil
}

// fill waits for octets from the client, as long as it may take.
func (s *stream) fill() error {
	s.ledger.take(&s.tally)
	s.working.Store(false)
	for {
		if !s.setDeadline() {
			return errStopping
		}
		n, err := s.conn.Read(s.in.space())
		if n > 0 {
			s.in.added(n)
			return nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(s.deadline()) {
			continue // a reply went out meanwhile, or has yet to, or the server stops
		}
		if err != nil {
			return err
		}
	}
}

// deadline is when the client must have delivered its next query, all of it:
// what is delivered of one in between wins no time.
func (s *stream) deadline() time.Time {
	if s.pending() > 0 {
		return time.Now().Add(s.limits.idle()) // RFC 7766 6.2.3: idle is who waits for nothing
	}
	allowed := s.limits.idle()
	if !s.begun.Load() {
		allowed = s.limits.firstQuery
	}
	return time.Unix(0, s.active.Load()).Add(allowed)
}

// setDeadline limits the next read. It returns false where there is to be none.
func (s *stream) setDeadline() bool {
	deadline := s.deadline()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return false
	}
	s.conn.SetReadDeadline(deadline)
	return true
}

// stop ends the connection once what it has asked is answered.
func (s *stream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopping = true
	s.conn.SetReadDeadline(time.Unix(1, 0)) // long over: wakes the reader
}

// flush sends the replies that are ready.
func (s *stream) flush() error {
	if len(s.out) == 0 {
		return nil
	}
	s.writing.Lock()
	err := s.write(s.out)
	s.writing.Unlock()
	if s.out = s.out[:0]; cap(s.out) > 2*flushAt {
		s.out = nil
	}
	return err
}

// write sends octets in the time a client may take for that.
func (s *stream) write(b []byte) error {
	s.conn.SetWriteDeadline(time.Now().Add(s.limits.write))
	_, err := s.conn.Write(b)
	s.active.Store(time.Now().UnixNano())
	return err
}

// sendOne sends a reply that comes later.
func (s *stream) sendOne(reply []byte, _ path) error {
	defer s.leave()
	s.active.Store(time.Now().UnixNano())
	if reply == nil {
		return nil
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	s.frame = appendFrame(s.frame[:0], reply)
	err := s.write(s.frame)
	if err != nil {
		s.conn.Close() // half a reply may be out: nothing can follow
	}
	if cap(s.frame) > keptReply {
		s.frame = nil
	}
	return err
}

// enter counts a query that waits for its reply, unless too many do.
func (s *stream) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == s.limits.pipelined {
		return false
	}
	s.waiting++
	return true
}

// enterLater is enter as soon as one of those that wait has its reply.
func (s *stream) enterLater() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.waiting == s.limits.pipelined {
		s.answered.Wait()
	}
	s.waiting++
}

// leave says that a query waits no more.
func (s *stream) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting--
	s.answered.Broadcast()
}

// drain waits until no query waits for its reply. Each does for the query
// timeout at most.
func (s *stream) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.waiting > 0 {
		s.answered.Wait()
	}
}

// pending is how many queries wait for their replies.
func (s *stream) pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// isIdle reports whether nothing is going on: no query is being answered, and
// none waits for its reply.
func (s *stream) isIdle() bool { return !s.working.Load() && s.pending() == 0 }

// lastActive is when a query or a reply was last seen.
func (s *stream) lastActive() int64 { return s.active.Load() }

// hangUp ends the connection now.
func (s *stream) hangUp() { s.conn.Close() }
