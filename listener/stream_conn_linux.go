package listener

import (
	"context"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/internal/invariants"
	"github.com/names-dns/names/listener/internal/proxy"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// loopConn is one connection of a loop. It keeps the rules of a stream - see
// there - with less: half a message, and replies that the client has not
// taken yet.
type loopConn struct {
	loop       *epollLoop
	index      int32 // in the loop's table
	generation int32 // tells its events from those of the connection that had the index before
	peer       names.Peer
	opens      opening
	socket     *streamSocket // that it was accepted from
	sentAll    bool          // the end of what the client sends is here, to be read

	active    atomic.Int64 // when a query or a reply was last seen
	condemned atomic.Bool  // to be ended; cleared when c is used again

	mu        sync.Mutex // held by the loop while it is at this connection
	drained   sync.Cond  // on mu: out is empty, or the connection closed
	fd        int        // negative: closed
	in        frames     // what came and is not answered yet
	out       []byte     // what was not taken yet
	owed      int        // how many octets of it are to be taken first, all in the time for a reply
	blocked   int64      // since when they are
	isLent    bool       // out is memory of a sender that waits
	waiting   int        // queries whose replies come later
	hasBegun  bool       // there was a first query
	hasEnded  bool       // nothing more is to be read
	refusedAs count      // what its PROXY header made it; 0: nothing
	isToStop  bool       // because the server stops, or leaves the address
	isFull    bool       // nothing is answered until one of waiting has its reply
	watchOut  bool       // events tell when the client takes more

	context context.Context // of the queries that wait; nil: there were none
	cancel  context.CancelFunc
}

// reset makes c like new.
func (c *loopConn) reset() {
	c.in, c.out = frames{}, nil
	c.sentAll, c.hasBegun, c.hasEnded, c.isToStop, c.isFull, c.watchOut, c.isLent = false, false, false, false, false, false, false
	c.context, c.cancel, c.refusedAs = nil, nil, 0
	c.condemned.Store(false)
}

// advance takes what there is from c, answers it and sends the replies. It
// returns false if c is to be closed. c.mu is held.
func (l *epollLoop) advance(c *loopConn) (isOpen bool) {
	if len(c.out) > 0 && !c.flush() {
		return false
	}
	c.isFull = false
	if !l.answer(c, &c.in) {
		return false
	}
	if c.isFull || len(c.out) > 0 {
		return true // stop reading until the client takes its replies
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
		return c.waiting > 0 // a client that has sent all may still be waiting for replies
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
// replies. It returns false if c is to be closed.
func (l *epollLoop) answer(c *loopConn, f *frames) bool {
	l.out = l.out[:0]
	if c.opens != anyOpening {
		if isOver, err := l.readHeader(c, f); !isOver || err != nil {
			return err == nil
		}
	}
	for {
		if c.waiting >= l.table.limits.Load().pipelined {
			c.isFull = true
			break
		}
		query, ok := f.next()
		if !ok {
			break
		}
		if len(query) < wire.HeaderLen {
			return false // not DNS
		}
		c.hasBegun = true
		l.counts[tcpQueries]++
		l.answerOne(c, query)
		invariants.Poison(query)
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

// readHeader takes the PROXY header off what c has sent, or sees that there is none,
// whichever has to be. It reports whether that is over: if not, more has to come.
func (l *epollLoop) readHeader(c *loopConn, f *frames) (isOver bool, err error) {
	begun := f.rest()
	if c.opens == noHeader {
		switch {
		case len(begun) < proxy.Telling:
			return false, nil
		case proxy.Begins(begun):
			err = errForged
		}
	} else {
		var h proxy.Header
		if h, err = proxy.Read(begun); err == proxy.ErrShort {
			return false, nil
		}
		if err == nil {
			f.skip(h.Len)
			err = l.table.identify(c, &c.peer, &h)
		}
	}
	if err != nil {
		c.refusedAs = l.table.refuseHeader(&c.peer, err)
	}
	c.opens = anyOpening
	return true, err
}

// answerOne appends the reply to query to l.out, or sends the query off to
// the goroutines that wait.
func (l *epollLoop) answerOne(c *loopConn, query []byte) {
	at := len(l.out)
	l.x.Peer = c.peer
	l.x.Query.Parse(query)
	reply, isSlow := l.edge.try(&l.x, l.out[at+2:at+2], &l.counts)
	if isSlow {
		c.waiting++
		if l.table.pool.resolve(c.begin(), &l.x, c, path{}) {
			return
		}
		c.waiting--
		reply = l.edge.shed(&l.x, &l.counts)
	}
	switch {
	case reply == nil:
	case unsafe.SliceData(reply) == unsafe.SliceData(l.out[at+2:at+3]): // it is in its place
		l.out = l.out[:at+2+len(reply)]
		l.out[at], l.out[at+1] = byte(len(reply)>>8), byte(len(reply))
	default:
		l.out = frame.Append(l.out, reply)
	}
}

// begin returns the context of queries that wait.
func (c *loopConn) begin() context.Context {
	if c.context == nil {
		c.context, c.cancel = context.WithCancel(c.loop.table.pool.context)
	}
	return c.context
}

// send sends b, after what has not been taken yet. What is not taken at once
// is kept. It returns false if c is to be closed. c.mu is held.
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

// flush sends what was not taken before. It returns false if c is to be
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
// their time; those that came after them meanwhile have theirs from here on.
func (c *loopConn) taken(n int, now int64) {
	if c.owed -= n; c.owed <= 0 {
		c.active.Store(now)
		c.owed, c.blocked = len(c.out)-n, now
	}
	switch {
	case n < len(c.out):
		c.out = c.out[n:]
		return
	case cap(c.out) <= keptReply && !c.isLent:
		c.out = c.out[:0]
	default:
		c.out, c.isLent = nil, false
	}
	c.drained.Broadcast()
}

// sendOne sends a reply that comes later.
func (c *loopConn) sendOne(reply []byte, _ path) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	if c.fd < 0 {
		return nil // the client is gone
	}
	now := monotonic()
	c.active.Store(now)
	err := c.sendLate(reply, now)
	if c.isFull || c.hasEnded || err != nil {
		c.wake()
	}
	return err
}

// sendMore sends a message of a reply that has more. It waits until the client
// has taken all that was sent before, and all of this but what the system keeps: no
// connection holds more of such replies than one message, which is not copied. The
// loop goes on with others meanwhile.
func (c *loopConn) sendMore(message []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isDrained() {
		return net.ErrClosed
	}
	now := monotonic()
	c.active.Store(now)
	n, errno := transmitFrame(c.fd, message)
	switch {
	case errno != 0 && errno != unix.EAGAIN:
		c.wake() // the loop closes c
		return os.NewSyscallError("sendmsg", errno)
	case n == 2+len(message):
		return nil
	case n < 2:
		c.out = frame.Append(nil, message)[n:]
	default:
		c.out, c.isLent = slices.Clip(message[n-2:]), true // others append to it meanwhile
	}
	c.owed, c.blocked = len(c.out), now
	c.watch()
	if !c.isDrained() {
		return net.ErrClosed
	}
	return nil
}

// isDrained waits until the client has taken what was sent before. It returns false if
// the connection is closed.
func (c *loopConn) isDrained() bool {
	for c.fd >= 0 && len(c.out) > 0 {
		c.drained.Wait()
	}
	return c.fd >= 0
}

// sendLate sends reply after what has not been taken yet. If that fails
// the loop is left to close c.
func (c *loopConn) sendLate(reply []byte, now int64) error {
	if reply == nil {
		return nil
	}
	isFirst := len(c.out) == 0
	c.out = frame.Append(c.out, reply)
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

// event is what the loop waits for on c, and by what it finds c.
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
// and one that is reported again each time it is asked for.
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
	limits := c.loop.table.limits.Load()
	switch {
	case len(c.out) > 0:
		return now-c.blocked >= int64(limits.write)
	case c.waiting > 0:
		return false // RFC 7766 6.2.3: a connection with a query in progress is not idle
	case !c.hasBegun:
		return now-c.active.Load() >= int64(limits.firstQuery)
	}
	return now-c.active.Load() >= int64(idle)
}

// why is what the end of c counts as if the client was not too slow.
func (c *loopConn) why() count {
	switch {
	case c.refusedAs != 0:
		return c.refusedAs
	case c.isToStop, c.condemned.Load():
		return connectionsStopped
	case c.hasEnded:
		return connectionsFinished
	}
	return connectionsBroken
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

func (c *loopConn) condemn() { c.condemned.Store(true) }

// hangUp ends the connection for both sides; the loop notices and closes
// it.
func (c *loopConn) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 && c.condemned.Load() {
		unix.Shutdown(c.fd, unix.SHUT_RDWR)
	}
}

// close gives the descriptor back. It reports whether c has no other user.
func (c *loopConn) close() (isUnused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	unix.RawSyscall(unix.SYS_CLOSE, uintptr(c.fd), 0, 0)
	c.fd = -1
	c.drained.Broadcast()
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

// transmitFrame is transmit for a message after its length.
func transmitFrame(fd int, message []byte) (int, unix.Errno) {
	length := [2]byte{byte(len(message) >> 8), byte(len(message))}
	parts := [2]unix.Iovec{{Base: &length[0]}, {Base: unsafe.SliceData(message)}}
	parts[0].SetLen(len(length))
	parts[1].SetLen(len(message))
	header := unix.Msghdr{Iov: &parts[0]}
	header.SetIovlen(len(parts))
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&header)), unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}
