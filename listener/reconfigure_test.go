package listener

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

// freePorts returns addresses on which nothing listens.
func freePorts(t *testing.T, n int) (all []netip.AddrPort) {
	t.Helper()
	for range n {
		all = append(all, freeport.Loopback(t))
	}
	return all
}

// reach sends a query to address and reports whether there is an answer.
func reach(t *testing.T, network string, address netip.AddrPort) bool {
	t.Helper()
	conn, err := net.Dial(network, address.String())
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	if network == "udp" {
		if _, err := conn.Write(fastQuery); err != nil {
			return false
		}
		buf := make([]byte, 512)
		n, err := conn.Read(buf)
		return err == nil && ParseReply(t, buf[:n]).Answers == 1
	}
	send(t, conn, fastQuery)
	return expectID(t, conn, 1).Answers == 1
}

// Endpoints come and go while the server runs, and those that stay are not touched.
func TestEndpointsChange(t *testing.T) {
	for name, c := range map[string]Config{"system": {}, "portable": {portable: true}, "dedicated": {DedicatedThreads: true}} {
		t.Run(name, func(t *testing.T) {
			ports := freePorts(t, 3)
			c.Resolver, c.Workers = Echo{}, 2
			c.Endpoints = Plain(ports[0])
			s := Serving(t, c)
			stays := connect(t, s)
			send(t, stays, fastQuery)
			expectID(t, stays, 1)
			for _, step := range [][]int{{0, 1}, {0, 1, 2}, {2, 0}, {0}, {0, 1}} {
				next := c
				var addresses []netip.AddrPort
				for _, i := range step {
					addresses = append(addresses, ports[i])
				}
				next.Endpoints = Plain(addresses...)
				if err := s.Configure(next); err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(s.Addresses(), addresses) {
					t.Errorf("addresses are %v, not %v", s.Addresses(), addresses)
				}
				waitForLeaving(t, s)
				for i, address := range ports {
					for _, network := range []string{"udp", "tcp"} {
						if got, want := reach(t, network, address), slices.Contains(step, i); got != want {
							t.Errorf("%v: %s %v is reached: %v", step, network, address, got)
						}
					}
				}
				send(t, stays, fastQuery)
				expectID(t, stays, 1)
			}
		})
	}
}

// waitForLeaving waits until endpoints that were removed are closed.
func waitForLeaving(t *testing.T, s *Server) {
	t.Helper()
	eventually.Succeed(t, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if n := len(s.leaving); n > 0 {
			return fmt.Errorf("%d endpoints are being closed", n)
		}
		return nil
	})
}

// An address takes the place of the unspecified one, and the other way round, at the
// same port.
func TestEndpointsShareAPortForAMoment(t *testing.T) {
	if !oneSocketPerWorker {
		t.Skip("only Linux can")
	}
	one := freePorts(t, 1)[0]
	all := netip.AddrPortFrom(netip.IPv4Unspecified(), one.Port())
	s := Serving(t, Config{Resolver: Echo{}, Workers: 1, Endpoints: Plain(all)})
	for _, address := range []netip.AddrPort{one, all, one} {
		if err := s.Configure(Config{Resolver: Echo{}, Workers: 1, Endpoints: Plain(address)}); err != nil {
			t.Fatal(err)
		}
		if !reach(t, "udp", one) {
			t.Errorf("%v does not answer over UDP", one)
		}
		waitForLeaving(t, s) // a connection that the old socket got as it closed is reset, and clients come again (RFC 7766 6.2.4)
		if !reach(t, "tcp", one) {
			t.Errorf("%v does not answer over TCP", one)
		}
		if l, err := net.Listen("tcp", address.String()); err == nil {
			l.Close()
			t.Errorf("another process could listen on %v, too", address)
		}
	}
}

// What cannot be bound changes nothing.
func TestConfigureFailsWhole(t *testing.T) {
	ports := freePorts(t, 2)
	taken, err := net.Listen("tcp", ports[1].String())
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	s := Serving(t, Config{Resolver: Echo{}, NSID: "before", Workers: 1, Endpoints: Plain(ports[0])})
	for what, c := range map[string]Config{
		"address in use":     {Resolver: Echo{}, NSID: "after", Workers: 1, Endpoints: Plain(ports[1])},
		"no address":         {Resolver: Echo{}, NSID: "after", Workers: 1},
		"number of workers":  {Resolver: Echo{}, NSID: "after", Workers: 2, Endpoints: Plain(ports[0])},
		"NSID is longer":     {Resolver: Echo{}, NSID: strings.Repeat("x", 200), Workers: 1, Endpoints: Plain(ports[0])},
		"there is no resolv": {NSID: "after", Workers: 1, Endpoints: Plain(ports[0])},
	} {
		err := s.Configure(c)
		if err == nil || what == "address in use" != errors.Is(err, syscall.EADDRINUSE) || what != "address in use" && !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	got := ParseReply(t, Ask(t, Dial(t, s, "udp"), modern))
	if nsid, _ := got.EDNS.Options.Find(wire.OptionNSID); string(nsid) != "before" || !slices.Equal(s.Addresses(), ports[:1]) {
		t.Errorf("NSID %q at %v", nsid, s.Addresses())
	}
}

// An endpoint that goes answers what it has received, what waits for its answer too,
// over UDP and TCP.
func TestEndpointsAreDrained(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		ports := freePorts(t, 2)
		release := make(chan struct{})
		c.Resolver, c.Endpoints = Echo{WaitFor: release}, Plain(ports...)
		s := Serving(t, c)
		dial := func(network string) net.Conn {
			conn, err := net.Dial(network, ports[1].String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			conn.SetDeadline(time.Now().Add(patience))
			return conn
		}
		udp, tcp, idle := dial("udp"), dial("tcp"), dial("tcp")
		udp.Write(slowQuestion)
		send(t, tcp, slowQuestion)
		send(t, idle, fastQuery)
		expectID(t, idle, 1)
		Eventually(t, s, "two wait", func(st Stats) bool { return st.Slow == 2 })
		next := c
		next.Endpoints = Plain(ports[0])
		if err := s.Configure(next); err != nil {
			t.Fatal(err)
		}
		expectEnd(t, idle)
		close(release)
		buf := make([]byte, 512)
		n, err := udp.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if got := ParseReply(t, buf[:n]); got.Header.ID != 2 || got.Answers != 1 {
			t.Errorf("UDP: %+v", got)
		}
		if got := expectID(t, tcp, 2); got.Answers != 1 {
			t.Errorf("TCP: %+v", got)
		}
		expectEnd(t, tcp)
		waitForLeaving(t, s)
		if st := s.Stats(); st.UDPQueries != 1 || st.TCPQueries != 2 || st.Replies != 3 {
			t.Errorf("what the endpoint has counted is lost: %+v", st)
		}
	})
}

// What a configuration says of queries holds from the next one on.
func TestRulesChange(t *testing.T) {
	now := time.Unix(1559731985, 0)
	secret := func(b byte) [16]byte { return [16]byte(bytes.Repeat([]byte{b}, 16)) }
	p := newPure(t, Config{CookieSecrets: [][16]byte{secret(1)}, NSID: "one"})
	p.edge.rules.Load().cookies.now = func() time.Time { return now }
	mine := []byte("12345678")
	ask := func(cookie []byte) (state string, nsid string, next []byte) {
		t.Helper()
		before := p.counts
		e := wire.EDNS{UDPSize: 4096, Options: wire.Options{}.AppendOption(wire.OptionCookie, cookie).AppendOption(wire.OptionNSID, nil)}
		reply, _ := p.try(Question(1, "www.example.", &e), client)
		got := ParseReply(t, reply)
		id, _ := got.EDNS.Options.Find(wire.OptionNSID)
		c, _ := got.EDNS.Options.Find(wire.OptionCookie)
		switch {
		case p.counts[cookiesGood] > before[cookiesGood]:
			state = "good"
		case p.counts[cookiesBad] > before[cookiesBad]:
			state = "bad"
		}
		return state, fmt.Sprint(string(id), " ", got.EDNS.UDPSize), bytes.Clone(c)
	}
	_, nsid, first := ask(mine)
	if state, _, _ := ask(first); state != "good" || nsid != "one 1232" {
		t.Fatalf("before: %s, %s", state, nsid)
	}
	configure := func(c Config) {
		t.Helper()
		c.Resolver = Echo{}
		if err := p.edge.Configure(c); err != nil {
			t.Fatal(err)
		}
	}
	configure(Config{CookieSecrets: [][16]byte{secret(2)}, NSID: "two", MaxUDPSize: 4096})
	state, nsid, second := ask(first)
	if state != "good" || nsid != "two 4096" || bytes.Equal(first, second) {
		t.Errorf("the secret before: %s, %s", state, nsid)
	}
	if state, _, next := ask(second); state != "good" || !bytes.Equal(next, second) {
		t.Errorf("the new secret: %s", state)
	}
	// A forger who has learnt the old secret makes no cookies of later times with it.
	now = now.Add(time.Minute)
	old := newCookieMaker([][16]byte{secret(1)})
	forged := old.make([8]byte(mine), client.Remote.Addr(), uint32(now.Unix()))
	if state, _, _ := ask(forged[:]); state != "bad" {
		t.Errorf("a new cookie of the old secret: %s", state)
	}
	configure(Config{CookieSecrets: [][16]byte{secret(3)}})
	if state, nsid, _ := ask(first); state != "good" || nsid != " 1232" {
		t.Errorf("the secret before the last: %s, %s", state, nsid)
	}
	now = now.Add(time.Hour + time.Second)
	if state, _, _ := ask(first); state != "bad" {
		t.Errorf("an hour later: %s", state)
	}
	configure(Config{CookieSecrets: [][16]byte{secret(3)}})
	if n := len(p.edge.rules.Load().cookies.retired); n != 0 {
		t.Errorf("%d secrets are known after their time", n)
	}
	// A random secret stays.
	configure(Config{})
	_, _, random := ask(mine)
	configure(Config{NSID: "x"})
	if state, _, next := ask(random); state != "good" || !bytes.Equal(next, random) {
		t.Errorf("a random secret: %s", state)
	}
	for i := range 3 * maxRetired {
		configure(Config{CookieSecrets: [][16]byte{secret(byte(10 + i))}})
	}
	if n := len(p.edge.rules.Load().cookies.retired); n != maxRetired {
		t.Errorf("%d secrets are retired", n)
	}
}

// Limits change while the server runs.
func TestLimitsChange(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		release := make(chan struct{})
		c.Resolver, c.MaxSlow, c.MaxConnections = Echo{WaitFor: release}, 1, 10
		c.Endpoints = Plain(freePorts(t, 1)...)
		s := Serving(t, c)
		conn := connect(t, s)
		send(t, conn, slowQuestion)
		Eventually(t, s, "one waits", func(st Stats) bool { return st.Slow == 1 })
		send(t, conn, Question(3, "slow.example.", nil))
		if got := expectID(t, conn, 3); got.RCode != wire.RCodeServFail {
			t.Errorf("above the limit: %+v", got)
		}
		c.MaxSlow, c.MaxConnections = 2, 1
		if err := s.Configure(c); err != nil {
			t.Fatal(err)
		}
		send(t, conn, Question(4, "slow.example.", nil))
		Eventually(t, s, "another waits", func(st Stats) bool { return st.Slow == 3 && st.Shed == 1 })
		expectEnd(t, connect(t, s)) // the first is not idle
		close(release)
		for range 2 {
			if got := ParseReply(t, ReadFrame(t, conn)); got.Answers != 1 {
				t.Errorf("%+v", got)
			}
		}
	})
}

// While configurations change at random, no query to an address that stays is lost.
func TestConfigureUnderLoad(t *testing.T) {
	for name, c := range map[string]Config{"system": {}, "dedicated": {DedicatedThreads: true}} {
		t.Run(name, func(t *testing.T) {
			ports := freePorts(t, 3)
			c.Resolver, c.Workers, c.MaxConnectionsPerClient = Echo{}, 1, 1000
			c.Endpoints = Plain(ports[0])
			s := Serving(t, c)
			var done atomic.Bool
			var asked atomic.Int64
			var clients sync.WaitGroup
			for i := range 4 {
				conn := Dial(t, s, []string{"udp", "tcp"}[i%2])
				conn.SetDeadline(time.Now().Add(patience))
				clients.Go(func() {
					for !done.Load() && !t.Failed() {
						if got := ParseReply(t, Ask(t, conn, fastQuery)); got.Answers != 1 {
							t.Errorf("%+v", got)
						}
						asked.Add(1)
					}
				})
			}
			changes := 40
			if testing.Short() {
				changes = 12
			}
			for i := range changes {
				next := c
				next.NSID = fmt.Sprint(i)
				next.MaxUDPSize = 1232 + i
				next.CookieSecrets = [][16]byte{{byte(i)}}
				next.Endpoints = Plain(ports[:1+i%3]...)
				if err := s.Configure(next); err != nil {
					t.Error(err)
				}
				until := asked.Load() + 30
				eventually.Succeed(t, func() error {
					if n := asked.Load(); n < until && !t.Failed() {
						return fmt.Errorf("%d replies, not %d", n, until)
					}
					return nil
				})
			}
			done.Store(true)
			clients.Wait()
			waitForLeaving(t, s)
		})
	}
}

// A server that has been stopped, or does not run yet, can be configured or says
// that it cannot.
func TestConfigureBeforeAndAfter(t *testing.T) {
	ports := freePorts(t, 2)
	s, err := Listen(Config{Resolver: Echo{}, Workers: 1, Endpoints: Plain(ports[0])})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Configure(Config{Resolver: Echo{}, Workers: 1, Endpoints: Plain(ports[1])}); err != nil {
		t.Fatal(err)
	}
	waitForLeaving(t, s)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	if !reach(t, "udp", ports[1]) || !reach(t, "tcp", ports[1]) || reach(t, "tcp", ports[0]) {
		t.Error("the server is not where it was configured to be")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := s.Configure(Config{Resolver: Echo{}, Workers: 1, Endpoints: Plain(ports[0])}); err == nil {
		t.Error("a server that has been stopped is configured")
	}
}
