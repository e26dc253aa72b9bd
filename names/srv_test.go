package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/wire"
)

// dialed plays the hosts that a Dialer connects to.
type dialed struct {
	mu   sync.Mutex
	log  []string
	open int
	take func(ctx context.Context, address string) error // nil: the connection is taken
}

func (d *dialed) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	d.mu.Lock()
	d.log = append(d.log, address)
	d.mu.Unlock()
	if d.take != nil {
		if err := d.take(ctx, address); err != nil {
			return nil, err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open++
	here, there := net.Pipe()
	there.Close()
	return &countedConn{Conn: here, closed: func() { d.mu.Lock(); d.open--; d.mu.Unlock() }}, nil
}

func (d *dialed) dialed() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	log := strings.Join(d.log, " ")
	d.log = nil
	return log
}

func (d *dialed) stillOpen() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

var errNobody = errors.New("no server there")

func nobody(context.Context, string) error { return errNobody }

// dialService dials once and closes the connection.
func dialService(t *testing.T, s *Service) (string, error) {
	t.Helper()
	conn, target, err := s.Dial(t.Context(), "tcp")
	if err != nil {
		return "", err
	}
	conn.Close()
	return fmt.Sprintf("%s %d", target.Host, target.Port), nil
}

func TestServiceDial(t *testing.T) {
	const addresses = "example.com. 60 IN A 192.0.2.1\na.example.com. 60 IN A 192.0.2.2\n"
	for _, test := range []struct {
		name, data string
		service    *Service
		want       string
		dialed     string
	}{
		{"SRV", "_imap._tcp.example.com. 60 IN SRV 0 0 1143 a.example.com.",
			&Service{Name: "imap", Proto: "tcp", Domain: "example.com"}, "a.example.com. 1143 <nil>", "192.0.2.2:1143"},
		{"no such name", "", &Service{Name: "imap", Proto: "tcp", Domain: "example.com"}, "example.com. 143 <nil>", "192.0.2.1:143"},
		{"no records", "_imap._tcp.example.com. 60 IN TXT x", &Service{Name: "imap", Proto: "tcp", Domain: "example.com"}, "example.com. 143 <nil>", "192.0.2.1:143"},
		{"unknown service", "", &Service{Name: "thatisnotthere", Proto: "tcp", Domain: "example.com", DefaultPort: 999}, "example.com. 999 <nil>", "192.0.2.1:999"},
		{"unknown service, no port", "", &Service{Name: "thatisnotthere", Proto: "tcp", Domain: "example.com"},
			" _thatisnotthere._tcp.example.com: no SRV records, and no port is known for the service: lookup tcp/thatisnotthere: unknown port", ""},
		{"not offered", "_imap._tcp.example.com. 60 IN SRV 0 0 0 .", &Service{Name: "imap", Proto: "tcp", Domain: "example.com"},
			" _imap._tcp.example.com SRV: service is not offered by this domain", ""},
		{"no domain", "", &Service{Name: "imap", Proto: "tcp"}, " _imap._tcp. SRV: name is empty", ""},
		{"not ASCII", "", &Service{Name: "imap", Proto: "tcp", Domain: "bücher.example"},
			" _imap._tcp.bücher.example SRV: name is not ASCII: use its xn-- form, or set ToASCII in the client's configuration", ""},
		{"xn--", "_imap._tcp.xn--bcher-kva.example. 60 IN SRV 0 0 1143 a.example.com.",
			&Service{Name: "imap", Proto: "tcp", Domain: "xn--bcher-kva.example"}, "a.example.com. 1143 <nil>", "192.0.2.2:1143"},
		{"one without an address", "_imap._tcp.example.com. 60 IN SRV 0 0 1143 none.example.com.\n_imap._tcp.example.com. 60 IN SRV 1 0 1143 a.example.com.",
			&Service{Name: "imap", Proto: "tcp", Domain: "example.com"}, "a.example.com. 1143 <nil>", "192.0.2.2:1143"},
	} {
		synctest.Test(t, func(t *testing.T) {
			hosts := &dialed{}
			u := newUpstream(t, data(addresses+test.data))
			test.service.Dialer = &Dialer{Client: newTestClient(t, u, nil), Dial: hosts.Dial}
			got, err := dialService(t, test.service)
			expect(t, test.name, fmt.Sprint(got, " ", err), test.want)
			expect(t, test.name+" dials", hosts.dialed(), test.dialed)
			synctest.Wait()
		})
	}
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte { return sent(a.rcode(wire.RCodeServFail)) })
		d := &Dialer{Client: newTestClient(t, u, nil), Dial: new(dialed).Dial}
		if _, err := d.DialSRV(t.Context(), "tcp", "imap", "tcp", "example.com"); !errors.Is(err, ErrServer) {
			t.Errorf("a failing server gives %v", err)
		}
		if _, err := d.DialSRV(t.Context(), "sctp", "imap", "tcp", "example.com"); err == nil {
			t.Error("an unknown network is dialed")
		}
		synctest.Wait()
	})
}

const threeServers = `
_imap._tcp.example.com. 120 IN SRV 1 0 1 a.example.com.
_imap._tcp.example.com. 120 IN SRV 2 0 2 b.example.com.
_imap._tcp.example.com. 120 IN SRV 3 0 3 c.example.com.
a.example.com. 60 IN A 192.0.2.1
b.example.com. 60 IN A 192.0.2.2
c.example.com. 60 IN A 192.0.2.3
`

// Every target is tried before Dial gives up, a lost connection is made anew
// to the next one, and the records are asked for again when they are old.
func TestServiceRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := &dialed{take: nobody}
		u := newUpstream(t, data(threeServers))
		s := &Service{Dialer: &Dialer{Client: newTestClient(t, u, nil), Dial: hosts.Dial}, Name: "imap", Proto: "tcp", Domain: "example.com"}
		dial := func(what, want, addresses string) {
			t.Helper()
			got, err := dialService(t, s)
			if err != nil && !errors.Is(err, errNobody) {
				t.Errorf("%s: %v", what, err)
			}
			expect(t, what, got, want)
			expect(t, what+" dials", hosts.dialed(), addresses)
		}
		services := func() (count int) {
			for _, a := range u.asked() {
				if strings.HasSuffix(a, "SRV") {
					count++
				}
			}
			return count
		}
		dial("no server", "", "192.0.2.1:1 192.0.2.2:2 192.0.2.3:3")
		hosts.take = nil
		dial("first", "a.example.com. 1", "192.0.2.1:1")
		dial("lost", "b.example.com. 2", "192.0.2.2:2")
		hosts.take = func(_ context.Context, address string) error {
			if address == "192.0.2.3:3" {
				return errNobody
			}
			return nil
		}
		dial("lost again, and the last does not answer", "a.example.com. 1", "192.0.2.3:3 192.0.2.1:1")
		expect(t, "asked for SRV", services(), 1)
		<-time.After(2 * time.Minute)
		dial("when the TTL is over", "a.example.com. 1", "192.0.2.1:1")
		expect(t, "asked for SRV again", services(), 1)
		synctest.Wait()
	})
}

// The addresses that come with the SRV records are used, if both families do.
func TestServiceUsesAdditionalAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := &dialed{take: nobody}
		u := newUpstream(t, func(a asked) [][]byte {
			if a.question().Type == wire.TypeSRV {
				return sent(a.reply(`;; ANSWER SECTION:
_imap._tcp.example.com. 120 IN SRV 1 0 1 a.example.com.
_imap._tcp.example.com. 120 IN SRV 2 0 2 b.example.com.
;; ADDITIONAL SECTION:
A.example.com. 40 IN A 192.0.2.1
a.example.com. 60 IN AAAA 2001:db8::1
b.example.com. 5 IN A 192.0.2.99
`))
			}
			return data("b.example.com. 60 IN A 192.0.2.2")(a)
		})
		s := &Service{Dialer: &Dialer{Client: newTestClient(t, u, nil), Dial: hosts.Dial}, Name: "imap", Proto: "tcp", Domain: "example.com"}
		_, err := dialService(t, s)
		expect(t, "error", strings.ReplaceAll(fmt.Sprint(err), "\n", ", "),
			"_imap._tcp.example.com: no server took the connection: no server there, no server there, no server there")
		expect(t, "dialed", hosts.dialed(), "[2001:db8::1]:1 192.0.2.1:1 192.0.2.2:2")
		expect(t, "lives for", time.Until(s.expires), 40*time.Second)
		expect(t, "asked", len(u.asked()), 3)
		synctest.Wait()
	})
}

// The order is that of RFC 2782: by priority, then drawn by weight with a
// running sum over ascending weights.
func TestOrderServers(t *testing.T) {
	server := func(priority, weight, port uint16) wire.SRV {
		return wire.SRV{Priority: priority, Weight: weight, Port: port, Target: wire.Root}
	}
	all := []wire.SRV{server(2, 5, 1), server(1, 30, 2), server(1, 10, 3), server(1, 0, 4), server(0, 0, 5)}
	for _, test := range []struct {
		draws []int
		want  string
	}{
		// Priority 0 draws from 0; priority 1 from 0 to 40 and what is left of it.
		{[]int{0, 0, 0, 0, 0}, "[5 4 3 2 1]"},
		{[]int{0, 1, 0, 0, 5}, "[5 3 4 2 1]"},
		{[]int{0, 10, 0, 30, 0}, "[5 3 4 2 1]"},
		{[]int{0, 11, 10, 0, 0}, "[5 2 3 4 1]"},
		{[]int{0, 40, 0, 0, 0}, "[5 2 4 3 1]"},
	} {
		servers := slices.Clone(all)
		draws := test.draws
		var bounds []int
		orderServers(servers, func(n int) int {
			bounds = append(bounds, n)
			d := draws[0]
			draws = draws[1:]
			return min(d, n-1)
		})
		var ports []uint16
		for _, s := range servers {
			ports = append(ports, s.Port)
		}
		expect(t, fmt.Sprint(test.draws), ports, test.want)
		if bounds[1] != 41 {
			t.Errorf("drawn from %v", bounds)
		}
	}
	orderServers(nil, nil)
}

// Shares of the first place are those of the weights, with zero nearly none.
func TestOrderServersShares(t *testing.T) {
	first := map[uint16]int{}
	draw := 0
	for draw = range 101 {
		servers := []wire.SRV{{Weight: 60, Port: 60}, {Weight: 0, Port: 0}, {Weight: 40, Port: 40}}
		once := true
		orderServers(servers, func(n int) int {
			if once {
				once = false
				return draw % n
			}
			return 0
		})
		first[servers[0].Port]++
	}
	expect(t, "first", fmt.Sprint(first), "map[0:1 40:40 60:60]")
}

func TestDialContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hosts := &dialed{}
		u := newUpstream(t, data("www.example.com. 60 IN A 192.0.2.1\nwww.example.com. 60 IN AAAA 2001:db8::1\nfour.example.com. 60 IN A 192.0.2.4"))
		d := &Dialer{Client: newTestClient(t, u, nil), Dial: hosts.Dial}
		for _, test := range []struct{ network, address, dialed, want string }{
			{"tcp", "www.example.com:80", "[2001:db8::1]:80", "<nil>"},
			{"tcp4", "www.example.com:80", "192.0.2.1:80", "<nil>"},
			{"tcp6", "www.example.com:https", "[2001:db8::1]:443", "<nil>"},
			{"udp", "192.0.2.9:53", "192.0.2.9:53", "<nil>"},
			{"tcp6", "four.example.com:80", "", "four.example.com AAAA: name has no data of this type"},
			{"tcp", "none.example.com:80", "", "none.example.com A: name does not exist (NXDOMAIN, server 192.0.2.1:53)"},
			{"tcp", "www.example.com", "", "address www.example.com: missing port in address"},
			{"tcp", "www.example.com:thatisnotthere", "", "lookup tcp/thatisnotthere: unknown port"},
			{"unix", "www.example.com:80", "", "unknown network unix"},
		} {
			conn, err := d.DialContext(t.Context(), test.network, test.address)
			expect(t, test.network+" "+test.address, err, test.want)
			expect(t, test.address+" dials", hosts.dialed(), test.dialed)
			if err == nil {
				conn.Close()
			}
		}
		synctest.Wait()
		expect(t, "open", hosts.stillOpen(), 0)
	})
}

// Happy eyeballs: the next address is tried after a quarter of a second, or at
// once when an attempt fails; a connection that comes too late is closed.
func TestRace(t *testing.T) {
	var addrs []netip.Addr
	for _, a := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "2001:db8::3"} {
		addrs = append(addrs, netip.MustParseAddr(a))
	}
	const order = "[2001:db8::1]:80 192.0.2.1:80 [2001:db8::2]:80 192.0.2.2:80 [2001:db8::3]:80"
	synctest.Test(t, func(t *testing.T) {
		var hosts *dialed
		var failing, silent string // addresses
		race := func(what, want string, took time.Duration, wantErr error) {
			t.Helper()
			start := time.Now()
			hosts = &dialed{take: func(ctx context.Context, address string) error {
				switch {
				case strings.Contains(failing, address):
					return errNobody
				case strings.Contains(silent, address):
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			}}
			d := &Dialer{Dial: hosts.Dial}
			conn, err := d.dialHost(t.Context(), "tcp", "host", 80, addrs)
			if !errors.Is(err, wantErr) || time.Since(start) != took {
				t.Errorf("%s: %v after %v, want %v after %v", what, err, time.Since(start), wantErr, took)
			}
			expect(t, what, hosts.dialed(), want)
			if err == nil {
				conn.Close()
			}
			synctest.Wait()
			expect(t, what+": open", hosts.stillOpen(), 0)
		}
		race("the first takes it", "[2001:db8::1]:80", 0, nil)
		failing = "[2001:db8::1]:80"
		race("the first fails", "[2001:db8::1]:80 192.0.2.1:80", 0, nil)
		failing, silent = "", "[2001:db8::1]:80"
		race("the first is silent", "[2001:db8::1]:80 192.0.2.1:80", AttemptDelay, nil)
		silent = "[2001:db8::1]:80 192.0.2.1:80"
		race("two are silent", "[2001:db8::1]:80 192.0.2.1:80 [2001:db8::2]:80", 2*AttemptDelay, nil)
		silent, failing = "[2001:db8::1]:80", "192.0.2.1:80"
		race("one is silent and one fails", "[2001:db8::1]:80 192.0.2.1:80 [2001:db8::2]:80", AttemptDelay, nil)
		silent, failing = "", order
		race("all fail", order, 0, errNobody)
		silent, failing = order, ""
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err := (&Dialer{Dial: hosts.Dial}).dialHost(ctx, "tcp", "host", 80, addrs)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != time.Minute {
			t.Errorf("all silent: %v after %v", err, time.Since(start))
		}
		expect(t, "all silent", hosts.dialed(), order)
		synctest.Wait()
		expect(t, "open", hosts.stillOpen(), 0)
	})
	// A connection that is made at the moment another one was is closed.
	synctest.Test(t, func(t *testing.T) {
		late := &dialed{take: func(_ context.Context, address string) error {
			if address == "[2001:db8::1]:80" {
				<-time.After(time.Second) // it does not listen to its context
			}
			return nil
		}}
		conn, err := (&Dialer{Dial: late.Dial}).dialHost(t.Context(), "tcp", "host", 80, addrs)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		<-time.After(time.Minute)
		expect(t, "open", late.stillOpen(), 0)
	})
}

// IPv4 waits a moment for IPv6; but not for a family that takes long.
func TestDialWhileAddressesAreLookedUp(t *testing.T) {
	const (
		six  = "[2001:db8::1]:80"
		four = "192.0.2.1:80"
		ms   = time.Millisecond
	)
	for _, test := range []struct {
		name      string
		six, four time.Duration // until the addresses are known
		failing   string
		want      string // dialed
		took      time.Duration
	}{
		{"IPv6 first", 0, 10 * ms, "", six, 0},
		{"IPv6 a little later", 30 * ms, 0, "", six, 30 * ms},
		{"IPv6 much later", time.Second, 0, "", four, resolutionDelay},
		{"IPv6 never", time.Hour, 0, "", four, resolutionDelay},
		{"IPv4 never", 0, time.Hour, "", six, 0},
		{"IPv6 fails before IPv4 is known", 0, 600 * ms, six, six + " " + four, 600 * ms},
		{"IPv4 fails before IPv6 is known", 700 * ms, 0, four, four + " " + six, 700 * ms},
	} {
		synctest.Test(t, func(t *testing.T) {
			hosts := &dialed{take: func(_ context.Context, address string) error {
				if address == test.failing {
					return errNobody
				}
				return nil
			}}
			u := newUpstream(t, data("host. 60 IN A 192.0.2.1\nhost. 60 IN AAAA 2001:db8::1"))
			u.pause = func(a asked) time.Duration {
				if a.question().Type == wire.TypeA {
					return test.four
				}
				return test.six
			}
			d := &Dialer{Client: newTestClient(t, u, nil), Dial: hosts.Dial}
			conn, err := d.DialContext(t.Context(), "tcp", "host.:80")
			if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			expect(t, test.name+": took", time.Since(u.start), test.took)
			expect(t, test.name, hosts.dialed(), test.want)
			conn.Close()
			<-time.After(2 * time.Hour) // until the late replies have no receiver
			expect(t, test.name+": open", u.stillOpen()+hosts.stillOpen(), 0)
		})
	}
}
