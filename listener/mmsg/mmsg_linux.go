package mmsg

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Known asks the kernel, and the filters in front of it, to move no datagrams
// over a socket, and reports whether both calls are there.
func Known(fd uintptr) bool {
	for _, call := range []uintptr{unix.SYS_RECVMMSG, unix.SYS_SENDMMSG} {
		var none unix.Mmsghdr
		_, _, errno := unix.Syscall6(call, fd, uintptr(unsafe.Pointer(&none)), 0, unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			return false
		}
	}
	return true
}

// Receive fills headers, which are not empty, with datagrams, the first first,
// and returns how many there were, at least one, or an error. flags are those
// of recvmsg(2), to which it adds MSG_DONTWAIT.
func Receive(fd uintptr, headers []unix.Mmsghdr, flags int) (int, unix.Errno) {
	return move(unix.SYS_RECVMMSG, fd, headers, flags)
}

// Wait is Receive for a socket that is not in non-blocking mode: it waits for
// the first datagram, on a thread that the scheduler takes for busy, as long as
// the socket's SO_RCVTIMEO says; then it is EAGAIN. A signal is EINTR, and the
// caller must let the scheduler run before the next call.
func Wait(fd uintptr, headers []unix.Mmsghdr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(unsafe.SliceData(headers))),
		uintptr(len(headers)), unix.MSG_WAITFORONE, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// Send sends datagrams, of which there is at least one, and returns how many
// went, the first ones, or why the first of them did not. What comes after
// one that cannot be sent is left to the next call.
func Send(fd uintptr, headers []unix.Mmsghdr) (int, unix.Errno) {
	return move(unix.SYS_SENDMMSG, fd, headers, 0)
}

func move(call, fd uintptr, headers []unix.Mmsghdr, flags int) (int, unix.Errno) {
	for {
		// Raw: the call does not wait, and telling the scheduler would cost
		// more than a datagram does.
		n, _, errno := unix.RawSyscall6(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(headers))),
			uintptr(len(headers)), uintptr(flags|unix.MSG_DONTWAIT), 0, 0)
		switch errno {
		case 0:
			return int(n), 0
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// Batch is a fixed number of datagrams to or from the peer of a connected
// socket.
type Batch struct {
	headers []unix.Mmsghdr
	data    []unix.Iovec
}

// NewBatch returns a batch of n datagrams, each to be given its octets by
// SetData.
func NewBatch(n int) *Batch {
	b := &Batch{headers: make([]unix.Mmsghdr, n), data: make([]unix.Iovec, n)}
	for i := range b.headers {
		b.headers[i].Hdr.Iov = &b.data[i]
		b.headers[i].Hdr.SetIovlen(1)
	}
	return b
}

// SetData says what datagram i is, or where it is to be put. The batch keeps
// data.
func (b *Batch) SetData(i int, data []byte) {
	b.data[i].Base = unsafe.SliceData(data)
	b.data[i].SetLen(len(data))
}

// ReceivedLen is the length of the received datagram i in octets, as it was on
// its way: if it is longer than its place, the rest of it is gone.
func (b *Batch) ReceivedLen(i int) int { return int(b.headers[i].Len) }

// Receive receives as many datagrams as are there and have a place, as the
// function Receive does.
func (b *Batch) Receive(fd int) (int, unix.Errno) {
	return Receive(uintptr(fd), b.headers, unix.MSG_TRUNC)
}

// Send sends datagrams from to end-1, as the function Send does.
func (b *Batch) Send(fd, from, end int) (int, unix.Errno) {
	return Send(uintptr(fd), b.headers[from:end])
}
