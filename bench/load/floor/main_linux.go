// Command floor answers every query with the query itself, marked as a
// response, and does nothing else: what it costs is what the kernel takes for
// moving the octets, and no server with one thread can be below it.
//
//	go run ./floor 127.0.0.1:10053
//
// UDP is moved with recvmmsg and sendmmsg, 64 datagrams at a time; TCP with
// epoll, read and write. One thread each, without Go's poller.
package main

import (
	"fmt"
	"log"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch       = 64
	messageSize = 4096 // more than any query of a load test
	headerSize  = 12   // octets; QR is the first bit of the third
	queryBits   = 0x80
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("floor: ")
	if len(os.Args) != 2 {
		log.Fatal("usage: floor ADDR:PORT")
	}
	address, err := netip.ParseAddrPort(os.Args[1])
	if err != nil || !address.Addr().Is4() {
		log.Fatalf("%s is not an IPv4 address and a port", os.Args[1])
	}
	to := &unix.SockaddrInet4{Port: int(address.Port()), Addr: address.Addr().As4()}
	datagrams, err := bind(unix.SOCK_DGRAM, to)
	if err != nil {
		log.Fatalf("udp %s: %v", address, err)
	}
	listening, err := bind(unix.SOCK_STREAM, to)
	if err != nil {
		log.Fatalf("tcp %s: %v", address, err)
	}
	// Both loops are inside raw system calls, of which Go's scheduler knows
	// nothing: each has a processor for itself, and no collection of garbage,
	// of which there is none, waits for them.
	runtime.GOMAXPROCS(3)
	debug.SetGCPercent(-1)
	failed := make(chan error)
	go func() { failed <- fmt.Errorf("udp %s: %w", address, moveDatagrams(datagrams)) }()
	go func() { failed <- fmt.Errorf("tcp %s: %w", address, moveStreams(listening)) }()
	log.Fatal(<-failed)
}

func bind(kind int, to unix.Sockaddr) (int, error) {
	socket, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return -1, err
	}
	return socket, unix.Bind(socket, to)
}

// message is the mmsghdr of recvmmsg(2).
type message struct {
	header unix.Msghdr
	length uint32
	_      uint32
}

// moveDatagrams sends back what comes; it returns when the socket fails.
func moveDatagrams(socket int) error {
	runtime.LockOSThread()
	var (
		messages [batch]message
		vectors  [batch]unix.Iovec
		peers    [batch]unix.RawSockaddrInet4
		contents [batch][messageSize]byte
	)
	// The kernel has these addresses only during a call; that nothing moves
	// meanwhile is what the pinning says.
	var pinner runtime.Pinner
	defer pinner.Unpin()
	for i := range messages {
		pinner.Pin(&contents[i][0])
		pinner.Pin(&vectors[i])
		pinner.Pin(&peers[i])
		vectors[i].Base = &contents[i][0]
		messages[i].header.Iov = &vectors[i]
		messages[i].header.SetIovlen(1)
		messages[i].header.Name = (*byte)(unsafe.Pointer(&peers[i]))
	}
	for {
		for i := range messages {
			vectors[i].SetLen(messageSize)
			messages[i].header.Namelen = unix.SizeofSockaddrInet4
		}
		count, _, failure := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(socket), uintptr(unsafe.Pointer(&messages[0])), batch, unix.MSG_WAITFORONE, 0, 0)
		if failure == unix.EINTR {
			continue
		}
		if failure != 0 {
			return failure
		}
		for i := range messages[:count] {
			if messages[i].length > 2 {
				contents[i][2] |= queryBits
			}
			vectors[i].SetLen(int(messages[i].length))
		}
		for sent := uintptr(0); sent < count; {
			n, _, failure := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(socket), uintptr(unsafe.Pointer(&messages[sent])), count-sent, 0, 0, 0)
			if failure != 0 {
				n = 1 // that client is gone: the others have their answer
			}
			sent += n
		}
	}
}

// stream is what has come from a client and is not a whole message yet.
type stream struct {
	used     int
	contents [4 * messageSize]byte
}

// moveStreams sends back each message, with its two octets of length; it
// returns when accepting fails.
func moveStreams(listening int) error {
	runtime.LockOSThread()
	if err := unix.Listen(listening, 1024); err != nil {
		return err
	}
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	watch := func(socket int) error {
		return unix.EpollCtl(poll, unix.EPOLL_CTL_ADD, socket, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(socket)})
	}
	if err := watch(listening); err != nil {
		return err
	}
	streams := map[int]*stream{}
	var free []*stream
	events := make([]unix.EpollEvent, batch)
	for {
		count, _, failure := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(poll), uintptr(unsafe.Pointer(&events[0])), batch, ^uintptr(0), 0, 0)
		if failure == unix.EINTR {
			continue
		}
		if failure != 0 {
			return failure
		}
		for _, event := range events[:count] {
			socket := int(event.Fd)
			if socket == listening {
				client, _, err := unix.Accept4(listening, unix.SOCK_CLOEXEC)
				if err != nil {
					return err
				}
				if err := watch(client); err != nil {
					return err
				}
				if len(free) == 0 {
					free = append(free, new(stream))
				}
				streams[client], free = free[len(free)-1], free[:len(free)-1]
				continue
			}
			s := streams[socket]
			if !s.move(socket) {
				unix.Close(socket) // which ends the watch too
				delete(streams, socket)
				s.used = 0
				free = append(free, s)
			}
		}
	}
}

// move reads once and answers the whole messages. It is false when the client
// has closed, or sent a message too large for it.
func (s *stream) move(socket int) bool {
	n, err := unix.Read(socket, s.contents[s.used:])
	if err != nil || n == 0 {
		return false
	}
	s.used += n
	whole := 0
	for s.used-whole > 2 {
		end := whole + 2 + int(s.contents[whole])<<8 + int(s.contents[whole+1])
		if end-whole < 2+headerSize {
			return false
		}
		if end > s.used {
			break
		}
		s.contents[whole+4] |= queryBits
		whole = end
	}
	for sent := 0; sent < whole; {
		n, err := unix.Write(socket, s.contents[sent:whole])
		if err != nil {
			return false
		}
		sent += n
	}
	s.used = copy(s.contents[:], s.contents[whole:s.used])
	return s.used < len(s.contents)
}
