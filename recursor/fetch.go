package recursor

import (
	"context"
	"errors"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/shares"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// fetchKey is what makes two questions one. DNSSEC records are always asked
// for, whatever the client wants.
type fetchKey struct {
	name  string // wire form in lower case
	kind  wire.Type
	trace uint64 // not 0: traced, and shared with no other query
	// glueOf is set if only the servers of the zone above this one are asked,
	// for the address of a name server in it; in lower case, wire form.
	glueOf string
	// unchecked: the answer is not validated: it is for validation itself, for
	// a client that set CD, or the address of a name server.
	unchecked bool
	// again is set if what was had before is bogus: the servers that sent it, for
	// they are not asked. See servers.
	again string
}

func fetchKeyOf(q wire.Question) fetchKey {
	return fetchKey{name: q.Name.Fold().Wire(), kind: q.Type}
}

// fetch is a query that is being resolved, and the callers that wait for its
// answer: clients, and other resolutions that have to know where a name server
// is.
type fetch struct {
	key      fetchKey
	question wire.Question
	depth    int // how many fetches wait for this one, one for another, to the client's
	budget   *budget
	own      budget // budget points here for a client's question
	trace    *tracer
	deadline time.Time

	// Under the recursor's lock.
	turn
	waiters  int
	waitsFor []*fetch
	// here is one of them that is resolved by the goroutine of this one. It is left when this
	// one is abandoned.
	here        *fetch
	isAbandoned bool

	came chan struct{} // closed when its turn has come, if it has to wait for that

	started   atomic.Bool   // a goroutine works on it
	abandoned chan struct{} // closed when no caller waits for the answer any longer
	over      chan struct{} // closed once there is an answer or an error
	answer    *answer
	err       error
}

// fetchAnswer resolves a client's question, together with all equal queries. It
// returns when ctx is done, unless it has begun the work itself and others wait
// for the same answer.
func (r *Recursor) fetchAnswer(ctx context.Context, key fetchKey, q wire.Question, client netip.Addr) (*answer, error) {
	q.Name = q.Name.Clone()
	f, isMine, err := r.startFetch(ctx, key, q, client)
	if err != nil {
		return nil, err
	}
	if isMine {
		r.workFor(ctx, f)
	} else {
		defer r.leave(f)
	}
	select {
	case <-f.over:
		if f.err == errAbandoned && ctx.Err() != nil {
			return nil, tooLate(ctx)
		}
		return f.answer, f.err
	case <-ctx.Done():
		return nil, tooLate(ctx)
	}
}

func tooLate(ctx context.Context) error {
	return &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "no answer in time", Err: ctx.Err()}
}

// startFetch returns the fetch with a client's question, which is worked on
// when its turn comes: by the caller, whose turn it is then, if isMine says so.
func (r *Recursor) startFetch(ctx context.Context, key fetchKey, q wire.Question, client netip.Addr) (f *fetch, isMine bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, isNew, err := r.join(key, q, nil)
	if err != nil || !isNew {
		return f, false, err
	}
	if client.IsValid() {
		f.keys = append(f.keySpace[:0], shares.OfClient(r.seed, client))
	}
	now, later := r.turns.enter(f)
	deadline, hasDeadline := ctx.Deadline()
	switch {
	case now && !(hasDeadline && deadline.Before(f.deadline)):
		r.done.Add(1) // under the lock: the recursor is not closed meanwhile
		return f, true, nil
	case now:
		r.workers.Do(func() {
			r.resolve(f)
			r.endTurn(f)
		})
	case later:
		f.came = make(chan struct{})
		r.workers.Do(func() {
			if r.awaitTurn(f) {
				r.resolve(f)
			}
			r.endTurn(f)
		})
	default:
		r.forget(f)
		return nil, false, errShare
	}
	return f, false, nil
}

// workFor does the work of a fetch that is the caller's, and leaves it.
func (r *Recursor) workFor(ctx context.Context, f *fetch) {
	defer r.done.Done()
	stop := context.AfterFunc(ctx, func() { r.leave(f) })
	r.resolve(f)
	r.endTurn(f)
	if stop() {
		r.leave(f)
	}
}

// awaitTurn waits for the turn of a fetch. It reports whether that has come.
func (r *Recursor) awaitTurn(f *fetch) bool {
	timer := time.NewTimer(time.Until(f.deadline))
	defer timer.Stop()
	select {
	case <-f.came:
		return true
	case <-f.over: // a fetch that needs it has started it
	case <-f.abandoned:
		r.giveUp(f)
	case <-timer.C:
		r.giveUp(f)
	}
	return false
}

// endTurn takes a fetch out of the queue, or lets the next one begin if its own
// turn has come.
func (r *Recursor) endTurn(f *fetch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.turns.leave(f) {
		return
	}
	if next, ok := r.turns.end(f); ok {
		close(next.came)
	}
}

// errCircle is returned if a fetch would have to wait for itself.
var errCircle = errors.New("resolution depends on its own result")

// errAbandoned is returned if no caller waits for the answer any longer.
var errAbandoned = errors.New("query cancelled by the client")

// errRecent is returned if the same question has failed a moment ago.
var errRecent = errors.New("the same query failed a moment ago")

// fetchFor resolves a question whose answer another fetch needs, as long as
// that is so: until stop is closed. It costs what that one may. The answer is not
// validated: where servers are need not be proved, for what they say is.
func (r *Recursor) fetchFor(parent *fetch, q wire.Question, stop <-chan struct{}) (*answer, error) {
	key := fetchKeyOf(q)
	key.unchecked = r.validate != nil
	return r.fetchByKey(parent, key, q, stop)
}

// fetchByKey is fetchFor with a key. If stop is nil it is the parent's own goroutine that
// needs the answer, and has nothing else to do: it resolves the question itself, as long as
// the parent is not abandoned.
func (r *Recursor) fetchByKey(parent *fetch, key fetchKey, q wire.Question, stop <-chan struct{}) (*answer, error) {
	if parent.depth >= maxDepth {
		r.counts.hit(LimitDepth)
		return nil, errDepth
	}
	for {
		isHere := stop == nil
		f, isNew, err := r.joinFor(parent, key, q, isHere)
		if err != nil {
			return nil, err
		}
		// Without waiting for its turn, even if it has been waiting for that: all
		// slots may be held by fetches that wait for this one. It ends in time by itself.
		switch {
		case f.started.Load():
		case isHere:
			r.resolve(f)
		default:
			r.workers.Do(func() { r.resolve(f) })
		}
		over := stop
		if isHere {
			over = parent.abandoned
		}
		select {
		case <-f.over:
			r.leaveFor(parent, f, isHere)
			if !isNew && errors.Is(f.err, errExhausted) {
				continue // the other query ran out of budget; ours has not
			}
			return f.answer, f.err
		case <-over:
			r.leaveFor(parent, f, isHere)
			return nil, errAbandoned
		}
	}
}

// joinFor is join for a fetch that is to wait for another, but not for
// itself. isHere: its goroutine may resolve that.
func (r *Recursor) joinFor(parent *fetch, key fetchKey, q wire.Question, isHere bool) (f *fetch, isNew bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if isHere && parent.isAbandoned {
		return nil, false, errAbandoned
	}
	if f, isNew, err = r.join(key, q, parent); err != nil {
		return nil, false, err
	}
	left := maxReached
	if f.reaches(parent, &left) {
		f.waiters-- // never the last caller: the fetch that would wait for itself has one
		return nil, false, errCircle
	}
	parent.waitsFor = append(parent.waitsFor, f)
	if isHere {
		parent.here = f
	}
	return f, isNew, nil
}

func (r *Recursor) leaveFor(parent, f *fetch, isHere bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !isHere || parent.here == f { // otherwise it was left when the parent was abandoned
		r.leaveLocked(f)
	}
	if isHere {
		parent.here = nil
	}
	if i := slices.Index(parent.waitsFor, f); i >= 0 {
		parent.waitsFor = slices.Delete(parent.waitsFor, i, i+1)
	}
}

// join returns the fetch with that question: one that is on its way, or a
// new one, which the caller has to start. Each caller that joins has to leave. The
// recursor is locked.
func (r *Recursor) join(key fetchKey, q wire.Question, parent *fetch) (f *fetch, isNew bool, err error) {
	if r.closed {
		return nil, false, errClosed
	}
	isTraced := parent != nil && parent.trace != nil
	if f := r.fetches[key]; f != nil && !isTraced {
		f.waiters++
		return f, false, nil
	}
	if parent != nil && !isTraced {
		if f, ok := r.failed[key]; ok && time.Now().Before(f.until) {
			return nil, false, errRecent // RFC 9520 3.2
		}
	}
	f = &fetch{key: key, question: q, waiters: 1, abandoned: make(chan struct{}), over: make(chan struct{})}
	if parent == nil {
		f.deadline = time.Now().Add(r.config.Timeout)
		f.budget = f.own.begin(&r.counts)
	} else {
		f.deadline, f.budget, f.depth, f.trace = parent.deadline, parent.budget, parent.depth+1, parent.trace
	}
	r.add(f)
	return f, true, nil
}

// add makes a fetch one of those that are on their way. The recursor is
// locked.
func (r *Recursor) add(f *fetch) {
	if f.trace != nil {
		r.traces++
		f.key.trace = r.traces
	}
	r.fetches[f.key] = f
}

// maxReached is how many fetches are looked at to find out whether one waits
// for another. If there are more, it is taken for granted.
const maxReached = 256

// reaches reports whether in is other or waits for it, by way of others too.
// The recursor is locked.
func (f *fetch) reaches(other *fetch, left *int) bool {
	if *left--; f == other || *left < 0 {
		return true
	}
	for _, next := range f.waitsFor {
		if next.reaches(other, left) {
			return true
		}
	}
	return false
}

// resolve does the work of a fetch, unless another goroutine does it already.
func (r *Recursor) resolve(f *fetch) {
	if !f.started.CompareAndSwap(false, true) {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			r.config.Log.Error("panic while resolving a query", "question", f.question.String(), "panic", p, "stack", string(debug.Stack()))
			r.finish(f, nil, errPanic)
		}
	}()
	a, err := newResolution(r, f).run()
	r.finish(f, a, err)
}

// errPanic is the failure for clients after a panic.
var errPanic = &Failure{Code: wire.ExtendedErrorOther, Text: "internal error"}

// giveUp ends a fetch whose turn has not come in time.
func (r *Recursor) giveUp(f *fetch) {
	if f.started.CompareAndSwap(false, true) {
		r.finish(f, nil, errTooMany)
	}
}

// finish ends a fetch.
func (r *Recursor) finish(f *fetch, a *answer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && r.closed {
		err = errClosed
	}
	f.answer, f.err = a, err
	if f.depth > 0 && err != nil && f.waiters > 0 && isLasting(err) {
		r.rememberFailure(f.key)
	}
	r.forget(f)
	close(f.over)
}

// leave removes a caller from the fetch, and ends it after the last one.
func (r *Recursor) leave(f *fetch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaveLocked(f)
}

func (r *Recursor) leaveLocked(f *fetch) {
	if f.waiters--; f.waiters == 0 {
		r.abandon(f)
	}
}

// abandon ends a fetch that has not ended. The recursor is locked.
func (r *Recursor) abandon(f *fetch) {
	if !r.forget(f) {
		return
	}
	f.isAbandoned = true
	close(f.abandoned)
	if needed := f.here; needed != nil {
		f.here = nil
		r.leaveLocked(needed)
	}
}

// forget takes a fetch out of those that can be joined. It reports whether
// it was one. The recursor is locked.
func (r *Recursor) forget(f *fetch) bool {
	if r.fetches[f.key] != f {
		return false
	}
	delete(r.fetches, f.key)
	return true
}

// failed is a question of our own that got no answer.
type failed struct {
	until time.Time
	times int // in a row
}

const (
	// A question that got no answer is left alone for that long, and for
	// twice as long each time it happens again (RFC 9520 3.2).
	failureTime    = 5 * time.Second
	maxFailureTime = 5 * time.Minute
	// maxFailed is how many such questions are remembered.
	maxFailed = 8192
)

// rememberFailure records that a query got no answer. The recursor is locked.
func (r *Recursor) rememberFailure(key fetchKey) {
	now := time.Now()
	f := r.failed[key]
	if now.Sub(f.until) > maxFailureTime {
		f.times = 0
	}
	f.until = now.Add(min(failureTime<<min(f.times, 10), maxFailureTime))
	f.times++
	if len(r.failed) >= maxFailed {
		for other := range r.failed { // any: they come in random order
			delete(r.failed, other)
			break
		}
	}
	r.failed[key] = f
}

// mayRenew reports whether the parent of a zone is to be asked for its servers
// before they expire, because they are useless, and records that it is: the
// more often that was in vain, the longer it is not done again.
func (r *Recursor) mayRenew(zone string) bool {
	key := fetchKey{name: zone} // no query is for type 0
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, ok := r.failed[key]; ok && time.Now().Before(f.until) {
		return false
	}
	r.rememberFailure(key)
	return true
}

// isLasting reports whether a question that failed so will fail again: not
// if it was given up, belonged to a client's question that has cost all it may,
// could not be sent at all, or had too many others before it.
func isLasting(err error) bool {
	return !errors.Is(err, errExhausted) && !errors.Is(err, errClosed) && !errors.Is(err, errUnsent) && !errors.Is(err, names.ErrBusy)
}
