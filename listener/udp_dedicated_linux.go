package listener

import (
	"net"
	"os"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/names-dns/names/listener/mmsg"
)

// dedicatedIO is batchIO for a worker that has a thread to itself
// (Config.DedicatedThreads). While queries keep coming it waits for the next
// inside the call that receives it. So neither the scheduler nor the poller of
// the runtime has part in a query, and if they come one at a time there are
// two calls of the kernel for each instead of three.
//
// The runtime takes such a wait for work that goes on: the worker keeps what it
// needs to run Go code, of which there are GOMAXPROCS, and Serve adds one for
// each. When the runtime wants all goroutines to stop, for the garbage
// collector say, its signal ends the wait at once.
type dedicatedIO struct {
	batchIO
	file    *os.File
	stopped atomic.Bool
}

// shortWait is how long such a wait may take in microseconds, or the next tick
// of the kernel's clock. After it the thread is given back until there is
// something to receive.
const shortWait = 1000

// newDedicatedIO takes over the socket of a batchIO that does not share it:
// away from the runtime's poller, which would otherwise be woken by each datagram.
// It returns nil, and io is as it was, if that cannot be done.
func newDedicatedIO(io packetIO) packetIO {
	b, ok := io.(*batchIO)
	if !ok {
		return nil
	}
	copied := -1
	err := b.raw.Control(func(fd uintptr) {
		var err error
		if copied, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); err != nil {
			copied = -1
		}
	})
	if err != nil || copied < 0 {
		return nil
	}
	wait := unix.Timeval{Usec: shortWait}
	if unix.SetsockoptTimeval(copied, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &wait) != nil || unix.SetNonblock(copied, false) != nil {
		unix.Close(copied)
		return nil
	}
	d := &dedicatedIO{batchIO: *b, file: os.NewFile(uintptr(copied), "socket")}
	if d.raw, err = d.file.SyscallConn(); err != nil {
		d.file.Close()
		return nil
	}
	b.conn.Close()
	d.tryReceive = d.receiveFrom
	return d
}

// receiveFrom receives batches and has them answered until the worker is
// stopped. The runtime calls it once.
func (d *dedicatedIO) receiveFrom(fd uintptr) bool {
	d.fd = fd
	for !d.stopped.Load() && !d.isDone {
		d.prepare()
		d.used, d.errno = mmsg.Wait(fd, d.headers)
		switch d.errno {
		case 0:
			d.take()
		case unix.EINTR:
			runtime.Gosched() // the runtime's signal: it wants something
		case unix.EAGAIN:
			readable := [...]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			unix.Ppoll(readable[:], nil, nil)
		default:
			return true
		}
	}
	d.errno = 0
	return true
}

func (d *dedicatedIO) receive(yield func(n int) bool) {
	d.yield, d.isDone = yield, false
	switch err := d.raw.Read(d.tryReceive); {
	case err != nil:
		d.err = err
	case d.errno != 0:
		d.err = d.errno
	default:
		d.err = net.ErrClosed
	}
}

// stop wakes the worker. Shutting down a datagram socket fails, for it has no
// peer, but ends every wait for it. Replies still go out.
func (d *dedicatedIO) stop() {
	d.stopped.Store(true)
	d.raw.Control(func(fd uintptr) { unix.Shutdown(int(fd), unix.SHUT_RD) })
}

func (d *dedicatedIO) close() { d.file.Close() }
