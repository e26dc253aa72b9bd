//go:build unix

package authority

import (
	"os"
	"syscall"
)

// openFile is os.Open without the half dozen calls of the kernel that find out
// that a file of a disk cannot be waited for.
func openFile(path string) (*os.File, error) {
	for {
		fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		switch err {
		case nil:
			return os.NewFile(uintptr(fd), path), nil
		case syscall.EINTR:
		default:
			return nil, &os.PathError{Op: "open", Path: path, Err: err}
		}
	}
}
