package listener

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// The rules of connections, over sockets of the system: with a goroutine for
// each, and with the loops that a platform may have in their place. What takes
// time is in stream_test.go, where time is virtual.

// patience is how long anything may take on a machine that has much to do.
const patience = time.Minute

// connect is Dial with patience.
func connect(t testing.TB, s *Server) net.Conn {
	t.Helper()
	conn := Dial(t, s, "tcp")
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// eachEngine runs test with every engine.
func eachEngine(t *testing.T, test func(t *testing.T, c Config)) {
	for name, portable := range map[string]bool{"goroutines": true, "loops": false} {
		t.Run(name, func(t *testing.T) {
			test(t, Config{portable: portable, Workers: 1, FirstQueryTimeout: patience, IdleTimeout: patience, WriteTimeout: patience})
		})
	}
}

// Eventually waits until the counters are as wanted.
func Eventually(t *testing.T, s *Server, what string, is func(Stats) bool) {
	t.Helper()
	eventually.Succeed(t, func() error {
		if stats := s.Stats(); !is(stats) {
			return fmt.Errorf("never: %s; stats are %+v", what, stats)
		}
		return nil
	})
}

func send(t testing.TB, conn net.Conn, messages ...[]byte) {
	t.Helper()
	var b []byte
	for _, m := range messages {
		b = frame.Append(b, m)
	}
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

// expectID reads a reply, which must be to the query with that ID.
func expectID(t testing.TB, conn net.Conn, id uint16) Reply {
	t.Helper()
	got := ParseReply(t, ReadFrame(t, conn))
	if got.Header.ID != id {
		t.Fatalf("reply is to %d, not to %d", got.Header.ID, id)
	}
	return got
}

// expectEnd reads to the end of the connection.
func expectEnd(t testing.TB, conn net.Conn) {
	t.Helper()
	b, err := io.ReadAll(conn)
	if len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %x, %v; the connection should have been closed", b, err)
	}
}

var fastQuery, slowQuestion = Question(1, "www.example.", nil), Question(2, "slow.example.", nil)

// TestEnginesCountEnds: each connection that has ended is counted for one reason.
func TestEnginesCountEnds(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		c.Endpoints = Plain(netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort("127.0.0.2:0"))
		s := Serving(t, c)
		check := func(what string, want Stats) {
			t.Helper()
			Eventually(t, s, what, func(got Stats) bool {
				return got.ConnectionsFinished == want.ConnectionsFinished && got.ConnectionsBroken == want.ConnectionsBroken &&
					got.ConnectionsStopped == want.ConnectionsStopped && got.OpenConnections() == want.Connections
			})
		}
		conn := connect(t, s)
		send(t, conn, fastQuery)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		expectID(t, conn, 1)
		check("the client has finished", Stats{ConnectionsFinished: 1})
		conn = connect(t, s)
		send(t, conn, []byte("no DNS"))
		check("that was not DNS", Stats{ConnectionsFinished: 1, ConnectionsBroken: 1})
		conn = connect(t, s)
		Ask(t, conn, fastQuery)
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
		check("reset", Stats{ConnectionsFinished: 1, ConnectionsBroken: 2})
		conn = connect(t, s)
		Ask(t, conn, fastQuery)
		check("it is open", Stats{ConnectionsFinished: 1, ConnectionsBroken: 2, Connections: 1})
		c.Resolver, c.Endpoints = s.config.Resolver, c.Endpoints[2:]
		if err := s.Configure(c); err != nil {
			t.Fatal(err)
		}
		expectEnd(t, conn)
		check("the address is given up", Stats{ConnectionsFinished: 1, ConnectionsBroken: 2, ConnectionsStopped: 1})
	})
}

func TestEnginesTakeQueriesCutAnywhere(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		conn := connect(t, Serving(t, c))
		last := frame.Append(nil, Question(9, "last.example.", nil))
		for cut := range last {
			if _, err := conn.Write(append(frame.Append(nil, fastQuery), last[:cut]...)); err != nil {
				t.Fatal(err)
			}
			expectID(t, conn, 1) // so what came with it has been read
			if _, err := conn.Write(last[cut:]); err != nil {
				t.Fatal(err)
			}
			expectID(t, conn, 9)
		}
	})
}

func TestEnginesAnswerPipelinedQueries(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		s := Serving(t, c)
		conn := connect(t, s)
		const many = 3000 // more than is read, and more than is written, at once
		go func() {
			var b []byte
			for i := range many {
				b = frame.Append(b, Question(uint16(i), fmt.Sprintf("n%d.example.", i), nil))
			}
			conn.Write(b)
		}()
		for i := range many {
			if got := expectID(t, conn, uint16(i)); got.Name != fmt.Sprintf("n%d.example.", i) || got.Answers != 1 {
				t.Fatalf("reply %d is %+v", i, got)
			}
		}
		Eventually(t, s, "all counted", func(c Stats) bool {
			return c.TCPQueries == many && c.Replies == many && c.Connections == 1
		})
	})
}

func TestEnginesAnswerOutOfOrder(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		release := make(chan struct{})
		c.Resolver = Echo{WaitFor: release}
		conn := connect(t, Serving(t, c))
		send(t, conn, slowQuestion, fastQuery)
		expectID(t, conn, 1)
		close(release)
		expectID(t, conn, 2)
	})
}

func TestEnginesStopReadingWhereTooManyWait(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		release := make(chan struct{})
		c.Resolver, c.MaxPipelined = Echo{WaitFor: release}, 2
		s := Serving(t, c)
		conn := connect(t, s)
		send(t, conn, fastQuery, slowQuestion, slowQuestion, slowQuestion, fastQuery)
		expectID(t, conn, 1)
		Eventually(t, s, "two wait", func(c Stats) bool { return c.Slow >= 2 })
		if c := s.Stats(); c.Replies != 1 {
			t.Errorf("%d replies while two queries wait", c.Replies)
		}
		close(release)
		sum := 0
		for range 4 {
			sum += int(ParseReply(t, ReadFrame(t, conn)).Header.ID)
		}
		if sum != 2+2+2+1 {
			t.Errorf("IDs add up to %d", sum)
		}
	})
}

// Slow queries of many connections at once, each with more of them than may
// wait: nothing gets lost between the loop and the resolving goroutines.
func TestEnginesUnderManySlowQueries(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		c.MaxPipelined, c.Workers = 3, 2
		s := Serving(t, c)
		var all sync.WaitGroup
		for range 10 {
			conn := connect(t, s)
			all.Go(func() {
				const each = 100
				var b []byte
				for i := range each {
					b = frame.Append(b, Question(uint16(i), [...]string{"slow.example.", "fast.example."}[i%2], nil))
				}
				if _, err := conn.Write(b); err != nil {
					t.Error(err)
					return
				}
				seen := map[uint16]bool{}
				for range each {
					var length [2]byte
					if _, err := io.ReadFull(conn, length[:]); err != nil {
						t.Errorf("%v after %d replies", err, len(seen))
						return
					}
					msg := make([]byte, int(length[0])<<8|int(length[1]))
					io.ReadFull(conn, msg)
					seen[uint16(msg[0])<<8|uint16(msg[1])] = true
				}
				if len(seen) != each {
					t.Errorf("%d of %d replies", len(seen), each)
				}
			})
		}
		all.Wait()
	})
}

func TestEnginesEndWhoTakesTooLong(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		impatient := c
		impatient.FirstQueryTimeout = 20 * time.Millisecond
		s := Serving(t, impatient)
		expectEnd(t, connect(t, s))
		Eventually(t, s, "one was late", func(c Stats) bool { return c.ConnectionsOverdue == 1 })

		impatient = c
		impatient.IdleTimeout = 20 * time.Millisecond
		s = Serving(t, impatient)
		half := frame.Append(nil, fastQuery)[:20] // half a query is none
		for _, after := range [][]byte{nil, half} {
			conn := connect(t, s)
			if _, err := conn.Write(append(frame.Append(nil, fastQuery), after...)); err != nil {
				t.Fatal(err)
			}
			expectID(t, conn, 1)
			expectEnd(t, conn)
		}
		Eventually(t, s, "two were late", func(c Stats) bool { return c.ConnectionsOverdue == 2 })
	})
}

func TestEnginesWaitWithThoseWhoWait(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		release := make(chan struct{})
		c.Resolver, c.IdleTimeout = Echo{WaitFor: release}, 20*time.Millisecond
		s := Serving(t, c)
		patient := connect(t, s)
		send(t, patient, slowQuestion)
		for range 5 { // each of these is idle for longer than it may be
			idle := connect(t, s)
			Ask(t, idle, fastQuery)
			expectEnd(t, idle)
		}
		close(release)
		expectID(t, patient, 2)
		expectEnd(t, patient)
	})
}

func TestEnginesCutOffWhoDoesNotRead(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		c.WriteTimeout, c.Resolver = 30*time.Millisecond, long{}
		s := Serving(t, c)
		conn := connect(t, s)
		many := bytes.Repeat(frame.Append(nil, fastQuery), 1000)
		var err error
		for err == nil {
			_, err = conn.Write(many)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("was never cut off")
		}
		Eventually(t, s, "one was late", func(c Stats) bool { return c.ConnectionsOverdue == 1 })
	})
}

// long answers with records of some 60,000 octets; slow ones asynchronously.
type long struct{}

var longText = bytes.Repeat(append([]byte{255}, bytes.Repeat([]byte{'x'}, 255)...), 235)

func (long) TryResolve(x *names.Exchange) error {
	if x.Question().Name.FirstLabel() == "slow" {
		return names.ErrSlow
	}
	return long{}.Resolve(context.Background(), x)
}

func (long) Resolve(_ context.Context, x *names.Exchange) error {
	return x.Reply.Raw(x.Question().Name, wire.TypeTXT, wire.ClassIN, 0, longText)
}

// Replies that the client does not take at once are kept for it, and the
// queries after them wait.
func TestEnginesKeepWhatIsNotTaken(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		c.Resolver = long{}
		s := Serving(t, c)
		conn := connect(t, s)
		askMuch(t, conn)
		Eventually(t, s, "some replies", func(c Stats) bool { return c.Replies > 2 })
		takeMuch(t, conn)
	})
}

// So it is where all the queries are there before the connection is accepted.
func TestEnginesAnswerWhatCameBefore(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		c.Resolver, c.Endpoints = long{}, Plain(netip.MustParseAddrPort("127.0.0.1:0"))
		s, err := Listen(c)
		if err != nil {
			t.Fatal(err)
		}
		conn := connect(t, s)
		askMuch(t, conn)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- s.Serve(ctx) }()
		Eventually(t, s, "some replies", func(c Stats) bool { return c.Replies > 2 })
		takeMuch(t, conn)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// much is how many queries of either kind askMuch asks: for some 18 MB.
const much = 150

func askMuch(t *testing.T, conn net.Conn) {
	t.Helper()
	var b []byte
	for i := range much {
		b = frame.Append(b, Question(uint16(i), "www.example.", nil))
		b = frame.Append(b, Question(uint16(1000+i), "slow.example.", nil))
	}
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

// takeMuch takes the replies of long to that.
func takeMuch(t *testing.T, conn net.Conn) {
	t.Helper()
	seen := map[uint16]bool{}
	last := -1
	for range 2 * much {
		msg := ReadFrame(t, conn)
		id := uint16(msg[0])<<8 | uint16(msg[1])
		if seen[id] || !bytes.HasSuffix(msg, longText) {
			t.Fatalf("reply %d of %d octets, again: %v", id, len(msg), seen[id])
		}
		seen[id] = true
		if id < 1000 {
			if int(id) != last+1 {
				t.Fatalf("reply %d after %d", id, last)
			}
			last = int(id)
		}
	}
}

func TestEnginesAnswerWhoHasSentAll(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		release := make(chan struct{})
		c.Resolver = Echo{WaitFor: release}
		s := Serving(t, c)
		conn := connect(t, s)
		send(t, conn, slowQuestion, fastQuery)
		conn.(*net.TCPConn).CloseWrite()
		expectID(t, conn, 1)
		close(release)
		expectID(t, conn, 2)
		expectEnd(t, conn)
		send(t, connect(t, s), fastQuery) // closed by the test before it is answered
	})
}

func TestEnginesCloseWhatIsNoDNS(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		s := Serving(t, c)
		for _, rubbish := range []string{"\x00\x00", "\x00\x05hello"} {
			conn := connect(t, s)
			if _, err := conn.Write([]byte(rubbish)); err != nil {
				t.Fatal(err)
			}
			expectEnd(t, conn)
		}
		Ask(t, connect(t, s), fastQuery)
	})
}

func TestEnginesTakeLongQueries(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		conn := connect(t, Serving(t, c))
		for _, size := range []int{1000, 10000, 65000} {
			query := Question(uint16(size), "www.example.", &wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionPadding, make([]byte, size))})
			send(t, conn, fastQuery, query, query, fastQuery)
			for _, id := range []uint16{1, uint16(size), uint16(size), 1} {
				expectID(t, conn, id)
			}
		}
	})
}

func TestEnginesKeepTheLimitsOfConnections(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		c.MaxConnectionsPerClient, c.MaxConnections = 3, 4
		c.IdleTimeout = 10 * patience // a tenth of it when the table is full
		s := Serving(t, c)
		// ask waits until the server, too, is done: which connection has been idle for
		// longest has to be certain.
		ask := func(conn net.Conn) {
			t.Helper()
			Ask(t, conn, fastQuery)
			Eventually(t, s, "all connections are idle", func(Stats) bool {
				s.connections.mu.Lock()
				defer s.connections.mu.Unlock()
				for c := range s.connections.open {
					if !c.isIdle() {
						return false
					}
				}
				return true
			})
		}
		var conns []net.Conn
		for range 3 {
			conns = append(conns, connect(t, s))
			ask(conns[len(conns)-1])
		}
		expectEnd(t, connect(t, s)) // one too many of this client
		other := func() net.Conn {
			d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
			conn, err := d.Dial("tcp", s.Addresses()[0].String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			conn.SetDeadline(time.Now().Add(patience))
			return conn
		}
		ask(other())
		ask(conns[0])
		ask(other())           // one too many of all
		expectEnd(t, conns[1]) // was idle for longest
		ask(conns[0])
		ask(conns[2])
		conns[0].Close()
		Eventually(t, s, "room for another", func(Stats) bool { return s.connections.count.Load() == 3 })
		ask(connect(t, s))
		if c := s.Stats(); c.Connections != 7 || c.ConnectionsRefused != 1 || c.ConnectionsEvicted != 1 {
			t.Errorf("stats are %+v", c)
		}
	})
}

func TestEnginesSayWhoAskedWhom(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		seen := make(chan names.Peer, 1)
		c.Endpoints = Plain(netip.MustParseAddrPort("0.0.0.0:0"), netip.MustParseAddrPort("127.0.0.3:0"))
		c.Resolver = names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			seen <- x.Peer
			return names.ErrPass
		})
		s := Serving(t, c)
		for i, host := range []string{"127.0.0.2", "127.0.0.3"} {
			address := netip.AddrPortFrom(netip.MustParseAddr(host), s.Addresses()[i].Port())
			conn, err := net.Dial("tcp", address.String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			Ask(t, conn, fastQuery)
			if want := (names.Peer{Transport: names.TCP, Remote: addrPort(conn.LocalAddr()), Local: address}); <-seen != want {
				t.Errorf("peer is not %+v", want)
			}
		}
	})
}

// Stopping: who waits for nothing is let go, who waits has the reply first.
func TestEnginesStopGently(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		release := make(chan struct{})
		c.Resolver, c.Endpoints = Echo{WaitFor: release}, Plain(netip.MustParseAddrPort("127.0.0.1:0"))
		s, err := Listen(c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- s.Serve(ctx) }()
		idle, waits := connect(t, s), connect(t, s)
		Ask(t, idle, fastQuery)
		send(t, waits, slowQuestion)
		Eventually(t, s, "one waits", func(c Stats) bool { return c.Slow == 1 })
		cancel()
		expectEnd(t, idle)
		if conn, err := net.Dial("tcp", s.Addresses()[0].String()); err == nil {
			conn.SetDeadline(time.Now().Add(patience))
			expectEnd(t, conn) // it came between the order and the end
			conn.Close()
		}
		close(release)
		expectID(t, waits, 2)
		expectEnd(t, waits)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestEnginesStopAtLast(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		c.Resolver, c.Grace = Echo{WaitFor: make(chan struct{})}, 20*time.Millisecond
		c.Endpoints = Plain(netip.MustParseAddrPort("127.0.0.1:0"))
		s, err := Listen(c)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- s.Serve(ctx) }()
		waits := connect(t, s)
		send(t, waits, slowQuestion)
		Eventually(t, s, "one waits", func(c Stats) bool { return c.Slow == 1 })
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// While it stops, clients may go on to connect: loops that are done already
// hear no more of it.
func TestEnginesStopUnderConnections(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		c.Workers = 4
		var clients sync.WaitGroup
		stopped := make(chan struct{})
		defer clients.Wait()
		defer close(stopped)
		for range 10 {
			c.Resolver, c.Endpoints = Echo{}, Plain(netip.MustParseAddrPort("127.0.0.1:0"))
			s, err := Listen(c)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error)
			go func() { ended <- s.Serve(ctx) }()
			address := s.Addresses()[0].String()
			Ask(t, connect(t, s), fastQuery)
			for range 4 {
				clients.Go(func() {
					for {
						conn, err := net.Dial("tcp", address)
						if err != nil {
							return // it is gone
						}
						conn.(*net.TCPConn).SetLinger(0)
						conn.Write(frame.Append(nil, fastQuery))
						conn.Close()
						select {
						case <-stopped:
							return
						default:
						}
					}
				})
			}
			Eventually(t, s, "some connect", func(c Stats) bool { return c.Connections > 20 })
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
}

// A server that never serves gives back all it took.
func TestEnginesThatNeverRan(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		c.Resolver, c.Endpoints = Echo{}, Plain(netip.MustParseAddrPort("127.0.0.1:0"))
		s, err := Listen(c)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		c.Endpoints = s.Endpoints()
		again, err := Listen(c)
		if err != nil {
			t.Fatalf("the address is still taken: %v", err)
		}
		again.Close()
	})
}

func TestStreamsAllocateNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		conn := connect(t, Serving(t, c))
		burst := bytes.Repeat(frame.Append(nil, modern), 20)
		reply := make([]byte, 20*len(Ask(t, conn, modern))+40)
		if n := testing.AllocsPerRun(200, func() {
			conn.Write(burst)
			if _, err := io.ReadFull(conn, reply); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("%v allocations for 20 queries", n)
		}
	})
}

// BenchmarkStream measures server and client together, over one connection:
// compare the engines with each other and with nothing else.
func BenchmarkStream(b *testing.B) {
	for _, queries := range []int{1, 100} {
		for _, engine := range []struct {
			name     string
			portable bool
		}{{"goroutines", true}, {"loops", false}} {
			b.Run(fmt.Sprintf("%d/%s", queries, engine.name), func(b *testing.B) {
				conn := Dial(b, Serving(b, Config{portable: engine.portable, Workers: 1}), "tcp")
				conn.SetDeadline(time.Time{})
				burst := bytes.Repeat(frame.Append(nil, plain), queries)
				reply := make([]byte, queries*(len(Ask(b, conn, plain))+2))
				b.ReportAllocs()
				for b.Loop() {
					conn.Write(burst)
					if _, err := io.ReadFull(conn, reply); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.N)*float64(queries)/b.Elapsed().Seconds(), "queries/s")
			})
		}
	}
}

// BenchmarkConnection is one query in a connection of its own.
func BenchmarkConnection(b *testing.B) {
	for _, engine := range []struct {
		name     string
		portable bool
	}{{"goroutines", true}, {"loops", false}} {
		b.Run(engine.name, func(b *testing.B) {
			s := Serving(b, Config{portable: engine.portable, Workers: 1})
			address := s.Addresses()[0].String()
			b.ReportAllocs()
			for b.Loop() {
				conn, err := net.Dial("tcp", address)
				if err != nil {
					b.Fatal(err)
				}
				conn.(*net.TCPConn).SetLinger(0) // or the ports are used up
				Ask(b, conn, plain)
				conn.Close()
			}
		})
	}
}
