package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// benchTarget answers at once: names that begin with "no" are not there.
type benchTarget struct{ withDO atomic.Int64 }

func (b *benchTarget) Resolve(_ context.Context, x *names.Exchange) error { return b.TryResolve(x) }

func (b *benchTarget) TryResolve(x *names.Exchange) error {
	if x.DO() {
		b.withDO.Add(1)
	}
	if strings.HasPrefix(x.Question().Name.FirstLabel(), "no") {
		x.RCode = wire.RCodeNXDomain
	}
	return nil
}

// startBenchTarget serves a benchTarget with a listener, which tells when it
// has ended what it did.
func startBenchTarget(t *testing.T) (b *benchTarget, address netip.AddrPort, end func() listener.Stats) {
	t.Helper()
	b = new(benchTarget)
	s, err := listener.Listen(listener.Config{Endpoints: listener.Plain(netip.MustParseAddrPort("127.0.0.1:0")), Resolver: b, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	t.Cleanup(stop)
	return b, s.Addresses()[0], func() listener.Stats { stop(); return s.Stats() }
}

// questionFile is n questions, of which every tenth is for a name that does not
// exist.
func questionFile(n int) string {
	var b strings.Builder
	for i := range n {
		if i%10 == 9 {
			b.WriteString("no-")
		}
		fmt.Fprintf(&b, "host%d.example A\n", i)
	}
	return b.String()
}

// benchJSON runs names bench and reads what it reports.
func benchJSON(t *testing.T, ctx context.Context, server netip.AddrPort, args, questions string) (r benchReport, err error) {
	t.Helper()
	var o benchOptions
	var stdout, stderr bytes.Buffer
	line := fmt.Sprintf("@%s -p %d -d - --json %s", server.Addr(), server.Port(), args)
	if code, done := o.parse(strings.Fields(line), &stdout, &stderr); done {
		t.Fatalf("%s: exit code %d: %s", line, code, stderr.String())
	}
	list, err := o.readQuestions(strings.NewReader(questions))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	err = bench(ctx, &o, list, &stdout, &stderr)
	if stdout.Len() == 0 {
		t.Fatalf("%s: %v", line, err)
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, stdout.String())
	}
	return r, err
}

// TestBenchCountsWhatTheServerCounts in every way to ask.
func TestBenchCountsWhatTheServerCounts(t *testing.T) {
	for _, args := range []string{
		"--runs 3",
		"--runs 3 --window 1",
		"--runs 3 --window 7 --clients 3 --threads 2 --do",
		"--runs 3 --rate 20000 --clients 2",
		"--runs 3 --rate 20000 --clients 4 --threads 2 --tcp",
		"--runs 3 --tcp --clients 3 --threads 2 --window 200",
		"--runs 3 --tcp --per-connection 7 --clients 2 --window 5",
		"--runs 3 --tcp --per-connection 1",
	} {
		t.Run(args, func(t *testing.T) {
			target, address, end := startBenchTarget(t)
			r, err := benchJSON(t, t.Context(), address, args+" --timeout 30s", questionFile(100))
			counted := end()
			if err != nil {
				t.Fatal(err)
			}
			if r.Sent != 300 || r.Answered != 300 || r.Lost != 0 || r.Unfinished != 0 || r.Unexpected != 0 || r.Failures != 0 || r.Ended != "" {
				t.Errorf("%+v", r)
			}
			if r.RCodes["NOERROR"] != 270 || r.RCodes["NXDOMAIN"] != 30 || len(r.RCodes) != 2 {
				t.Errorf("RCODEs %v", r.RCodes)
			}
			want := listener.Stats{UDPQueries: 300, Replies: 300}
			if r.Connections != nil {
				want.UDPQueries, want.TCPQueries, want.Connections = 0, 300, uint64(r.Connections.Opened)
			}
			// Whether the client or the server ended the last ones first is a matter of chance.
			want.ConnectionsFinished = counted.ConnectionsFinished
			want.ConnectionsStopped = want.Connections - counted.ConnectionsFinished
			if counted != want {
				t.Errorf("the server counted %+v, want %+v", counted, want)
			}
			if do := target.withDO.Load(); do != 0 && do != 300 || (do == 300) != strings.Contains(args, "--do") {
				t.Errorf("%d queries had DO", do)
			}
			if strings.Contains(args, "--per-connection 7") && r.Connections.Opened < 43 || strings.Contains(args, "--per-connection 1") && r.Connections.Opened != 300 {
				t.Errorf("%d connections were opened", r.Connections.Opened)
			}
			if (r.Late != nil) != strings.Contains(args, "--rate") {
				t.Errorf("how late queries were sent: %+v", r.Late)
			}
			l := r.Latency
			if l.Min <= 0 || l.Min > l.P50 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.P999 || l.P999 > l.Max || r.Seconds <= 0 || r.QPS <= 0 || r.CPU <= 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestBenchTime: a run that ends by time, with a warm-up that does not count.
func TestBenchTime(t *testing.T) {
	_, address, end := startBenchTarget(t)
	r, err := benchJSON(t, t.Context(), address, "--rate 1000 --warm-up 100ms --time 200ms --timeout 30s", questionFile(20))
	if err != nil {
		t.Fatal(err)
	}
	if r.Sent != 200 || r.Answered != 200 || r.Seconds < 0.2 {
		t.Errorf("%+v", r)
	}
	if counted := end(); counted.UDPQueries != 300 {
		t.Errorf("the server counted %d queries, want 300", counted.UDPQueries)
	}
}

// faultyServer answers each UDP query with the datagrams that reply returns.
func faultyServer(t *testing.T, reply func(query []byte) [][]byte) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			for _, b := range reply(bytes.Clone(buf[:n])) {
				conn.WriteToUDPAddrPort(b, from)
			}
		}
	})
	t.Cleanup(func() { conn.Close(); serving.Wait() })
	return netip.MustParseAddrPort(conn.LocalAddr().String())
}

// responseTo is a query with QR set.
func responseTo(query []byte) []byte {
	b := bytes.Clone(query)
	b[2] |= 0x80
	return b
}

func TestBenchServerThatDrops(t *testing.T) {
	address := faultyServer(t, func(query []byte) [][]byte {
		if bytes.Contains(query, []byte("no-")) {
			return nil
		}
		return [][]byte{responseTo(query)}
	})
	r, err := benchJSON(t, t.Context(), address, "--runs 1 --window 60 --timeout 2s", questionFile(50))
	if err != nil {
		t.Fatal(err)
	}
	if r.Sent != 50 || r.Answered != 45 || r.Lost != 5 || r.Unexpected != 0 {
		t.Errorf("%+v", r)
	}
}

func TestBenchServerThatAnswersWrongly(t *testing.T) {
	address := faultyServer(t, func(query []byte) [][]byte {
		otherID, otherName, right := responseTo(query), responseTo(query), responseTo(query)
		otherID[0] ^= 0x80
		otherName[13] ^= 1
		right[3] |= byte(wire.RCodeServFail)
		right[2] |= 0x02 // TC
		return [][]byte{query, otherID, otherName, {1, 2, 3}, right}
	})
	r, err := benchJSON(t, t.Context(), address, "--runs 2 --window 5 --timeout 30s", questionFile(20))
	if err != nil {
		t.Fatal(err)
	}
	if r.Sent != 40 || r.Answered != 40 || r.Lost != 0 || r.Unexpected != 160 || r.Truncated != 40 || r.RCodes["SERVFAIL"] != 40 {
		t.Errorf("%+v", r)
	}
}

func TestBenchServerThatIsNotThere(t *testing.T) {
	closed := faultyServer(t, nil)
	// Of a port that no other socket has, as long as this socket is bound to it at
	// another address.
	nobody := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), closed.Port())
	for _, args := range []string{"--runs 1", "--runs 1 --tcp", "--time 50ms --tcp", "--runs 1 --rate 1000"} {
		r, err := benchJSON(t, t.Context(), nobody, args+" --timeout 20ms", questionFile(2))
		if err == nil || err.Error() != nobody.String()+" did not answer: connection refused" {
			t.Errorf("%s: %v", args, err)
		}
		if r.Answered != 0 || r.Sent != r.Lost || r.Failures == 0 || r.FirstError != "connection refused" {
			t.Errorf("%s: %+v", args, r)
		}
		if (r.Ended == "gave up") != (args == "--runs 1 --tcp") {
			t.Errorf("%s ended: %q", args, r.Ended)
		}
	}
	silent := faultyServer(t, func([]byte) [][]byte { return nil })
	if _, err := benchJSON(t, t.Context(), silent, "--runs 1 --timeout 20ms", questionFile(2)); err == nil ||
		err.Error() != silent.String()+" did not answer: does a server listen there?" {
		t.Errorf("a silent server: %v", err)
	}
}

// TestBenchInterrupted: the server interrupts the run when it has answered
// enough.
func TestBenchInterrupted(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	left := 10
	address := faultyServer(t, func(query []byte) [][]byte {
		if left--; left < 0 {
			interrupt()
			return nil
		}
		return [][]byte{responseTo(query)}
	})
	r, err := benchJSON(t, ctx, address, "--time 1h --window 3 --timeout 1m", questionFile(2))
	if err != nil {
		t.Fatal(err)
	}
	if r.Answered == 0 || r.Answered > 10 || r.Lost != 0 || r.Unfinished == 0 || r.Sent != r.Answered+r.Unfinished || r.Ended != "interrupted" {
		t.Errorf("%+v", r)
	}
}

// TestBenchConnectionsCutShort: a server that closes each connection after its
// third reply, when more was asked.
func TestBenchConnectionsCutShort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			for range 3 {
				var length [2]byte
				if _, err := io.ReadFull(conn, length[:]); err != nil {
					break
				}
				query := make([]byte, binary.BigEndian.Uint16(length[:]))
				if _, err := io.ReadFull(conn, query); err != nil {
					break
				}
				conn.Write(append(length[:], responseTo(query)...))
			}
			conn.Close()
		}
	}()
	address := netip.MustParseAddrPort(l.Addr().String())
	r, err := benchJSON(t, t.Context(), address, "--runs 1 --tcp --window 10 --timeout 30s", questionFile(100))
	if err != nil {
		t.Fatal(err)
	}
	// The end may come as one, or as a reset: what was asked is not read.
	if r.Sent != 100 || r.Lost == 0 || r.Answered+r.Lost != 100 || r.Connections.CutShort+r.Failures == 0 || r.Connections.Opened < 2 {
		t.Errorf("%+v, %+v", r, r.Connections)
	}
}

// TestBenchLoopAllocatesNothing while queries are sent and replies received.
func TestBenchLoopAllocatesNothing(t *testing.T) {
	_, address, _ := startBenchTarget(t)
	for _, args := range []string{"--window 10", "--rate 100000", "--tcp --window 10"} {
		l := benchLoad(t, "--time 1h "+args, questionFile(20))
		l.address = address
		w, err := newWorker(l, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer w.close()
		l.start = time.Now()
		if n := testing.AllocsPerRun(200, func() { w.wait(w.send(w.now())) }); n != 0 {
			t.Errorf("%s: %v allocations each time round", args, n)
		}
		// That may have been too short a time for the server.
		for end := time.Now().Add(10 * time.Second); w.tally.answered == 0 && time.Now().Before(end); {
			w.wait(w.send(w.now()))
		}
		if w.tally.answered == 0 || w.tally.lost > 0 {
			t.Errorf("%s: %d answered, %d lost", args, w.tally.answered, w.tally.lost)
		}
	}
}

// TestBenchLoopback6: an address of the other family, and one with a zone.
func TestBenchLoopback6(t *testing.T) {
	for text, want := range map[string]string{"fe80::1%no-such-interface": `there is no interface "no-such-interface"`} {
		l := benchLoad(t, "", "")
		l.address = netip.AddrPortFrom(netip.MustParseAddr(text), 53)
		if _, err := l.run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for zone, want := range map[string]uint32{"": 0, "7": 7, "lo": 1} {
		if got, err := scopeOf(zone); err != nil || got != want {
			t.Errorf("zone %q has index %d, %v; want %d", zone, got, err, want)
		}
	}
	conn, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		t.Skipf("no IPv6 here: %v", err)
	}
	defer conn.Close()
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			conn.WriteToUDPAddrPort(responseTo(buf[:n]), from)
		}
	}()
	r, err := benchJSON(t, t.Context(), netip.MustParseAddrPort(conn.LocalAddr().String()), "--runs 5", "a A\n")
	if err != nil || r.Answered != 5 {
		t.Errorf("%+v, %v", r, err)
	}
}
