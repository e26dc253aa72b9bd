// Package sharedtimeout makes contexts with a timeout at little cost.
package sharedtimeout

import (
	"context"
	"sync"
	"time"
)

// Timeout gives contexts with a timeout to callers that begin something often:
// making one for each would cost a timer each. Those that begin at about the
// same time share one, which ends when that of the first does, so that all
// have at least 63/64 of the timeout. It is safe for use by many goroutines.
type Timeout struct {
	parent  context.Context
	timeout time.Duration

	mu      sync.Mutex      // a context is made under it; nothing is waited for
	present context.Context // nil until the first is wanted
	until   time.Time       // when the next begins
	cancel  context.CancelFunc
}

// New returns one whose contexts end after timeout, or when parent
// does.
func New(parent context.Context, timeout time.Duration) *Timeout {
	return &Timeout{parent: parent, timeout: timeout}
}

// Context returns a context that ends after the timeout, or a little earlier.
func (s *Timeout) Context() context.Context {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.present == nil || !now.Before(s.until) {
		// The one before is still in use and ends by itself.
		s.present, s.cancel = context.WithTimeout(s.parent, s.timeout)
		s.until = now.Add(s.timeout / 64)
	}
	return s.present
}
