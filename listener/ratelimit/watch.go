package ratelimit

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// watch notices when a limit begins to be reached, and when it no longer is, for as
// many keys at once as it has places. Keys that share a place are one for it.
type watch struct {
	log    *slog.Logger // nil: nothing is logged
	begun  atomic.Uint64
	places [64]watched
}

// watched is one limit that was reached.
type watched struct {
	count atomic.Uint64 // since the beginning
	last  atomic.Int64  // when it was reached last
	since atomic.Pointer[episode]
}

// episode is a time in which a limit is reached.
type episode struct{ attributes []any }

// quiet is how long a limit is not reached before it counts as over.
const quiet = 10 * time.Second

// reached notes that a limit was reached, and returns how often since it began to
// be. describe says which limit it is; it is called once.
func (w *watch) reached(key uint64, now int64, describe func() []any) uint64 {
	p := &w.places[key>>16%uint64(len(w.places))]
	p.last.Store(now)
	if p.since.Load() == nil {
		begins := &episode{attributes: describe()}
		if p.since.CompareAndSwap(nil, begins) {
			w.begun.Add(1)
			if w.log != nil {
				w.log.Warn("rate limit reached", begins.attributes...)
			}
		}
	}
	return p.count.Add(1)
}

// end logs the limits that were not reached for a while.
func (w *watch) end(now int64) {
	for i := range w.places {
		p := &w.places[i]
		e := p.since.Load()
		if e == nil || now-p.last.Load() < int64(quiet) {
			continue
		}
		held := p.count.Swap(0)
		p.since.Store(nil)
		if w.log != nil {
			w.log.Info("rate limit no longer reached", append(e.attributes, "held_back", held)...)
		}
	}
}

// Run logs limits that are no longer reached, until ctx is done.
func (r *Replies) Run(ctx context.Context) { r.watch.run(ctx, r.buckets.now) }

func (w *watch) run(ctx context.Context, now func() int64) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.end(now())
		case <-ctx.Done():
			return
		}
	}
}
