package recursor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// forwardAttempt is a server asked once.
type forwardAttempt struct {
	attempt
	fetch   *forwardFetch
	request upstream.Request
}

// recheck is how often servers that have all been asked are looked at: they
// may turn out to be dead.
const recheck = 500 * time.Millisecond

// A fetch is in one of these states: its turn has not come; a server is asked
// and its time is not over; its time is over and the next one is asked as
// well; it is over. What moves it on is its turn (start), a reply or a failure
// ([forwardAttempt.done]), a server that says that it takes longer (recordProgress), and time
// (tick). These lock it; what they call has it locked.

// start asks the first server: the fetch's turn has come.
func (ff *forwardFetch) start(now time.Time) {
	ff.mu.Lock()
	defer ff.unlock()
	if ff.isOver {
		ff.f.mu.Lock()
		ff.f.endTurn(ff)
		ff.f.mu.Unlock()
		return
	}
	ff.hasTurn = true
	ff.budget = newBudget(ff.f.config.Attempts)
	if !ff.next(now) {
		ff.fail(errAllDead)
	}
}

// done takes the result of an attempt.
func (t *forwardAttempt) done(r *upstream.Reply, err error) {
	now := time.Now()
	t.server.report(r, err, now)
	t.server.dropped()
	ff := t.fetch
	ff.mu.Lock()
	if ff.isOver {
		ff.f.counts.came(unused)
	} else {
		t.isOver = true
		ff.open--
		if a := ff.judge(t.server, r, err); a != nil {
			ff.finish(a, nil, context.Canceled)
		} else if !ff.next(now) && ff.open == 0 {
			ff.fail(errAllDead)
		}
	}
	ff.unlock()
	ff.release()
}

// recordProgress gives the server that was heard more time.
func (ff *forwardFetch) recordProgress() {
	ff.mu.Lock()
	defer ff.unlock()
	if !ff.isOver && ff.hasTurn { // a server may say so just when the attempt is cancelled
		ff.wakeAfter(time.Now(), maxPatience)
	}
}

// tick moves the fetch on when its time has come.
func (ff *forwardFetch) tick() {
	ff.mu.Lock()
	defer ff.unlock()
	now := time.Now()
	switch {
	case ff.isOver || now.Before(ff.due): // another was meant, or it was too late to stop this one
		return
	case !ff.hasTurn:
		ff.finish(nil, errTooMany, context.DeadlineExceeded)
		return
	}
	dead := recordSilence(ff.attempts, now)
	switch {
	case !now.Before(ff.deadline):
		ff.blame.add(nil, context.DeadlineExceeded, rankSilence, wire.ExtendedErrorNoReachableAuthority, "no upstream server answered in time")
		ff.fail(errAllDead)
	case ff.next(now):
	case dead || ff.open == 0:
		ff.fail(errAllDead)
	default:
		ff.wakeAfter(now, recheck)
	}
}

// fail ends the fetch with what the servers failed at, or otherwise if nothing
// is known.
func (ff *forwardFetch) fail(otherwise *Failure) {
	err := ff.blame.failure()
	if err == nil {
		err = otherwise
	}
	ff.finish(nil, err, context.DeadlineExceeded)
}

// next asks the server that is likely to answer first, those before those that
// were asked already, and sets the timer for the one after it. It returns false
// if there is no server to ask.
func (ff *forwardFetch) next(now time.Time) bool {
	for {
		t, patience := ff.choose(now)
		if t == nil {
			return false
		}
		err := t.start()
		if err == nil {
			ff.wakeAfter(now, patience)
			return true
		}
		t.server.report(&upstream.Reply{}, err, now)
		t.server.dropped()
		t.isOver = true
		ff.open--
		ff.uses.Add(-1) // a client waits, or it would be over
		ff.judge(t.server, nil, err)
	}
}

// choose returns the next attempt, nil if there is no server to ask, and how long to
// wait before the one after it.
func (ff *forwardFetch) choose(now time.Time) (t *forwardAttempt, patience time.Duration) {
	if len(ff.attempts) == ff.f.config.Attempts {
		return nil, 0
	}
	servers := without(ff.f.routes.Load().route(ff.question), ff.tried)
	c := choose(servers, ff.attempts, now, chooser{blame: &ff.blame, counts: &ff.f.counts})
	if len(ff.attempts) == 0 {
		ff.explore(servers, c.best, now)
	}
	switch {
	case c.best != nil:
		return ff.newAttempt(c.best, now, false), c.patience(0)
	case c.due != nil && c.due.startTrial(now):
		return ff.newAttempt(c.due, now, true), c.due.trial
	}
	return nil, 0
}

// newAttempt records that s is asked.
func (ff *forwardFetch) newAttempt(s *server, now time.Time, isTrial bool) *forwardAttempt {
	slot := nextSlot(&ff.attempts)
	if *slot == nil {
		*slot = &forwardAttempt{fetch: ff}
		(*slot).request.Done = (*slot).done
	}
	t := *slot
	t.attempt = attempt{server: s, sent: now, isTrial: isTrial}
	ff.open++
	ff.uses.Add(1)
	s.asked(now)
	ff.f.counts.asked(s, ff.question)
	return t
}

// start asks the server of t.
func (t *forwardAttempt) start() error {
	t.request.Query = t.fetch.query()
	return t.request.Start(t.server.Server)
}

// query is what servers are asked.
func (ff *forwardFetch) query() upstream.Query {
	q := upstream.Query{
		Question: ff.question,
		Flags:    wire.FlagRD | wire.FlagAD, // RFC 6840 5.7: the client may want to know
		DO:       ff.key.do,
		Budget:   ff.budget,
		Progress: ff.heard,
	}
	if ff.key.cd {
		q.Flags |= wire.FlagCD
	}
	return q
}

// explorations is one in how many questions is asked of another server too, to
// see how it fares.
const explorations = 16

// explore asks servers whose condition is not known in the background. What
// they say changes nothing for this question.
func (ff *forwardFetch) explore(servers []*server, best *server, now time.Time) {
	for _, s := range servers {
		if s == best || s.isTooFast(now) {
			continue
		}
		switch s.condition(now) {
		case isAlive:
			if s.score() > 0 && rand.IntN(explorations) != 0 {
				continue
			}
		case isDue:
			if best == nil && s.mayTry(now) {
				continue // the question itself shows what it is
			}
		case isDead:
			continue
		}
		if s.mayProbe(now) {
			s.countQuery(now)
			ff.f.probe(s, ff.query())
		}
	}
}

// probe asks s a question in the background to see how it fares.
func (f *Forwarder) probe(s *server, q upstream.Query) {
	q.Question.Name = q.Question.Name.Clone() // the fetch may end before
	q.Budget, q.Progress = newBudget(1), nil
	if !f.run(func() {
		ctx, cancel := context.WithTimeout(f.context, probeTimeout)
		defer cancel()
		f.counts.asked(s, q.Question)
		reply, err := s.Ask(ctx, &q)
		now := time.Now()
		f.counts.probed(s, q.Question, &reply, err)
		switch {
		case !s.report(&reply, err, now) && errors.Is(err, context.DeadlineExceeded):
			s.unmoved(now)
		case err == nil && isAnswer(reply.RCode):
			s.answered()
		}
		s.probed()
	}) {
		s.probed()
	}
}

// run runs g on a goroutine that Close waits for. It returns false, and does
// nothing, if the forwarder is closed.
func (f *Forwarder) run(g func()) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.done.Go(g)
	return true
}

// report notes what an answer, or its lack, says about s. It returns false
// if it says nothing.
func (s *server) report(reply *upstream.Reply, err error, now time.Time) bool {
	if reply.Heard {
		s.heard(now, reply.RTT)
		if err != nil {
			s.declined()
		}
		return true
	}
	if isNotSent(err) || errors.Is(err, upstream.ErrBudget) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if _, overTCP := errors.AsType[*upstream.TCPError](err); overTCP || isOfTheWay(err) {
		s.declined()
		return true
	}
	if s.Transport() != names.UDP && s.wasHeard(now) {
		s.declined() // a query that makes the server end a connection must not make it dead
		return true
	}
	s.failed(now, err)
	return true
}

// judge looks at what s said, or at why it did not. It returns the answer if it
// is one.
func (ff *forwardFetch) judge(s *server, r *upstream.Reply, err error) *answer {
	counts := &ff.f.counts
	if err != nil {
		counts.came(outcomeOf(err))
		ff.blame.add(s, err, rankNetwork, wire.ExtendedErrorNetworkError, "the upstream server cannot be reached")
		return nil
	}
	counts.received(s, ff.question, r)
	if !isAnswer(r.RCode) {
		counts.came(declined)
		s.declined()
		e := extendedError(r.Options)
		if e == nil {
			ff.blame.add(s, fmt.Errorf("answered %v", r.RCode), rankRCode, wire.ExtendedErrorNoReachableAuthority,
				"the upstream server answers "+r.RCode.String())
		} else {
			ff.blame.add(s, fmt.Errorf("answered %v: %s", r.RCode, e.AppendText(nil)), rankExplained, e.Code, e.Text)
		}
		return nil
	}
	a, err := ff.scrubber.scrub(r, ff.question, ff.key.do)
	if err == nil {
		ff.scrubber.stopAtOwn(&ff.f.own)
	}
	if err != nil {
		counts.came(invalid)
		s.declined()
		text := "the upstream server's reply is not an answer"
		if err == errMalformed {
			text = err.Error()
		}
		ff.blame.add(s, err, rankInvalid, wire.ExtendedErrorInvalidData, text)
		return nil
	}
	counts.came(usable)
	s.answered()
	a.server = s.Addr()
	a.isSecure = a.isSecure && s.trustAD // RFC 4035 4.9.3: only if the path to it is secure
	return a
}

// isAnswer reports whether r answers a question; all other RCODEs say that
// the server cannot or will not, and another may.
func isAnswer(r wire.RCode) bool {
	return r == wire.RCodeNoError || r == wire.RCodeNXDomain || r == wire.RCodeYXDomain
}

// How much a failure says, for clients.
const (
	rankSilence = iota + 1
	rankNetwork
	rankInvalid
	rankRCode
	rankExplained
)
