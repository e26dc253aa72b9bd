package recursor

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/throttledlog"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// forwardKey is what makes two questions one: what a server is asked.
type forwardKey struct {
	name   string // wire form in lower case
	kind   wire.Type
	do, cd bool
	again  string // the servers that are not asked, by textOf; "" if all may be
}

// forwardFetch is a query that is under way, and the clients that wait for its answer. It has no
// goroutine: what comes of a server asked, or the time that is over, moves it
// on (forward_attempt.go). It is used again for another question when no goroutine refers to it.
type forwardFetch struct {
	f     *Forwarder
	key   forwardKey
	names [2][wire.MaxNameLen]byte // what key and question borrow from

	tried []netip.AddrPort // what key.again says

	turn // under the forwarder's lock

	clients int          // under the forwarder's lock
	uses    atomic.Int32 // clients, open attempts, and other references

	over   chan struct{} // closed once there is an answer or an error
	answer *answer
	err    error

	mu       sync.Mutex // taken before the forwarder's and a request's, released by unlock
	isOver   bool
	why      error // set when it ends: what is still asked is cancelled because of why
	hasTurn  bool  // it is one of those in flight
	question wire.Question
	deadline time.Time
	due      time.Time // when the timer moves it on
	timer    *time.Timer
	budget   *upstream.Budget
	attempts []*forwardAttempt // those beyond the length are for later
	open     int               // attempts that have no result yet
	heard    func()            // for upstream.Query.Progress
	blame    blame
	scrubber scrubber
}

// newFetch returns a fetch that may be taken.
func (f *Forwarder) newFetch() *forwardFetch {
	if ff, ok := f.idle.Get().(*forwardFetch); ok {
		return ff
	}
	ff := &forwardFetch{f: f}
	ff.heard = ff.recordProgress
	return ff
}

// take makes ff the fetch of the question of x, from servers not tried.
func (ff *forwardFetch) take(x *names.Exchange, tried []netip.AddrPort, now time.Time) {
	ff.mu.Lock() // the timer may have been stopped too late
	defer ff.unlock()
	ff.isOver, ff.hasTurn = false, false
	ff.deadline = now.Add(ff.f.config.Timeout)
	ff.due = ff.deadline
	q := x.Query.Question
	folded, _, _ := wire.BorrowName(q.Name.AppendFolded(ff.names[0][:0])) // it was read once
	ff.key = forwardKey{folded.Wire(), q.Type, x.DO(), x.Query.Header.Flags.Has(wire.FlagCD), ""}
	if ff.tried = slices.Clone(tried); len(tried) > 0 {
		ff.key.again = textOf(tried)
	}
	ff.question = q
	ff.question.Name, _, _ = wire.BorrowName(q.Name.AppendTo(ff.names[1][:0]))
	ff.keys = ff.f.keysOf(ff, x.Peer.Remote.Addr())
}

// release drops a reference to ff. After the last one, ff is used again.
func (ff *forwardFetch) release() {
	if ff.uses.Add(-1) > 0 {
		return
	}
	ff.answer, ff.err, ff.blame = nil, nil, blame{}
	ff.attempts = ff.attempts[:0]
	ff.f.idle.Put(ff)
}

// join returns the fetch with the question of x: one that is on its way, or a
// new one. Each caller that joins has to leave.
func (f *Forwarder) join(x *names.Exchange, tried []netip.AddrPort, now time.Time) (*forwardFetch, error) {
	ff := f.newFetch()
	ff.take(x, tried, now)
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, errClosed
	}
	if other := f.fetches[ff.key]; other != nil {
		other.clients++
		other.uses.Add(1)
		f.mu.Unlock()
		f.idle.Put(ff)
		return other, nil
	}
	hasTurn, mayWait := f.turns.enter(ff)
	if !hasTurn && !mayWait {
		f.mu.Unlock()
		f.idle.Put(ff)
		return nil, errShare
	}
	ff.clients = 1
	ff.uses.Store(1)
	if mayWait {
		ff.uses.Add(1) // until its turn comes, or it ends without
	}
	ff.over = make(chan struct{})
	f.fetches[ff.key] = ff
	f.mu.Unlock()
	if hasTurn {
		ff.start(now)
		return ff, nil
	}
	ff.mu.Lock()
	if !ff.isOver && !ff.hasTurn {
		ff.wakeAfter(now, f.config.Timeout)
	}
	ff.unlock()
	return ff, nil
}

// leave removes a client from the fetch, and ends it after the last one.
func (f *Forwarder) leave(ff *forwardFetch) {
	f.mu.Lock()
	ff.clients--
	isLast := ff.clients == 0
	if isLast {
		f.forget(ff)
	}
	f.mu.Unlock()
	if isLast {
		ff.abandon()
	}
	ff.release()
}

// forget takes a fetch out of those that can be joined.
func (f *Forwarder) forget(ff *forwardFetch) {
	if f.fetches[ff.key] == ff {
		delete(f.fetches, ff.key)
	}
}

// begin starts the fetch of a question whose turn has come in the queue.
func (ff *forwardFetch) begin() {
	ff.start(time.Now())
	ff.release()
}

// endTurn lets the next fetch begin. The forwarder is locked.
func (f *Forwarder) endTurn(ff *forwardFetch) {
	next, ok := f.turns.end(ff)
	if !ok {
		return
	}
	if f.closed {
		f.turns.running.Leave(next.keys...)
		next.uses.Add(-1) // it ends all the same, and a client waits for that
		return
	}
	f.done.Go(next.begin)
}

// finish ends the fetch: with an answer, or err. What servers are still asked
// is cancelled because of why when ff is unlocked. ff is locked.
func (ff *forwardFetch) finish(a *answer, err error, why error) {
	if ff.isOver {
		return
	}
	ff.isOver, ff.answer, ff.err, ff.why = true, a, err, why
	ff.uses.Add(1) // until unlock is done with the attempts
	if ff.timer != nil {
		ff.timer.Stop()
	}
	f := ff.f
	f.mu.Lock()
	f.forget(ff)
	if ff.hasTurn {
		f.endTurn(ff)
	} else if f.turns.leave(ff) {
		ff.uses.Add(-1) // the caller has one
	}
	f.mu.Unlock()
	close(ff.over)
}

// unlock releases the lock. If the fetch has just ended it cancels what
// servers are still asked, which closes sockets: no lock is held meanwhile. The
// attempts of a fetch that is over change no more until its last use is released.
func (ff *forwardFetch) unlock() {
	why := ff.why
	ff.why = nil
	ff.mu.Unlock()
	if why == nil {
		return
	}
	for _, t := range ff.attempts {
		if t.isTrial {
			t.server.probed()
		}
		if !t.isOver && t.request.Cancel(why) {
			t.server.dropped()
			ff.f.counts.came(unused)
			ff.uses.Add(-1) // that of the attempt; one is left
		}
	}
	ff.release()
}

// abandon ends the fetch because no client waits for it.
func (ff *forwardFetch) abandon() {
	ff.mu.Lock()
	defer ff.unlock()
	if !ff.isOver {
		recordSilence(ff.attempts, time.Now())
		ff.finish(nil, context.Canceled, context.Canceled)
	}
}

// wakeAfter has the timer move ff on after d, or at the deadline. ff is locked.
func (ff *forwardFetch) wakeAfter(now time.Time, d time.Duration) {
	ff.due = now.Add(d)
	if ff.due.After(ff.deadline) {
		ff.due = ff.deadline
	}
	if ff.timer == nil {
		ff.timer = time.AfterFunc(ff.due.Sub(now), ff.tick)
		return
	}
	ff.timer.Reset(ff.due.Sub(now))
}

// sayUnexpected returns what logs replies that do not match.
func sayUnexpected(log *throttledlog.Log) func(server netip.AddrPort, why string) {
	return func(server netip.AddrPort, why string) {
		log.Say(func() []any { return []any{"server", server, "why", why} })
	}
}
