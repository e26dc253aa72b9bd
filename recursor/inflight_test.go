package recursor

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// TestWaitingForASilentServer: a fetch that waits for a query of another one
// asked in vain has no answer either, and is not kept longer than the other.
func TestWaitingForASilentServer(t *testing.T) {
	playRoot(t, Config{}, func(q *upstreamtest.Query) {
		if q.Questions[0].Type == wire.TypeNS {
			m := q.Reply()
			m.Flags |= wire.FlagAA
			m.Answers = upstreamtest.Records(wire.Root, ". NS a.root-servers.net.")
			m.Additional = upstreamtest.Records(wire.Root, "a.root-servers.net. A 198.41.0.4")
			q.SendMessage(m)
		}
	}, func(r *Recursor, network *upstreamtest.Network) {
		began := time.Now()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if _, err := namestest.Try(t, r, fmt.Sprintf("n%d.example.", i), wire.TypeA); err == nil {
					t.Errorf("n%d.example. has an answer", i)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > r.config.Timeout {
			t.Errorf("it took %v", took)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.inflight) != 0 {
			t.Errorf("%d questions are still inflight", len(r.inflight))
		}
	})
}
