package update

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/names-dns/names/internal/processtime"
)

// rests make updates wait while queries keep the processor busy: then they begin in
// groups, one after each interval. A client that sends one update after the other takes a
// twentieth of a core then, and all clients together have several hundred updates
// a second: those of a group share what a write to the disk costs.
//
// Whether it is queries that keep the processor busy shows while updates rest: they
// take little then. If it was the updates themselves, they do not rest for a while.
type rests struct {
	used func() time.Duration // processor time of the process; nil means processtime.Used

	mu       sync.Mutex    // guards the following; nothing is waited for under it
	since    time.Time     // when it was last determined whether the processor is busy
	before   time.Duration // the processor time of the process then
	ended    chan struct{} // closed when updates no longer rest; nil: they do not
	offUntil time.Time     // however busy the processor is
	begins   time.Time     // when the last group begins, or has begun
	admitted int           // how many belong to it
}

const (
	restInterval = 20 * time.Millisecond
	restGroup    = 8
	restOff      = time.Second
)

// wait returns when an update may begin, or ctx is done.
func (r *rests) wait(ctx context.Context) {
	left, ended := r.place(time.Now())
	if left <= 0 {
		return
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ended:
	case <-ctx.Done():
	}
}

// place returns in how long an update may begin, and what is closed if it may earlier.
func (r *rests) place(now time.Time) (left time.Duration, ended <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.since) >= restInterval {
		r.look(now)
	}
	if r.ended == nil {
		return 0, nil
	}
	if r.admitted == restGroup || !now.Before(r.begins) {
		r.begins, r.admitted = r.begins.Add(restInterval), 0
		if r.begins.Before(now) {
			r.begins = now
		}
	}
	r.admitted++
	return r.begins.Sub(now), r.ended
}

// look determines whether the processor is busy: half of it was used. The caller
// holds r.mu.
func (r *rests) look(now time.Time) {
	used := processtime.Used
	if r.used != nil {
		used = r.used
	}
	total := used()
	isBusy := 2*(total-r.before)/time.Duration(runtime.GOMAXPROCS(0)) > now.Sub(r.since) // which may be all of time
	r.since, r.before = now, total
	switch {
	case isBusy && r.ended == nil && now.After(r.offUntil):
		r.ended, r.begins = make(chan struct{}), now
	case !isBusy && r.ended != nil:
		close(r.ended)
		r.ended, r.offUntil = nil, now.Add(restOff)
	}
}
