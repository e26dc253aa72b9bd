//go:build unix

package systemd

import "syscall"

// closeOnExec keeps a passed socket from programs that we start.
func closeOnExec(fd int) { syscall.CloseOnExec(fd) }
