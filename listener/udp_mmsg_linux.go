package listener

import (
	"errors"
	"net"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/names-dns/names/listener/mmsg"
)

// batchIO moves a batch of datagrams with one call of the kernel in each
// direction. While datagrams keep coming it never leaves for the poller of the
// runtime; it waits there once the socket is empty.
//
// The kernel reads and writes addresses and control messages in place: a
// reply goes to the address, and from the one, that stand where the query's
// were put.
type batchIO struct {
	conn  *net.UDPConn
	raw   syscall.RawConn
	slots []slot

	// What the kernel needs to know about each slot: where the datagram is to be put,
	// then, if there is one, where the reply is.
	headers  []unix.Mmsghdr
	data     []unix.Iovec
	remotes  []unix.RawSockaddrInet6 // long enough for IPv4 too
	controls []control
	used     int // slots the last receive has filled

	tryReceive func(fd uintptr) bool // receiveFrom, kept so that no call makes a closure
	yield      func(n int) bool
	fd         uintptr    // while a batch is answered
	errno      unix.Errno // of the last attempt to receive
	err        error      // why receive has ended
	isDone     bool       // the loop over receive was left
}

// newBatchIO returns nil if the socket, or the kernel, has no batches.
func newBatchIO(conn PacketConn, slots []slot) packetIO {
	c, ok := conn.(*net.UDPConn)
	if !ok {
		return nil
	}
	raw, err := c.SyscallConn()
	if err != nil || !knowsBatches(raw) {
		return nil
	}
	n := len(slots)
	b := &batchIO{
		conn: c, raw: raw, slots: slots,
		headers: make([]unix.Mmsghdr, n), data: make([]unix.Iovec, n),
		remotes: make([]unix.RawSockaddrInet6, n), controls: make([]control, n),
		used: n,
	}
	for i := range slots {
		h := &b.headers[i].Hdr
		h.Iov = &b.data[i]
		h.SetIovlen(1)
		h.Name = (*byte)(unsafe.Pointer(&b.remotes[i]))
		h.Control = &b.controls[i].data[0]
	}
	b.tryReceive = b.receiveFrom
	return b
}

// knowsBatches reports whether the socket, and the kernel, move batches.
func knowsBatches(raw syscall.RawConn) bool {
	known := false
	err := raw.Control(func(fd uintptr) { known = mmsg.Known(fd) })
	return err == nil && known
}

func (b *batchIO) receive(yield func(n int) bool) {
	b.yield, b.isDone = yield, false
	for !b.isDone {
		if b.err = b.raw.Read(b.tryReceive); b.err != nil {
			return
		}
		if b.errno != 0 {
			b.err = b.errno
			return
		}
	}
}

func (b *batchIO) rest(yield func(n int) bool) {
	b.yield, b.isDone = yield, false
	b.raw.Control(func(fd uintptr) {
		for !b.isDone {
			b.prepare()
			if b.used, b.errno = mmsg.Receive(fd, b.headers, unix.MSG_DONTWAIT); b.errno != 0 {
				return
			}
			b.fd = fd
			b.take()
		}
	})
}

func (b *batchIO) failure() error { return b.err }

// receiveFrom receives a batch and has it answered. The runtime calls it until
// it returns true, and waits in between: false means that the socket is empty.
// So it was where a single datagram came, and what has come since is an event
// that the runtime does not forget: there is no need to ask once more. If
// several came, more are likely to be there by now, and asking costs less than
// waiting.
func (b *batchIO) receiveFrom(fd uintptr) bool {
	b.prepare()
	b.used, b.errno = mmsg.Receive(fd, b.headers, 0)
	if b.errno != 0 {
		return b.errno != unix.EAGAIN
	}
	b.fd = fd
	b.take()
	return b.used > 1 || b.isDone
}

// prepare makes the headers that the last batch has changed what they are to
// be for receiving.
func (b *batchIO) prepare() {
	for i := range b.headers[:b.used] {
		h := &b.headers[i].Hdr
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(controlLen)
		b.setData(i, b.slots[i].buf)
	}
}

// setData says what the datagram of slot i is, or where it is to be put.
func (b *batchIO) setData(i int, data []byte) {
	b.data[i].Base = unsafe.SliceData(data)
	b.data[i].SetLen(len(data))
}

// take has the datagrams that were received answered.
func (b *batchIO) take() {
	for i := range b.headers[:b.used] {
		b.read(i)
	}
	b.isDone = !b.yield(b.used)
}

// read puts what the kernel says about datagram i into its slot.
func (b *batchIO) read(i int) {
	s, h := &b.slots[i], &b.headers[i]
	s.data = s.buf[:h.Len]
	s.from = path{}
	s.from.remote, s.from.scope = readSockaddr(&b.remotes[i])
	if h.Hdr.Controllen != 0 {
		readControl(b.controls[i].data[:h.Hdr.Controllen], &s.from)
	}
}

func (b *batchIO) send(n int) (failed int) {
	first := 0
	for i := range b.slots[:n] {
		s := &b.slots[i]
		if len(s.reply) == 0 {
			failed += b.sendFrom(first, i)
			first = i + 1
			continue
		}
		b.setData(i, s.reply)
		// The control buffer is the header's already.
		b.headers[i].Hdr.SetControllen(len(appendControl(b.controls[i].data[:0], s.from)))
	}
	return failed + b.sendFrom(first, n)
}

// sendFrom sends the replies of the slots from first to end-1, which all have
// one.
func (b *batchIO) sendFrom(first, end int) (failed int) {
	for first < end {
		// It never waits: a full send buffer costs a reply, not the queries
		// after it.
		n, errno := mmsg.Send(b.fd, b.headers[first:end])
		if errno != 0 {
			failed++ // the first of them; the rest have their chance
			n = 1
		}
		first += n
	}
	return failed
}

func (b *batchIO) stop() { b.conn.SetReadDeadline(longAgo) }

func (b *batchIO) close() { b.conn.Close() }

// sendOne does not wait either: it would keep the worker from its socket.
func (b *batchIO) sendOne(reply []byte, to path) error {
	if reply == nil {
		return nil
	}
	d := singles.Get().(*single)
	defer singles.Put(d)
	d.data.Base = unsafe.SliceData(reply)
	d.data.SetLen(len(reply))
	h := &d.headers[0].Hdr
	h.Namelen = setSockaddr(&d.remote, to)
	h.SetControllen(len(appendControl(d.control.data[:0], to)))
	var errno unix.Errno
	err := b.raw.Write(func(fd uintptr) bool {
		_, errno = mmsg.Send(fd, d.headers[:])
		return true
	})
	d.data = unix.Iovec{}
	if errno != 0 {
		err = errors.Join(err, errno)
	}
	return err
}

// single is what the kernel needs to know about a datagram that goes by itself.
type single struct {
	headers [1]unix.Mmsghdr
	data    unix.Iovec
	remote  unix.RawSockaddrInet6
	control control
}

var singles = sync.Pool{New: func() any {
	d := new(single)
	h := &d.headers[0].Hdr
	h.Iov = &d.data
	h.SetIovlen(1)
	h.Name = (*byte)(unsafe.Pointer(&d.remote))
	h.Control = &d.control.data[0]
	return d
}}
