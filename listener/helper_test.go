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
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// What the tests of this package share, also those outside of it.

// Echo answers at once: every name has the address 192.0.2.1. What is below
// "slow." it answers when it may wait; "panic.", "error.", "pass." and "drop."
// do what they say.
type Echo struct {
	WaitFor chan struct{} // where not nil, slow answers wait for it
}

var (
	echoAddress = []byte{192, 0, 2, 1}
	errFull     = fmt.Errorf("RRset: %w", wire.ErrNoSpace)
)

func (Echo) TryResolve(x *names.Exchange) error {
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
		return errFull
	}
	x.Reply.Flags |= wire.FlagAA
	return x.Reply.Raw(q.Name, wire.TypeA, wire.ClassIN, 60, echoAddress)
}

func (e Echo) Resolve(ctx context.Context, x *names.Exchange) error {
	q := x.Question()
	if q.Name.FirstLabel() != "slow" {
		return e.TryResolve(x)
	}
	if e.WaitFor != nil {
		select {
		case <-e.WaitFor:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return x.Reply.Raw(q.Name, wire.TypeA, wire.ClassIN, 60, echoAddress)
}

// Question is a query for the A records of name, with EDNS unless e is nil.
func Question(id uint16, name string, e *wire.EDNS) []byte {
	q := wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}
	return wire.AppendQuery(nil, id, wire.FlagRD, q, e)
}

// Reply is what tests look at of a reply.
type Reply struct {
	Header  wire.Header
	RCode   wire.RCode
	Name    string // that of the question
	HasEDNS bool
	EDNS    wire.EDNS
	Answers int
}

// ParseReply reads a reply, all of it: it must be one our own reader takes.
func ParseReply(t testing.TB, msg []byte) Reply {
	t.Helper()
	var r wire.Reader
	if err := r.Reset(msg); err != nil {
		t.Fatalf("reply %x: %v", msg, err)
	}
	got := Reply{Header: r.Header(), RCode: r.Header().Flags.RCode(), Answers: int(r.Header().Counts[wire.SectionAnswer])}
	if q, err := r.Question(); err == nil {
		got.Name = q.Name.Clone().String()
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
			got.HasEDNS, got.EDNS = true, e
			got.RCode = e.RCode(got.Header.Flags)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatalf("reply %x: %v", msg, err)
	}
	return got
}

// Serving starts a server on loopback addresses and ends it with the test, and
// checks that nothing is left of it then.
func Serving(t testing.TB, c Config) *Server {
	t.Helper()
	before := runtime.NumGoroutine()
	if c.Resolver == nil {
		c.Resolver = Echo{}
	}
	if c.Endpoints == nil {
		c.Endpoints = Plain(netip.MustParseAddrPort("127.0.0.1:0"))
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
		checkSums(t, s.Stats())
		close(ended)
		eventually.Succeed(t, func() error {
			if after := runtime.NumGoroutine(); after > before {
				return fmt.Errorf("%d goroutines before, %d after", before, after)
			}
			return nil
		})
	})
	return s
}

// Dial connects to the first address of s and closes the connection with the test.
func Dial(t testing.TB, s *Server, network string) net.Conn {
	t.Helper()
	c, err := net.Dial(network, s.Addresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return c
}

// Ask sends query over conn and returns the reply.
func Ask(t testing.TB, conn net.Conn, query []byte) []byte {
	t.Helper()
	if conn.LocalAddr().Network() != "udp" {
		if _, err := conn.Write(frame.Append(nil, query)); err != nil {
			t.Fatal(err)
		}
		return ReadFrame(t, conn)
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

// ReadFrame reads one message from a stream.
func ReadFrame(t testing.TB, conn net.Conn) []byte {
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

// allWorkers are the workers of all endpoints, and dedicated how many of them have a
// thread to themselves.
func (s *Server) allWorkers() (all []*worker) {
	for _, e := range s.endpoints {
		all = append(all, e.workers...)
	}
	return all
}

func (s *Server) dedicated() (n int) {
	for _, e := range s.endpoints {
		n += e.dedicated
	}
	return n
}
