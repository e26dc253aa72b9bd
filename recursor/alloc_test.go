package recursor

import (
	"context"
	"testing"

	"github.com/names-dns/names/internal/race"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
)

// A question that is forwarded takes a budget, which what is left of an old
// question may still draw on, and a channel that all who wait for it share.
func TestForwardAllocatesLittle(t *testing.T) {
	if race.Enabled {
		t.Skip("under the race detector sync.Pool forgets at random")
	}
	f, x := benchmarkForwarder(t, upstreamtest.ListenPlain(t))
	if got := testing.AllocsPerRun(200, func() {
		x.Restart()
		if err := f.Resolve(context.Background(), x); err != nil {
			t.Error(err)
		}
	}); got > 2 {
		t.Errorf("a question takes %v allocations", got)
	}
}
