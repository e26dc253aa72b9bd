package upstreamtest

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/names-dns/names/wire"
)

// ListenPlain starts a server on a free port of 127.0.0.1, over UDP only, that
// gives every name the address 192.0.2.7. It allocates nothing and does little
// else: benchmarks and counts of allocations are not about it.
func ListenPlain(t testing.TB) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	t.Cleanup(func() { c.Close() })
	running.Go(func() { answerPlainly(c) })
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

func answerPlainly(c *net.UDPConn) {
	buf := make([]byte, 512)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		name, length, err := wire.BorrowName(buf[wire.HeaderLen:n])
		if err != nil || wire.HeaderLen+length+4 > n || name.IsZero() {
			continue
		}
		reply := buf[:wire.HeaderLen+length+4]
		binary.BigEndian.PutUint16(reply[2:], uint16(wire.FlagQR|wire.FlagRD|wire.FlagRA))
		clear(reply[6:wire.HeaderLen]) // answer, authority, additional
		reply[7] = 1
		reply = append(reply, 0xC0, wire.HeaderLen, 0, byte(wire.TypeA), 0, byte(wire.ClassIN), 0, 0, 1, 44, 0, 4, 192, 0, 2, 7)
		c.WriteToUDPAddrPort(reply, from)
	}
}
