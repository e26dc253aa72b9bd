package upstreamtest

import (
	"bytes"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/names-dns/names/wire"
)

// Listen starts a server on a free port of 127.0.0.1, which ends with the
// test. A nil tcp refuses connections; a nil udp leaves datagrams unanswered.
func Listen(t testing.TB, udp, tcp Handler) netip.AddrPort {
	t.Helper()
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	for range 100 {
		packets, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		addr := packets.LocalAddr().(*net.UDPAddr).AddrPort()
		if tcp != nil {
			l, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(addr))
			if err != nil { // taken for TCP: another port
				packets.Close()
				continue
			}
			t.Cleanup(func() { l.Close() })
			running.Go(func() { acceptStreams(l, &running, tcp) })
		}
		t.Cleanup(func() { packets.Close() })
		running.Go(func() { servePackets(packets, &running, udp) })
		return addr
	}
	t.Fatal("found no port that is free for UDP and TCP")
	return netip.AddrPort{}
}

func servePackets(c *net.UDPConn, running *sync.WaitGroup, handler Handler) {
	buf := make([]byte, 65535)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, err := wire.ParseMessage(buf[:n])
		if handler == nil || err != nil {
			continue
		}
		q := &Query{Message: m, Packet: bytes.Clone(buf[:n]), From: from, send: func(b []byte) { c.WriteToUDPAddrPort(b, from) }}
		running.Go(func() { handler(q) })
	}
}

func acceptStreams(l *net.TCPListener, running *sync.WaitGroup, handler Handler) {
	var open sync.Map
	defer open.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		open.Store(c, nil)
		running.Go(func() {
			serveStream(c, c.RemoteAddr().(*net.TCPAddr).AddrPort(), handler)
			open.Delete(c)
		})
	}
}
