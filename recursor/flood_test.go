package recursor

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime/pprof"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// sixtyTimes sends the right reply sixty times.
func sixtyTimes(q *upstreamtest.Query) {
	for range 60 {
		right(q)
	}
}

// A hostile server that sends each reply sixty times holds nothing up: every
// question ends, the forwarder can be closed, and no descriptor is left. The
// sockets are real ones; one question at a time has the last one flooded each
// time, several at once have them flooded while others are in use.
func TestRepliesSixtyTimes(t *testing.T) {
	questions := 1000
	if testing.Short() {
		questions = 100
	}
	addr := upstreamtest.Listen(t, sixtyTimes, right) // a socket that is used again may have too many old replies, and TCP is next
	before := openDescriptors(t)
	for _, askers := range []int{1, 8} {
		f, err := NewForwarder(ForwardConfig{Servers: []netip.AddrPort{addr}})
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			var asking sync.WaitGroup
			for range askers {
				asking.Go(func() {
					for range questions / askers {
						if m, err := namestest.Try(t, f, "www.example.com.", wire.TypeA); err != nil || len(m.Answers) != 1 {
							t.Errorf("got %v, %v", m, err)
							return
						}
					}
				})
			}
			asking.Wait()
			f.Close()
		}()
		select {
		case <-done:
		case <-time.After(time.Minute): // measures nothing: what waits for itself never ends
			pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
			panic("a question does not end")
		}
	}
	eventually.Succeed(t, func() error { // the server may still be closing its end of a connection
		if after := openDescriptors(t); after > before {
			return fmt.Errorf("%d descriptors were open before, %d are after", before, after)
		}
		return nil
	})
}

// openDescriptors is how many descriptors are open, 0 if the system does not say.
func openDescriptors(t *testing.T) int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Log(err)
	}
	return len(list)
}

// A zone query has room for every result, however often servers say that they take
// longer: what reports a result reads the sockets of everybody else too.
func TestResultsOfARoundNeverWait(t *testing.T) {
	r := (&Recursor{}).takeZoneQuery()
	for range 10 * maxTries {
		r.recordProgress()
	}
	for range maxTries {
		try := &zoneAttempt{zoneQuery: r}
		r.attempts = append(r.attempts, try)
		try.server = newServer(upstream.NewClient(upstream.Config{}).Server(serverA), time.Second, nil, quiet)
		select {
		case r.events <- zoneEvent{try: try}:
		default:
			t.Fatal("there is no room for a result")
		}
	}
	for range maxNameServers {
		select {
		case r.events <- zoneEvent{lookup: &lookup{}}:
		default:
			t.Fatal("there is no room for a lookup")
		}
	}
}

// That there is no way to a server is about this machine or the network: the
// server is asked after others, but it is not dead. That no server takes packets
// at its port is about the server.
func TestFaultsOfTheWayKillNobody(t *testing.T) {
	for errno, isDead := range map[syscall.Errno]bool{
		syscall.ENETUNREACH: false, syscall.EHOSTUNREACH: false, syscall.ENETDOWN: false, syscall.EADDRNOTAVAIL: false,
		syscall.ECONNREFUSED: true,
	} {
		s := newServer(upstream.NewClient(upstream.Config{}).Server(serverA), time.Second, nil, quiet)
		err := &net.OpError{Op: "read", Net: "udp", Err: os.NewSyscallError("recvfrom", errno)}
		s.report(&upstream.Reply{}, err, time.Now())
		if got := s.condition(time.Now()) != isAlive; got != isDead {
			t.Errorf("%v while reading: dead %v", errno, got)
		}
		s = newServer(upstream.NewClient(upstream.Config{}).Server(serverA), time.Second, nil, quiet)
		s.report(&upstream.Reply{}, &upstream.NotSentError{Err: err}, time.Now())
		if s.condition(time.Now()) != isAlive || s.score() != 0 {
			t.Errorf("%v while sending is held against the server", errno)
		}
	}
}

func TestFamilies(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	now := time.Now()
	check := func(f *families, at time.Duration, want4, want6 bool) {
		t.Helper()
		if got4, got6 := f.isReachable(v4, now.Add(at)), f.isReachable(v6, now.Add(at)); got4 != want4 || got6 != want6 {
			t.Errorf("after %v: IPv4 %v, IPv6 %v", at, got4, got6)
		}
	}
	var f families // a machine with IPv4 only
	check(&f, 0, true, true)
	f.setUnreachable(v6, now)
	check(&f, 0, true, true) // IPv4 has not worked yet
	f.setReached(v4, now)
	check(&f, time.Second, true, false)
	check(&f, unreachableTime, true, true)
	f.setUnreachable(v4, now.Add(unreachableTime)) // the link goes down, while IPv6 is not left out
	check(&f, unreachableTime, true, true)
	f.setUnreachable(v6, now.Add(unreachableTime))
	check(&f, unreachableTime, true, true)
	f.setReached(v4, now.Add(unreachableTime+3*time.Second)) // and up again
	check(&f, unreachableTime+3*time.Second, true, true)
}
