//go:build !386 && !s390x

package upstream

import (
	"os"
	"syscall"
)

// maxEvents is how many sockets are told of at once.
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
	return &watch{fd, os.NewFile(uintptr(fd), "epoll")}, nil
}

// add adds a socket, which leaves when it is closed. It is told of once when
// something comes, not as long as it is there.
func (w *watch) add(fd int) error {
	const edge = 1 << 31 // EPOLLET, which package syscall has as a negative number
	event := syscall.EpollEvent{Events: syscall.EPOLLIN | edge, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(w.fd, syscall.EPOLL_CTL_ADD, fd, &event))
}

// run tells of sockets until the watch is closed. It has no thread of its own:
// while nothing comes it waits in the runtime's poller, which watches the watch.
func (w *watch) run(tell func(events []syscall.EpollEvent, space []byte)) {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return // closed already
	}
	events, space := make([]syscall.EpollEvent, maxEvents), make([]byte, maxDatagram)
	raw.Read(func(fd uintptr) bool {
		for {
			n, err := syscall.EpollWait(int(fd), events, 0)
			if n > 0 {
				tell(events[:n], space)
			}
			if n < len(events) && err != syscall.EINTR {
				return false
			}
		}
	})
}

func (w *watch) close() { w.file.Close() }
