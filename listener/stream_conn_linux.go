package listener

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// loopConn is one connection of a loop. It keeps the rules of a stream - see
// there - with less: half a message, and replies that the client has not
// taken yet.
type loopConn struct {
	loop       *epollLoop
	index      int32 // in the loop's table
	generation int32 // tells its events from those of who had the index before
	peer       names.Peer
	sentAll    bool // the end of what the client sends is here, to be read

	active atomic.Int64 // when a query or a reply was last seen

	mu       sync.Mutex // held by the loop while it is at this connection
	fd       int        // negative: closed
	in       frames     // what came and is not answered yet
	out      []byte     // what was not taken yet
	owed     int        // how many octets of it are to be taken first, all in the time for a reply
	blocked  int64      // since when they are
	waiting  int        // queries whose replies come later
	hasBegun bool       // there was a first query
	hasEnded bool       // nothing more is to be read
	isFull   bool       // nothing is answered until one of waiting has its reply
	watchOut bool       // events tell when the client takes more

	context context.Context // of the queries that wait; nil: there were none
	cancel  context.CancelFunc
}

// reset makes c as good as new.
func (c *loopConn) reset() {
	c.in, c.out = frames{}, nil
	c.sentAll, c.hasBegun, c.hasEnded, c.isFull, c.watchOut = false, false, false, false, false
	c.context, c.cancel = nil, nil
}

// advance takes what there is from c, answers it and sends the replies. It
// returns false where c is to be closed. c.mu is held.
func (l *epollLoop) advance(c *loopConn) (isOpen bool) {
	if len(c.out) > 0 && !c.flush() {
		return false
	}
	c.isFull = false
	if !l.answer(c, &c.in) {
		return false
	}
	if c.isFull || len(c.out) > 0 {
		return true // who does not take replies is not read from
	}
	if c.hasEnded {
		return c.waiting > 0
	}
	f, room := &l.in, []byte(nil)
	if len(c.in.rest()) < readSize/2 {
		f.takeOver(&c.in)
		room = f.buf[len(f.buf):cap(f.buf)]
	} else { // a message this long is rare, and not to be copied for each segment
		f = &c.in
		room = f.space()
	}
	n, errno := receive(c.fd, room)
	switch {
	case errno != 0 && errno != unix.EAGAIN:
		return false
	case errno == 0 && n == 0:
		c.hasEnded = true
		return c.waiting > 0 // who has sent all may still be waiting for replies
	case n == len(room), c.sentAll && n > 0:
		l.again = append(l.again, c) // there is more, and there may be no event for it
	}
	f.added(n)
	if !l.answer(c, f) {
		return false
	}
	if f == &l.in {
		c.in.takeOver(f)
	}
	if len(c.in.rest()) == 0 && cap(c.in.buf) > keptBuffer {
		c.in = frames{}
	}
	return true
}

// answer answers the messages in f as far as they are whole, and as c takes
// replies. It returns false where c is to be closed.
func (l *epollLoop) answer(c *loopConn, f *frames) bool {
	l.out = l.out[:0]
	for {
		if c.waiting == l.table.limits.pipelined {
			c.isFull = true
			break
		}
		query, ok := f.next()
		if !ok {
			break
		}
		if len(query) < wire.HeaderLen {
			return false // this is no DNS
		}
		c.hasBegun = true
		l.tally[tcpQueries]++
		l.answerOne(c, query)
		lend(query)
		if len(l.out) < flushAt {
			continue
		}
		if !c.send(l.out) {
			return false
		}
		l.out = l.out[:0]
		if len(c.out) > 0 {
			return true
		}
	}
	return len(l.out) == 0 || c.send(l.out)
}

// answerOne appends the reply to query to l.out, or sends the query off to
// those who wait.
func (l *epollLoop) answerOne(c *loopConn, query []byte) {
	at := len(l.out)
	l.x.Peer = c.peer
	reply, isSlow := l.edge.try(&l.x, query, l.out[at+2:at+2], &l.tally)
	if isSlow {
		c.waiting++
		if l.table.pool.resolve(c.begin(), &l.x, c, path{}) {
			return
		}
		c.waiting--
		reply = l.edge.shed(&l.x, &l.tally)
	}
	switch {
	case reply == nil:
	case unsafe.SliceData(reply) == unsafe.SliceData(l.out[at+2:at+3]): // it is in its place
		l.out = l.out[:at+2+len(reply)]
		l.out[at], l.out[at+1] = byte(len(reply)>>8), byte(len(reply))
	default:
		l.out = appendFrame(l.out, reply)
	}
}

// begin returns the context of queries that wait.
func (c *loopConn) begin() context.Context {
	if c.context == nil {
		c.context, c.cancel = context.WithCancel(c.loop.table.pool.context)
	}
	return c.context
}

// send sends b, behind what has not been taken yet. What is not taken at once
// is kept. It returns false where c is to be closed. c.mu is held.
func (c *loopConn) send(b []byte) bool {
	now := c.loop.now
	c.active.Store(now)
	if len(c.out) == 0 {
		n, errno := transmit(c.fd, b)
		if errno != 0 && errno != unix.EAGAIN {
			return false
		}
		if b = b[n:]; len(b) == 0 {
			return true
		}
		c.owed, c.blocked = len(b), now
		c.watch()
	}
	c.out = append(c.out, b...)
	return true
}

// flush sends what was not taken before. It returns false where c is to be
// closed. c.mu is held.
func (c *loopConn) flush() bool {
	n, errno := transmit(c.fd, c.out)
	if errno != 0 && errno != unix.EAGAIN {
		return false
	}
	c.taken(n, c.loop.now)
	return true
}

// taken says that the client took n octets of out. Those it owed to take have
// their time; those that came behind them meanwhile have theirs from here on.
func (c *loopConn) taken(n int, now int64) {
	if c.owed -= n; c.owed <= 0 {
		c.active.Store(now)
		c.owed, c.blocked = len(c.out)-n, now
	}
	switch {
	case n < len(c.out):
		c.out = c.out[n:]
	case cap(c.out) <= keptReply:
		c.out = c.out[:0]
	default:
		c.out = nil
	}
}

// sendOne sends a reply that comes later.
func (c *loopConn) sendOne(reply []byte, _ path) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	if c.fd < 0 {
		return nil // nobody wants it any more
	}
	now := monotonic()
	c.active.Store(now)
	err := c.sendLate(reply, now)
	if c.isFull || c.hasEnded || err != nil {
		c.wake()
	}
	return err
}

// sendLate sends reply behind what has not been taken yet. Where that fails
// the loop is left to close c.
func (c *loopConn) sendLate(reply []byte, now int64) error {
	if reply == nil {
		return nil
	}
	isFirst := len(c.out) == 0
	c.out = appendFrame(c.out, reply)
	if !isFirst {
		return nil // an event will come for those before
	}
	n, errno := transmit(c.fd, c.out)
	if errno != 0 && errno != unix.EAGAIN {
		return os.NewSyscallError("sendto", errno)
	}
	c.owed = 0
	if c.taken(n, now); len(c.out) > 0 {
		c.watch()
	}
	return nil
}

// event is what the loop wants to hear of c, and by what it knows it.
func (c *loopConn) event(out bool) *unix.EpollEvent {
	e := &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLET&0xFFFFFFFF, Fd: c.index, Pad: c.generation}
	if out {
		e.Events |= unix.EPOLLOUT
	}
	return e
}

// watch makes the loop hear when the client takes more.
func (c *loopConn) watch() {
	if !c.watchOut {
		c.watchOut = true
		unix.EpollCtl(c.loop.fd, unix.EPOLL_CTL_MOD, c.fd, c.event(true))
	}
}

// wake makes the loop come back to c: a client that takes more is an event,
// and one that is told anew where it is asked for anew.
func (c *loopConn) wake() {
	c.watchOut = true
	unix.EpollCtl(c.loop.fd, unix.EPOLL_CTL_MOD, c.fd, c.event(true))
}

// isOverdue reports whether the client takes too long to ask, or to take its
// replies.
func (c *loopConn) isOverdue(now int64, idle time.Duration) bool {
	if !c.mu.TryLock() {
		return false // a reply is being sent
	}
	defer c.mu.Unlock()
	limits := &c.loop.table.limits
	switch {
	case len(c.out) > 0:
		return now-c.blocked >= int64(limits.write)
	case c.waiting > 0:
		return false // RFC 7766 6.2.3: idle is who waits for nothing
	case !c.hasBegun:
		return now-c.active.Load() >= int64(limits.firstQuery)
	}
	return now-c.active.Load() >= int64(idle)
}

// isIdle reports whether nothing is going on.
func (c *loopConn) isIdle() bool {
	if !c.mu.TryLock() {
		return false
	}
	defer c.mu.Unlock()
	return c.waiting == 0 && len(c.out) == 0
}

// lastActive is when a query or a reply was last seen.
func (c *loopConn) lastActive() int64 { return c.active.Load() }

// stop is left to the loop.
func (c *loopConn) stop() {}

// hangUp ends the connection for both sides; the loop hears of it and closes
// it.
func (c *loopConn) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		unix.Shutdown(c.fd, unix.SHUT_RDWR)
	}
}

// close gives the descriptor back. It reports whether nobody else has c.
func (c *loopConn) close() (isUnused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	unix.RawSyscall(unix.SYS_CLOSE, uintptr(c.fd), 0, 0)
	c.fd = -1
	if c.cancel != nil {
		c.cancel()
	}
	return c.waiting == 0
}

// receive reads what has come. Raw: it does not wait.
func receive(fd int, b []byte) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

// transmit writes what is taken at once. Raw: it does not wait.
func transmit(fd int, b []byte) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}
