package listener

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/internal/invariants"
	"github.com/names-dns/names/listener/internal/proxy"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// stream is one connection: queries come in one after the other, and replies
// leave as soon as they are there, not always in that order (RFC 7766 6.2.1.1,
// 7). One goroutine reads, and writes the replies that are there at once;
// those that come later are written by the goroutine that resolved them.
//
// It needs no more than a net.Conn, so that TLS may stand in between. What comes
// over sockets of the system is served by loops where a platform has them
// (stream_loop_linux.go), by the same rules.
type stream struct {
	conn  net.Conn
	from  net.Listener // that has accepted it
	peer  names.Peer
	opens opening
	edge  *Edge
	pool  *slowPool
	table *connections // has the limits

	// The reader's own.
	in           frames
	x            names.Exchange
	space        []byte // where replies are written
	out          []byte // replies that wait to be sent, each after its length
	began        int64  // when the first query came whose reply is in out
	counts       counts
	sharedCounts *sharedCounts
	refusedAs    count // what its PROXY header made it; 0: nothing

	context context.Context // of the queries that wait; over when no client wants the replies
	cancel  context.CancelFunc

	active  atomic.Int64 // when a query or a reply was last seen, in nanoseconds since 1970
	working atomic.Bool  // the reader is at a query, not waiting for one
	begun   atomic.Bool  // there was a first query

	mu       sync.Mutex
	waiting  int       // queries whose replies come later
	answered sync.Cond // on mu: waiting has shrunk
	stopping bool      // no more queries are to be read

	writing sync.Mutex // one writer at a time
	frame   []byte     // under writing: a reply that came later, after its length
}

// flushAt is how many octets of replies are gathered before they are sent
// though more queries are there.
const flushAt = 16 << 10

var errStopping = errors.New("the server is stopping")

// run serves the connection until the client is done with it, or takes too
// much, or the server stops. It returns what that counts as.
func (s *stream) run() (why count) {
	isWithin, err := s.readHeader()
	if err == nil {
		err = s.shakeHands()
	}
	if err == nil && isWithin {
		err = s.readHeaderWithin()
	}
	if err == nil {
		err = s.read()
	}
	if errors.Is(err, io.EOF) || err == errStopping {
		if s.flush() == nil {
			s.drain() // a client that has sent all may still be waiting for replies
		}
	}
	s.cancel()
	s.conn.Close()
	s.sharedCounts.take(&s.counts)
	s.drain()
	switch {
	case s.refusedAs != 0:
		return s.refusedAs
	case errors.Is(err, os.ErrDeadlineExceeded):
		return connectionsOverdue
	case err == errStopping, errors.Is(err, net.ErrClosed) && s.table.hasStopped():
		return connectionsStopped
	case errors.Is(err, io.EOF):
		return connectionsFinished
	}
	return connectionsBroken
}

// readHeader reads the PROXY header, if the connection has to begin with one, in the
// time for the first query. If a handshake comes first, the header is within TLS.
func (s *stream) readHeader() (isWithin bool, err error) {
	if s.opens != aHeader {
		return false, nil
	}
	s.conn.SetReadDeadline(time.Unix(0, s.active.Load()).Add(s.table.limits.Load().firstQuery))
	from := below(s.conn)
	if begun, ok := from.(*begunConn); ok {
		if isWithin, err := begun.beginsTLS(); isWithin || err != nil {
			return isWithin, err
		}
	}
	return false, s.takeHeader(from)
}

// readHeaderWithin reads a header that comes after the handshake, as dnsdist sends it: then TLS
// ends at the proxy, and what was proved by a certificate is who the proxy is, not the client.
func (s *stream) readHeaderWithin() error {
	s.conn.SetReadDeadline(time.Unix(0, s.active.Load()).Add(s.table.limits.Load().firstQuery))
	if err := s.takeHeader(s.conn); err != nil {
		return err
	}
	if s.peer.Proxy.IsValid() {
		s.peer.TLS = &names.PeerTLS{ServerName: s.peer.TLS.ServerName, Protocol: s.peer.TLS.Protocol}
	}
	return nil
}

func (s *stream) takeHeader(from io.Reader) error {
	h, err := proxy.ReadFrom(from)
	if err == nil {
		err = s.table.identify(s, &s.peer, &h)
	}
	if err != nil {
		s.refusedAs = s.table.refuseHeader(&s.peer, err)
	}
	return err
}

// below is what carries TLS, or conn if it is not TLS.
func below(conn net.Conn) net.Conn {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return conn
}

// shakeHands has the handshake of TLS done, in the time for the first query, and
// takes note of what it said.
func (s *stream) shakeHands() error {
	conn, ok := s.conn.(interface {
		HandshakeContext(context.Context) error
		ConnectionState() tls.ConnectionState
	})
	if !ok {
		return nil
	}
	s.conn.SetDeadline(time.Unix(0, s.active.Load()).Add(s.table.limits.Load().firstQuery))
	if err := conn.HandshakeContext(s.context); err != nil {
		return err
	}
	s.conn.SetDeadline(time.Time{})
	s.peer.TLS = PeerTLS(conn.ConnectionState())
	return nil
}

// PeerTLS is what a handshake said of the client, for transports of other packages.
func PeerTLS(state tls.ConnectionState) *names.PeerTLS {
	p := &names.PeerTLS{ServerName: strings.ToLower(state.ServerName), Protocol: state.NegotiatedProtocol}
	if len(state.PeerCertificates) > 0 {
		key := sha256.Sum256(state.PeerCertificates[0].RawSubjectPublicKeyInfo)
		p.ClientKey = key[:]
	}
	if len(state.VerifiedChains) > 0 {
		p.ClientNames = slices.Clone(state.PeerCertificates[0].DNSNames)
	}
	return p
}

// read answers queries until no more can be read.
func (s *stream) read() error {
	for {
		if s.opens == noHeader && !s.hasNoHeader() {
			return errForged
		}
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
		invariants.Poison(query)
		if err == nil && len(s.out) >= flushAt {
			err = s.flush()
		}
		if err != nil {
			return err
		}
	}
}

// hasNoHeader reports whether what was read so far does not begin with a PROXY
// header, for clients that are not proxies.
func (s *stream) hasNoHeader() bool {
	begun := s.in.rest()
	if len(begun) < proxy.Telling {
		return true
	}
	s.opens = anyOpening
	if proxy.Begins(begun) {
		s.refusedAs = s.table.refuseHeader(&s.peer, errForged)
		return false
	}
	return true
}

var errNoDNS = errors.New("client does not send DNS messages")

// answer answers query, or hands it to the goroutines that wait. It waits itself
// while as many of the client's queries do as may.
func (s *stream) answer(query []byte) error {
	s.counts[queriesBy[s.peer.Transport%transports]]++
	s.begun.Store(true)
	if s.space == nil {
		s.space = make([]byte, 0, firstBuffer)
	}
	if s.began == 0 {
		s.began = monotonic()
	}
	s.x.Peer = s.peer
	s.x.Query.Parse(query)
	reply, isSlow := s.edge.try(&s.x, s.space[:0], &s.counts)
	if isSlow {
		if !s.enter() {
			// Those that are answered must not wait for those that are not.
			if err := s.flush(); err != nil {
				return err
			}
			s.sharedCounts.take(&s.counts)
			s.enterLater()
		}
		if !s.pool.resolve(s.context, &s.x, s, path{}) {
			s.leave()
			reply = s.edge.shed(&s.x, &s.counts)
		}
	}
	if reply != nil {
		s.out = frame.Append(s.out, reply)
	}
	if s.space = s.x.Reply.Buffer(); cap(s.space) > keptReply {
		s.space = nil
	}
	return nil
}

// fill waits for octets from the client, as long as it may take.
func (s *stream) fill() error {
	s.sharedCounts.take(&s.counts)
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
		return time.Now().Add(s.table.idleTimeout()) // RFC 7766 6.2.3: a connection with a query in progress is not idle
	}
	allowed := s.table.idleTimeout()
	if !s.begun.Load() {
		allowed = s.table.limits.Load().firstQuery
	}
	return time.Unix(0, s.active.Load()).Add(allowed)
}

// setDeadline limits the next read. It returns false if there is to be none.
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
	s.sharedCounts.take(&s.counts)
	s.writing.Lock()
	err := s.write(s.out)
	s.writing.Unlock()
	s.counts.timed(time.Duration(monotonic() - s.began))
	s.began = 0
	if s.out = s.out[:0]; cap(s.out) > 2*flushAt {
		s.out = nil
	}
	return err
}

// write sends octets in the time a client may take for that.
func (s *stream) write(b []byte) error {
	s.conn.SetWriteDeadline(time.Now().Add(s.table.limits.Load().write))
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
	return s.sendLate(reply, true)
}

// sendMore sends a message of a reply that has more.
func (s *stream) sendMore(message []byte) error {
	s.active.Store(time.Now().UnixNano())
	return s.sendLate(message, false)
}

// sendLate sends a message that the reader did not wait for. If it is not the last of its
// reply, the next one needs the buffer.
func (s *stream) sendLate(message []byte, isLast bool) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.frame = frame.Append(s.frame[:0], message)
	err := s.write(s.frame)
	if err != nil {
		s.conn.Close() // half a message may be out: nothing can follow
	}
	if isLast && cap(s.frame) > keptReply {
		s.frame = nil
	}
	return err
}

// enter counts a query that waits for its reply, unless too many do.
func (s *stream) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting >= s.table.limits.Load().pipelined {
		return false
	}
	s.waiting++
	return true
}

// enterLater is enter as soon as one of those that wait has its reply.
func (s *stream) enterLater() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.waiting >= s.table.limits.Load().pipelined {
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

// condemn: a stream is one connection for good.
func (s *stream) condemn() {}

// hangUp ends the connection now. What is below TLS is closed, for TLS would take
// its time to say goodbye.
func (s *stream) hangUp() { below(s.conn).Close() }
