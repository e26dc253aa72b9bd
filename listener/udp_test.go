package listener

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/names-dns/names/wire"
)

func TestTenThousandQueries(t *testing.T) {
	engines(t, func(t *testing.T, portable bool) {
		s := Serving(t, Config{portable: portable})
		const clients, each, window = 4, 2500, 25
		failed := make(chan error, clients)
		for c := range clients {
			conn := Dial(t, s, "udp")
			go func() { failed <- converse(conn, c*each, each, window) }()
		}
		for range clients {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		conn := Dial(t, s, "tcp")
		for i := range 100 {
			if got := ParseReply(t, Ask(t, conn, Question(uint16(i), "www.example.", nil))); int(got.Header.ID) != i {
				t.Fatalf("reply is %+v", got)
			}
		}
	})
}

// converse asks n questions from first on, window of them at a time.
func converse(conn net.Conn, first, n, window int) error {
	buf := make([]byte, 2048)
	name := func(i int) string { return fmt.Sprintf("n%d.example.", i) }
	for i := 0; i < n; i += window {
		for j := i; j < i+window; j++ {
			if _, err := conn.Write(Question(uint16(first+j), name(first+j), nil)); err != nil {
				return err
			}
		}
		seen := map[uint16]bool{}
		for range window {
			size, err := conn.Read(buf)
			if err != nil {
				return err
			}
			var q wire.Query
			if err := q.Parse(buf[:size]); err != nil {
				return err
			}
			id := q.Header.ID
			if int(id) < first+i || int(id) >= first+i+window || seen[id] || q.Question.Name.String() != name(int(id)) {
				return fmt.Errorf("reply %d to %v while %d to %d are asked", id, q.Question.Name, first+i, first+i+window)
			}
			seen[id] = true
		}
	}
	return nil
}

func TestDatagramsThatAreNoQueries(t *testing.T) {
	engines(t, func(t *testing.T, portable bool) {
		s := Serving(t, Config{portable: portable, Workers: 1})
		conn := Dial(t, s, "udp")
		conn.Write(nil)
		conn.Write([]byte("hello"))
		conn.Write(append([]byte{0, 0, 0x80}, plain[3:]...))
		long := append(Question(8, "www.example.", nil), make([]byte, 9000)...)
		if got := ParseReply(t, Ask(t, conn, long)); got.Header.ID != 8 || got.RCode != wire.RCodeFormErr {
			t.Errorf("reply is %+v", got)
		}
		if got := ParseReply(t, Ask(t, conn, plain)); got.RCode != 0 {
			t.Errorf("reply is %+v", got)
		}
	})
}

// The engine in use is the one meant: on Linux batches, unless the socket is
// not the system's.
func TestEngines(t *testing.T) {
	for _, portable := range []bool{false, true} {
		s, err := Listen(Config{Resolver: Echo{}, portable: portable, Workers: 2, Addresses: []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}})
		if err != nil {
			t.Fatal(err)
		}
		_, isPortable := s.workers[0].io.(*portableIO)
		if isPortable != (portable || !oneSocketPerWorker) {
			t.Errorf("engine is a %T", s.workers[0].io)
		}
		if len(s.workers) != 2 {
			t.Errorf("%d workers", len(s.workers))
		}
		s.Close()
	}
}

// No query allocates, the way through the kernel included. AllocsPerRun counts
// what all goroutines allocate.
func TestUDPAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	engines(t, func(t *testing.T, portable bool) {
		s := Serving(t, Config{portable: portable, Workers: 1, Addresses: []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:0")}})
		conn, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(s.Addresses()[0].Port())})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		buf := make([]byte, 2048)
		if n := testing.AllocsPerRun(1000, func() { conn.Write(modern); conn.Read(buf) }); n > 0 {
			t.Errorf("%v allocations per query", n)
		}
	})
}
