//go:build !386 && !s390x

package upstream

import (
	"os"
	"syscall"
	"time"
	"unsafe"
)

// maxEvents is how many sockets are reported at once.
const maxEvents = 128

// watch tells which of many sockets something has come for.
type watch struct {
	fd   int
	file *os.File // the same, for the runtime to wait on
}

func newWatch() (*watch, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	w := &watch{fd, os.NewFile(uintptr(fd), "epoll")}
	if err := w.file.SetReadDeadline(time.Time{}); err != nil {
		w.file.Close()
		return nil, err // the runtime cannot wait for it: nothing would ever be received
	}
	return w, nil
}

// add adds a socket, which leaves when it is closed. It is reported once when
// something comes, not as long as it is there.
func (w *watch) add(fd int) error {
	const edge = 1 << 31 // EPOLLET, which package syscall has as a negative number
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | edge, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(w.fd, syscall.EPOLL_CTL_ADD, fd, &event))
}

// run tells of sockets until the watch is closed. It has no thread of its own:
// while nothing comes it waits in the runtime's poller, which watches the watch.
func (w *watch) run(tell func(events []syscall.EpollEvent, space []byte)) {
	defer w.file.Close()
	raw, err := w.file.SyscallConn()
	if err != nil {
		return // closed already
	}
	events, space := make([]syscall.EpollEvent, maxEvents), make([]byte, maxDatagram)
	raw.Read(func(fd uintptr) bool {
		for {
			// Raw, for it does not wait: see port.connect.
			n, _, errno := syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT, fd, uintptr(unsafe.Pointer(unsafe.SliceData(events))), maxEvents, 0, 0, 0)
			if errno != 0 {
				n = 0
			}
			if n > 0 {
				tell(events[:n], space)
			}
			if int(n) < len(events) && errno != syscall.EINTR {
				return false
			}
		}
	})
}

// close ends the watch and does not wait for that: it may be called by tell.
// Closing a file waits until its last use is over, so run does that itself.
func (w *watch) close() { w.file.SetReadDeadline(time.Unix(0, 1)) }
