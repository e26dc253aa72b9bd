package bench

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

// pollFD is the kernel's struct pollfd. Those with a negative fd are left out.
type pollFD struct {
	fd              int32
	events, revents int16
}

// Events of pollFD.
const (
	pollIn  = 0x1
	pollOut = 0x4
)

// poll waits for an event, a limited time, and returns how many of fds have
// any. A signal ends the wait, too.
func poll(fds []pollFD, limit time.Duration) int {
	t := syscall.NsecToTimespec(int64(limit))
	n, _, errno := syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))),
		uintptr(len(fds)), uintptr(unsafe.Pointer(&t)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// waitPrecisely asks the kernel to end the waits of this thread on time, and
// not up to 50 us later to save energy.
func waitPrecisely() {
	const setTimerSlack = 29 // PR_SET_TIMERSLACK
	syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0)
}

// openSocket opens a socket, whose calls do not wait, for a server.
func openSocket(kind int, server netip.AddrPort) (fd int, err error) {
	family := syscall.AF_INET6
	if server.Addr().Is4() {
		family = syscall.AF_INET
	}
	return syscall.Socket(family, kind|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
}

// sockaddr is the address of a server as system calls take it.
func sockaddr(server netip.AddrPort) (syscall.Sockaddr, error) {
	if server.Addr().Is4() {
		return &syscall.SockaddrInet4{Addr: server.Addr().As4(), Port: int(server.Port())}, nil
	}
	scope, err := scopeOf(server.Addr().Zone())
	return &syscall.SockaddrInet6{Addr: server.Addr().As16(), Port: int(server.Port()), ZoneId: scope}, err
}

// scopeOf is the index of the interface that stands after the % of an
// address.
func scopeOf(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	i, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, fmt.Errorf("there is no interface %q", zone)
	}
	return uint32(i.Index), nil
}

// processorTime is what the process has used so far.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
