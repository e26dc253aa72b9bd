package main

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

// echo is a server that sends back what it gets, over UDP and TCP.
func echo(t *testing.T) netip.AddrPort {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := tcp.Addr().(*net.TCPAddr).AddrPort()
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close(); udp.Close() })
	go func() {
		for buf := make([]byte, 100); ; {
			n, from, err := udp.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			udp.WriteToUDPAddrPort(buf[:n], from)
		}
	}()
	go func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	return addr
}

// near is where weather listens for an echo server behind it.
func near(t *testing.T, w weather) netip.AddrPort {
	t.Helper()
	r := route{from: netip.MustParseAddrPort("127.0.0.1:0"), to: echo(t)}
	probe, err := net.Listen("tcp", r.from.String())
	if err != nil {
		t.Fatal(err)
	}
	r.from = probe.Addr().(*net.TCPAddr).AddrPort()
	probe.Close()
	if err := w.serve(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return r.from
}

func TestCarried(t *testing.T) {
	at := near(t, weather{delay: time.Millisecond})
	for _, network := range []string{"udp", "tcp"} {
		conn, err := net.Dial(network, at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		buf := make([]byte, 5)
		for _, word := range []string{"hello", "world"} {
			if _, err := conn.Write([]byte(word)); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(conn, buf); err != nil || string(buf) != word {
				t.Errorf("%s: %q came back as %q: %v", network, word, buf, err)
			}
		}
	}
}

// TestLost: with probability 1 nothing comes back, with 0 nothing is lost, and
// between them it is about as many as should be.
func TestLost(t *testing.T) {
	for _, c := range []struct {
		loss        float64
		least, most int
	}{{0, 0, 0}, {1, 10000, 10000}, {0.2, 1500, 2500}} {
		lost := 0
		for range 10000 {
			if (weather{loss: c.loss}).isLost() {
				lost++
			}
		}
		if lost < c.least || lost > c.most {
			t.Errorf("loss %v: %d of 10000 are lost", c.loss, lost)
		}
	}
}

func TestRoutes(t *testing.T) {
	r, err := parseRoute("198.18.0.1=198.19.0.1", 53)
	if want := (route{netip.MustParseAddrPort("198.18.0.1:53"), netip.MustParseAddrPort("198.19.0.1:53")}); err != nil || r != want {
		t.Errorf("%v, %v", r, err)
	}
	for _, bad := range []string{"", "198.18.0.1", "198.18.0.1=", "=198.18.0.1", "a=b"} {
		if _, err := parseRoute(bad, 53); err == nil {
			t.Errorf("%q is taken for a route", bad)
		}
	}
}
