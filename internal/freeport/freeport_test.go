package freeport

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
)

func TestLoopback(t *testing.T) {
	seen := map[netip.AddrPort]bool{}
	for range 100 {
		port := Loopback(t)
		if seen[port] && runtime.GOOS == "linux" {
			t.Errorf("%v is given twice", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp", port.String())
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		u, err := net.ListenPacket("udp", port.String())
		if err != nil {
			t.Fatal(err)
		}
		defer u.Close()
	}
}

// A port that is taken from others is given again when the test is over.
func TestReservationEnds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux reserves ports")
	}
	var port netip.AddrPort
	t.Run("has it", func(t *testing.T) {
		port = Loopback(t)
		if r, err := reserve(port.Port()); err == nil {
			r.Close()
			t.Errorf("another test can have %v, too", port)
		}
	})
	r, err := reserve(port.Port())
	if err != nil {
		t.Fatalf("%v is not given back: %v", port, err)
	}
	r.Close()
}

// A port that something is bound to, for TCP or UDP, is not free.
func TestBoundPortsAreNotFree(t *testing.T) {
	port := Loopback(t)
	l, err := net.Listen("tcp", port.String())
	if err != nil {
		t.Fatal(err)
	}
	if isFree(port) {
		t.Error("it is bound for TCP, and free")
	}
	l.Close()
	u, err := net.ListenPacket("udp", port.String())
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	if isFree(port) {
		t.Error("it is bound for UDP, and free")
	}
}
