package listener

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// epollLoop serves many TCP connections with one goroutine: it accepts them,
// reads what has come, answers it and writes the replies of a read with one
// call, without a goroutine, a timer or a buffer for each. What has to wait for
// its answer is left to the pool, which writes it by itself.
//
// Its epoll instance is itself watched by the poller of the runtime: while
// anything happens the loop never leaves for there, and parks once nothing
// does.
type epollLoop struct {
	edge    *Edge
	table   *connections
	sockets []*streamSocket

	file *os.File // the epoll instance
	raw  syscall.RawConn
	fd   int

	conns []*loopConn // by the index that their events carry; nil: free
	free  []int32     // indexes that are free
	spare []*loopConn // ended, to be used again
	open  int

	generation int32 // of the connection that came last

	tryServe func(fd uintptr) bool // serveEvents, kept so that no call makes a closure
	events   [64]unix.EpollEvent
	count    int         // how many of them there are
	errno    unix.Errno  // why there are none
	hasMore  bool        // there may be more by now
	again    []*loopConn // those that were left though they had more to say
	turn     []*loopConn // those that were left before

	in           frames // of connections without half a message
	out          []byte // replies that wait to be sent, each after its length
	x            names.Exchange
	counts       counts
	sharedCounts sharedCounts

	now     int64 // as of these events
	sweepAt int64 // when to look for clients that take too long; 0: not at all

	isStopping, isOver atomic.Bool // orders of others
	isDone             bool

	mu      sync.Mutex
	isRun   bool        // guarded by mu: the loop runs, and carries out orders by itself
	orders  []func()    // guarded by mu: of others, for the loop to carry out
	ordered atomic.Bool // there are some
}

// streamSocket is a socket that connections are accepted from, shared by all
// loops.
type streamSocket struct {
	fd        int // negative: closed
	of        net.Listener
	local     netip.AddrPort
	isResting bool // it failed, and is left alone until the next sweep
	from      unix.RawSockaddrInet6
	fromLen   uint32
}

const (
	// readSize is how much is read of a connection before the others have
	// their turn, in octets: some hundred queries.
	readSize = 16 << 10
	// acceptBatch is how many connections are accepted likewise.
	acceptBatch = 16
	// sweepInterval is how late the loop may notice that a client takes too
	// long.
	sweepInterval = 100 * time.Millisecond
	// maxSpare is how many ended connections are kept to be used again.
	maxSpare = 256
)

// canLoop reports whether loops can serve what l accepts: it is a socket of the
// system.
func canLoop(l net.Listener) bool {
	_, ok := l.(*net.TCPListener)
	return ok
}

// newStreamLoops returns n loops, or none if the platform cannot wait for them.
func newStreamLoops(n int, t *connections) ([]streamLoop, error) {
	var loops []streamLoop
	for range n {
		loop, err := newEpollLoop(t)
		if err != nil || loop == nil {
			for _, l := range loops {
				l.release()
			}
			return nil, err
		}
		loops = append(loops, loop)
	}
	return loops, nil
}

func newEpollLoop(t *connections) (streamLoop, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	unix.SetNonblock(fd, true) // tells os.NewFile that it can be waited for
	l := &epollLoop{
		edge: t.edge, table: t, fd: fd, file: os.NewFile(uintptr(fd), "epoll"),
		in: frames{buf: make([]byte, 0, readSize)}, out: make([]byte, 0, flushAt+2+65535+wire.WriterSlack),
	}
	l.tryServe = l.serveEvents
	if l.raw, err = l.file.SyscallConn(); err != nil {
		l.release()
		return nil, err
	}
	if l.file.SetReadDeadline(time.Time{}) != nil { // the poller does not take it
		l.release()
		return nil, nil
	}
	return l, nil
}

// order has do called by the loop, or at once if it does not run.
func (l *epollLoop) order(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.isRun {
		do()
		return
	}
	l.orders = append(l.orders, do)
	l.ordered.Store(true)
	l.file.SetReadDeadline(time.Unix(1, 0)) // long over: wakes the loop
}

// carryOut carries out the orders of others.
func (l *epollLoop) carryOut() {
	l.mu.Lock()
	orders := l.orders
	l.orders = nil
	l.ordered.Store(false)
	l.mu.Unlock()
	for _, do := range orders {
		do()
	}
}

// listen accepts connections from listener. The descriptor is a copy, so that
// the loop may still use its own when the other has been closed.
func (l *epollLoop) listen(listener net.Listener) error {
	tcp := listener.(*net.TCPListener) // see canLoop
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	s := &streamSocket{of: listener, local: addrPort(tcp.Addr())}
	if controlErr := raw.Control(func(fd uintptr) {
		s.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	}); controlErr != nil || err != nil {
		return errors.Join(controlErr, os.NewSyscallError("fcntl", err))
	}
	// Connections have it from the socket they come from.
	unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	result := make(chan error, 1)
	l.order(func() {
		l.sockets = append(l.sockets, s)
		result <- os.NewSyscallError("epoll_ctl", l.watch(len(l.sockets)-1))
	})
	return <-result
}

// unlisten accepts what waits at listener, and nothing more, and ends the connections
// from there once what they have asked is answered.
func (l *epollLoop) unlisten(listener net.Listener) (wait func()) {
	done := make(chan struct{})
	l.order(func() {
		defer close(done)
		i := slices.IndexFunc(l.sockets, func(s *streamSocket) bool { return s.of == listener && s.fd >= 0 })
		if i < 0 {
			return
		}
		s := l.sockets[i]
		for l.accept(i) {
		}
		unix.EpollCtl(l.fd, unix.EPOLL_CTL_DEL, s.fd, nil)
		unix.Close(s.fd)
		s.fd = -1
		for _, c := range l.conns {
			if c != nil && c.socket == s {
				l.finish(c)
			}
		}
		l.tick()
	})
	return func() { <-done }
}

// finish answers what has come over c, reads nothing more, and closes it as soon as
// the replies are sent.
func (l *epollLoop) finish(c *loopConn) {
	index := c.index
	l.serve(c)
	if l.conns[index] != c {
		return
	}
	c.stopReading()
	l.serve(c)
}

// stopReading has c end once its replies are sent.
func (c *loopConn) stopReading() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hasEnded, c.isToStop = true, true
}

// watch watches a socket for connections. Of the loops that watch it, one is
// woken for each.
func (l *epollLoop) watch(i int) error {
	return unix.EpollCtl(l.fd, unix.EPOLL_CTL_ADD, l.sockets[i].fd,
		&unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLEXCLUSIVE, Fd: int32(-1 - i)})
}

// run serves until the server stops and nothing is left to do, or is to be.
func (l *epollLoop) run() {
	l.mu.Lock()
	l.isRun = true
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.isRun = false
		for _, do := range l.orders {
			do()
		}
		l.orders = nil
		l.release()
	}()
	for {
		err := l.raw.Read(l.tryServe)
		if l.errno != 0 {
			err = os.NewSyscallError("epoll_wait", l.errno)
		}
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) { // it can no longer wait for anything
				l.table.broken.Say(func() []any { return []any{"error", err} })
				l.isOver.Store(true)
			}
			l.now = monotonic()
			l.sweep()
			l.look()
		}
		if l.isDone {
			return
		}
	}
}

// serveEvents deals with what there is. The runtime calls it until it returns
// true, and waits in between: false means that all is dealt with. So it is
// after a single event, and what has come since is one that the runtime does
// not forget: there is no need to ask once more. After several more are likely
// to be there by now, and asking costs less than waiting.
func (l *epollLoop) serveEvents(fd uintptr) bool {
	for {
		l.poll(fd)
		if l.errno != 0 {
			return true
		}
		if l.count == 0 && len(l.again) == 0 {
			return false
		}
		l.now = monotonic()
		l.hasMore = l.count > 1
		l.handle()
		l.counts.timed(time.Duration(monotonic() - l.now))
		l.look()
		if l.isDone {
			return true
		}
		if !l.hasMore && len(l.again) == 0 {
			return false
		}
	}
}

// poll takes the events that are there. Raw: it does not wait.
func (l *epollLoop) poll(fd uintptr) {
	for {
		var n uintptr
		n, _, l.errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(&l.events[0])), uintptr(len(l.events)), 0, 0, 0)
		if l.count = int(n); l.errno == 0 {
			return
		}
		if l.count = 0; l.errno != unix.EINTR {
			return
		}
	}
}

// look does what is to be done now and then, and sets isDone if that was
// the last.
func (l *epollLoop) look() {
	if l.sweepAt != 0 && l.now >= l.sweepAt {
		l.sweep()
	}
	if l.ordered.Load() {
		l.carryOut()
	}
	switch {
	case l.isOver.Load():
		l.endAll()
		l.isDone = true
	case l.isStopping.Load():
		l.drain()
		l.isDone = l.open == 0
	}
	l.sharedCounts.take(&l.counts)
}

// handle deals with the events, and then with those that were left before.
func (l *epollLoop) handle() {
	l.again, l.turn = l.turn[:0], l.again
	for i := range l.events[:l.count] {
		e := &l.events[i]
		if e.Fd < 0 {
			l.hasMore = l.accept(int(-1-e.Fd)) || l.hasMore
		} else if c := l.conns[e.Fd]; c != nil && c.generation == e.Pad {
			c.sentAll = c.sentAll || e.Events&unix.EPOLLRDHUP != 0
			l.serve(c)
		}
	}
	for i, c := range l.turn {
		l.turn[i] = nil
		if l.conns[c.index] == c {
			l.serve(c)
		}
	}
}

// serve goes on with c as far as that goes.
func (l *epollLoop) serve(c *loopConn) {
	c.mu.Lock()
	isOpen := l.advance(c)
	why := c.why()
	c.mu.Unlock()
	if !isOpen {
		l.end(c, why)
	}
}

// accept admits connections that wait at a socket, and reports whether more may be
// waiting.
func (l *epollLoop) accept(i int) (hasMore bool) {
	s := l.sockets[i]
	if s.fd < 0 {
		return false // the event is older than the end of the socket
	}
	for range acceptBatch {
		s.fromLen = unix.SizeofSockaddrInet6
		fd, _, errno := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(s.fd), uintptr(unsafe.Pointer(&s.from)),
			uintptr(unsafe.Pointer(&s.fromLen)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		switch errno {
		case 0:
			l.admit(s, int(fd))
		case unix.EAGAIN:
			return false
		case unix.EINTR, unix.ECONNABORTED:
		default:
			l.counts[acceptErrors]++
			l.table.broken.Say(func() []any { return []any{"address", s.local.String(), "error", errno} })
			unix.EpollCtl(l.fd, unix.EPOLL_CTL_DEL, s.fd, nil)
			s.isResting = true
			l.tick()
			return false
		}
	}
	return true
}

// admit begins to serve a connection that was accepted, unless there are too
// many.
func (l *epollLoop) admit(s *streamSocket, fd int) {
	remote, _ := readSockaddr(&s.from)
	local := s.local
	if local.Addr().IsUnspecified() {
		local = localAddress(fd, s)
	}
	c := l.newConn(fd, s, names.Peer{Transport: names.TCP, Remote: withoutZone(remote), Local: withoutZone(local)})
	c.opens = l.edge.rules.Load().openingOf(c.peer.Remote.Addr())
	if !l.table.enter(c, c.peer.Remote.Addr(), c.opens) {
		l.forget(c)
		return
	}
	if unix.EpollCtl(l.fd, unix.EPOLL_CTL_ADD, fd, c.event(false)) != nil { // no memory
		l.end(c, connectionsBroken)
		return
	}
	if l.sweepAt == 0 {
		l.tick()
	}
}

// localAddress is the address of ours that a client has connected to.
func localAddress(fd int, s *streamSocket) netip.AddrPort {
	s.fromLen = unix.SizeofSockaddrInet6
	_, _, errno := unix.RawSyscall(unix.SYS_GETSOCKNAME, uintptr(fd), uintptr(unsafe.Pointer(&s.from)), uintptr(unsafe.Pointer(&s.fromLen)))
	if errno != 0 {
		return s.local
	}
	local, _ := readSockaddr(&s.from)
	return local
}

// newConn returns a connection that has an index.
func (l *epollLoop) newConn(fd int, s *streamSocket, peer names.Peer) *loopConn {
	var c *loopConn
	if n := len(l.spare); n > 0 {
		c, l.spare[n-1] = l.spare[n-1], nil
		l.spare = l.spare[:n-1]
	} else {
		c = &loopConn{loop: l}
		c.drained.L = &c.mu
	}
	if n := len(l.free); n > 0 {
		c.index = l.free[n-1]
		l.free = l.free[:n-1]
	} else {
		c.index = int32(len(l.conns))
		l.conns = append(l.conns, nil)
	}
	l.generation++
	c.fd, c.socket, c.peer, c.generation = fd, s, peer, l.generation
	c.active.Store(l.now)
	l.conns[c.index] = c
	l.open++
	return c
}

// end closes a connection, and counts why, unless that is counted already.
func (l *epollLoop) end(c *loopConn, why count) {
	if l.table.leave(c) {
		l.counts[why]++
	}
	l.forget(c)
}

// forget closes a connection that is not, or no more, in the table.
func (l *epollLoop) forget(c *loopConn) {
	isUnused := c.close()
	l.conns[c.index] = nil
	l.free = append(l.free, c.index)
	l.open--
	if isUnused && len(l.spare) < maxSpare {
		c.reset()
		l.spare = append(l.spare, c)
	}
}

func (l *epollLoop) endAll() {
	for _, c := range l.conns {
		if c != nil {
			l.end(c, connectionsStopped)
		}
	}
}

// sweep ends connections that take too long, and lets sockets that failed try again.
func (l *epollLoop) sweep() {
	idle := l.table.idleTimeout()
	for _, c := range l.conns {
		if c != nil && c.isOverdue(l.now, idle) {
			l.end(c, connectionsOverdue)
		}
	}
	for i, s := range l.sockets {
		if s.isResting && s.fd >= 0 {
			s.isResting = l.watch(i) != nil
		}
	}
	l.tick()
}

// tick sets the time of the next sweep, if there is anything to sweep.
func (l *epollLoop) tick() {
	mustSweep := l.open > 0 || l.isStopping.Load()
	for _, s := range l.sockets {
		mustSweep = mustSweep || s.isResting && s.fd >= 0
	}
	if !mustSweep {
		l.sweepAt = 0
		l.file.SetReadDeadline(time.Time{})
		return
	}
	l.sweepAt = l.now + int64(sweepInterval)
	l.file.SetReadDeadline(time.Now().Add(sweepInterval))
}

// drain ends the connections that wait for nothing, and reads no more of the
// others.
func (l *epollLoop) drain() {
	if l.sockets == nil {
		return
	}
	l.closeSockets()
	for _, c := range l.conns {
		if c != nil {
			c.stopReading()
			l.serve(c)
		}
	}
	l.tick()
}

// stop accepts and reads no more. It may be called by any goroutine.
func (l *epollLoop) stop() {
	l.isStopping.Store(true)
	l.file.SetReadDeadline(time.Unix(1, 0)) // long over: wakes the loop
}

// abandon ends the loop, whatever its clients wait for. It may be called by
// any goroutine.
func (l *epollLoop) abandon() {
	l.isOver.Store(true)
	l.file.SetReadDeadline(time.Unix(1, 0))
}

// release gives back what a loop took that does not run, or no more.
func (l *epollLoop) release() {
	l.closeSockets()
	l.file.Close()
}

// closeSockets lets no more clients connect, once every loop has done it.
func (l *epollLoop) closeSockets() {
	for _, s := range l.sockets {
		if s.fd < 0 {
			continue
		}
		// Events would go on to come as long as another loop has the socket.
		unix.EpollCtl(l.fd, unix.EPOLL_CTL_DEL, s.fd, nil)
		unix.Close(s.fd)
	}
	l.sockets = nil
}

func (l *epollLoop) sum(t *counts) { l.sharedCounts.sum(t) }
