package recursor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// task is one question while servers are asked. Its states: a server is chosen
// and asked; then either a reply comes - it is the answer, or the next server
// is asked - or the server's time is over and the next one is asked beside it.
type task struct {
	f        *Forwarder
	question wire.Question
	do       bool
	query    upstream.Query

	tries    []try
	open     int // tries that have no result yet
	results  chan result
	progress chan struct{} // a server was heard, its answer takes longer
	failures []string      // for the operator: who failed, and why
	worst    *Failure      // for the asker: the failure that says most
	rank     int           // how much
}

// try is a server asked once.
type try struct {
	server  *server
	sent    time.Time
	isTrial bool
	over    bool // there is a result
}

// result is what came of a try.
type result struct {
	try   int
	reply upstream.Reply
	err   error
}

// recheck is how often servers that have all been asked are looked at: they
// may turn out to be dead.
const recheck = 500 * time.Millisecond

// ask gets the answer to a question. It returns when ctx is done at the latest.
func (f *Forwarder) ask(ctx context.Context, fl *flight) (*answer, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t := &task{
		f: f, question: fl.question, do: fl.key.do,
		results:  make(chan result, f.config.Attempts),
		progress: make(chan struct{}, 1),
	}
	t.query = upstream.Query{
		Question: fl.question,
		Flags:    wire.FlagRD | wire.FlagAD, // RFC 6840 5.7: whoever asks may want to know
		DO:       fl.key.do,
		Budget:   newBudget(f.config.Attempts),
		Progress: func() {
			select {
			case t.progress <- struct{}{}:
			default:
			}
		},
	}
	if fl.key.cd {
		t.query.Flags |= wire.FlagCD
	}
	return t.run(ctx)
}

func (t *task) run(ctx context.Context) (*answer, error) {
	defer t.end()
	patience, ok := t.next(ctx)
	if !ok {
		return nil, t.failure(errAllDead)
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case r := <-t.results:
			if a := t.take(r); a != nil {
				return a, nil
			}
			if patience, ok = t.next(ctx); ok {
				timer.Reset(patience)
			} else if t.open == 0 {
				return nil, t.failure(errAllDead)
			}
		case <-t.progress:
			timer.Reset(maxPatience)
		case <-timer.C:
			dead := t.noteSilence()
			patience, ok = t.next(ctx)
			switch {
			case ok:
				timer.Reset(patience)
			case dead:
				return nil, t.failure(errAllDead)
			default:
				timer.Reset(recheck)
			}
		case <-ctx.Done():
			t.noteSilence()
			t.fail(nil, context.Cause(ctx), rankSilence, wire.ExtendedErrorNoReachableAuthority, "no upstream server answered in time")
			return nil, t.failure(errAllDead)
		}
	}
}

// next asks the server that is likely to answer first, those before those that
// were asked already. It returns how long to wait before the next one; ok is
// false if there is nobody to ask.
func (t *task) next(ctx context.Context) (patience time.Duration, ok bool) {
	if len(t.tries) == t.f.config.Attempts || ctx.Err() != nil {
		return 0, false
	}
	now := time.Now()
	servers := t.f.routes.Load().route(t.question)
	var best, due *server
	var bestTries int
	var bestScore time.Duration
	others := 0 // live ones not asked yet, the best included
	for _, s := range servers {
		tries, hasFailed := t.triesOf(s)
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
	if len(t.tries) == 0 {
		t.explore(servers, best, now)
	}
	switch {
	case best != nil:
		t.launch(ctx, best, now, false)
		patience = best.patience()
		if others <= 1 { // all have been asked now: it is the best one's turn again, unless it answers
			patience = max(patience, repeatPatience)
		}
		return patience << bestTries, true
	case due != nil && due.startTrial(now):
		t.launch(ctx, due, now, true)
		return due.trial, true
	}
	return 0, false
}

// triesOf returns how often s was asked, and whether it has said that it does
// not know.
func (t *task) triesOf(s *server) (count int, hasFailed bool) {
	for i := range t.tries {
		if t.tries[i].server == s {
			count++
			hasFailed = hasFailed || t.tries[i].over
		}
	}
	return count, hasFailed
}

// explorations is one in how many questions is asked of another server too, to
// see how it fares.
const explorations = 16

// explore asks servers whose condition is not known in the background. What
// they say changes nothing for this question.
func (t *task) explore(servers []*server, best *server, now time.Time) {
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
			t.f.probe(s, t.query)
		}
	}
}

// probe asks s a question in the background to see how it fares.
func (f *Forwarder) probe(s *server, q upstream.Query) {
	q.Budget, q.Progress = newBudget(1), nil
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		s.probed()
		return
	}
	f.done.Go(func() {
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
	})
}

// launch asks s.
func (t *task) launch(ctx context.Context, s *server, now time.Time, isTrial bool) {
	i := len(t.tries)
	t.tries = append(t.tries, try{server: s, sent: now, isTrial: isTrial})
	t.open++
	s.asked()
	query := t.query
	t.f.done.Go(func() {
		reply, err := s.Ask(ctx, &query)
		s.report(&reply, err, time.Now())
		s.dropped()
		t.results <- result{i, reply, err} // has room for all
	})
}

// report notes what an answer, or its lack, says about s. It returns false
// where it says nothing.
func (s *server) report(reply *upstream.Reply, err error, now time.Time) bool {
	var notSent *upstream.NotSentError
	var overTCP *upstream.TCPError
	switch {
	case reply.Heard:
		s.heard(now, reply.RTT)
		if err != nil {
			s.declined()
		}
		return true
	case errors.As(err, &notSent), errors.Is(err, upstream.ErrBudget), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return false
	case errors.As(err, &overTCP):
		s.declined()
		return true
	}
	s.failed(now, err)
	return true
}

// take looks at a result. It returns the answer if it is one.
func (t *task) take(r result) *answer {
	try := &t.tries[r.try]
	try.over = true
	t.open--
	s := try.server
	if r.err != nil {
		t.fail(s, r.err, rankNetwork, wire.ExtendedErrorNetworkError, "the upstream server cannot be reached")
		return nil
	}
	if !isAnswer(r.reply.RCode) {
		s.declined()
		e := extendedError(r.reply.Options)
		if e == nil {
			t.fail(s, fmt.Errorf("it answers %v", r.reply.RCode), rankRCode, wire.ExtendedErrorNoReachableAuthority,
				"the upstream server answers "+r.reply.RCode.String())
		} else {
			t.fail(s, fmt.Errorf("it answers %v: %s", r.reply.RCode, e.AppendText(nil)), rankExplained, e.Code, e.Text)
		}
		return nil
	}
	a, err := scrub(&r.reply, t.question, t.do)
	if err != nil {
		s.declined()
		t.fail(s, err, rankInvalid, wire.ExtendedErrorInvalidData, "the upstream server's reply is no answer")
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
func (t *task) noteSilence() bool {
	now := time.Now()
	allDead := true
	for i := range t.tries {
		if try := &t.tries[i]; !try.over && !try.server.silent(try.sent, now, try.isTrial) {
			allDead = false
		}
	}
	return allDead
}

// end lets go of what the task holds.
func (t *task) end() {
	for i := range t.tries {
		if t.tries[i].isTrial {
			t.tries[i].server.probed()
		}
	}
}

// How much a failure tells the asker.
const (
	rankSilence = iota + 1
	rankNetwork
	rankInvalid
	rankRCode
	rankExplained
)

// fail notes a failure; s may be nil.
func (t *task) fail(s *server, err error, rank int, code wire.ExtendedErrorCode, text string) {
	why := err.Error()
	if s != nil {
		why = s.Addr().String() + ": " + why
	}
	t.failures = append(t.failures, why)
	if rank > t.rank {
		t.worst, t.rank = &Failure{Code: code, Text: text}, rank
	}
}

// failure returns why there is no answer, or otherwise if nothing is known.
func (t *task) failure(otherwise *Failure) error {
	if t.worst == nil {
		return otherwise
	}
	t.worst.Err = errors.New(strings.Join(t.failures, "; "))
	return t.worst
}
