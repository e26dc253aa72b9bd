package names

import (
	"context"
	"sync"
	"time"
)

// SharedTimeout gives contexts with a timeout to those who begin something
// often: making one for each would cost a timer each. Those who begin at about
// the same time share one, which ends when that of the first does, so that all
// have at least 63/64 of the timeout. It is safe for use by many goroutines.
type SharedTimeout struct {
	parent  context.Context
	timeout time.Duration

	mu      sync.Mutex
	present context.Context // nil until the first is wanted
	until   time.Time       // when the next begins
	cancel  context.CancelFunc
}

// NewSharedTimeout returns one whose contexts end after timeout, or when parent
// does.
func NewSharedTimeout(parent context.Context, timeout time.Duration) *SharedTimeout {
	return &SharedTimeout{parent: parent, timeout: timeout}
}

// Context returns a context that ends after the timeout, or a little earlier.
func (s *SharedTimeout) Context() context.Context {
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
