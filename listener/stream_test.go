package listener_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var serverAddress = netip.MustParseAddrPort("192.0.2.53:53")

// inMemory starts a server on a network in memory. It must be called in a bubble.
func inMemory(t *testing.T, c listener.Config) (*listener.Server, *listenertest.Network) {
	t.Helper()
	n := listenertest.NewNetwork()
	c.Network = n
	c.Endpoints = listener.Plain(serverAddress)
	c.Workers = 1
	return listener.Serving(t, c), n
}

// connect opens a connection from a client and closes it with the test.
func connect(t *testing.T, n *listenertest.Network, network, from string) net.Conn {
	t.Helper()
	conn, err := n.Dial(network, netip.MustParseAddrPort(from), serverAddress)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// framed joins messages as a stream carries them.
func framed(messages ...[]byte) []byte {
	var b []byte
	for _, m := range messages {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(m))), m...)
	}
	return b
}

func write(t *testing.T, conn net.Conn, b []byte) {
	t.Helper()
	if _, err := conn.Write(b); err != nil {
		t.Fatal(err)
	}
}

func next(t *testing.T, conn net.Conn) listener.Reply {
	t.Helper()
	return listener.ParseReply(t, listener.ReadFrame(t, conn))
}

// closedAfter reads until the server closes the connection and returns how
// long that took.
func closedAfter(t *testing.T, conn net.Conn) time.Duration {
	t.Helper()
	start := time.Now()
	if b, err := io.ReadAll(conn); err != nil || len(b) != 0 {
		t.Fatalf("read %x, %v; the connection should have been closed", b, err)
	}
	return time.Since(start)
}

var fast, slow = listener.Question(1, "www.example.", nil), listener.Question(2, "slow.example.", nil)

func TestStreamCutAtEveryOctet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := inMemory(t, listener.Config{})
		both := framed(fast, slow, fast)
		for cut := range both {
			conn := connect(t, n, "tcp", "192.0.2.1:0")
			write(t, conn, both[:cut])
			synctest.Wait()
			write(t, conn, both[cut:])
			seen := [3]int{}
			for range 3 {
				seen[next(t, conn).Header.ID]++
			}
			if seen != [3]int{0, 2, 1} {
				t.Fatalf("cut at %d: replies %v", cut, seen)
			}
			conn.Close()
			synctest.Wait()
		}
	})
}

func TestStreamOneOctetAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := inMemory(t, listener.Config{})
		conn := connect(t, n, "tcp", "192.0.2.1:0")
		for _, b := range framed(fast, fast) {
			write(t, conn, []byte{b})
			synctest.Wait()
		}
		next(t, conn)
		next(t, conn)
	})
}

func TestStreamPipelinedInOneSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := inMemory(t, listener.Config{})
		conn := connect(t, n, "tcp", "192.0.2.1:0")
		var all []byte
		for i := range 100 {
			all = append(all, framed(listener.Question(uint16(i), fmt.Sprintf("n%d.example.", i), nil))...)
		}
		write(t, conn, all)
		for i := range 100 {
			if got := next(t, conn); int(got.Header.ID) != i || got.Name != fmt.Sprintf("n%d.example.", i) {
				t.Fatalf("reply %d is %+v", i, got)
			}
		}
		synctest.Wait()
		if c := s.Stats(); c.TCPQueries != 100 || c.Replies != 100 || c.Connections != 1 {
			t.Errorf("stats are %+v", c)
		}
	})
}

func TestStreamAnswersOutOfOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		_, n := inMemory(t, listener.Config{Resolver: listener.Echo{WaitFor: release}})
		conn := connect(t, n, "tcp", "192.0.2.1:0")
		write(t, conn, framed(slow, fast))
		if got := next(t, conn); got.Header.ID != 1 {
			t.Fatalf("first reply is %+v", got)
		}
		close(release)
		if got := next(t, conn); got.Header.ID != 2 || got.Answers != 1 {
			t.Fatalf("second reply is %+v", got)
		}
	})
}

func TestStreamStopsReadingWhereTooManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s, n := inMemory(t, listener.Config{Resolver: listener.Echo{WaitFor: release}, MaxPipelined: 2})
		conn := connect(t, n, "tcp", "192.0.2.1:0")
		write(t, conn, framed(fast, slow, slow, slow, fast))
		if got := next(t, conn); got.Header.ID != 1 {
			t.Fatalf("first reply is %+v", got)
		}
		synctest.Wait()
		if c := s.Stats(); c.Replies != 1 {
			t.Fatalf("%d replies while two queries wait", c.Replies)
		}
		close(release)
		ids := 0
		for range 4 {
			ids += int(next(t, conn).Header.ID)
		}
		if ids != 2+2+2+1 {
			t.Fatalf("IDs add up to %d", ids)
		}
	})
}

func TestStreamTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s, n := inMemory(t, listener.Config{Resolver: listener.Echo{WaitFor: release}, QueryTimeout: time.Hour})

		if d := closedAfter(t, connect(t, n, "tcp", "192.0.2.1:0")); d != 3*time.Second {
			t.Errorf("closed after %v without a query", d)
		}
		conn := connect(t, n, "tcp", "192.0.2.1:0")
		write(t, conn, framed(fast))
		next(t, conn)
		if d := closedAfter(t, conn); d != 10*time.Second {
			t.Errorf("closed after %v of idleness", d)
		}

		// An octet now and then wins no time.
		conn = connect(t, n, "tcp", "192.0.2.1:0")
		start := time.Now()
		for _, b := range framed(make([]byte, 1000)) {
			if _, err := conn.Write([]byte{b}); err != nil {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		if d := time.Since(start); d < 3*time.Second || d > 3200*time.Millisecond {
			t.Errorf("a dribbling client was cut off after %v", d)
		}

		// Who waits for a reply is not idle; afterwards time runs from the reply.
		conn = connect(t, n, "tcp", "192.0.2.1:0")
		write(t, conn, framed(slow))
		time.Sleep(5 * time.Minute)
		close(release)
		next(t, conn)
		if d := closedAfter(t, conn); d != 10*time.Second {
			t.Errorf("closed %v after a late reply", d)
		}
		synctest.Wait()
		if c := s.Stats(); c.ConnectionsOverdue != 4 {
			t.Errorf("%d connections overdue", c.ConnectionsOverdue)
		}
	})
}

func TestStreamQueryTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := inMemory(t, listener.Config{Resolver: listener.Echo{WaitFor: make(chan struct{})}})
		start := time.Now()
		for _, network := range []string{"tcp", "udp"} {
			conn := connect(t, n, network, "192.0.2.1:4000")
			got := listener.ParseReply(t, listener.Ask(t, conn, listener.Question(5, "slow.example.", &wire.EDNS{UDPSize: 1232})))
			text, ok := got.EDNS.Options.Find(wire.OptionExtendedError)
			if got.RCode != wire.RCodeServFail || !ok || !bytes.Contains(text, []byte("in time")) {
				t.Errorf("%s: reply is %+v", network, got)
			}
		}
		if d := time.Since(start); d != 20*time.Second {
			t.Errorf("replies after %v", d)
		}
		synctest.Wait()
		if c := s.Stats(); c.Failed != 2 || c.Slow != 2 {
			t.Errorf("stats are %+v", c)
		}
	})
}

func TestStreamWhoDoesNotReadIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := inMemory(t, listener.Config{})
		conn := connect(t, n, "tcp", "192.0.2.1:0")
		start := time.Now()
		for {
			if _, err := conn.Write(framed(fast)); err != nil {
				break
			}
		}
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("cut off after %v", d)
		}
		synctest.Wait()
		if c := s.Stats(); c.ConnectionsOverdue != 1 {
			t.Errorf("stats are %+v", c)
		}
	})
}

func TestStreamHalfClosedGetsItsReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		_, n := inMemory(t, listener.Config{Resolver: listener.Echo{WaitFor: release}})
		conn := connect(t, n, "tcp", "192.0.2.1:0")
		write(t, conn, framed(slow, fast))
		conn.(interface{ CloseWrite() error }).CloseWrite()
		next(t, conn)
		synctest.Wait()
		close(release)
		if got := next(t, conn); got.Header.ID != 2 {
			t.Errorf("reply is %+v", got)
		}
		if d := closedAfter(t, conn); d != 0 {
			t.Errorf("closed %v after the last reply", d)
		}
	})
}

func TestStreamOfSomethingElseIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := inMemory(t, listener.Config{})
		for _, rubbish := range []string{"\x00\x00", "\x00\x05hello"} {
			conn := connect(t, n, "tcp", "192.0.2.1:0")
			write(t, conn, []byte(rubbish))
			if d := closedAfter(t, conn); d != 0 {
				t.Errorf("%q: closed after %v", rubbish, d)
			}
		}
	})
}

func TestStreamLongMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("\xff"+strings.Repeat("x", 255), 200)
		_, n := inMemory(t, listener.Config{Resolver: names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			return x.Reply.Raw(x.Question().Name, wire.TypeTXT, wire.ClassIN, 0, []byte(long))
		})})
		padding := wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionPadding, make([]byte, 60000))}
		conn := connect(t, n, "tcp", "192.0.2.1:0")
		for range 3 {
			msg := listener.Ask(t, conn, listener.Question(5, "www.example.", &padding))
			if got := listener.ParseReply(t, msg); got.Answers != 1 || len(msg) < len(long) {
				t.Fatalf("reply of %d octets is %+v", len(msg), got)
			}
		}
	})
}

func TestStreamKeepalive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := inMemory(t, listener.Config{IdleTimeout: 7 * time.Second})
		query := listener.Question(5, "www.example.", &wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionKeepalive, nil)})
		got := listener.ParseReply(t, listener.Ask(t, connect(t, n, "tcp", "192.0.2.1:0"), query))
		if data, _ := got.EDNS.Options.Find(wire.OptionKeepalive); !bytes.Equal(data, []byte{0, 70}) {
			t.Errorf("keepalive is %x over TCP", data)
		}
		if reply := listenertest.Ask(listener.Echo{}, query, names.UDP); bytes.Contains(reply, []byte{0, 11, 0, 2}) {
			t.Errorf("keepalive over UDP: %x", reply)
		}
	})
}

func TestConnectionLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s, n := inMemory(t, listener.Config{Resolver: listener.Echo{WaitFor: release}, MaxConnections: 4, MaxConnectionsPerClient: 2, IdleTimeout: time.Hour})
		// Two of one client, and no third; the /64 is one client.
		one := connect(t, n, "tcp", "[2001:db8::1]:0")
		write(t, one, framed(fast))
		next(t, one)
		time.Sleep(time.Second)
		two := connect(t, n, "tcp", "[2001:db8::2]:0")
		write(t, two, framed(slow))
		if d := closedAfter(t, connect(t, n, "tcp", "[2001:db8::3]:0")); d != 0 {
			t.Errorf("third connection of a client closed after %v", d)
		}
		three := connect(t, n, "tcp", "[2001:db8:0:1::1]:0")
		write(t, three, framed(slow))
		four := connect(t, n, "tcp", "192.0.2.1:0")
		write(t, four, framed(slow))
		synctest.Wait()
		if c := s.Stats(); c.ConnectionsRefused != 1 || c.ConnectionsEvicted != 0 || c.Slow != 3 {
			t.Fatalf("stats are %+v", c)
		}
		// The table is full: the idle one makes room, then none does.
		five := connect(t, n, "tcp", "192.0.2.2:0")
		if d := closedAfter(t, one); d != 0 {
			t.Errorf("the idle connection closed after %v", d)
		}
		write(t, five, framed(slow))
		synctest.Wait()
		if d := closedAfter(t, connect(t, n, "tcp", "192.0.2.3:0")); d != 0 {
			t.Errorf("a connection too many closed after %v", d)
		}
		close(release)
		for _, c := range []net.Conn{two, three, four, five} {
			if got := next(t, c); got.Header.ID != 2 || got.Answers != 1 {
				t.Errorf("reply is %+v", got)
			}
		}
		synctest.Wait()
		if c := s.Stats(); c.ConnectionsRefused != 2 || c.ConnectionsEvicted != 1 || c.Limits.PerClient != 1 || c.Limits.Connections != 2 {
			t.Errorf("stats are %+v", c)
		}
	})
}

// What may not begin a connection is closed at once, and counted.
func TestConnectionRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []netip.Addr
		var limits []listener.Limit
		s, n := inMemory(t, listener.Config{
			Admit: func(client netip.Addr) bool {
				asked = append(asked, client)
				return len(asked) < 2
			},
			Events: listener.Events{Limited: func(l listener.Limit) { limits = append(limits, l) }},
		})
		one := connect(t, n, "tcp", "[2001:db8::1]:0")
		write(t, one, framed(fast))
		next(t, one)
		if d := closedAfter(t, connect(t, n, "tcp", "192.0.2.1:0")); d != 0 {
			t.Errorf("a connection too many a second closed after %v", d)
		}
		synctest.Wait()
		if c := s.Stats(); c.Connections != 2 || c.ConnectionsRefused != 1 || c.Limits.ConnectionRate != 1 {
			t.Errorf("stats are %+v", c)
		}
		if len(limits) != 1 || limits[0] != listener.LimitConnectionRate {
			t.Errorf("limits %v", limits)
		}
		if want := []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")}; !slices.Equal(asked, want) {
			t.Errorf("asked about %v, not %v", asked, want)
		}
	})
}

func TestConnectionsAreIdleShorterAsTheTableFills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, n := inMemory(t, listener.Config{MaxConnections: 10, FirstQueryTimeout: time.Hour})
		var last net.Conn
		for i := range 9 {
			last = connect(t, n, "tcp", fmt.Sprintf("192.0.2.%d:0", i))
		}
		write(t, last, framed(fast))
		next(t, last)
		if d := closedAfter(t, last); d != 2*time.Second {
			t.Errorf("idle for %v where one connection of ten is free", d)
		}
	})
}

// flaky is a network whose listeners fail the first times.
type flaky struct {
	*listenertest.Network
	failures int
}

type flakyListener struct {
	net.Listener
	failures *int
}

func (f flaky) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := f.Network.Listen(ctx, network, address)
	return flakyListener{l, &f.failures}, err
}

func (l flakyListener) Accept() (net.Conn, error) {
	if *l.failures--; *l.failures >= 0 {
		return nil, syscall.EMFILE
	}
	return l.Listener.Accept()
}

func TestAcceptErrorsAreWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		n := listenertest.NewNetwork()
		start := time.Now()
		s := listener.Serving(t, listener.Config{
			Network: flaky{n, 20}, Endpoints: listener.Plain(serverAddress), Workers: 1,
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		conn := connect(t, n, "tcp", "192.0.2.1:0")
		listener.Ask(t, conn, fast)
		if d := time.Since(start); d < 10*time.Second || d > 20*time.Second {
			t.Errorf("20 failures took %v", d)
		}
		if c := s.Stats(); c.AcceptErrors != 20 {
			t.Errorf("stats are %+v", c)
		}
		if lines := strings.Count(log.String(), "cannot accept"); lines < 2 || lines > 15 || !strings.Contains(log.String(), "held_back") {
			t.Errorf("log:\n%s", log.String())
		}
	})
}

func TestSlowPoolIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s, n := inMemory(t, listener.Config{Resolver: listener.Echo{WaitFor: release}, MaxSlow: 3})
		for _, network := range []string{"udp", "tcp"} {
			conn := connect(t, n, network, "192.0.2.1:4000")
			for range 3 {
				if network == "tcp" {
					write(t, conn, framed(slow))
				} else {
					write(t, conn, slow)
				}
			}
			query := listener.Question(9, "slow.example.", &wire.EDNS{UDPSize: 1232})
			got := listener.ParseReply(t, listener.Ask(t, conn, query))
			text, _ := got.EDNS.Options.Find(wire.OptionExtendedError)
			if got.Header.ID != 9 || got.RCode != wire.RCodeServFail || !bytes.Contains(text, []byte("too many")) {
				t.Errorf("%s: reply is %+v", network, got)
			}
			for range 3 {
				release <- struct{}{}
			}
			for range 3 {
				if network == "tcp" {
					next(t, conn)
				} else if _, err := conn.Read(make([]byte, 512)); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
		}
		if c := s.Stats(); c.Shed != 2 || c.Slow != 8 || c.Replies != 8 {
			t.Errorf("stats are %+v", c)
		}
	})
}

// A client that asks for much that takes long leaves places for others, whatever
// the transport. Its newest queries get SERVFAIL.
func TestClientLeavesPlaces(t *testing.T) {
	for _, c := range []struct {
		network, attacker, victim string
		same                      bool
	}{
		{"udp", "192.0.2.1:4000", "192.0.2.2:4000", false},
		{"udp", "192.0.2.1:4000", "192.0.2.1:5000", true},
		{"udp", "[2001:db8::1]:4000", "[2001:db8:0:100::1]:4000", false},
		{"udp", "[2001:db8::1]:4000", "[2001:db8:0:ff::1]:4000", true},
		{"tcp", "192.0.2.1:4000", "192.0.2.2:4000", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			s, n := inMemory(t, listener.Config{Resolver: listener.Echo{WaitFor: release}, MaxSlow: 40, MaxPipelined: 100})
			ask := func(conn net.Conn, queries int) {
				for range queries {
					if c.network == "tcp" {
						write(t, conn, framed(slow))
					} else {
						write(t, conn, slow)
					}
					synctest.Wait()
				}
			}
			ask(connect(t, n, c.network, c.attacker), 60)
			if got := s.Stats().Shed; got != 30 {
				t.Errorf("%s %s: %d of 60 are shed, not half: a client alone has three quarters of 40 places", c.network, c.attacker, got)
			}
			ask(connect(t, n, c.network, c.victim), 5)
			if got := s.Stats().Shed - 30; (got == 5) != c.same || !c.same && got != 0 {
				t.Errorf("%s %s: %d of 5 are shed", c.network, c.victim, got)
			}
			close(release)
		})
	}
}

func TestGracefulStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		n := listenertest.NewNetwork()
		s, err := listener.Listen(listener.Config{
			Network: n, Endpoints: listener.Plain(serverAddress), Resolver: listener.Echo{WaitFor: release},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx) }()
		stream, packets := connect(t, n, "tcp", "192.0.2.1:0"), connect(t, n, "udp", "192.0.2.1:4000")
		idle := connect(t, n, "tcp", "192.0.2.1:0")
		write(t, stream, framed(slow))
		write(t, packets, slow)
		synctest.Wait()
		cancel()
		if d := closedAfter(t, idle); d != 0 {
			t.Errorf("an idle connection lived on for %v", d)
		}
		synctest.Wait()
		select {
		case err := <-ended:
			t.Fatalf("Serve returned %v with queries in flight", err)
		default:
		}
		if _, err := n.Dial("tcp", netip.MustParseAddrPort("192.0.2.1:0"), serverAddress); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("connecting to a server that stops: %v", err)
		}
		close(release)
		if got := next(t, stream); got.Answers != 1 {
			t.Errorf("reply is %+v", got)
		}
		b := make([]byte, 512)
		size, err := packets.Read(b)
		if err != nil || listener.ParseReply(t, b[:size]).Answers != 1 {
			t.Errorf("%x, %v", b[:size], err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestGraceEnds(t *testing.T) {
	for _, stubborn := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			never := make(chan struct{})
			n := listenertest.NewNetwork()
			s, err := listener.Listen(listener.Config{
				Network: n, Endpoints: listener.Plain(serverAddress), QueryTimeout: time.Hour,
				Resolver: names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
					if stubborn {
						<-never
					}
					<-ctx.Done()
					return ctx.Err()
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- s.Serve(ctx) }()
			for _, network := range []string{"udp", "tcp"} {
				conn := connect(t, n, network, "192.0.2.1:4000")
				if network == "tcp" {
					write(t, conn, framed(slow))
				} else {
					write(t, conn, slow)
				}
			}
			synctest.Wait()
			cancel()
			start := time.Now()
			err = <-ended
			if d := time.Since(start); !stubborn && (err != nil || d != 5*time.Second) || stubborn && (err == nil || d != 6*time.Second) {
				t.Errorf("stubborn %v: Serve returned %v after %v", stubborn, err, d)
			}
			close(never)
		})
	}
}

func TestBrokenResolversEndNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s, n := inMemory(t, listener.Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
		for _, network := range []string{"udp", "tcp"} {
			conn := connect(t, n, network, "192.0.2.1:4000")
			for _, name := range []string{"panic.example.", "error.example.", "panic.example."} {
				got := listener.ParseReply(t, listener.Ask(t, conn, listener.Question(3, name, nil)))
				if got.RCode != wire.RCodeServFail || got.Answers != 0 || got.Name != name {
					t.Errorf("%s %s: reply is %+v", network, name, got)
				}
			}
			if got := listener.ParseReply(t, listener.Ask(t, conn, fast)); got.Answers != 1 {
				t.Errorf("%s: reply is %+v", network, got)
			}
		}
		synctest.Wait()
		if c := s.Stats(); c.Panics != 4 || c.Failed != 6 {
			t.Errorf("stats are %+v", c)
		}
		for _, want := range []string{"out of order", "helper_test.go", "disk is on fire", "name=error.example.", "client=192.0.2.1:4000", "transport=udp"} {
			if strings.Count(log.String(), want) == 0 {
				t.Errorf("%q is not in the log:\n%s", want, log.String())
			}
		}
		if lines := strings.Count(log.String(), "\n"); lines != 2 {
			t.Errorf("%d lines in the log within a second:\n%s", lines, log.String())
		}
	})
}

// A panic outside the loops ends nothing either.
func TestPanicOfAWaitingQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := inMemory(t, listener.Config{Resolver: names.ResolverFunc(func(context.Context, *names.Exchange) error { panic("late") })})
		for _, network := range []string{"udp", "tcp"} {
			conn := connect(t, n, network, "192.0.2.1:4000")
			for range 2 {
				if got := listener.ParseReply(t, listener.Ask(t, conn, fast)); got.RCode != wire.RCodeServFail {
					t.Errorf("%s: reply is %+v", network, got)
				}
			}
		}
		synctest.Wait()
		if c := s.Stats(); c.Panics != 4 || c.Slow != 4 {
			t.Errorf("stats are %+v", c)
		}
	})
}

// deaf is a network whose datagram sockets fail the first times.
type deaf struct {
	*listenertest.Network
	failures int
}

type deafConn struct {
	listener.PacketConn
	failures *int
}

func (d deaf) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	c, err := d.Network.ListenPacket(ctx, network, address)
	return deafConn{c.(listener.PacketConn), &d.failures}, err
}

func (c deafConn) ReadMsgUDPAddrPort(b, oob []byte) (n, oobn, flags int, from netip.AddrPort, err error) {
	if *c.failures--; *c.failures >= 0 {
		return 0, 0, 0, from, syscall.ENOMEM
	}
	return c.PacketConn.ReadMsgUDPAddrPort(b, oob)
}

func TestReceiveErrorsAreWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := listenertest.NewNetwork()
		start := time.Now()
		s := listener.Serving(t, listener.Config{Network: deaf{n, 20}, Endpoints: listener.Plain(serverAddress), Workers: 1})
		listener.Ask(t, connect(t, n, "udp", "192.0.2.1:4000"), fast)
		if d := time.Since(start); d < 10*time.Second || d > 20*time.Second {
			t.Errorf("20 failures took %v", d)
		}
		synctest.Wait() // workers add to the counters after the replies have left
		if c := s.Stats(); c.ReceiveErrors != 20 || c.UDPQueries != 1 {
			t.Errorf("stats are %+v", c)
		}
	})
}

// No client can receive at port 0: no reply goes there, and nothing breaks.
func TestQueryFromPortZero(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, n := inMemory(t, listener.Config{})
		n.Forge(fast, netip.MustParseAddrPort("192.0.2.1:0"), serverAddress)
		synctest.Wait()
		if c := s.Stats(); c.UDPQueries != 1 || c.Silent != 1 || c.Replies != 0 {
			t.Errorf("stats are %+v", c)
		}
	})
}
