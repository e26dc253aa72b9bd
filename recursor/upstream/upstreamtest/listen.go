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
	for range 100 {
		l, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		addr := l.LocalAddr().(*net.UDPAddr).AddrPort()
		l.Close()
		if ListenAt(t, addr, udp, tcp) == nil { // otherwise it is taken for TCP
			return addr
		}
	}
	t.Fatal("found no port that is free for UDP and TCP")
	return netip.AddrPort{}
}

// ListenAt is Listen at an address. It fails if that is taken.
func ListenAt(t testing.TB, addr netip.AddrPort, udp, tcp Handler) error {
	packets, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	if tcp != nil {
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
		if err != nil {
			packets.Close()
			return err
		}
		running.Go(func() { acceptStreams(l, &running, tcp) })
		t.Cleanup(running.Wait)
		t.Cleanup(func() { l.Close() })
	} else {
		t.Cleanup(running.Wait)
	}
	t.Cleanup(func() { packets.Close() })
	running.Go(func() { servePackets(packets, &running, udp) })
	return nil
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
