package listenertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var here, there = netip.MustParseAddrPort("192.0.2.1:1000"), netip.MustParseAddrPort("192.0.2.53:53")

func TestDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		server, err := n.ListenPacket(context.Background(), "udp4", there.String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.ListenPacket(context.Background(), "udp4", there.String()); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("twice the same address: %v", err)
		}
		client, err := n.Dial("udp", here, there)
		if err != nil {
			t.Fatal(err)
		}
		client.Write([]byte("hello"))
		buf := make([]byte, 3)
		size, from, err := server.ReadFrom(buf)
		if string(buf[:size]) != "hel" || from.String() != here.String() || err != nil {
			t.Errorf("%q from %v, %v", buf[:size], from, err)
		}
		stranger, err := n.Dial("udp", netip.MustParseAddrPort("192.0.2.2:1"), here)
		if err != nil {
			t.Fatal(err)
		}
		stranger.Write([]byte("lie"))
		server.WriteTo([]byte("yes"), from)
		if size, err := client.Read(buf); string(buf[:size]) != "yes" || err != nil {
			t.Errorf("%q, %v", buf[:size], err)
		}
		start := time.Now()
		client.SetReadDeadline(start.Add(time.Hour))
		if _, err := client.Read(buf); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		for range 2 * inboxSize { // a full inbox blocks no sender
			client.Write([]byte("x"))
		}
		server.Close()
		client.Write([]byte("lost"))
		if _, err := server.WriteTo(nil, from); err == nil {
			t.Error("writing to a closed socket works")
		}
	})
}

func TestStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		if _, err := n.Dial("tcp", here, there); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("no socket listens: %v", err)
		}
		l, err := n.Listen(context.Background(), "tcp4", "0.0.0.0:53")
		if err != nil {
			t.Fatal(err)
		}
		accepted := make(chan net.Conn)
		go func() {
			c, _ := l.Accept()
			accepted <- c
		}()
		client, err := n.Dial("tcp", here, there)
		if err != nil {
			t.Fatal(err)
		}
		server := <-accepted
		if server.RemoteAddr().String() != here.String() || server.LocalAddr().String() != there.String() {
			t.Errorf("accepted from %v at %v", server.RemoteAddr(), server.LocalAddr())
		}
		long := bytes.Repeat([]byte("0123456789"), flowSize/5) // twice what fits
		go func() {
			client.Write(long)
			client.(*stream).CloseWrite()
		}()
		got, err := io.ReadAll(server)
		if !bytes.Equal(got, long) || err != nil {
			t.Errorf("%d octets of %d, %v", len(got), len(long), err)
		}
		start := time.Now()
		server.SetWriteDeadline(start.Add(time.Minute))
		if size, err := server.Write(long); size != flowSize || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("%d octets written, %v after %v", size, err, time.Since(start))
		}
		server.SetWriteDeadline(time.Time{})
		client.Close()
		if _, err := server.Write(long); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("writing to a port without a socket: %v", err)
		}
		server.Close()
		l.Close()
		if _, err := n.Dial("tcp", here, there); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("the socket is closed: %v", err)
		}
	})
}

// A deadline that is moved counts for reads that wait already.
func TestDeadlineMoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := newStream(here, there)
		defer client.Close()
		start := time.Now()
		server.SetReadDeadline(start.Add(time.Hour))
		time.AfterFunc(time.Second, func() { server.SetReadDeadline(start.Add(time.Minute)) })
		if _, err := server.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		server.SetReadDeadline(time.Time{}) // and may be taken back
		client.Write([]byte("x"))
		if _, err := server.Read(make([]byte, 1)); err != nil {
			t.Error(err)
		}
	})
}

func TestAsk(t *testing.T) {
	r := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		if x.Peer.Remote != Client || x.Peer.Local != Server {
			t.Errorf("asked by %+v", x.Peer)
		}
		return names.ErrPass
	})
	query := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.Root, Type: wire.TypeNS, Class: wire.ClassIN}, nil)
	m, err := wire.ParseMessage(Ask(r, query, names.UDP))
	if err != nil || m.RCode != wire.RCodeRefused {
		t.Errorf("%v, %v", m, err)
	}
	if reply := Ask(r, query[:5], names.TCP); reply != nil {
		t.Errorf("reply %x", reply)
	}
}
