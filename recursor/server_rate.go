package recursor

import (
	"errors"
	"hash/maphash"
	"log/slog"
	"time"

	"github.com/names-dns/names/internal/limitlog"
	"github.com/names-dns/names/wire"
)

// serverRate is how many queries a second one server is sent, and as many at once.
// What a server has had is part of what is known of it, so that there is no more to
// remember than servers.
type serverRate struct {
	perSecond int
	interval  time.Duration // of one query
	reached   *limitlog.Log
	seed      maphash.Seed // of keys of reached
}

// newServerRate returns nil if there is no limit.
func newServerRate(perSecond int, log *slog.Logger) *serverRate {
	if perSecond == 0 {
		return nil
	}
	return &serverRate{
		perSecond: perSecond, interval: max(time.Second/time.Duration(perSecond), 1),
		reached: limitlog.New(log, slog.LevelWarn, "limit of queries to a server"), seed: maphash.MakeSeed(),
	}
}

func (r *serverRate) close() {
	if r != nil { // there is a limit
		r.reached.Close()
	}
}

var errTooFast = errors.New("too many queries a second for the server")

// isTooFast reports whether s has had all the queries of a second (the generic cell rate
// algorithm).
func (s *server) isTooFast(now time.Time) bool {
	if s.rate == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hadUntil.Sub(now) > time.Second-s.rate.interval
}

// countQuery takes a query out of what s may have. If several goroutines have found at
// once that there is one left, those that come next have to wait for it longer.
func (s *server) countQuery(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.countQueryLocked(now)
}

func (s *server) countQueryLocked(now time.Time) {
	if s.rate == nil {
		return
	}
	if s.hadUntil.Before(now) {
		s.hadUntil = now
	}
	s.hadUntil = s.hadUntil.Add(s.rate.interval)
}

// leaveOut records that s is not asked because it is asked too often.
func (s *server) leaveOut(b *blame, counts *counters) {
	counts.hit(LimitServerRate)
	s.rate.reached.Reached(maphash.Comparable(s.rate.seed, s.Addr()), func() []any { return []any{"server", s.String(), "queries_a_second", s.rate.perSecond} })
	b.add(s, errTooFast, rankSilence, wire.ExtendedErrorRateLimited, "too many queries a second for the servers that are asked")
}
