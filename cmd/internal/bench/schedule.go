package bench

import "time"

// schedule says when each query of one thread is due at a fixed rate. The
// threads take turns.
type schedule struct {
	interval float64 // nanoseconds between two queries of all threads
	next     int64   // the next query of this thread, counted over all of them
	threads  int64
}

func newSchedule(rate float64, thread, threads int) schedule {
	return schedule{interval: 1e9 / rate, next: int64(thread), threads: int64(threads)}
}

// due is when the next query is to be sent, however late it is.
func (s *schedule) due() time.Duration { return time.Duration(float64(s.next) * s.interval) }

// advance goes on to the query after the next.
func (s *schedule) advance() { s.next += s.threads }
