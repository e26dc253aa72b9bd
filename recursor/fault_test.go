package recursor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

const (
	noReach  = wire.ExtendedErrorNoReachableAuthority
	netError = wire.ExtendedErrorNetworkError
)

var onlyA = ForwardConfig{Servers: []netip.AddrPort{serverA}}

// The other server is asked when the time of the first is over, and first the
// next time.
func TestUpstreamSilent(t *testing.T) {
	play(t, ForwardConfig{}, func(s *scene) {
		s.serve(serverA, silent, nil)
		s.serve(serverB, right, nil)
		s.mustAnswer(unknownPatience)
		for range 50 {
			s.mustAnswer(0)
		}
	})
}

// No other server is there: the question is asked again and again until its time
// is over, and then the server counts as dead.
func TestOnlyUpstreamSilent(t *testing.T) {
	play(t, onlyA, func(s *scene) {
		var asked counter
		s.serve(serverA, asked.count(silent), nil)
		failure := s.mustFail(4500*time.Millisecond, noReach, "no upstream server answers at present")
		if n := asked.take(); n != 4 {
			t.Errorf("the server was asked %d times", n)
		}
		t.Log(failure)
		s.mustFail(0, noReach, "no upstream server answers at present")
		if n := asked.take(); n != 0 {
			t.Errorf("a dead server was asked %d times", n)
		}
		if !strings.Contains(s.log.String(), `msg="upstream server is dead" server=192.0.2.53:53`) {
			t.Errorf("nothing was logged:\n%s", s.log.String())
		}
	})
}

// What comes from elsewhere is never seen, right as it may be in all else. The
// sockets are real ones.
func TestUpstreamAnswersFromAnotherAddress(t *testing.T) {
	elsewhere, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Skipf("127.0.0.2 cannot be bound here: %v", err)
	}
	defer elsewhere.Close()
	forged := upstreamtest.Listen(t, func(q *upstreamtest.Query) {
		m := q.Reply()
		m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 203.0.113.66")
		b, err := m.AppendTo(nil)
		if err != nil {
			t.Error(err)
		}
		if _, err := elsewhere.WriteToUDPAddrPort(b, q.From); err != nil && !errors.Is(err, net.ErrClosed) { // the test may be over
			t.Error(err)
		}
	}, nil)
	good := upstreamtest.Listen(t, right, nil)
	f, err := NewForwarder(ForwardConfig{Servers: []netip.AddrPort{forged, good}})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for range 5 {
		m := namestest.Ask(t, f, "www.example.com.", wire.TypeA)
		if got := m.Answers[0].String(); got != "www.example.com.\t300\tIN\tA\t192.0.2.7" {
			t.Fatalf("got %s", got)
		}
	}
}

func TestUpstreamWithWrongID(t *testing.T) {
	wrong := func(q *upstreamtest.Query) {
		m := q.Reply()
		m.ID++
		m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 203.0.113.66")
		for range 5 {
			q.SendMessage(m)
		}
	}
	play(t, onlyA, func(s *scene) {
		s.serve(serverA, wrong, right)
		s.mustAnswer(0) // over TCP
	})
	play(t, ForwardConfig{}, func(s *scene) {
		s.serve(serverA, wrong, nil)
		s.serve(serverB, right, nil)
		s.mustAnswer(0)
	})
	play(t, onlyA, func(s *scene) {
		s.serve(serverA, wrong, nil)
		s.mustFail(0, netError, "the upstream server cannot be reached")
		if s.f.Servers()[0].Dead {
			t.Error("the server was declared dead for what others may have sent")
		}
	})
}

func TestUpstreamWithWrongQuestion(t *testing.T) {
	wrong := func(q *upstreamtest.Query) {
		m := q.Reply()
		m.Questions = []wire.Question{{Name: wire.MustParseName("www.example.net."), Type: wire.TypeA, Class: wire.ClassIN}}
		m.Answers = upstreamtest.Records(q.Questions[0].Name, "@ A 203.0.113.66")
		q.SendMessage(m)
	}
	play(t, ForwardConfig{}, func(s *scene) {
		s.serve(serverA, wrong, nil)
		s.serve(serverB, right, nil)
		s.mustAnswer(0) // the server has spoken: it is not waited for
	})
}

func TestUpstreamWithWrongCase(t *testing.T) {
	lower := func(q *upstreamtest.Query) {
		m := q.Reply()
		m.Questions = []wire.Question{m.Questions[0]}
		m.Questions[0].Name = m.Questions[0].Name.Fold()
		m.Answers = upstreamtest.Records(m.Questions[0].Name, "@ A 192.0.2.7")
		q.SendMessage(m)
	}
	play(t, onlyA, func(s *scene) {
		var udp, tcp counter
		s.serve(serverA, udp.count(lower), tcp.count(lower))
		s.mustAnswer(0)
		s.mustAnswer(0)
		if u, c := udp.take(), tcp.take(); u != 2 || c != 1 {
			t.Errorf("asked %d times over UDP, %d times over TCP", u, c)
		}
	})
}

func TestUpstreamTruncatedThenTCPRefused(t *testing.T) {
	play(t, ForwardConfig{}, func(s *scene) {
		s.serve(serverA, truncated, nil)
		s.serve(serverB, right, nil)
		s.mustAnswer(0)
	})
	play(t, onlyA, func(s *scene) {
		s.serve(serverA, truncated, nil)
		s.mustFail(0, netError, "the upstream server cannot be reached")
		if s.f.Servers()[0].Dead {
			t.Error("the server is there and was declared dead")
		}
	})
}

func TestUpstreamAnswersAfterTheDeadline(t *testing.T) {
	play(t, onlyA, func(s *scene) {
		s.serve(serverA, after(6*time.Second, right), nil)
		s.mustFail(4500*time.Millisecond, noReach, "no upstream server answers at present")
		time.Sleep(10 * time.Second) // the replies meet closed sockets
		s.serve(serverA, right, nil)
		s.mustAnswer(0)
	})
}

// Slow is not dead: an answer that takes its time is waited for.
func TestUpstreamSlow(t *testing.T) {
	play(t, onlyA, func(s *scene) {
		s.serve(serverA, after(3*time.Second, right), nil)
		s.mustAnswer(3 * time.Second)
		s.mustAnswer(3 * time.Second)
		if s.f.Servers()[0].Dead {
			t.Error("the server was declared dead")
		}
	})
}

// When every attempt was made the answer is still waited for.
func TestUpstreamSlowAfterTheLastAttempt(t *testing.T) {
	c := onlyA
	c.Attempts = 2
	play(t, c, func(s *scene) {
		var asked counter
		s.serve(serverA, asked.count(after(3*time.Second, right)), nil)
		s.mustAnswer(3 * time.Second)
		if n := asked.take(); n != 2 {
			t.Errorf("the server was asked %d times", n)
		}
	})
}

// A server that is not there costs nothing, and is found again when it is.
func TestUpstreamNotThere(t *testing.T) {
	play(t, ForwardConfig{}, func(s *scene) {
		s.serve(serverB, right, nil)
		for range 50 {
			s.mustAnswer(0)
		}
	})
	play(t, onlyA, func(s *scene) {
		s.mustFail(0, netError, "the upstream server cannot be reached")
		opened, _, _ := s.network.Sockets()
		for range 100 {
			s.mustFail(0, noReach, "no upstream server answers at present")
		}
		if now, _, _ := s.network.Sockets(); now != opened {
			t.Errorf("a dead server was asked %d times", now-opened)
		}
		s.serve(serverA, right, nil)
		time.Sleep(minBackoff)
		s.mustAnswer(0)
		if !strings.Contains(s.log.String(), "answers again") {
			t.Errorf("nothing was logged:\n%s", s.log.String())
		}
	})
}

// The longer a server is dead the less often it is asked, and the clients do
// not wait for that.
func TestDeadUpstreamIsProbedSeldom(t *testing.T) {
	play(t, onlyA, func(s *scene) {
		var asked counter
		s.serve(serverA, asked.count(silent), nil)
		s.mustFail(4500*time.Millisecond, noReach, "no upstream server answers at present")
		asked.take()
		time.Sleep(minBackoff)
		s.mustFail(maxTrial, noReach, "no upstream server answers at present") // the one that finds out
		asked.take()
		for range 600 {
			s.mustFail(0, noReach, "no upstream server answers at present")
			time.Sleep(100 * time.Millisecond)
		}
		if n := asked.take(); n < 5 || n > 12 {
			t.Errorf("a dead server was asked %d times in a minute", n)
		}
		s.serve(serverA, right, nil)
		time.Sleep(maxBackoff + probeTimeout)
		s.mustFail(0, noReach, "no upstream server answers at present") // and has it probed
		synctest.Wait()
		s.mustAnswer(0)
	})
}

// Many different questions at a dead server: what may wait does, all else
// fails at once; memory and sockets stay within bounds; nothing is left.
func TestBurstAgainstDeadUpstream(t *testing.T) {
	questions := 100_000
	if testing.Short() {
		t.Log("fewer questions in short mode")
		questions = 10_000
	}
	c := onlyA
	c.MaxInFlight, c.MaxWaiting = 64, 256
	play(t, c, func(s *scene) {
		s.serve(serverA, silent, nil)
		before := runtime.NumGoroutine()
		var asking sync.WaitGroup
		var mu sync.Mutex
		took := map[time.Duration]int{}
		most := 0
		for i := range questions {
			name := fmt.Sprintf("host%d.example.", i)
			askOne := func() {
				start := time.Now()
				if _, err := namestest.Try(s, s.f, name, wire.TypeA); err == nil {
					t.Error("there is an answer")
				}
				mu.Lock()
				took[time.Since(start)]++
				mu.Unlock()
			}
			if i < 512 {
				asking.Go(askOne)
				if i == 511 {
					synctest.Wait()
					most = runtime.NumGoroutine() - before
				}
			} else {
				askOne()
			}
		}
		asking.Wait()
		if took[0] < questions-c.MaxWaiting {
			t.Errorf("only %d of %d failed at once: %v", took[0], questions, took)
		}
		for d := range took {
			if d > 5*time.Second {
				t.Errorf("a failure took %v", d)
			}
		}
		if most > c.MaxWaiting*2+c.MaxInFlight*10 {
			t.Errorf("%d goroutines at once", most)
		}
		if _, _, sockets := s.network.Sockets(); sockets > c.MaxInFlight*defaultAttempts {
			t.Errorf("%d sockets at once", sockets)
		}
		t.Logf("%d failed at once; at the most %d goroutines", took[0], most)
	})
}

// The same over real sockets, all at once.
func TestBurstOverSockets(t *testing.T) {
	mute := upstreamtest.Listen(t, nil, nil)
	f, err := NewForwarder(ForwardConfig{Servers: []netip.AddrPort{mute}, MaxInFlight: 50, MaxWaiting: 200, Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	var asking sync.WaitGroup
	for worker := range 100 {
		asking.Go(func() {
			for i := range 1000 {
				if _, err := namestest.Try(t, f, fmt.Sprintf("w%d-%d.example.", worker, i), wire.TypeA); err == nil {
					t.Error("there is an answer")
				}
			}
		})
	}
	asking.Wait()
	runtime.GC()
	runtime.ReadMemStats(&during)
	if grown := int64(during.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("the heap has grown by %d octets", grown)
	}
	f.Close()
	eventually.Succeed(t, func() error { // those that are done have yet to end
		if left := runtime.NumGoroutine() - goroutines; left > 5 {
			return fmt.Errorf("%d goroutines are left", left)
		}
		return nil
	})
}
