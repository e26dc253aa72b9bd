// Package freeport finds ports for tests that have to name a port before it is bound:
// in a configuration file, or for a server in another process.
//
// A port that the system chose and that was closed again is free only for a moment:
// any socket of another test, a client's too, may be given it next. The ports found
// here are below those that the system gives away, and a port that one test has, no
// other gets until it ends, whatever process it runs in.
package freeport

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"runtime"
	"strconv"
	"testing"
)

// The ports are those from first on that are below the range that Linux and others give
// to sockets that ask for none.
const (
	first = 10_000
	last  = 32_000
)

// At returns a port of an address of this machine that nothing is bound to, for UDP
// and for TCP. It is this test's until it ends.
func At(t testing.TB, address netip.Addr) netip.AddrPort {
	t.Helper()
	for range 1000 {
		port := netip.AddrPortFrom(address, uint16(first+rand.IntN(last-first)))
		reserved, err := reserve(port.Port())
		if err != nil {
			continue
		}
		if isFree(port) {
			t.Cleanup(func() { reserved.Close() })
			return port
		}
		reserved.Close()
	}
	t.Fatalf("no port of %v is free for UDP and TCP", address)
	return netip.AddrPort{}
}

// Loopback is At for 127.0.0.1.
func Loopback(t testing.TB) netip.AddrPort {
	t.Helper()
	return At(t, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
}

// isFree reports whether a port can be bound for UDP and TCP.
func isFree(port netip.AddrPort) bool {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(port))
	if err != nil {
		return false
	}
	defer l.Close()
	u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(port))
	if err != nil {
		return false
	}
	u.Close()
	return true
}

// reserve takes a port from other tests: a name that one socket at a time can have says
// that it is taken. Only Linux has names of sockets that are not files.
func reserve(port uint16) (reserved interface{ Close() error }, err error) {
	if runtime.GOOS != "linux" {
		return nothing{}, nil
	}
	return net.Listen("unix", "@names-test-port-"+strconv.Itoa(int(port)))
}

type nothing struct{}

func (nothing) Close() error { return nil }
