package listener

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// echo answers at once: every name has the address 192.0.2.1. What is below
// "slow." it answers when it may wait; "panic.", "error.", "pass." and "drop."
// do what they say.
type echo struct {
	waitFor chan struct{} // where not nil, slow answers wait for it
}

var echoAddress = []byte{192, 0, 2, 1}

func (echo) TryResolve(x *names.Exchange) error {
	q := x.Question()
	switch q.Name.FirstLabel() {
	case "slow":
		return names.ErrSlow
	case "panic":
		panic("out of order")
	case "error":
		return errors.New("disk is on fire")
	case "pass":
		return names.ErrPass
	case "drop":
		return names.ErrDrop
	case "full":
		return fmt.Errorf("an RRset: %w", wire.ErrNoSpace)
	}
	x.Reply.Flags |= wire.FlagAA
	return x.Reply.Raw(q.Name, wire.TypeA, wire.ClassIN, 60, echoAddress)
}

func (e echo) Resolve(ctx context.Context, x *names.Exchange) error {
	q := x.Question()
	if q.Name.FirstLabel() != "slow" {
		return e.TryResolve(x)
	}
	if e.waitFor != nil {
		select {
		case <-e.waitFor:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return x.Reply.Raw(q.Name, wire.TypeA, wire.ClassIN, 60, echoAddress)
}

// question is a query for the A records of name, with EDNS unless e is nil.
func question(id uint16, name string, e *wire.EDNS) []byte {
	q := wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}
	return wire.AppendQuery(nil, id, wire.FlagRD, q, e)
}

// reply is what tests look at of a reply.
type reply struct {
	header  wire.Header
	rcode   wire.RCode
	name    string
	edns    bool
	opt     wire.EDNS
	answers int
}

func parseReply(t testing.TB, msg []byte) reply {
	t.Helper()
	var r wire.Reader
	if err := r.Reset(msg); err != nil {
		t.Fatalf("reply %x: %v", msg, err)
	}
	got := reply{header: r.Header(), rcode: r.Header().Flags.RCode(), answers: int(r.Header().Counts[wire.SectionAnswer])}
	if q, err := r.Question(); err == nil {
		got.name = q.Name.Clone().String()
	}
	for {
		h, err := r.Next()
		if err == wire.ErrSectionDone {
			if r.Section() == wire.SectionAdditional {
				break
			}
			if err := r.NextSection(); err != nil {
				t.Fatalf("reply %x: %v", msg, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("reply %x: %v", msg, err)
		}
		if h.Type == wire.TypeOPT {
			e, err := r.EDNS(h)
			if err != nil {
				t.Fatalf("reply %x: %v", msg, err)
			}
			got.edns, got.opt = true, e
			got.rcode = e.RCode(got.header.Flags)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatalf("reply %x: %v", msg, err)
	}
	return got
}

// serving starts a server on loopback addresses and ends it with the test, and
// checks that nothing is left of it then.
func serving(t testing.TB, c Config) *Server {
	t.Helper()
	before := runtime.NumGoroutine()
	if c.Resolver == nil {
		c.Resolver = echo{}
	}
	if c.Addresses == nil {
		c.Addresses = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	}
	s, err := Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve returns %v", err)
		}
		close(ended)
		for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
				return
			}
		}
	})
	return s
}

// dial connects to the first address of s and closes the connection with the test.
func dial(t testing.TB, s *Server, network string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, s.Addresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return c
}

// ask sends query over conn and returns the reply.
func ask(t testing.TB, conn net.Conn, query []byte) []byte {
	t.Helper()
	if _, ok := conn.(*net.UDPConn); !ok {
		if _, err := conn.Write(appendFrame(nil, query)); err != nil {
			t.Fatal(err)
		}
		return readFrame(t, conn)
	}
	if _, err := conn.Write(query); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65535)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func readFrame(t testing.TB, conn net.Conn) []byte {
	t.Helper()
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		t.Fatal(err)
	}
	msg := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, msg); err != nil {
		t.Fatal(err)
	}
	return msg
}

// engines runs a test over each way of moving datagrams this system has.
func engines(t *testing.T, f func(t *testing.T, portable bool)) {
	t.Run("portable", func(t *testing.T) { f(t, true) })
	if oneSocketPerWorker {
		t.Run("batches", func(t *testing.T) { f(t, false) })
	}
}

func TestAnswersOverEachTransport(t *testing.T) {
	engines(t, func(t *testing.T, portable bool) {
		for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
			s := serving(t, Config{Addresses: []netip.AddrPort{netip.MustParseAddrPort(address)}, portable: portable})
			for _, network := range []string{"udp", "tcp"} {
				conn := dial(t, s, network)
				for _, name := range []string{"www.example.", "slow.example."} {
					got := parseReply(t, ask(t, conn, question(7, name, nil)))
					if got.header.ID != 7 || got.rcode != 0 || got.answers != 1 || got.name != name || got.edns {
						t.Errorf("%s %s %s: reply is %+v", address, network, name, got)
					}
				}
			}
		}
	})
}

func TestRepliesLeaveFromTheAddressAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8 on its loopback interface, and tells where a datagram was sent to")
	}
	engines(t, func(t *testing.T, portable bool) {
		s := serving(t, Config{Addresses: []netip.AddrPort{
			netip.MustParseAddrPort("0.0.0.0:0"), netip.MustParseAddrPort("[::]:0"),
		}, portable: portable})
		for i, local := range []string{"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"} {
			port := s.Addresses()[i/3].Port()
			server := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(local), port))
			conn, err := net.DialUDP("udp", nil, server) // takes nothing from other addresses
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			for _, name := range []string{"www.example.", "slow.example."} {
				if got := parseReply(t, ask(t, conn, question(9, name, nil))); got.answers != 1 {
					t.Errorf("%s %s: reply is %+v", local, name, got)
				}
			}
		}
	})
}

func TestBindsEverythingOrNothing(t *testing.T) {
	first := serving(t, Config{})
	free, err := Listen(Config{Resolver: echo{}, Addresses: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.2:0")}})
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addresses()[0]
	free.Close()
	_, err = Listen(Config{Resolver: echo{}, Addresses: []netip.AddrPort{address, first.Addresses()[0]}})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), first.Addresses()[0].String()) {
		t.Fatalf("error is %v", err)
	}
	again, err := Listen(Config{Resolver: echo{}, Addresses: []netip.AddrPort{address}})
	if err != nil {
		t.Fatalf("an address of a server that could not start is still taken: %v", err)
	}
	again.Close()
}

func TestRefusesBadConfigurations(t *testing.T) {
	here := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	for want, c := range map[string]Config{
		"no resolver":          {Addresses: here},
		"no address":           {Resolver: echo{}},
		"is empty":             {Resolver: echo{}, Addresses: []netip.AddrPort{{}}},
		"between 512 and 4096": {Resolver: echo{}, Addresses: here, MaxUDPSize: 511},
		"NSID is longer":       {Resolver: echo{}, Addresses: here, NSID: strings.Repeat("x", 129)},
		"is negative: -1":      {Resolver: echo{}, Addresses: here, MaxSlow: -1},
		"timeout is negative":  {Resolver: echo{}, Addresses: here, IdleTimeout: -1},
		"no interface":         {Resolver: echo{}, Addresses: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:0")}},
	} {
		if s, err := Listen(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, not one with %q", err, want)
			if s != nil {
				s.Close()
			}
		}
	}
}
