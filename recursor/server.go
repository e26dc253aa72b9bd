package recursor

import (
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
)

const (
	// unknownPatience is how long an unknown server is waited for before
	// another is asked too.
	unknownPatience = 300 * time.Millisecond
	minPatience     = 20 * time.Millisecond
	maxPatience     = time.Second
	// repeatPatience is the least time before the same server is asked again:
	// it is likely to be looking for the answer itself.
	repeatPatience = 250 * time.Millisecond

	// maxPenalty is the most that silence and refusals add to a server's
	// round-trip time.
	maxPenalty = 2 * time.Second

	// A server is dead if it let a question wait for maxSilence, or so many at
	// once for silenceOfMany, and was not heard of all the while; one slow
	// answer does not make it so.
	maxSilence    = 4 * time.Second
	silenceOfMany = 1500 * time.Millisecond
	manyQuestions = 8

	// A dead server is left alone for minBackoff, and after every question it
	// does not answer then for twice as long, up to maxBackoff.
	minBackoff = 250 * time.Millisecond
	maxBackoff = 10 * time.Second

	// probeTimeout is how long the answer to a question asked to see how a
	// server fares is waited for.
	probeTimeout = 2 * time.Second
	// maxTrial is how long a client waits for such a query, if there
	// is one and a question may take that long at all.
	maxTrial = time.Second
	// probeInterval is the least time between two such questions to a server
	// that is not dead.
	probeInterval = time.Second
)

// server is one server and how it fares.
type server struct {
	*upstream.Server
	log       *slog.Logger
	deadAfter time.Duration // as above, or less if a query may not take as long
	trial     time.Duration // likewise, for maxTrial
	rate      *serverRate   // nil: it is asked as often as need be

	encryption *encryption // nil: it is asked as its Server says, and not otherwise
	trustAD    bool        // AD of its replies is believed

	mu sync.Mutex
	// Smoothed round-trip time and its variation, as TCP has them (RFC 6298
	// 2); 0 if nothing was measured.
	rtt, variation time.Duration
	penalty        time.Duration // of silence and refusals since the last good answer
	heardAt        time.Time     // when the last answer came
	waiting        int           // questions that wait for it
	failures       int           // since it is dead: how often it proved so
	retryAt        time.Time     // when it may be asked again, if it is dead
	probing        bool          // it is being asked to see how it fares
	probedAt       time.Time
	hadUntil       time.Time // until when the queries that it was sent take, at its rate
}

// newServer returns a server of which nothing is known. timeout is how long
// a question may take.
func newServer(s *upstream.Server, timeout time.Duration, rate *serverRate, log *slog.Logger) *server {
	return &server{Server: s, log: log, rate: rate, deadAfter: min(maxSilence, timeout*9/10), trial: min(maxTrial, timeout/2)}
}

// Close ends the connections of s.
func (s *server) Close() {
	s.Server.Close()
	if s.encryption != nil {
		s.encryption.close()
	}
}

// condition is what a server is good for.
type condition uint8

const (
	isAlive condition = iota
	isDue             // dead, but it may be asked whether it still is
	isDead
)

// condition returns what s is good for now.
func (s *server) condition(now time.Time) condition {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.failures == 0:
		return isAlive
	case s.probing || now.Before(s.retryAt):
		return isDead
	}
	return isDue
}

// score is what servers are ordered by: the time an answer is likely to take.
// Unmeasured servers come first: a query is how they are measured.
func (s *server) score() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rtt + s.penalty
}

// patience is how long to wait for s before another server is asked.
func (s *server) patience() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rtt == 0 {
		return unknownPatience
	}
	return min(max(s.rtt+4*s.variation, minPatience), maxPatience)
}

// asked records that a query goes to s.
func (s *server) asked(now time.Time) {
	s.mu.Lock()
	s.waiting++
	s.countQueryLocked(now)
	s.mu.Unlock()
}

// dropped records that the query was cancelled or answered.
func (s *server) dropped() {
	s.mu.Lock()
	s.waiting--
	s.mu.Unlock()
}

// heard records that s is there: an answer came, whatever it says. rtt is how
// long it took, 0 if that was not measured.
func (s *server) heard(now time.Time, rtt time.Duration) {
	s.mu.Lock()
	s.heardAt = now
	switch {
	case rtt <= 0:
	case s.rtt == 0:
		s.rtt, s.variation = rtt, rtt/2
	default: // RFC 6298 2.3
		s.variation += ((s.rtt - rtt).Abs() - s.variation) / 4
		s.rtt += (rtt - s.rtt) / 8
	}
	recovered := s.failures > 0
	s.failures, s.probing = 0, false
	s.mu.Unlock()
	if recovered {
		s.log.Info("upstream server answers again", "server", s.String())
	}
}

// wasHeard reports whether s has answered something a short time ago.
func (s *server) wasHeard(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return now.Sub(s.heardAt) < silenceOfMany
}

// answered records that the answer was good.
func (s *server) answered() {
	s.mu.Lock()
	s.penalty = 0
	s.mu.Unlock()
}

// declined records that s is there but did not do what was asked of it.
func (s *server) declined() { s.punish(10 * time.Millisecond) }

// punish doubles the penalty of s.
func (s *server) punish(least time.Duration) {
	s.mu.Lock()
	s.penalty = min(max(2*s.penalty, least), maxPenalty)
	s.mu.Unlock()
}

// silent records that a question sent at that time has no answer yet. It reports
// whether s is dead. isTrial: the question was allowed by [server.startTrial].
func (s *server) silent(sent, now time.Time, isTrial bool) bool {
	s.punish(s.patience())
	s.mu.Lock()
	waited := now.Sub(sent)
	isKnown := s.failures > 0
	died := waited >= s.deadAfter || waited >= silenceOfMany && s.waiting >= manyQuestions
	if isKnown {
		died = isTrial && waited >= s.trial
	} else if s.heardAt.After(sent) {
		died = false
	}
	s.mu.Unlock()
	if died {
		s.failed(now, errSilent)
	}
	return died || isKnown && !isTrial
}

// failed records that s is not there.
func (s *server) failed(now time.Time, why error) {
	s.mu.Lock()
	if s.failures > 0 && !s.probing && now.Before(s.retryAt) {
		s.mu.Unlock()
		return // one of many questions that tell the same
	}
	died := s.failures == 0
	s.failures++
	s.probing = false
	backoff := min(minBackoff<<min(s.failures-1, 10), maxBackoff)
	s.retryAt = now.Add(backoff)
	s.mu.Unlock()
	if died {
		s.log.Warn("upstream server is dead", "server", s.String(), "why", why)
	}
}

// mayProbe reports whether s may be asked, in addition to the servers that are to
// answer, to see how it fares, and records that it is.
func (s *server) mayProbe(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probing || s.failures > 0 && now.Before(s.retryAt) || now.Sub(s.probedAt) < probeInterval && s.failures == 0 {
		return false
	}
	s.probing, s.probedAt = true, now
	return true
}

// startTrial records that s, dead but due, gets a query for which a client
// waits. Only one is, until it has proved what s is: startTrial reports whether
// this is it. It is not, and the question better asked in the background, where
// s has not answered the one before.
func (s *server) startTrial(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.mayTryLocked(now) {
		return false
	}
	s.probing, s.probedAt = true, now
	return true
}

// mayTry reports whether startTrial would allow a question.
func (s *server) mayTry(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mayTryLocked(now)
}

func (s *server) mayTryLocked(now time.Time) bool {
	return s.failures == 1 && !s.probing && !now.Before(s.retryAt)
}

// unmoved records that a question asked to see how s fares was not answered.
func (s *server) unmoved(now time.Time) {
	s.punish(s.patience())
	s.mu.Lock()
	isKnown := s.failures > 0
	s.mu.Unlock()
	if isKnown {
		s.failed(now, errSilent)
	}
}

var errSilent = errors.New("no answer")

// probed records that what mayProbe or startTrial allowed is over.
func (s *server) probed() {
	s.mu.Lock()
	s.probing = false
	s.mu.Unlock()
}

// ServerStatus is how an upstream server fares.
type ServerStatus struct {
	Addr      netip.AddrPort
	Dead      bool
	RTT       time.Duration // smoothed; 0 if nothing was measured
	Variation time.Duration // of RTT
	Waiting   int           // questions that wait for it
	Heard     time.Time     // when the last answer came; the zero value if none did
	Name      string        // what the server is called: its address, or what its transport is
	Transport names.Transport

	// Encryption is what is known of its encrypted transports, and EncryptedBy which of
	// them works (RFC 9539).
	Encryption  EncryptionState
	EncryptedBy names.Transport
}

func (s *server) status() ServerStatus {
	var state EncryptionState
	var by names.Transport
	if s.encryption != nil {
		state, by = s.encryption.status(time.Now())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return ServerStatus{s.Addr(), s.failures > 0, s.rtt, s.variation, s.waiting, s.heardAt, s.String(), s.Transport(), state, by}
}
