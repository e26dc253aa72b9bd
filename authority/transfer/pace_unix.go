//go:build unix

package transfer

import (
	"syscall"
	"time"
)

// processTime is the processor time that the process has used so far.
func processTime() time.Duration {
	var r syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &r) != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
