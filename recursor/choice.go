package recursor

import (
	"math/rand/v2"
	"time"

	"github.com/names-dns/names/wire"
)

// The forwarder and the recursor choose the next server in the same way: the
// one that is likely to answer first, those that were not asked yet before the
// others, and one that seems to be dead only if nothing else is left.

// attempt is a server that was asked once.
type attempt struct {
	server  *server
	sent    time.Time
	isTrial bool // it is to show whether a dead server is back
	isOver  bool // there is a result

	isEncrypted bool // it goes over a transport that is tried in addition: see [opportunist]
}

func (a *attempt) tried() *attempt { return a }

// attempted is what the attempts of a query have in common.
type attempted interface{ tried() *attempt }

// choice is which server to ask next.
type choice struct {
	best  *server // nil: none that is alive is left
	tries int     // how often it was asked before
	fresh int     // how many live servers were not asked yet, it included
	due   *server // seems dead, and may be asked whether it still is
}

// chooser says in what the choice differs.
type chooser struct {
	// strangers: the servers are not configured. Each may have too many queries
	// waiting already, and now and then another than the best is asked first.
	strangers bool
	inZone    int    // how many queries wait for the servers of the zone
	blame     *blame // records servers that have too many, or too many a second
	counts    *counters
}

// choose returns the next of the servers, after the attempts that were made.
func choose[A attempted](servers []*server, attempts []A, now time.Time, how chooser) (c choice) {
	var bestScore time.Duration
	for _, s := range servers {
		tries, hasFailed := triesOf(attempts, s)
		if hasFailed {
			continue
		}
		if s.isTooFast(now) {
			s.leaveOut(how.blame, how.counts)
			continue
		}
		switch s.condition(now) {
		case isDue:
			c.due = s
			continue
		case isDead:
			continue
		}
		if how.strangers && s.isBusy(how.inZone/len(servers)) {
			how.counts.hit(LimitPerServer)
			how.blame.add(s, errBusy, rankSilence, wire.ExtendedErrorNoReachableAuthority, "too many queries wait for the zone's name servers")
			continue
		}
		score := s.score()
		if tries == 0 {
			c.fresh++
			if how.strangers && len(attempts) == 0 && rand.IntN(explorations) == 0 {
				score = 0 // to see how it fares: things change
			}
		}
		isBetter := c.best == nil || tries < c.tries || tries == c.tries && score < bestScore
		isEqual := !isBetter && tries == c.tries && score == bestScore
		if isBetter || isEqual && how.strangers && rand.IntN(c.fresh+1) == 0 {
			c.best, c.tries, bestScore = s, tries, score
		}
	}
	return c
}

// patience returns how long to wait for the best server before the next one is
// asked: at least so long.
func (c *choice) patience(least time.Duration) time.Duration {
	patience := max(c.best.patience(), least)
	if c.fresh <= 1 { // all have been asked now: the best is next, unless it answers
		patience = max(patience, repeatPatience)
	}
	return patience << c.tries
}

// triesOf returns how often s was asked, and whether it has said that it does
// not know.
func triesOf[A attempted](attempts []A, s *server) (count int, hasFailed bool) {
	for i := range attempts {
		if a := attempts[i].tried(); a.server == s {
			count++
			hasFailed = hasFailed || a.isOver
		}
	}
	return count, hasFailed
}

// recordSilence records that servers which have not answered should have, unless they
// were asked over an encrypted transport that is tried in addition. It reports whether
// all of them are dead.
func recordSilence[A attempted](attempts []A, now time.Time) (allDead bool) {
	allDead = true
	for i := range attempts {
		if a := attempts[i].tried(); !a.isOver && !a.isEncrypted && !a.server.silent(a.sent, now, a.isTrial) {
			allDead = false
		}
	}
	return allDead
}

// nextSlot lengthens a list by one, and returns its last element: one that was
// used before, if there is one. Otherwise it is nil, for the caller to set.
func nextSlot[T any](list *[]*T) **T {
	n := len(*list)
	if n < cap(*list) {
		*list = (*list)[:n+1]
	} else {
		*list = append(*list, nil)
	}
	return &(*list)[n]
}
