package recursor

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// flightKey is what makes two questions one: what a server is asked.
type flightKey struct {
	name   string // wire form in lower case
	kind   wire.Type
	do, cd bool
}

// flight is a question on its way, and all who wait for its answer. It has no
// goroutine: what comes of a server asked, or the time that is over, moves it
// on (ask.go). It is used again for another question once nobody refers to it.
type flight struct {
	f     *Forwarder
	key   flightKey
	names [2][wire.MaxNameLen]byte // what key and question borrow from

	askers int          // under the forwarder's lock
	uses   atomic.Int32 // askers, tries that are open, and others who will look at it

	over   chan struct{} // closed once there is an answer or an error
	answer *answer
	err    error

	mu       sync.Mutex // taken before the forwarder's
	isOver   bool
	hasTurn  bool // it is one of those in flight
	question wire.Question
	deadline time.Time
	due      time.Time // when the timer moves it on
	timer    *time.Timer
	budget   *upstream.Budget
	tries    []*try // those beyond the length are for later
	open     int    // tries that have no result yet
	heard    func() // for upstream.Query.Progress
	blame    blame
	scrubber scrubber
}

// newFlight returns a flight that may be taken.
func (f *Forwarder) newFlight() *flight {
	if fl, ok := f.landed.Get().(*flight); ok {
		return fl
	}
	fl := &flight{f: f}
	fl.heard = fl.noteProgress
	return fl
}

// take makes fl the flight of the question of x.
func (fl *flight) take(x *names.Exchange, now time.Time) {
	fl.mu.Lock() // the timer may have been stopped too late
	defer fl.mu.Unlock()
	fl.isOver, fl.hasTurn = false, false
	fl.deadline = now.Add(fl.f.config.Timeout)
	fl.due = fl.deadline
	q := x.Query.Question
	folded, _, _ := wire.BorrowName(q.Name.AppendFolded(fl.names[0][:0])) // it was read once
	fl.key = flightKey{folded.Wire(), q.Type, x.DO(), x.Query.Header.Flags.Has(wire.FlagCD)}
	fl.question = q
	fl.question.Name, _, _ = wire.BorrowName(q.Name.AppendTo(fl.names[1][:0]))
}

// release lets go of fl. Whoever is last leaves it for another question.
func (fl *flight) release() {
	if fl.uses.Add(-1) > 0 {
		return
	}
	fl.answer, fl.err, fl.blame = nil, nil, blame{}
	fl.tries = fl.tries[:0]
	fl.f.landed.Put(fl)
}

// join returns the flight with the question of x: one that is on its way, or a
// new one. Whoever joins has to leave.
func (f *Forwarder) join(x *names.Exchange, now time.Time) (*flight, error) {
	fl := f.newFlight()
	fl.take(x, now)
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil, errClosed
	}
	if other := f.flights[fl.key]; other != nil {
		other.askers++
		other.uses.Add(1)
		f.mu.Unlock()
		f.landed.Put(fl)
		return other, nil
	}
	fl.askers = 1
	fl.uses.Store(1)
	fl.over = make(chan struct{})
	f.flights[fl.key] = fl
	f.mu.Unlock()
	fl.begin(now)
	return fl, nil
}

// leave ends the flight where nobody waits for it any more.
func (f *Forwarder) leave(fl *flight) {
	f.mu.Lock()
	fl.askers--
	isLast := fl.askers == 0
	if isLast {
		f.forget(fl)
	}
	f.mu.Unlock()
	if isLast {
		fl.abandon()
	}
	fl.release()
}

// forget takes a flight out of those that can be joined.
func (f *Forwarder) forget(fl *flight) {
	if f.flights[fl.key] == fl {
		delete(f.flights, fl.key)
	}
}

// begin starts the flight, now or when its turn comes.
func (fl *flight) begin(now time.Time) {
	f := fl.f
	select {
	case f.slots <- struct{}{}:
		fl.start(now)
		return
	default:
	}
	fl.mu.Lock()
	fl.wakeAfter(now, f.config.Timeout)
	fl.mu.Unlock()
	fl.uses.Add(1)
	if f.run(fl.awaitTurn) {
		return
	}
	fl.mu.Lock()
	fl.land(nil, errClosed, context.Canceled)
	fl.mu.Unlock()
	fl.release()
}

// awaitTurn starts the flight when another has landed.
func (fl *flight) awaitTurn() {
	defer fl.release()
	select {
	case fl.f.slots <- struct{}{}:
		fl.start(time.Now())
	case <-fl.over:
	}
}

// land ends the flight: with an answer, or err. What servers are still asked
// is cancelled because of why. fl is locked.
func (fl *flight) land(a *answer, err error, why error) {
	if fl.isOver {
		return
	}
	fl.isOver, fl.answer, fl.err = true, a, err
	if fl.timer != nil {
		fl.timer.Stop()
	}
	for _, t := range fl.tries {
		if t.isTrial {
			t.server.probed()
		}
		if !t.isDone && t.asking.Cancel(why) {
			t.server.dropped()
			fl.uses.Add(-1) // its; the caller's is left
		}
	}
	f := fl.f
	f.mu.Lock()
	f.forget(fl)
	f.mu.Unlock()
	if fl.hasTurn {
		<-f.slots
	}
	close(fl.over)
}

// abandon ends the flight because nobody waits for it.
func (fl *flight) abandon() {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if !fl.isOver {
		fl.noteSilence(time.Now())
		fl.land(nil, context.Canceled, context.Canceled)
	}
}

// wakeAfter has the timer move fl on after d, or at the deadline. fl is locked.
func (fl *flight) wakeAfter(now time.Time, d time.Duration) {
	fl.due = now.Add(d)
	if fl.due.After(fl.deadline) {
		fl.due = fl.deadline
	}
	if fl.timer == nil {
		fl.timer = time.AfterFunc(fl.due.Sub(now), fl.tick)
		return
	}
	fl.timer.Reset(fl.due.Sub(now))
}

// unexpected logs replies that do not match, at most one a second, and counts
// the others.
type unexpected struct {
	log  *slog.Logger
	next atomic.Int64 // when one may be logged again, in nanoseconds since 1970
	held atomic.Int64
}

func (u *unexpected) say(server netip.AddrPort, why string) {
	now := time.Now()
	next := u.next.Load()
	if now.UnixNano() < next || !u.next.CompareAndSwap(next, now.Add(time.Second).UnixNano()) {
		u.held.Add(1)
		return
	}
	u.log.Debug("reply does not match", "server", server, "why", why, "held_back", u.held.Swap(0))
}
