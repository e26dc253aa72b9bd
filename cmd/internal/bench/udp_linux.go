package bench

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/names-dns/names/listener/mmsg"
)

// udpBatch is how many datagrams cross into the kernel at once, and out of it.
const udpBatch = 64

// udpLink is a connected socket.
type udpLink struct {
	w           *worker
	outstanding *outstanding
	fd          int
	out         *mmsg.Batch
	places      [][maxQueryLen]byte // of out
	first       int                 // in out, what was not sent yet,
	end         int                 // and where that ends
}

func newUDPLink(w *worker, f *outstanding) (*udpLink, error) {
	fd, err := openSocket(syscall.SOCK_DGRAM, w.address)
	if err != nil {
		return nil, fmt.Errorf("cannot open a socket: %w", err)
	}
	if !mmsg.Known(uintptr(fd)) {
		syscall.Close(fd)
		return nil, errors.New("this kernel, or a filter in front of it, has no recvmmsg and sendmmsg")
	}
	// Best effort: replies come in bursts.
	_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<20)
	if err := syscall.Connect(fd, w.peer); err != nil {
		syscall.Close(fd)
		return nil, fmt.Errorf("cannot send to %v: %w", w.address, err)
	}
	n := min(udpBatch, f.size)
	return &udpLink{w: w, outstanding: f, fd: fd, out: mmsg.NewBatch(n), places: make([][maxQueryLen]byte, n)}, nil
}

func (u *udpLink) upkeep(time.Duration) {}

// room is none while something is left of what the socket did not take.
func (u *udpLink) room() int {
	if u.first > 0 {
		return 0
	}
	return len(u.places) - u.end
}

func (u *udpLink) put(id uint16, question int) (octets int) {
	query := u.w.appendQuery(u.places[u.end][:0], id, question)
	u.out.SetData(u.end, query)
	u.end++
	return len(query)
}

func (u *udpLink) flush(time.Duration) {
	again := false
	for u.first < u.end {
		n, errno := u.out.Send(u.fd, u.first, u.end)
		switch {
		case errno == syscall.EAGAIN:
			return
		case errno != 0 && !again:
			// What went wrong may have been a datagram before this one, such
			// as one that no socket was bound to.
			u.w.tally.failed(errno)
			again = true
		case errno != 0:
			u.first++ // it is lost
			again = false
		default:
			u.first += n
			again = false
		}
	}
	u.first, u.end = 0, 0
}

func (u *udpLink) waitsFor() (fd int32, events int16) {
	if u.end > 0 {
		return int32(u.fd), pollIn | pollOut
	}
	return int32(u.fd), pollIn
}

// ready receives one batch: there is something to send in between.
func (u *udpLink) ready(events int16) {
	w := u.w
	if events&pollOut != 0 {
		u.flush(0)
	}
	n, errno := w.in.Receive(u.fd)
	if errno != 0 {
		if errno != syscall.EAGAIN {
			w.tally.failed(errno)
		}
		return
	}
	now := w.now()
	for i := range n {
		length := w.in.ReceivedLen(i)
		w.received(u.outstanding, w.heads[i][:min(length, replyHead)], length, now)
	}
}

func (u *udpLink) close() { syscall.Close(u.fd) }
