//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package files

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// TryLock locks a file, which is made if it is missing, until it is closed or the
// process ends. The error is [ErrInUse] if another process has the lock.
func TryLock(path string) (io.Closer, error) { return lock(path, syscall.LOCK_EX|syscall.LOCK_NB) }

// Lock is TryLock, but waits.
func Lock(path string) (io.Closer, error) { return lock(path, syscall.LOCK_EX) }

func lock(path string, how int) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), how)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrInUse
		}
		return nil, err
	}
	return f, nil
}
