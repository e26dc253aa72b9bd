package listener

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/names-dns/names/internal/race"
	"github.com/names-dns/names/wire"
)

func TestTenThousandQueries(t *testing.T) {
	engines(t, Config{}, func(t *testing.T, c Config) {
		s := Serving(t, c)
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
	engines(t, Config{Workers: 1}, func(t *testing.T, c Config) {
		s := Serving(t, c)
		conn := Dial(t, s, "udp")
		conn.Write(nil)
		conn.Write([]byte("hello"))
		conn.Write(append([]byte{0, 0, 0x80}, plain[3:]...))
		// What is cut off belongs to nothing, or to the query.
		long := append(Question(8, "www.example.", nil), make([]byte, 9000)...)
		if got := ParseReply(t, Ask(t, conn, long)); got.Header.ID != 8 || got.RCode != 0 {
			t.Errorf("reply is %+v", got)
		}
		padded := &wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionPadding, make([]byte, maxQuery))}
		if got := ParseReply(t, Ask(t, conn, Question(9, "www.example.", padded))); got.Header.ID != 9 || got.RCode != wire.RCodeFormErr {
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
	local := Plain(netip.MustParseAddrPort("127.0.0.1:0"))
	engines(t, Config{Resolver: Echo{}, Workers: 2, Endpoints: local}, func(t *testing.T, c Config) {
		s, err := Listen(c)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if len(s.allWorkers()) != 2 {
			t.Errorf("%d workers", len(s.allWorkers()))
		}
		dedicated := 0
		if c.DedicatedThreads {
			dedicated = len(s.allWorkers())
		}
		if s.dedicated() != dedicated {
			t.Errorf("%d workers have threads to themselves, not %d", s.dedicated(), dedicated)
		}
		for _, w := range s.allWorkers() {
			engine, want := fmt.Sprintf("%T", w.io), "*listener.batchIO"
			switch {
			case c.portable:
				want = "*listener.portableIO"
			case c.DedicatedThreads:
				want = "*listener.dedicatedIO"
			}
			if engine != want {
				t.Errorf("the engine is a %s, not a %s", engine, want)
			}
		}
	})
}

func TestDedicatedThreadsAreBounded(t *testing.T) {
	c := Config{Resolver: Echo{}, DedicatedThreads: true}
	for i := range maxDedicated + 1 {
		c.Endpoints = append(c.Endpoints, Plain(netip.MustParseAddrPort(fmt.Sprintf("127.0.0.%d:0", i+1)))...)
		if err := c.complete(); err != nil || c.DedicatedThreads != (i < maxDedicated) {
			t.Errorf("%d addresses: %v, %v", i+1, c.DedicatedThreads, err)
		}
	}
}

// Nothing is raised for workers that have no thread to themselves after all.
func TestDedicatedThreadsWhereThereAreNone(t *testing.T) {
	s, err := Listen(Config{Resolver: Echo{}, DedicatedThreads: true, portable: true, Endpoints: Plain(netip.MustParseAddrPort("127.0.0.1:0"))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.dedicated() != 0 {
		t.Errorf("%d workers have threads to themselves", s.dedicated())
	}
}

// A server whose workers have threads to themselves lets the garbage collector
// stop them, other goroutines run, and gives back what it took.
func TestDedicatedThreads(t *testing.T) {
	if !oneSocketPerWorker {
		t.Skip("only Linux has batches")
	}
	before := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(before)
	s, err := Listen(Config{
		Resolver: Echo{}, Workers: 2, DedicatedThreads: true,
		Endpoints: Plain(netip.MustParseAddrPort("127.0.0.1:0")),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	conn := Dial(t, s, "udp")
	for i := range 200 {
		if got := ParseReply(t, Ask(t, conn, Question(uint16(i), "www.example.", nil))); int(got.Header.ID) != i {
			t.Fatalf("reply is %+v", got)
		}
		if i%10 == 0 {
			runtime.GC()
		}
	}
	if n := runtime.GOMAXPROCS(0); n != 3 {
		t.Errorf("GOMAXPROCS is %d while two workers have one each, and all else one", n)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := runtime.GOMAXPROCS(0); n != 1 {
		t.Errorf("GOMAXPROCS is %d at the end", n)
	}
}

// No query allocates, the way through the kernel included. What all goroutines
// allocate is counted here, and not by testing.AllocsPerRun: that sets GOMAXPROCS
// to 1, which takes from workers with threads to themselves what they need.
func TestUDPAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	everywhere := Plain(netip.MustParseAddrPort("0.0.0.0:0"))
	engines(t, Config{Workers: 1, Endpoints: everywhere}, func(t *testing.T, c Config) {
		s := Serving(t, c)
		conn, err := net.DialUDP("udp", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(s.Addresses()[0].Port())})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		buf := make([]byte, 2048)
		const queries = 1000
		var before, after runtime.MemStats
		conn.Write(modern)
		conn.Read(buf) // the first makes pools and other lasting things
		runtime.ReadMemStats(&before)
		for range queries {
			conn.Write(modern)
			conn.Read(buf)
		}
		runtime.ReadMemStats(&after)
		if n := after.Mallocs - before.Mallocs; n >= queries {
			t.Errorf("%d allocations for %d queries", n, queries)
		}
	})
}
