package mmsg

import (
	"fmt"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// descriptor returns the descriptor of a socket, which stays open until the
// test is over.
func descriptor(t *testing.T, conn *net.UDPConn) int {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var got int
	if err := raw.Control(func(fd uintptr) { got = int(fd) }); err != nil {
		t.Fatal(err)
	}
	return got
}

// pair returns the descriptors of a connected socket and of its peer.
func pair(t *testing.T) (client, server int) {
	t.Helper()
	s, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.DialUDP("udp", nil, s.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	return descriptor(t, c), descriptor(t, s)
}

func TestBatch(t *testing.T) {
	client, server := pair(t)
	if !Known(uintptr(client)) {
		t.Skip("this kernel, or a filter in front of it, has no batches")
	}
	in := NewBatch(4)
	places := make([][4]byte, 4)
	for i := range places {
		in.SetData(i, places[i][:])
	}
	if n, errno := in.Receive(server); n != 0 || errno != unix.EAGAIN {
		t.Errorf("receive from an empty socket: %d, %v", n, errno)
	}
	out := NewBatch(5)
	for i := range 5 {
		out.SetData(i, fmt.Appendf(nil, "datagram %d", i)[9-i:])
	}
	if n, errno := out.Send(client, 1, 5); n != 4 || errno != 0 {
		t.Fatalf("sent %d, %v", n, errno)
	}
	n, errno := in.Receive(server)
	if n != 4 || errno != 0 {
		t.Fatalf("received %d, %v", n, errno)
	}
	for i, want := range []string{" 1", "m 2", "am 3", "ram "} {
		if got := string(places[i][:min(4, in.ReceivedLen(i))]); got != want || in.ReceivedLen(i) != i+2 {
			t.Errorf("datagram %d is %q of %d octets, want %q of %d", i, got, in.ReceivedLen(i), want, i+2)
		}
	}
	if allocs := testing.AllocsPerRun(100, func() {
		out.Send(client, 0, 4)
		in.Receive(server)
	}); allocs != 0 {
		t.Errorf("a batch there and back allocates %v times", allocs)
	}
}

func TestSendTellsWhy(t *testing.T) {
	client, _ := pair(t)
	out := NewBatch(2)
	out.SetData(0, []byte("short"))
	out.SetData(1, make([]byte, 1<<16)) // longer than a datagram can be
	if n, errno := out.Send(client, 0, 2); n != 1 || errno != 0 {
		t.Errorf("first of two: sent %d, %v", n, errno)
	}
	if n, errno := out.Send(client, 1, 2); n != 0 || errno != unix.EMSGSIZE {
		t.Errorf("one too long: sent %d, %v", n, errno)
	}
}

func TestNotASocket(t *testing.T) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	if Known(uintptr(fds[0])) {
		t.Error("a pipe moves datagrams")
	}
	if n, errno := NewBatch(1).Receive(fds[0]); n != 0 || errno != unix.ENOTSOCK {
		t.Errorf("receive from a pipe: %d, %v", n, errno)
	}
}
