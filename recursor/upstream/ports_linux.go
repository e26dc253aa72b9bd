//go:build !386 && !s390x

package upstream

import (
	"encoding/binary"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// ports opens sockets whose ports are used once, while the sockets themselves
// are used again: one that is done with is disconnected, which takes its port
// away, and gets another from the kernel when it is connected the next time.
// That saves making it, having it watched and closing it, about half of what a
// question costs the kernel; docs/decisions/0004-ports-used-once.md says why it does
// not help a guesser.
type ports struct {
	others networkSockets // for addresses with a zone

	mu      sync.Mutex // nothing is called under it
	closed  bool
	idle    [2][]*port      // of IPv4 and of IPv6, disconnected
	all     map[int32]*port // by descriptor
	made    int             // sockets that are there or are being made
	watch   *watch          // nil if there are none
	watches sync.WaitGroup
}

const (
	// maxIdle is how many sockets of a family are kept for later.
	maxIdle = 256
	// maxLate is how many datagrams may have come for a socket after its
	// question, if it is to be used again.
	maxLate = 16
)

// newSystemSockets returns ports; others are for what those cannot do.
func newSystemSockets(others networkSockets) sockets {
	return &ports{others: others, all: map[int32]*port{}}
}

func (p *ports) open(w waiter, server netip.AddrPort) (socket, error) {
	if server.Addr().Zone() != "" {
		return p.others.open(w, server)
	}
	s := p.takeIdle(server.Addr().Is6(), w)
	for {
		if s == nil {
			var err error
			if s, err = p.make(server.Addr().Is6(), w); err != nil {
				return nil, err
			}
		}
		last := s.from.Port()
		if err := s.connect(server); err != nil {
			s.discard()
			return nil, err
		}
		if s.from.Port() != last {
			return s, nil
		}
		s.discard() // the same again: by chance, or the kernel does not take ports away
		s = nil
	}
}

// close closes the idle sockets, and waits until the others are gone too.
func (p *ports) close() {
	p.mu.Lock()
	p.closed = true
	idle := append(p.idle[0], p.idle[1]...)
	p.idle = [2][]*port{}
	p.mu.Unlock()
	for _, s := range idle {
		s.discard()
	}
	p.watches.Wait()
}

// takeIdle returns a socket used before, nil if there is none.
func (p *ports) takeIdle(is6 bool, w waiter) *port {
	p.mu.Lock()
	defer p.mu.Unlock()
	idle := &p.idle[family(is6)]
	n := len(*idle)
	if n == 0 {
		return nil
	}
	s := (*idle)[n-1]
	*idle = (*idle)[:n-1]
	s.waiter = w
	return s
}

// family is the place of IPv4 and IPv6.
func family(is6 bool) int {
	if is6 {
		return 1
	}
	return 0
}

// make makes a socket and has it watched.
func (p *ports) make(is6 bool, w waiter) (*port, error) {
	watch, err := p.enter()
	if err != nil {
		return nil, err
	}
	domain := syscall.AF_INET
	if is6 {
		domain = syscall.AF_INET6
	}
	fd, err := syscall.Socket(domain, syscall.SOCK_DGRAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		p.leave()
		return nil, os.NewSyscallError("socket", err)
	}
	s := &port{ports: p, fd: fd, is6: is6, waiter: w}
	p.mu.Lock()
	p.all[int32(fd)] = s
	p.mu.Unlock()
	if err := watch.add(fd); err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

// enter says that a socket will be made, and returns what will watch it.
func (p *ports) enter() (*watch, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watch == nil {
		w, err := newWatch()
		if err != nil {
			return nil, err
		}
		p.watch = w
		p.watches.Go(func() { w.run(p.tell) })
	}
	p.made++
	return p.watch, nil
}

// leave says that a socket is gone, or was not made.
func (p *ports) leave() {
	p.mu.Lock()
	p.made--
	var w *watch
	if p.made == 0 {
		w, p.watch = p.watch, nil
	}
	p.mu.Unlock()
	if w != nil {
		w.close()
	}
}

// keep keeps a disconnected socket for later, or discards it.
func (p *ports) keep(s *port) {
	p.mu.Lock()
	s.waiter = nil
	idle := &p.idle[family(s.is6)]
	kept := !p.closed && len(*idle) < maxIdle
	if kept {
		*idle = append(*idle, s)
	}
	p.mu.Unlock()
	if !kept {
		s.discard()
	}
}

// tell calls the waiters of sockets for which something has come.
func (p *ports) tell(events []syscall.EpollEvent, space []byte) {
	var told [maxEvents]struct {
		socket *port
		waiter waiter
	}
	n := 0
	p.mu.Lock()
	for i := range events {
		if s := p.all[events[i].Fd]; s != nil && s.waiter != nil {
			told[n].socket, told[n].waiter = s, s.waiter
			n++
		}
	}
	p.mu.Unlock()
	for i := range told[:n] {
		told[i].waiter.ready(told[i].socket, space)
	}
}

// port is a socket of ports.
type port struct {
	ports  *ports
	fd     int
	is6    bool
	waiter waiter // under the lock of ports; nil if it is idle
	from   netip.AddrPort

	// What the kernel reads and writes.
	address       sockaddr
	addressLength uint32
}

func (s *port) local() netip.AddrPort { return s.from }

// None of the calls below waits: telling the scheduler of them, as syscall's
// own functions do, would cost as much as some of them take.

// connect gives s a port and lets it receive what comes from server only.
func (s *port) connect(server netip.AddrPort) error {
	n := s.address.set(server)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(s.fd), uintptr(unsafe.Pointer(&s.address)), n); errno != 0 {
		return os.NewSyscallError("connect", errno)
	}
	s.addressLength = uint32(len(s.address))
	if _, _, errno := syscall.RawSyscall(syscall.SYS_GETSOCKNAME, uintptr(s.fd), uintptr(unsafe.Pointer(&s.address)), uintptr(unsafe.Pointer(&s.addressLength))); errno != 0 {
		return os.NewSyscallError("getsockname", errno)
	}
	s.from = s.address.get(s.is6)
	return nil
}

func (s *port) send(b []byte) error {
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0); errno != 0 {
		return os.NewSyscallError("sendto", errno)
	}
	return nil
}

func (s *port) read(b []byte) (int, error) {
	n, errno := s.tryRead(b)
	switch errno {
	case 0:
		return n, nil
	case syscall.EAGAIN:
		return 0, errNothing
	}
	return 0, os.NewSyscallError("recvfrom", errno)
}

func (s *port) tryRead(b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
	return int(n), errno
}

// close takes the port away. What has come for it meanwhile is not left to the
// next question.
func (s *port) close() {
	s.address = sockaddr{} // AF_UNSPEC
	_, _, errno := syscall.RawSyscall(syscall.SYS_CONNECT, uintptr(s.fd), uintptr(unsafe.Pointer(&s.address)), uintptr(len(s.address)))
	if errno != 0 {
		s.discard()
		return
	}
	var scrap [1]byte
	for range maxLate {
		if _, errno := s.tryRead(scrap[:]); errno == syscall.EAGAIN {
			s.ports.keep(s)
			return
		}
	}
	s.discard()
}

// discard closes the socket.
func (s *port) discard() {
	s.ports.mu.Lock()
	delete(s.ports.all, int32(s.fd)) // before another has the descriptor
	s.ports.mu.Unlock()
	syscall.Close(s.fd)
	s.ports.leave()
}

// sockaddr is an address as the kernel has it: the family in the order of
// octets of this machine, the port, and then an IPv4 address, or flow, address
// and scope of IPv6.
type sockaddr [28]byte

// set makes a the address of to, and returns how long it is.
func (a *sockaddr) set(to netip.AddrPort) uintptr {
	*a = sockaddr{}
	binary.BigEndian.PutUint16(a[2:], to.Port())
	if to.Addr().Is4() {
		binary.NativeEndian.PutUint16(a[:], syscall.AF_INET)
		ip := to.Addr().As4()
		copy(a[4:], ip[:])
		return 16
	}
	binary.NativeEndian.PutUint16(a[:], syscall.AF_INET6)
	ip := to.Addr().As16()
	copy(a[8:], ip[:])
	return 28
}

// get returns the address that a is.
func (a *sockaddr) get(is6 bool) netip.AddrPort {
	ip := netip.AddrFrom4([4]byte(a[4:]))
	if is6 {
		ip = netip.AddrFrom16([16]byte(a[8:]))
	}
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(a[2:]))
}
