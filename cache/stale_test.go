package cache

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/wire"
)

// TestStale is RFC 8767 5 told as a story.
func TestStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &far{answer: answer{flags: wire.FlagAD, answers: []string{"a.test. 60 A 192.0.2.1"}}}
		f := newCache(t, Config{ServeStale: time.Hour}).Resolver(next)
		defer f.Close()
		ask := ask{name: "a.test.", edns: true, flags: wire.FlagAD}
		questions := uint64(0)
		resolve := func() (m *wire.Message, took time.Duration, asked int64) {
			questions++
			before, start := next.asked.Load(), time.Now()
			x := ask.exchange(t)
			err := f.TryResolve(x)
			if err != nil {
				err = f.Resolve(context.Background(), x)
			}
			if err != nil {
				t.Fatal(err)
			}
			return reply(t, x), time.Since(start), next.asked.Load() - before
		}
		isStale := func(m *wire.Message) bool {
			return len(m.Answers) == 1 && m.Answers[0].TTL == 30 && !m.Flags.Has(wire.FlagAD) &&
				slices.Equal(extendedErrors(m), []wire.ExtendedErrorCode{wire.ExtendedErrorStaleAnswer})
		}
		if m, _, asked := resolve(); len(m.Answers) != 1 || asked != 1 {
			t.Fatalf("the first answer: %v, asked %d times", m, asked)
		}
		// As long as the next resolver answers in time nothing is stale.
		time.Sleep(60 * time.Second)
		next.takes = 1700 * time.Millisecond
		if m, took, asked := resolve(); m.Answers[0].TTL != 60 || took != next.takes || asked != 1 {
			t.Fatalf("an answer in time: %v after %v, asked %d times", m, took, asked)
		}
		// It is late: 1.8 s are enough.
		time.Sleep(60 * time.Second)
		next.takes = 5 * time.Second
		if m, took, asked := resolve(); !isStale(m) || took != 1800*time.Millisecond || asked != 1 {
			t.Fatalf("a late answer: %v after %v, asked %d times", m, took, asked)
		}
		// A client that comes while it is still late does not wait.
		if m, took, asked := resolve(); !isStale(m) || took != 0 || asked != 0 {
			t.Fatalf("a late answer, again: %v after %v, asked %d times", m, took, asked)
		}
		time.Sleep(5 * time.Second)
		if m, _, asked := resolve(); m.Answers[0].TTL != 59 || asked != 0 { // 1.8 s have passed since it came
			t.Fatalf("the late answer when it is there: %v, asked %d times", m, asked)
		}
		// It fails: the stale answer comes at once, and for 30 s no server is asked.
		time.Sleep(60 * time.Second)
		next.takes = 0
		next.answer.err = errors.New("no server to ask")
		for i, want := range []int64{1, 0, 0} {
			if m, took, asked := resolve(); !isStale(m) || took != 0 || asked != want {
				t.Fatalf("failure, question %d: %v after %v, asked %d times", i, m, took, asked)
			}
			time.Sleep(10 * time.Second)
		}
		next.answer.err, next.answer.rcode = nil, wire.RCodeServFail
		if m, _, asked := resolve(); !isStale(m) || asked != 1 {
			t.Fatalf("SERVFAIL: %v, asked %d times", m, asked)
		}
		// An answer is an answer, even if it is that there is none.
		time.Sleep(60 * time.Second)
		next.answer = answer{rcode: wire.RCodeNXDomain, authority: []string{"test. 60 SOA n.test. m.test. 1 2 3 4 60"}}
		if m, _, asked := resolve(); m.RCode != wire.RCodeNXDomain || asked != 1 || len(extendedErrors(m)) != 0 {
			t.Fatalf("NXDOMAIN: %v, asked %d times", m, asked)
		}
		time.Sleep(60 * time.Second)
		next.answer = answer{rcode: wire.RCodeServFail}
		m, _, _ := resolve()
		if got := extendedErrors(m); m.RCode != wire.RCodeNXDomain || !slices.Equal(got, []wire.ExtendedErrorCode{wire.ExtendedErrorStaleNXDomainAnswer}) {
			t.Fatalf("stale NXDOMAIN: %v", m)
		}
		// After an hour it is over.
		time.Sleep(time.Hour)
		if m, _, _ := resolve(); m.RCode != wire.RCodeServFail {
			t.Fatalf("after an hour: %v", m)
		}
		// Without asking while the server is known to fail, and after asking.
		if s := f.cache.Stats(); s.StaleHits != 2 || s.StaleMisses != 5 || s.Lookups() != questions {
			t.Errorf("%+v after %d questions", s, questions)
		}
	})
}

func TestClientInAHurryGetsTheStaleAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &far{answer: oneAddress}
		f := newCache(t, Config{ServeStale: time.Hour}).Resolver(next)
		defer f.Close()
		f.Resolve(context.Background(), ask{name: "a.test."}.exchange(t))
		time.Sleep(300 * time.Second)
		next.takes = time.Minute
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		x := ask{name: "a.test."}.exchange(t)
		if err := f.Resolve(ctx, x); err != nil {
			t.Fatal(err)
		}
		if m := reply(t, x); m.Answers[0].TTL != 30 {
			t.Error(m)
		}
	})
}

func TestNothingIsStaleUnlessWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &scripted{answer: oneAddress}
		f := newCache(t, Config{}).Resolver(next)
		defer f.Close()
		f.TryResolve(ask{name: "a.test."}.exchange(t))
		time.Sleep(300 * time.Second)
		next.answer = answer{rcode: wire.RCodeServFail}
		for range 2 { // when it fails, and when the failure is remembered
			x := ask{name: "a.test."}.exchange(t)
			if err := f.TryResolve(x); err != nil || x.RCode != wire.RCodeServFail {
				t.Errorf("%v, %v", err, x.RCode)
			}
		}
	})
}

func TestStaleAnswerWhereTooManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &far{answer: oneAddress}
		f := newCache(t, Config{ServeStale: time.Hour, MaxInFlight: 1}).Resolver(next)
		defer f.Close()
		f.Resolve(context.Background(), ask{name: "a.test."}.exchange(t))
		time.Sleep(300 * time.Second)
		next.takes = time.Minute
		go f.Resolve(context.Background(), ask{name: "b.test."}.exchange(t))
		synctest.Wait()
		x := ask{name: "a.test."}.exchange(t)
		if err := f.Resolve(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if m := reply(t, x); m.Answers[0].TTL != 30 {
			t.Error(m)
		}
	})
}
