//go:build !386 && !s390x

package upstream

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/names-dns/names/internal/race"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
)

func newPorts(t testing.TB) *ports {
	p := newSystemSockets(networkSockets{System{}, &sync.WaitGroup{}}).(*ports)
	t.Cleanup(func() {
		p.close()
		if p.made != 0 || len(p.all) != 0 || p.watch != nil {
			t.Errorf("%d sockets are left, %d of them watched", p.made, len(p.all))
		}
	})
	return p
}

// bell rings when something has come.
type bell chan socket

func (b bell) ready(s socket, _ []byte) { b <- s }

// peer is a server that sends what a test wants.
type peer struct {
	*testing.T
	*net.UDPConn
	addr netip.AddrPort
}

func newPeer(t *testing.T, address string) *peer {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(address)})
	if err != nil {
		t.Skipf("%s cannot be bound here: %v", address, err)
	}
	t.Cleanup(func() { c.Close() })
	return &peer{t, c, c.LocalAddr().(*net.UDPAddr).AddrPort()}
}

func (p *peer) sendTo(s socket, datagrams int) {
	p.Helper()
	for range datagrams {
		if _, err := p.WriteToUDPAddrPort([]byte("late"), s.local()); err != nil {
			p.Fatal(err)
		}
	}
}

func (p *peer) connect(ports *ports) *port {
	p.Helper()
	s, err := ports.open(make(bell, maxLate), p.addr)
	if err != nil {
		p.Fatal(err)
	}
	return s.(*port)
}

// One socket serves question after question, and each has another port.
func TestPortsAreUsedOnce(t *testing.T) {
	from := make(chan uint16, 1)
	addr := upstreamtest.Listen(t, func(q *upstreamtest.Query) {
		from <- q.From.Port()
		right(q)
	}, nil)
	client := NewClient(Config{})
	server := client.Server(addr)
	const questions = 100
	seen := map[uint16]int{}
	for range questions {
		if _, err := server.Ask(context.Background(), newQuery("www.example.com.")); err != nil {
			t.Fatal(err)
		}
		seen[<-from]++
	}
	if len(seen) < questions-10 {
		t.Errorf("%d questions left from %d ports", questions, len(seen))
	}
	p := client.sockets.(*ports)
	if p.made != 1 {
		t.Errorf("that took %d sockets", p.made)
	}
	client.Wait()
	if p.made != 0 || p.watch != nil {
		t.Errorf("%d sockets are left", p.made)
	}
}

// A port that was used is closed to everybody.
func TestPortsAreTakenAway(t *testing.T) {
	ports, server := newPorts(t), newPeer(t, "127.0.0.1")
	s := server.connect(ports)
	was := s.local()
	s.close()
	again, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(was))
	if err != nil {
		t.Errorf("no other socket can have %v: %v", was, err)
	} else {
		again.Close()
	}
}

// What comes too late for a question is not there for the next one.
func TestLateDatagramsAreGone(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) {
			ports, server := newPorts(t), newPeer(t, address)
			first := server.connect(ports)
			server.sendTo(first, maxLate-1)
			first.close()
			second := server.connect(ports)
			if second != first {
				t.Fatal("the socket was not used again")
			}
			var b [16]byte
			if n, err := second.read(b[:]); err != errNothing {
				t.Errorf("%d octets wait: %v", n, err)
			}
			server.sendTo(second, 1)
			if s := <-second.waiter.(bell); s != second {
				t.Errorf("something has come for %v", s)
			}
			if n, err := second.read(b[:]); n != 4 || err != nil {
				t.Errorf("received %d octets, %v", n, err)
			}
			server.sendTo(second, maxLate)
			second.close()
			if third := server.connect(ports); third == second {
				t.Error("a socket that was flooded is used again")
			} else {
				third.close()
			}
		})
	}
}

// A refusal that came too late is not the next server's.
func TestLateRefusalIsGone(t *testing.T) {
	ports, gone, server := newPorts(t), newPeer(t, "127.0.0.1"), newPeer(t, "127.0.0.1")
	first := gone.connect(ports)
	gone.Close()
	if err := first.send([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	first.close()
	second := server.connect(ports)
	defer second.close()
	if second != first {
		t.Fatal("the socket was not used again")
	}
	if err := second.send([]byte("hello")); err != nil {
		t.Error(err)
	}
}

// So many are kept and no more; when all are let go the watch ends, and if
// there are questions after that it begins anew.
func TestIdleSocketsAreLimited(t *testing.T) {
	ports, server := newPorts(t), newPeer(t, "127.0.0.1")
	for range 2 {
		var open []socket
		for range maxIdle + 10 {
			open = append(open, server.connect(ports))
		}
		for _, s := range open {
			s.close()
		}
		if kept := len(ports.idle[family(false)]); kept != maxIdle || ports.made != maxIdle {
			t.Errorf("%d are kept of %d", kept, ports.made)
		}
		last := server.connect(ports)
		var closing sync.WaitGroup
		closing.Go(ports.close)
		last.close()
		closing.Wait()
		if ports.made != 0 || ports.watch != nil {
			t.Errorf("%d sockets are left", ports.made)
		}
		ports.closed = false
	}
}

func TestConnectFails(t *testing.T) {
	ports := newPorts(t)
	if s, err := ports.open(nil, netip.MustParseAddrPort("255.255.255.255:53")); err == nil {
		s.close()
		t.Error("there is a connection to everybody")
	}
	if s, err := ports.open(nil, netip.MustParseAddrPort("[fe80::1%nowhere]:53")); err == nil {
		s.close()
		t.Error("there is a connection to nowhere")
	}
}

func TestAskAllocatesNothing(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector sync.Pool forgets at random")
	}
	client := NewClient(Config{})
	server := client.Server(upstreamtest.ListenPlain(t))
	q := newQuery("www.example.com.")
	q.Buffer = make([]byte, 0, 512)
	if got := testing.AllocsPerRun(200, func() {
		q.Budget.Reset(1, maxDatagram)
		if _, err := server.Ask(context.Background(), q); err != nil {
			t.Error(err)
		}
	}); got != 0 {
		t.Errorf("a question takes %v allocations", got)
	}
	server.Close()
	client.Wait()
}
