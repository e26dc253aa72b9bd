package cache

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func TestPrefetch(t *testing.T) {
	for _, test := range []struct {
		what     string
		config   Config
		asks     []int // at which seconds of the life of 100 it is asked for
		answer   answer
		wantAsks int64
	}{
		{"popular, near its end", Config{Prefetch: true}, []int{1, 2, 3, 91, 92, 93}, oneAddress, 2},
		{"popular, not near its end", Config{Prefetch: true}, []int{1, 2, 3, 88, 89}, oneAddress, 1},
		{"not popular", Config{Prefetch: true}, []int{91, 95}, oneAddress, 1},
		{"not wanted", Config{}, []int{1, 2, 3, 91, 92, 93}, oneAddress, 1},
		{"the name does not exist", Config{Prefetch: true}, []int{1, 2, 3, 91, 92, 93},
			answer{rcode: wire.RCodeNXDomain, authority: []string{"test. 100 SOA n.test. m.test. 1 2 3 4 100"}}, 2},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if test.answer.answers != nil {
					test.answer.answers = []string{"a.test. 100 A 192.0.2.1"}
				}
				next := &far{answer: test.answer, takes: 2 * time.Second}
				f := newCache(t, test.config).Resolver(next)
				defer f.Close()
				f.Resolve(context.Background(), ask{name: "a.test."}.exchange(t))
				start := time.Now()
				for _, second := range test.asks {
					time.Sleep(time.Until(start.Add(time.Duration(second) * time.Second)))
					before := time.Now()
					if err := f.TryResolve(ask{name: "a.test."}.exchange(t)); err != nil {
						t.Errorf("at %d s: %v", second, err)
					}
					if time.Since(before) != 0 {
						t.Error("a hit had to wait")
					}
				}
				synctest.Wait()
				if got := next.asked.Load(); got != test.wantAsks {
					t.Errorf("asked %d times, not %d", got, test.wantAsks)
				}
				time.Sleep(time.Until(start.Add(101 * time.Second)))
				if lives := f.cache.Get(ask{name: "a.test."}.exchange(t)); lives != (test.wantAsks == 2) {
					t.Errorf("after 101 s there is an answer: %v", lives)
				}
				if s := f.cache.Stats(); s.Prefetched != uint64(test.wantAsks-1) {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func TestPrefetchIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &echo{}
		f := newCache(t, Config{Prefetch: true, MaxPrefetch: 3}).Resolver(next)
		defer f.Close()
		asks := func() {
			for i := range 10 {
				x := ask{name: fmt.Sprintf("n%d.test.", i)}.exchange(t)
				if f.TryResolve(x) == names.ErrSlow {
					f.Resolve(context.Background(), x)
				}
			}
		}
		for range 4 {
			asks()
		}
		time.Sleep(95 * time.Second)
		next.takes = time.Second
		next.far.asked.Store(0)
		asks()
		synctest.Wait()
		if got := next.far.asked.Load(); got != 3 {
			t.Errorf("%d are asked in advance", got)
		}
		time.Sleep(1100 * time.Millisecond)
		asks()
		synctest.Wait()
		if got := next.far.asked.Load(); got != 6 {
			t.Errorf("%d have been asked in advance", got)
		}
	})
}

// TestPrefetchForgetsParts: a recursor after the cache makes answers of parts
// kept there, which are as old as the answer that is asked for in advance.
func TestPrefetchForgetsParts(t *testing.T) {
	c := newCache(t, Config{})
	for q, record := range map[string]string{
		"a.test. CNAME": "a.test. 300 CNAME B.test.",
		"b.test. CNAME": "b.test. 300 CNAME c.test.",
		"c.test. A":     "c.test. 300 A 192.0.2.1",
		"c.test. MX":    "c.test. 300 MX 0 c.test.",
		"d.test. A":     "d.test. 300 A 192.0.2.1",
	} {
		if err := c.KeepPart(PartAnswer, answer{answers: []string{record}}.message(t, q), Unchecked); err != nil {
			t.Fatal(err)
		}
	}
	c.forgetParts(question("a.test. A"))
	for q, want := range map[string]bool{
		"a.test. CNAME": false, "b.test. CNAME": false, "c.test. A": false, "c.test. MX": true, "d.test. A": true,
	} {
		if _, _, ok := c.FindPart(PartAnswer, question(q), nil); ok != want {
			t.Errorf("%s is there: %v", q, ok)
		}
	}
}

// echo has an address for everybody.
type echo struct{ far }

func (e *echo) Resolve(ctx context.Context, x *names.Exchange) error {
	e.far.asked.Add(1)
	time.Sleep(e.takes)
	a := answer{answers: []string{x.Question().Name.String() + " 100 A 192.0.2.1"}}
	return a.to(x)
}
