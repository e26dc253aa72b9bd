package journal

import (
	"errors"
	"os"
	"syscall"
)

// syncData makes the contents of a file durable, but not when it was changed: that would
// be another write.
func syncData(f *os.File) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var synced error
	err = c.Control(func(fd uintptr) {
		for {
			if synced = syscall.Fdatasync(int(fd)); synced != syscall.EINTR {
				return
			}
		}
	})
	if synced != nil {
		synced = &os.PathError{Op: "fdatasync", Path: f.Name(), Err: synced}
	}
	return errors.Join(err, synced)
}
