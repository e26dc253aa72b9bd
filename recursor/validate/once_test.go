package validate

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
)

// patient is a world whose servers take a second, and whose checks may wait for one
// another.
type patient struct {
	*world
	refuses bool // none waits
}

func (p patient) Fetch(ctx context.Context, name wire.Name, t wire.Type) (*Reply, error) {
	time.Sleep(time.Second) // virtual
	return p.world.Fetch(ctx, name, t)
}

func (p patient) Wait(_, _ context.Context, done <-chan struct{}) bool {
	if p.refuses {
		return false
	}
	<-done
	return true
}

// TestZoneIsValidatedOnce: what a zone is, is found out once, however many of its names are
// asked for meanwhile; by each check if none may wait.
func TestZoneIsValidatedOnce(t *testing.T) {
	const names = 50
	for _, c := range []struct {
		ds   string
		want Verdict
	}{
		{"zone.", Secure},
		{"other.", Bogus},
	} {
		for _, refuses := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				ds := dsOf(t, "zone.", newKey(t, c.ds), 2)
				w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), "zone. NS ns.elsewhere.", ds),
					signZone(t, "zone.", options(t, "zone.", signedtree.NSEC), "*.zone. A 192.0.2.1"))
				w.config.Fetcher = patient{w, refuses}
				w.v = New(w.config)
				var all sync.WaitGroup
				for i := range names {
					all.Go(func() {
						if r := w.check(fmt.Sprintf("n%d.zone. A", i)); r.Verdict != c.want {
							t.Errorf("DS of %s: %v %q, want %v", c.ds, r.Verdict, r.Reason, c.want)
						}
					})
				}
				all.Wait()
				want := int32(3) // DNSKEY of the root, DS and DNSKEY of the zone
				if refuses {
					want *= names
				}
				if n := w.fetches.Load(); n != want {
					t.Errorf("DS of %s: %d fetches, not %d", c.ds, n, want)
				}
				if n := len(w.v.memory.findings); n != 0 {
					t.Errorf("%d zones are still being found out", n)
				}
			})
		}
	}
}

// TestWaitingForWhatIsNotRemembered: if the check that was waited for could not find out what
// the zone is, each one that waited tries itself.
func TestWaitingForWhatIsNotRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), "zone. NS ns.elsewhere.", dsLine(t, "zone.")),
			signZone(t, "zone.", options(t, "zone.", signedtree.NSEC), "*.zone. A 192.0.2.1"))
		w.config.Fetcher = patient{w, false}
		w.v = New(w.config)
		first := true
		w.change = func(m *wire.Message, fetched bool) *wire.Message {
			if fetched && m.Questions[0].Type == wire.TypeDNSKEY && len(m.Answers) > 0 && !m.Questions[0].Name.IsRoot() && first {
				first = false
				m.RCode = wire.RCodeServFail
			}
			return m
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		verdicts := map[Verdict]int{}
		for i := range 10 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				r := w.check(fmt.Sprintf("n%d.zone. A", i))
				mu.Lock()
				defer mu.Unlock()
				verdicts[r.Verdict]++
			})
		}
		all.Wait()
		if verdicts[Indeterminate] != 1 || verdicts[Secure] != 9 {
			t.Errorf("%v", verdicts)
		}
	})
}
