package recursor

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/wire"
)

// inquiryKey is what makes two questions one. DNSSEC records are always asked
// for, whoever wants them.
type inquiryKey struct {
	name  string // wire form in lower case
	kind  wire.Type
	trace uint64 // not 0: traced, and nobody else's
}

func inquiryKeyOf(q wire.Question) inquiryKey {
	return inquiryKey{name: q.Name.Fold().Wire(), kind: q.Type}
}

// inquiry is a question that is being resolved, and all who wait for its
// answer: clients, and other resolutions that have to know where a name server
// is.
type inquiry struct {
	key      inquiryKey
	question wire.Question
	depth    int // how many inquiries wait for this one, one for another, to the client's
	budget   *budget
	own      budget // budget points here for a client's question
	trace    *tracer
	deadline time.Time

	// Under the recursor's lock.
	askers   int
	waitsFor []*inquiry

	started   atomic.Bool   // somebody works on it
	abandoned chan struct{} // closed once nobody waits for the answer any more
	landed    chan struct{} // closed once there is an answer or an error
	answer    *answer
	err       error
}

// inquire resolves a client's question, together with all who ask the same. It
// returns when ctx is done, unless it has begun the work itself and others wait
// for the same answer.
func (r *Recursor) inquire(ctx context.Context, q wire.Question) (*answer, error) {
	q.Name = q.Name.Clone()
	in, isMine, err := r.joinOrBegin(ctx, q)
	if err != nil {
		return nil, err
	}
	if isMine {
		r.resolveFor(ctx, in)
	} else {
		defer r.leave(in)
	}
	select {
	case <-in.landed:
		if in.err == errAbandoned && ctx.Err() != nil {
			return nil, tooLate(ctx)
		}
		return in.answer, in.err
	case <-ctx.Done():
		return nil, tooLate(ctx)
	}
}

func tooLate(ctx context.Context) error {
	return &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "no answer in time", Err: ctx.Err()}
}

// joinOrBegin returns the inquiry with a client's question, which is worked on
// when its turn comes: by the caller, who then has a slot, where isMine says so.
func (r *Recursor) joinOrBegin(ctx context.Context, q wire.Question) (in *inquiry, isMine bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, isNew, err := r.join(q, nil)
	if err != nil || !isNew {
		return in, false, err
	}
	if deadline, ok := ctx.Deadline(); !ok || !deadline.Before(in.deadline) {
		select {
		case r.slots <- struct{}{}:
			r.done.Add(1) // under the lock: the recursor is not closed meanwhile
			return in, true, nil
		default:
		}
	}
	r.workers.Do(func() {
		if r.takeSlot(in) {
			r.resolve(in)
			<-r.slots
		}
	})
	return in, false, nil
}

// resolveFor does the work of an inquiry that is the caller's, and leaves it.
func (r *Recursor) resolveFor(ctx context.Context, in *inquiry) {
	defer r.done.Done()
	stop := context.AfterFunc(ctx, func() { r.leave(in) })
	r.resolve(in)
	<-r.slots
	if stop() {
		r.leave(in)
	}
}

// takeSlot waits for the turn of an inquiry. It reports whether that has come.
func (r *Recursor) takeSlot(in *inquiry) bool {
	select {
	case r.slots <- struct{}{}:
		return true
	default:
	}
	timer := time.NewTimer(time.Until(in.deadline))
	defer timer.Stop()
	select {
	case r.slots <- struct{}{}:
		return true
	case <-in.landed: // somebody else's question has waited for it
	case <-in.abandoned:
		r.giveUp(in)
	case <-timer.C:
		r.giveUp(in)
	}
	return false
}

// errCircle is returned where an inquiry would have to wait for itself.
var errCircle = errors.New("it takes its own answer to find it")

// errAbandoned is returned where nobody waits for an answer any more.
var errAbandoned = errors.New("nobody waits for the answer")

// errRecent is returned where the same question has failed a moment ago.
var errRecent = errors.New("the question has just failed")

// inquireFor resolves a question whose answer another inquiry needs, as long as
// that is so: until stop is closed. It costs what that one may.
func (r *Recursor) inquireFor(parent *inquiry, q wire.Question, stop <-chan struct{}) (*answer, error) {
	if parent.depth >= maxDepth {
		return nil, errDepth
	}
	for {
		in, isNew, err := r.joinFor(parent, q)
		if err != nil {
			return nil, err
		}
		// Without waiting for its turn, even if it has been waiting for that: all
		// turns may be taken by those who wait for this. It ends in time by itself.
		if !in.started.Load() {
			r.workers.Do(func() { r.resolve(in) })
		}
		select {
		case <-in.landed:
			r.leaveFor(parent, in)
			if !isNew && errors.Is(in.err, errExhausted) {
				continue // that was the other one's misfortune
			}
			return in.answer, in.err
		case <-stop:
			r.leaveFor(parent, in)
			return nil, errAbandoned
		}
	}
}

// joinFor is join for an inquiry that is to wait for another, but not for
// itself.
func (r *Recursor) joinFor(parent *inquiry, q wire.Question) (in *inquiry, isNew bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if in, isNew, err = r.join(q, parent); err != nil {
		return nil, false, err
	}
	left := maxReached
	if in.reaches(parent, &left) {
		in.askers-- // never the last: the inquiry waits for somebody who asks
		return nil, false, errCircle
	}
	parent.waitsFor = append(parent.waitsFor, in)
	return in, isNew, nil
}

func (r *Recursor) leaveFor(parent, in *inquiry) {
	r.leave(in)
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(parent.waitsFor, in); i >= 0 {
		parent.waitsFor = slices.Delete(parent.waitsFor, i, i+1)
	}
}

// join returns the inquiry with that question: one that is on its way, or a
// new one, which the caller has to start. Whoever joins has to leave. The
// recursor is locked.
func (r *Recursor) join(q wire.Question, parent *inquiry) (in *inquiry, isNew bool, err error) {
	if r.closed {
		return nil, false, errClosed
	}
	key := inquiryKeyOf(q)
	isTraced := parent != nil && parent.trace != nil
	if in := r.inquiries[key]; in != nil && !isTraced {
		in.askers++
		return in, false, nil
	}
	if parent != nil && !isTraced {
		if f, ok := r.failed[key]; ok && time.Now().Before(f.until) {
			return nil, false, errRecent // RFC 9520 3.2
		}
	}
	in = &inquiry{key: key, question: q, askers: 1, abandoned: make(chan struct{}), landed: make(chan struct{})}
	if parent == nil {
		in.deadline = time.Now().Add(r.config.Timeout)
		in.budget = in.own.begin()
	} else {
		in.deadline, in.budget, in.depth, in.trace = parent.deadline, parent.budget, parent.depth+1, parent.trace
	}
	r.add(in)
	return in, true, nil
}

// add makes an inquiry one of those that are on their way. The recursor is
// locked.
func (r *Recursor) add(in *inquiry) {
	if in.trace != nil {
		r.traces++
		in.key.trace = r.traces
	}
	r.inquiries[in.key] = in
}

// maxReached is how many inquiries are looked at to find out whether one waits
// for another. Where there are more, it is taken for granted.
const maxReached = 256

// reaches reports whether in is other or waits for it, by way of others too.
// The recursor is locked.
func (in *inquiry) reaches(other *inquiry, left *int) bool {
	if *left--; in == other || *left < 0 {
		return true
	}
	for _, next := range in.waitsFor {
		if next.reaches(other, left) {
			return true
		}
	}
	return false
}

// resolve does the work of an inquiry, unless somebody does it already.
func (r *Recursor) resolve(in *inquiry) {
	if !in.started.CompareAndSwap(false, true) {
		return
	}
	defer func() {
		if p := recover(); p != nil {
			r.config.Log.Error("a question has made the recursor panic", "question", in.question.String(), "panic", p, "stack", string(debug.Stack()))
			r.land(in, nil, errPanic)
		}
	}()
	a, err := newResolution(r, in).run()
	r.land(in, a, err)
}

// errPanic is what askers are told where the fault is ours.
var errPanic = &Failure{Code: wire.ExtendedErrorOther, Text: "internal error"}

// giveUp ends an inquiry whose turn has not come in time.
func (r *Recursor) giveUp(in *inquiry) {
	if in.started.CompareAndSwap(false, true) {
		r.land(in, nil, errTooMany)
	}
}

// land ends an inquiry.
func (r *Recursor) land(in *inquiry, a *answer, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil && r.closed {
		err = errClosed
	}
	in.answer, in.err = a, err
	if in.depth > 0 && err != nil && in.askers > 0 && isLasting(err) {
		r.rememberFailure(in.key)
	}
	r.forget(in)
	close(in.landed)
}

// leave ends the inquiry where nobody waits for it any more.
func (r *Recursor) leave(in *inquiry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if in.askers--; in.askers == 0 {
		r.abandon(in)
	}
}

// abandon ends an inquiry that has not landed. The recursor is locked.
func (r *Recursor) abandon(in *inquiry) {
	if r.forget(in) {
		close(in.abandoned)
	}
}

// forget takes an inquiry out of those that can be joined. It reports whether
// it was one. The recursor is locked.
func (r *Recursor) forget(in *inquiry) bool {
	if r.inquiries[in.key] != in {
		return false
	}
	delete(r.inquiries, in.key)
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

// rememberFailure notes that a question got no answer. The recursor is locked.
func (r *Recursor) rememberFailure(key inquiryKey) {
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
// before their time is over, for they are of no use, and notes that it is: the
// more often that was in vain, the longer it is not done again.
func (r *Recursor) mayRenew(zone string) bool {
	key := inquiryKey{name: zone} // nobody asks for type 0
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, ok := r.failed[key]; ok && time.Now().Before(f.until) {
		return false
	}
	r.rememberFailure(key)
	return true
}

// isLasting reports whether a question that failed so will fail again: not
// where it was given up, or belonged to a client's question that has cost all
// it may.
func isLasting(err error) bool {
	return !errors.Is(err, errExhausted) && !errors.Is(err, errClosed)
}
