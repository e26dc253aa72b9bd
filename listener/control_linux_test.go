package listener

import (
	"bytes"
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestControlMessages(t *testing.T) {
	for _, c := range []struct {
		local, remote string
		scope         uint32 // as received
		kept          uint32
	}{
		{"192.0.2.53", "192.0.2.1", 0, 0},
		{"2001:db8::53", "2001:db8::1", 3, 0},
		{"fe80::53", "fe80::1", 3, 3},
		{"2001:db8::53", "fe80::1", 3, 3},
	} {
		local := netip.MustParseAddr(c.local)
		remote := netip.AddrPortFrom(netip.MustParseAddr(c.remote), 53)
		var space control
		sent := appendControl(space.data[:0], path{local: local, remote: remote, scope: c.scope})
		if len(sent) == 0 || len(sent) > controlLen {
			t.Fatalf("%s: control message of %d octets", c.local, len(sent))
		}
		got := path{remote: remote}
		readControl(sent, &got)
		if got.local != local || got.scope != c.kept {
			t.Errorf("%s: read back %+v", c.local, got)
		}
		for n := range sent { // cut short: nothing is known, and nothing breaks
			got := path{remote: remote}
			readControl(sent[:n], &got)
			if n < unix.CmsgLen(4) && got.local.IsValid() {
				t.Errorf("%s: read %+v from %d octets", c.local, got, n)
			}
		}
		// After a message of another kind.
		other := make([]byte, 0, 2*controlLen)
		other, _ = appendControlHeader(other, unix.SOL_SOCKET, unix.SO_TIMESTAMP, 8)
		got = path{remote: remote}
		readControl(append(other, sent...), &got)
		if got.local != local {
			t.Errorf("%s: read back %+v after another message", c.local, got)
		}
	}
	if b := appendControl(nil, path{}); len(b) != 0 {
		t.Errorf("control message for no address: %x", b)
	}
	// A reply cannot leave from a multicast address.
	var space control
	got := path{}
	readControl(appendControl(space.data[:0], path{local: netip.MustParseAddr("ff02::1"), scope: 2}), &got)
	if got.local.IsValid() {
		t.Errorf("read %+v", got)
	}
	// Lengths that lie.
	for _, length := range []int{0, 1, unix.SizeofCmsghdr - 1, 1000, -1} {
		var space control
		h := (*unix.Cmsghdr)(unsafe.Pointer(&space.data[0]))
		h.SetLen(length)
		readControl(space.data[:], &got)
	}
}

func TestSockaddrs(t *testing.T) {
	var s unix.RawSockaddrInet6
	s4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(&s))
	*s4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: [4]byte{192, 0, 2, 1}}
	copy((*[2]byte)(unsafe.Pointer(&s4.Port))[:], []byte{0x30, 0x39})
	if a, scope := readSockaddr(&s); a != netip.MustParseAddrPort("192.0.2.1:12345") || scope != 0 {
		t.Errorf("read %v, %d", a, scope)
	}
	for _, c := range []struct {
		address string
		want    string
		scope   uint32
	}{
		{"2001:db8::1", "[2001:db8::1]:12345", 0},
		{"fe80::1", "[fe80::1]:12345", 7},
		{"::ffff:192.0.2.1", "192.0.2.1:12345", 0},
	} {
		s = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: netip.MustParseAddr(c.address).As16(), Scope_id: 7}
		copy((*[2]byte)(unsafe.Pointer(&s.Port))[:], []byte{0x30, 0x39})
		if a, scope := readSockaddr(&s); a != netip.MustParseAddrPort(c.want) || scope != c.scope {
			t.Errorf("%s: read %v, %d", c.address, a, scope)
		}
	}
	s.Family = unix.AF_UNIX
	if a, _ := readSockaddr(&s); a.IsValid() {
		t.Errorf("read %v from a socket of another family", a)
	}
}

// A datagram that cannot be sent costs no other client the reply.
func TestBatchGoesOnBehindAFailure(t *testing.T) {
	s, err := Listen(Config{Resolver: Echo{}, Workers: 1, Endpoints: Plain(netip.MustParseAddrPort("127.0.0.1:0"))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := s.endpoints[0].workers[0]
	conn := Dial(t, s, "udp")
	for _, m := range []string{"one", "two", "three", "four"} {
		conn.Write([]byte(m))
	}
	received := 0
	for n := range w.io.receive {
		for i := range w.slots[:n] {
			received++
			w.slots[i].reply = bytes.ToUpper(w.slots[i].data)
			switch string(w.slots[i].data) {
			case "two":
				w.slots[i].reply = nil
			case "three":
				w.slots[i].reply = make([]byte, 70000) // longer than any datagram
			}
		}
		failed := w.io.send(n)
		if n == 4 && failed != 1 {
			t.Errorf("%d failures", failed)
		}
		if received == 4 {
			s.endpoints[0].packets[0].SetReadDeadline(time.Unix(1, 0))
		}
	}
	if err := w.io.failure(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	buf := make([]byte, 100)
	for _, want := range []string{"ONE", "FOUR"} {
		n, err := conn.Read(buf)
		if err != nil || string(buf[:n]) != want {
			t.Errorf("received %q, %v; want %q", buf[:n], err, want)
		}
	}
}
