package upstream

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
)

// Each question leaves from a port of its own that does not follow from the
// ones before (RFC 5452 9.2), with an ID that does not either.
func TestPortsAndIDsAreUnpredictable(t *testing.T) {
	type sent struct{ port, id int }
	seen := make(chan sent, 1)
	addr := upstreamtest.Listen(t, func(q *upstreamtest.Query) {
		seen <- sent{int(q.From.Port()), int(q.ID)}
		right(q)
	}, nil)
	server := NewClient(Config{}).Server(addr)
	const questions = 200
	ports, ids := map[int]bool{}, map[int]bool{}
	steps := map[int]int{} // how far the next port is from the one before, and how often
	last := 0
	for range questions {
		if _, err := server.Ask(context.Background(), newQuery("www.example.com.")); err != nil {
			t.Fatal(err)
		}
		s := <-seen
		ports[s.port], ids[s.id] = true, true
		steps[s.port-last]++
		last = s.port
	}
	if len(ports) < questions*9/10 || len(ids) < questions*9/10 {
		t.Errorf("%d questions left from %d ports with %d IDs", questions, len(ports), len(ids))
	}
	for step, n := range steps {
		if n > 5 {
			t.Errorf("the next port was %d further %d times", step, n)
		}
	}
}

// What another address sends does not reach the socket: a reply from
// elsewhere, right in all else, is never seen.
func TestReplyFromAnotherAddress(t *testing.T) {
	other, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Skipf("127.0.0.2 cannot be bound here: %v", err)
	}
	defer other.Close()
	addr := upstreamtest.Listen(t, func(q *upstreamtest.Query) {
		m := q.Reply()
		m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 203.0.113.66")
		b, err := m.AppendTo(nil)
		if err != nil {
			t.Error(err)
		}
		if _, err := other.WriteToUDPAddrPort(b, q.From); err != nil {
			t.Error(err)
		}
		right(q)
	}, nil)
	server := NewClient(Config{}).Server(addr)
	r, err := server.Ask(context.Background(), newQuery("www.example.com."))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(r.Message, []byte{192, 0, 2, 7}) {
		t.Errorf("got %x", r.Message)
	}
}

// A server that is not there is noticed at once, and one that does not answer
// when time is up.
func TestNobodyThere(t *testing.T) {
	addr := freeport.Loopback(t)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := NewClient(Config{}).Server(addr).Ask(ctx, newQuery("www.example.com.")); err == nil || ctx.Err() != nil {
		t.Errorf("got %v, and the context %v", err, ctx.Err())
	}
	mute := upstreamtest.Listen(t, nil, nil)
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := NewClient(Config{}).Server(mute).Ask(ctx, newQuery("www.example.com.")); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
}

// The whole way over sockets, TCP included.
func TestOverSockets(t *testing.T) {
	addr := upstreamtest.Listen(t, truncated, right)
	client := NewClient(Config{})
	server := client.Server(addr)
	for range 3 {
		if r, err := server.Ask(context.Background(), newQuery("www.example.com.")); err != nil || r.RTT <= 0 {
			t.Errorf("RTT %v, error %v", r.RTT, err)
		}
	}
	if got := len(server.pool.conns); got != 1 {
		t.Errorf("%d connections were opened", got)
	}
	server.Close()
	client.Wait()
}

func BenchmarkAskUDP(b *testing.B) {
	client := NewClient(Config{})
	defer client.Wait()
	server := client.Server(upstreamtest.ListenPlain(b))
	defer server.Close()
	q := newQuery("www.example.com.")
	q.Buffer = make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		q.Budget.Reset(20, 1<<20)
		if _, err := server.Ask(context.Background(), q); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAskTCP(b *testing.B) {
	addr := upstreamtest.Listen(b, truncated, right)
	client := NewClient(Config{})
	server := client.Server(addr)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := server.Ask(context.Background(), newQuery("www.example.com.")); err != nil {
			b.Fatal(err)
		}
	}
	server.Close()
	client.Wait()
}
