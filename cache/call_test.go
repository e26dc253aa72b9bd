package cache

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// far is a resolver that takes its time.
type far struct {
	answer answer
	takes  time.Duration
	asked  atomic.Int64
	seen   func(x *names.Exchange)
}

func (r *far) Resolve(ctx context.Context, x *names.Exchange) error {
	r.asked.Add(1)
	if r.seen != nil {
		r.seen(x)
	}
	select {
	case <-time.After(r.takes):
		return r.answer.to(x)
	case <-ctx.Done():
		return ctx.Err()
	}
}

var oneAddress = answer{flags: wire.FlagAA | wire.FlagRA | wire.FlagAD, answers: []string{"a.test. 300 A 192.0.2.1"}}

func TestEqualQuestionsAreAskedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &far{answer: oneAddress, takes: time.Second}
		f := newCache(t, Config{}).Resolver(next)
		defer f.Close()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 5 * time.Millisecond)
				name := "a.test."
				if i%2 == 1 {
					name = "A.tEst."
				}
				a := ask{name: name, edns: i%3 == 0}
				if i%5 == 0 {
					a.flags |= wire.FlagAD
				}
				x := a.exchange(t)
				if err := f.Resolve(context.Background(), x); err != nil {
					t.Error(err)
					return
				}
				m := reply(t, x)
				if got := lines(m.Answers); !slices.Equal(got, []string{name + " 300 IN A 192.0.2.1"}) {
					t.Error(got)
				}
				want := wire.FlagQR | wire.FlagRD | wire.FlagRA | wire.FlagAA
				if a.flags&wire.FlagAD != 0 {
					want |= wire.FlagAD
				}
				if m.Flags != want {
					t.Errorf("flags %#x, not %#x", m.Flags, want)
				}
			})
		}
		all.Wait()
		if got := next.asked.Load(); got != 1 {
			t.Errorf("asked %d times", got)
		}
		if s := f.cache.Stats(); s.Misses != 100 || s.Joined != 99 || s.Stored != 1 {
			t.Errorf("%+v", s)
		}
		// Another question is a call of its own.
		for _, a := range []ask{{name: "a.test.", do: true}, {name: "a.test.", flags: wire.FlagCD}, {name: "a.test.", kind: wire.TypeAAAA}} {
			f.Resolve(context.Background(), a.exchange(t))
		}
		if got := next.asked.Load(); got != 4 {
			t.Errorf("asked %d times", got)
		}
	})
}

func TestEachAskerHasADeadlineOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &far{answer: oneAddress, takes: 2 * time.Second}
		f := newCache(t, Config{}).Resolver(next)
		defer f.Close()
		var all sync.WaitGroup
		for _, patience := range []time.Duration{time.Second, 3 * time.Second, 1500 * time.Millisecond} {
			all.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				defer cancel()
				start := time.Now()
				err := f.Resolve(ctx, ask{name: "a.test."}.exchange(t))
				took := time.Since(start)
				switch {
				case patience < next.takes && (!errors.Is(err, context.DeadlineExceeded) || took != patience):
					t.Errorf("patience %v: %v after %v", patience, err, took)
				case patience > next.takes && (err != nil || took != next.takes):
					t.Errorf("patience %v: %v after %v", patience, err, took)
				}
			})
		}
		all.Wait()
		if next.asked.Load() != 1 {
			t.Error("asked more than once")
		}
		if !f.cache.Get(ask{name: "a.test."}.exchange(t)) {
			t.Error("the answer is not kept")
		}
	})
}

func TestAnswerIsKeptThoughNobodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCache(t, Config{}).Resolver(&far{answer: oneAddress, takes: 2 * time.Second})
		defer f.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := f.Resolve(ctx, ask{name: "a.test."}.exchange(t)); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if !f.cache.Get(ask{name: "a.test."}.exchange(t)) {
			t.Error("the answer is not kept")
		}
	})
}

func TestSilenceIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &far{takes: time.Hour}
		f := newCache(t, Config{Timeout: 3 * time.Second}).Resolver(next)
		defer f.Close()
		x := ask{name: "a.test."}.exchange(t)
		if err := f.Resolve(context.Background(), x); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if err := f.TryResolve(x); err != nil || x.RCode != wire.RCodeServFail {
			t.Errorf("%v, %v", err, x.RCode)
		}
		if next.asked.Load() != 1 {
			t.Error("asked again at once")
		}
	})
}

func TestWhatTheResolverBehindSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		private := wire.Options{}.Append(&wire.UnknownOption{Code: wire.OptionCookie, Data: []byte("12345678")}).
			Append(&wire.UnknownOption{Code: wire.OptionClientSubnet, Data: []byte{0, 1, 24, 0, 192, 0, 2}})
		next := &far{answer: oneAddress, seen: func(x *names.Exchange) {
			q := &x.Query
			if len(q.EDNS.Options) != 0 {
				t.Errorf("the options of one client: %v", q.EDNS.Options)
			}
			if !q.HasEDNS || !q.EDNS.DO() || q.Header.Flags != wire.FlagRD|wire.FlagAD|wire.FlagCD {
				t.Errorf("EDNS %v, DO %v, flags %#x", q.HasEDNS, q.EDNS.DO(), q.Header.Flags)
			}
			if x.Reply.Limit() != 65535 {
				t.Errorf("a limit of %d octets", x.Reply.Limit())
			}
		}}
		f := newCache(t, Config{}).Resolver(next)
		defer f.Close()
		x := ask{name: "a.test.", do: true, flags: wire.FlagCD, options: private, limit: 512}.exchange(t)
		if err := f.Resolve(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if next.asked.Load() != 1 {
			t.Error("not asked")
		}
	})
}

func TestLargeAnswerIsKeptForOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a answer
		for i := range 100 {
			a.answers = append(a.answers, fmt.Sprint("a.test. 300 A 192.0.2.", i))
		}
		f := newCache(t, Config{}).Resolver(&far{answer: a})
		defer f.Close()
		x := ask{name: "a.test.", limit: 512}.exchange(t)
		if err := f.Resolve(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		if m := reply(t, x); !m.Flags.Has(wire.FlagTC) || len(m.Answers) != 0 {
			t.Errorf("flags %#x, %d records", m.Flags, len(m.Answers))
		}
		x = ask{name: "a.test.", transport: names.TCP}.exchange(t)
		if err := f.TryResolve(x); err != nil {
			t.Fatal(err)
		}
		if m := reply(t, x); len(m.Answers) != 100 {
			t.Errorf("%d records", len(m.Answers))
		}
	})
}

func TestTooManyAreTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &far{answer: oneAddress, takes: time.Second}
		var busy, served, told atomic.Int64
		events := Events{Busy: func(wire.Question) { told.Add(1) }}
		f := newCache(t, Config{MaxInFlight: 3, MaxWaiting: 4, Events: events}).Resolver(next)
		defer f.Close()
		var all sync.WaitGroup
		for call := range 5 {
			for range 6 {
				all.Go(func() {
					x := ask{name: fmt.Sprintf("n%d.test.", call)}.exchange(t)
					switch err := f.Resolve(context.Background(), x); {
					case err == error(errBusy):
						busy.Add(1)
					case err == nil:
						served.Add(1)
					default:
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		if served.Load() != 3*4 || busy.Load() != 5*6-3*4 {
			t.Errorf("%d served, %d turned away", served.Load(), busy.Load())
		}
		if s := f.cache.Stats(); s.Refused != uint64(busy.Load()) || told.Load() != busy.Load() {
			t.Errorf("%+v", s)
		}
		if code, _ := errBusy.ExtendedError(); code != uint16(wire.ExtendedErrorOther) {
			t.Error(code)
		}
	})
}

// A client that asks for many names leaves room for others.
func TestClientLeavesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCache(t, Config{MaxInFlight: 40}).Resolver(&far{answer: oneAddress, takes: time.Second})
		defer f.Close()
		var all sync.WaitGroup
		busy := map[string]*atomic.Int64{"192.0.2.1": {}, "192.0.2.2": {}}
		ask := func(client string, names int) {
			for i := range names {
				all.Go(func() {
					x := ask{name: fmt.Sprintf("n%d.test.", i)}.exchange(t)
					if client == "192.0.2.2" {
						x = ask{name: fmt.Sprintf("other%d.test.", i)}.exchange(t)
					}
					x.Peer.Remote = netip.AddrPortFrom(netip.MustParseAddr(client), 4242)
					if f.Resolve(context.Background(), x) == error(errBusy) {
						busy[client].Add(1)
					}
				})
			}
			synctest.Wait()
		}
		ask("192.0.2.1", 60)
		ask("192.0.2.2", 5)
		all.Wait()
		if a, b := busy["192.0.2.1"].Load(), busy["192.0.2.2"].Load(); a != 30 || b != 0 {
			t.Errorf("turned away: %d of 60, not 30, and %d of the other client's 5", a, b)
		}
		ask("192.0.2.1", 30)
		all.Wait()
		if a := busy["192.0.2.1"].Load(); a != 30 {
			t.Errorf("%d more are turned away when all is over", a-30)
		}
	})
}

// That the next resolver had too much to do says nothing about the name: the next
// client, which may have a share left, is not turned away for it.
func TestBusyIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		words := []error{fmt.Errorf("next: %w", names.ErrBusy), nil}
		f := newCache(t, Config{}).Resolver(names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			word := words[0]
			words = words[1:]
			if word != nil {
				return word
			}
			return oneAddress.to(x)
		}))
		defer f.Close()
		if err := f.Resolve(context.Background(), ask{name: "a.test."}.exchange(t)); !errors.Is(err, names.ErrBusy) {
			t.Errorf("the first query: %v", err)
		}
		x := ask{name: "a.test."}.exchange(t)
		if err := f.Resolve(context.Background(), x); err != nil || len(reply(t, x).Answers) != 1 {
			t.Errorf("the second query: %v", err)
		}
	})
}

func TestPanicBehindIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCache(t, Config{}).Resolver(names.ResolverFunc(func(context.Context, *names.Exchange) error { panic("oh dear") }))
		defer f.Close()
		err := f.Resolve(context.Background(), ask{name: "a.test."}.exchange(t))
		if err == nil || !strings.Contains(err.Error(), "oh dear") {
			t.Error(err)
		}
	})
}

func TestWordsPassThrough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, word := range []error{names.ErrPass, names.ErrDrop} {
			next := &far{answer: answer{err: word}}
			f := newCache(t, Config{}).Resolver(next)
			x := ask{name: "a.test."}.exchange(t)
			for range 2 {
				if err := f.TryResolve(x); err != names.ErrSlow {
					t.Errorf("%v instead of waiting", err)
				}
				if err := f.Resolve(context.Background(), x); err != word {
					t.Errorf("%v instead of %v", err, word)
				}
			}
			if !x.Untouched() {
				t.Error("the reply is touched")
			}
			if next.asked.Load() != 2 {
				t.Errorf("%v is kept", word)
			}
			f.Close()
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &far{answer: oneAddress, takes: time.Hour}
		f := newCache(t, Config{Timeout: 2 * time.Hour}).Resolver(next)
		failed := make(chan error, 1)
		go func() { failed <- f.Resolve(context.Background(), ask{name: "a.test."}.exchange(t)) }()
		synctest.Wait()
		f.Close()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if err := f.Resolve(context.Background(), ask{name: "b.test."}.exchange(t)); err != errClosed {
			t.Error(err)
		}
		if f.cache.Stats().Entries != 0 {
			t.Error("the end in between counts as a failure of the next resolver")
		}
	})
}

// A client that waits longer than a call takes, or gives up before it ends, must
// not meet one that has been reused for another question since.
func TestFlightsAreUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
			name := x.Question().Name
			takes := time.Duration(name.Len()*7%40) * time.Millisecond
			select {
			case <-time.After(takes):
			case <-ctx.Done():
				return ctx.Err()
			}
			text := wire.TXT{Strings: wire.CharacterStrings(nil).Append(name.String())}
			return x.Reply.Record(name, wire.ClassIN, 0, &text) // a TTL of 0 is not kept
		})
		f := newCache(t, Config{}).Resolver(next)
		defer f.Close()
		var all sync.WaitGroup
		var answered, gaveUp atomic.Int64
		for asker := range 64 {
			all.Go(func() {
				for turn := range 50 {
					name := strings.Repeat("x", 1+(asker*13+turn*5)%40) + ".test."
					patience := time.Duration(1+(asker+turn)%60) * time.Millisecond
					if asker%4 == 0 {
						patience = 10 * time.Second // it does the work itself
					}
					ctx, cancel := context.WithTimeout(context.Background(), patience)
					x := ask{name: name}.exchange(t)
					err := f.Resolve(ctx, x)
					cancel()
					if err != nil {
						gaveUp.Add(1)
						continue
					}
					answered.Add(1)
					if got, want := lines(reply(t, x).Answers), name+` 0 IN TXT "`+name+`"`; !slices.Equal(got, []string{want}) {
						t.Errorf("%q instead of %q", got, want)
					}
				}
			})
		}
		all.Wait()
		if answered.Load() == 0 || gaveUp.Load() == 0 {
			t.Errorf("%d answered, %d gave up: both should happen", answered.Load(), gaveUp.Load())
		}
	})
}

func TestFlushDuringAFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newCache(t, Config{}).Resolver(&far{answer: oneAddress, takes: time.Second})
		defer f.Close()
		done := make(chan error, 1)
		go func() { done <- f.Resolve(context.Background(), ask{name: "a.test."}.exchange(t)) }()
		synctest.Wait()
		f.cache.Flush(wire.MustParseName("a.test."))
		if err := <-done; err != nil {
			t.Error(err)
		}
		if f.cache.Get(ask{name: "a.test."}.exchange(t)) {
			t.Error("an answer from before the flush is kept")
		}
	})
}

// TestClientsDoTheWork: a client over UDP with about the time of a call does the work
// itself, on its goroutine; those that may hang up, or have another time, have it done.
func TestClientsDoTheWork(t *testing.T) {
	type clientKey struct{}
	for name, c := range map[string]struct {
		transport names.Transport
		patience  time.Duration
		itself    bool
	}{
		"over UDP":                {names.UDP, 10 * time.Second, true},
		"a little less time":      {names.UDP, 9900 * time.Millisecond, true},
		"less time":               {names.UDP, 9 * time.Second, false},
		"more time than a call":   {names.UDP, 11 * time.Second, false},
		"a client that hangs up":  {names.TCP, 10 * time.Second, false},
		"a client that never has": {names.UDP, 0, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			var itself bool
			next := names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
				itself = ctx.Value(clientKey{}) != nil
				return oneAddress.to(x)
			})
			f := newCache(t, Config{}).Resolver(next)
			defer f.Close()
			ctx := context.WithValue(context.Background(), clientKey{}, true)
			if c.patience > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, c.patience)
				defer cancel()
			}
			x := ask{name: "a.test.", transport: c.transport}.exchange(t)
			if err := f.Resolve(ctx, x); err != nil || len(reply(t, x).Answers) != 1 {
				t.Errorf("%s: %v", name, err)
			}
			if itself != c.itself {
				t.Errorf("%s: it does the work itself: %v", name, itself)
			}
			if !f.cache.Get(ask{name: "a.test."}.exchange(t)) {
				t.Errorf("%s: the answer is not kept", name)
			}
		})
	}
}

// TestWorkOfAClientThatHasGone: what a client worked on whose context was cancelled
// says nothing about the name: those that wait for it ask anew, and it is not kept.
func TestWorkOfAClientThatHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &far{answer: oneAddress, takes: 2 * time.Second}
		f := newCache(t, Config{}).Resolver(next)
		defer f.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		first := make(chan error, 1)
		go func() { first <- f.Resolve(ctx, ask{name: "a.test."}.exchange(t)) }()
		synctest.Wait()
		other := make(chan error, 2)
		for range 2 {
			go func() {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				other <- f.Resolve(ctx, ask{name: "a.test."}.exchange(t))
			}()
		}
		time.Sleep(time.Second)
		cancel()
		if err := <-first; !errors.Is(err, context.Canceled) {
			t.Errorf("the client that has gone: %v", err)
		}
		for range 2 {
			if err := <-other; err != nil {
				t.Errorf("one that waits: %v", err)
			}
		}
		if n := next.asked.Load(); n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
}
