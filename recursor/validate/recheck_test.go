package validate

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/wire"
)

// TestRecheck: a zone that could not be validated and can be again is noticed within
// five minutes, and at once after Soon. One that could be all the time stays as it is, and so does
// one that has no end.
func TestRecheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := family(t)
		nsec, nsec3, never := wire.MustParseName("nsec."), wire.MustParseName("nsec3."), wire.MustParseName("insecure.")
		anchors := w.config.Anchors
		for _, zone := range []wire.Name{nsec, nsec3} {
			anchors.SetNegative(zone, now.Add(2*time.Hour))
		}
		anchors.SetNegative(never, time.Time{})
		var isBroken atomic.Bool
		isBroken.Store(true)
		w.change = func(m *wire.Message, _ bool) *wire.Message {
			if name := m.Questions[0].Name; name.Equal(never) && m.Questions[0].Type == wire.TypeSOA {
				t.Errorf("%v is tried", name)
			}
			if !isBroken.Load() || !m.Questions[0].Name.Equal(nsec) || m.Questions[0].Type == wire.TypeDS {
				return m
			}
			changed := *m
			changed.Answers = slices.DeleteFunc(slices.Clone(m.Answers), func(r wire.Record) bool { return r.Type == wire.TypeRRSIG })
			return &changed
		}
		config := w.config
		config.Fetcher = nil
		var mu sync.Mutex
		var zones []string
		repaired := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(zones)
		}
		r := NewRechecker(Recheck{Validation: config, Resolver: w, Repaired: func(n Negative) {
			mu.Lock()
			defer mu.Unlock()
			zones = append(zones, n.Zone.String())
			anchors.RemoveNegative(n.Zone)
		}})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.Run(ctx)
		}()
		r.Soon()
		synctest.Wait()
		w.want("a.nsec. A", Insecure, "negative trust anchor")
		isBroken.Store(false)
		time.Sleep(5*time.Minute - time.Second)
		synctest.Wait()
		if len(repaired()) > 0 {
			t.Errorf("too early: %v", repaired())
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if !slices.Equal(repaired(), []string{"nsec."}) {
			t.Errorf("repaired: %v", repaired())
		}
		w.v.Forget(wire.Root)
		w.want("a.nsec. A", Secure, "")

		// It breaks again, and is named again.
		isBroken.Store(true)
		anchors.SetNegative(nsec, now.Add(time.Hour))
		r.Soon()
		synctest.Wait()
		isBroken.Store(false)
		r.Soon()
		synctest.Wait()
		if !slices.Equal(repaired(), []string{"nsec.", "nsec."}) || len(anchors.Negatives(now)) != 2 {
			t.Errorf("repaired: %v; still %v", repaired(), anchors.Negatives(now))
		}
		cancel()
		<-done
	})
}
