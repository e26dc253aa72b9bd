package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// TestStatsAddUp: every query that was answered is counted once, and each event is
// called as often as its counter says.
func TestStatsAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hits, misses, stored atomic.Uint64
		// Servers of names that begin with f never answer, those of m only in every other ten minutes.
		next := names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
			name := x.Question().Name.String()
			time.Sleep(time.Duration(time.Now().Unix()%3) * time.Second)
			if name[0] == 'f' || name[0] == 'm' && time.Now().Unix()/600%2 == 1 {
				return errors.New("no server to ask")
			}
			found := answer{answers: []string{name + " 60 A 192.0.2.1"}}
			return found.to(x)
		})
		f := newCache(t, Config{ServeStale: time.Hour, Prefetch: true, Events: Events{
			Hit:    func(wire.Question) { hits.Add(1) },
			Miss:   func(wire.Question) { misses.Add(1) },
			Stored: func(wire.Question, time.Duration) { stored.Add(1) },
		}}).Resolver(next)
		defer f.Close()
		random := rand.New(rand.NewPCG(43, 44))
		asked := uint64(0)
		for range 2000 {
			name := fmt.Sprintf("%c%d.test.", "fmg"[random.IntN(3)], random.IntN(3))
			x := ask{name: name}.exchange(t)
			if err := f.TryResolve(x); err == names.ErrSlow {
				f.Resolve(context.Background(), x)
			}
			asked++
			time.Sleep(time.Duration(1<<random.IntN(8)) * time.Second)
		}
		synctest.Wait()
		s := f.cache.Stats()
		if s.Lookups() != asked || s.Hits*s.StaleHits*s.FailureHits*s.Misses*s.StaleMisses == 0 || s.StaleMisses > s.Misses {
			t.Errorf("%d queries are %d look-ups: %+v", asked, s.Lookups(), s)
		}
		if hits.Load() != s.Hits+s.StaleHits+s.FailureHits || misses.Load() != s.Misses || stored.Load() != s.Stored {
			t.Errorf("events: %d hits, %d misses, %d stored: %+v", hits.Load(), misses.Load(), stored.Load(), s)
		}
	})
}
