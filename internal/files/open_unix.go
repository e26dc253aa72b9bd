//go:build unix

package files

import (
	"io/fs"
	"os"
	"syscall"
)

// open is os.Open that does not wait for the writer of a FIFO, and without the
// half dozen system calls that register a file with the poller in vain.
func open(path string) (*os.File, error) {
	for {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
		switch err {
		case nil:
			syscall.SetNonblock(fd, false) // the flag was for opening only
			return os.NewFile(uintptr(fd), path), nil
		case syscall.EINTR:
		default:
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}
