package recursor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// try is a server asked once.
type try struct {
	flight  *flight
	asking  upstream.Asking
	server  *server
	sent    time.Time
	isTrial bool
	isDone  bool // there is a result
}

// recheck is how often servers that have all been asked are looked at: they
// may turn out to be dead.
const recheck = 500 * time.Millisecond

// A flight is in one of these states: its turn has not come; a server is asked
// and its time is not over; its time is over and the next one is asked beside
// it; it has landed. What moves it on is its turn (start), a reply or a failure
// ([try.done]), a server that says that it takes longer (noteProgress), and time
// (tick). These lock it; what they call has it locked.

// start asks the first server: the flight's turn has come.
func (fl *flight) start(now time.Time) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if fl.isOver {
		<-fl.f.slots
		return
	}
	fl.hasTurn = true
	fl.budget = newBudget(fl.f.config.Attempts)
	if !fl.next(now) {
		fl.fail(errAllDead)
	}
}

// done takes the result of a try.
func (t *try) done(r *upstream.Reply, err error) {
	now := time.Now()
	t.server.report(r, err, now)
	t.server.dropped()
	fl := t.flight
	fl.mu.Lock()
	if !fl.isOver {
		t.isDone = true
		fl.open--
		if a := fl.judge(t.server, r, err); a != nil {
			fl.land(a, nil, context.Canceled)
		} else if !fl.next(now) && fl.open == 0 {
			fl.fail(errAllDead)
		}
	}
	fl.mu.Unlock()
	fl.release()
}

// noteProgress gives the server that was heard more time.
func (fl *flight) noteProgress() {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if !fl.isOver {
		fl.wakeAfter(time.Now(), maxPatience)
	}
}

// tick moves the flight on when its time has come.
func (fl *flight) tick() {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	now := time.Now()
	switch {
	case fl.isOver || now.Before(fl.due): // another was meant, or it was too late to stop this one
		return
	case !fl.hasTurn:
		fl.land(nil, errTooMany, context.DeadlineExceeded)
		return
	}
	dead := fl.noteSilence(now)
	switch {
	case !now.Before(fl.deadline):
		fl.blame.add(nil, context.DeadlineExceeded, rankSilence, wire.ExtendedErrorNoReachableAuthority, "no upstream server answered in time")
		fl.fail(errAllDead)
	case fl.next(now):
	case dead || fl.open == 0:
		fl.fail(errAllDead)
	default:
		fl.wakeAfter(now, recheck)
	}
}

// fail ends the flight with what the servers failed at, or otherwise if nothing
// is known.
func (fl *flight) fail(otherwise *Failure) {
	err := fl.blame.failure()
	if err == nil {
		err = otherwise
	}
	fl.land(nil, err, context.DeadlineExceeded)
}

// next asks the server that is likely to answer first, those before those that
// were asked already, and sets the timer for the one after it. It returns false
// if there is nobody to ask.
func (fl *flight) next(now time.Time) bool {
	for {
		t, patience := fl.choose(now)
		if t == nil {
			return false
		}
		err := t.start()
		if err == nil {
			fl.wakeAfter(now, patience)
			return true
		}
		t.server.report(&upstream.Reply{}, err, now)
		t.server.dropped()
		t.isDone = true
		fl.open--
		fl.uses.Add(-1) // somebody waits, or it would have landed
		fl.judge(t.server, nil, err)
	}
}

// choose returns the next try, nil if there is nobody to ask, and how long to
// wait before the one after it.
func (fl *flight) choose(now time.Time) (t *try, patience time.Duration) {
	if len(fl.tries) == fl.f.config.Attempts {
		return nil, 0
	}
	servers := fl.f.routes.Load().route(fl.question)
	var best, due *server
	var bestTries int
	var bestScore time.Duration
	others := 0 // live ones not asked yet, the best included
	for _, s := range servers {
		tries, hasFailed := fl.triesOf(s)
		if hasFailed {
			continue
		}
		switch s.condition(now) {
		case isDue:
			due = s
		case isAlive:
			if tries == 0 {
				others++
			}
			score := s.score()
			if best == nil || tries < bestTries || tries == bestTries && score < bestScore {
				best, bestTries, bestScore = s, tries, score
			}
		}
	}
	if len(fl.tries) == 0 {
		fl.explore(servers, best, now)
	}
	switch {
	case best != nil:
		patience = best.patience()
		if others <= 1 { // all have been asked now: it is the best one's turn again, unless it answers
			patience = max(patience, repeatPatience)
		}
		return fl.newTry(best, now, false), patience << bestTries
	case due != nil && due.startTrial(now):
		return fl.newTry(due, now, true), due.trial
	}
	return nil, 0
}

// newTry notes that s is asked.
func (fl *flight) newTry(s *server, now time.Time, isTrial bool) *try {
	n := len(fl.tries)
	if n < cap(fl.tries) {
		fl.tries = fl.tries[:n+1]
	} else {
		fl.tries = append(fl.tries, nil)
	}
	t := fl.tries[n]
	if t == nil {
		t = &try{flight: fl}
		t.asking.Done = t.done
		fl.tries[n] = t
	}
	t.server, t.sent, t.isTrial, t.isDone = s, now, isTrial, false
	fl.open++
	fl.uses.Add(1)
	s.asked()
	return t
}

// start asks the server of t.
func (t *try) start() error {
	t.asking.Query = t.flight.query()
	return t.asking.Start(t.server.Server)
}

// query is what servers are asked.
func (fl *flight) query() upstream.Query {
	q := upstream.Query{
		Question: fl.question,
		Flags:    wire.FlagRD | wire.FlagAD, // RFC 6840 5.7: whoever asks may want to know
		DO:       fl.key.do,
		Budget:   fl.budget,
		Progress: fl.heard,
	}
	if fl.key.cd {
		q.Flags |= wire.FlagCD
	}
	return q
}

// triesOf returns how often s was asked, and whether it has said that it does
// not know.
func (fl *flight) triesOf(s *server) (count int, hasFailed bool) {
	for _, t := range fl.tries {
		if t.server == s {
			count++
			hasFailed = hasFailed || t.isDone
		}
	}
	return count, hasFailed
}

// explorations is one in how many questions is asked of another server too, to
// see how it fares.
const explorations = 16

// explore asks servers whose condition is not known in the background. What
// they say changes nothing for this question.
func (fl *flight) explore(servers []*server, best *server, now time.Time) {
	for _, s := range servers {
		if s == best {
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
			fl.f.probe(s, fl.query())
		}
	}
}

// probe asks s a question in the background to see how it fares.
func (f *Forwarder) probe(s *server, q upstream.Query) {
	q.Question.Name = q.Question.Name.Clone() // the flight may land before
	q.Budget, q.Progress = newBudget(1), nil
	if !f.run(func() {
		ctx, cancel := context.WithTimeout(f.context, probeTimeout)
		defer cancel()
		reply, err := s.Ask(ctx, &q)
		now := time.Now()
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
// nothing, where the forwarder is closed.
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
// where it says nothing.
func (s *server) report(reply *upstream.Reply, err error, now time.Time) bool {
	if reply.Heard {
		s.heard(now, reply.RTT)
		if err != nil {
			s.declined()
		}
		return true
	}
	if _, notSent := errors.AsType[*upstream.NotSentError](err); notSent || errors.Is(err, upstream.ErrBudget) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if _, overTCP := errors.AsType[*upstream.TCPError](err); overTCP {
		s.declined()
		return true
	}
	s.failed(now, err)
	return true
}

// judge looks at what s said, or at why it did not. It returns the answer if it
// is one.
func (fl *flight) judge(s *server, r *upstream.Reply, err error) *answer {
	if err != nil {
		fl.blame.add(s, err, rankNetwork, wire.ExtendedErrorNetworkError, "the upstream server cannot be reached")
		return nil
	}
	if !isAnswer(r.RCode) {
		s.declined()
		e := extendedError(r.Options)
		if e == nil {
			fl.blame.add(s, fmt.Errorf("it answers %v", r.RCode), rankRCode, wire.ExtendedErrorNoReachableAuthority,
				"the upstream server answers "+r.RCode.String())
		} else {
			fl.blame.add(s, fmt.Errorf("it answers %v: %s", r.RCode, e.AppendText(nil)), rankExplained, e.Code, e.Text)
		}
		return nil
	}
	a, err := fl.scrubber.scrub(r, fl.question, fl.key.do)
	if err != nil {
		s.declined()
		fl.blame.add(s, err, rankInvalid, wire.ExtendedErrorInvalidData, "the upstream server's reply is no answer")
		return nil
	}
	s.answered()
	return a
}

// isAnswer reports whether r answers a question; all other RCODEs say that
// the server cannot or will not, and another may.
func isAnswer(r wire.RCode) bool {
	return r == wire.RCodeNoError || r == wire.RCodeNXDomain || r == wire.RCodeYXDomain
}

// noteSilence tells servers that have not answered that they should have. It
// reports whether all of them are dead.
func (fl *flight) noteSilence(now time.Time) bool {
	allDead := true
	for _, t := range fl.tries {
		if !t.isDone && !t.server.silent(t.sent, now, t.isTrial) {
			allDead = false
		}
	}
	return allDead
}

// How much a failure tells the asker.
const (
	rankSilence = iota + 1
	rankNetwork
	rankInvalid
	rankRCode
	rankExplained
)
