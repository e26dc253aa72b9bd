// Package eventually waits, in tests, for other processes and for sockets: what they do
// takes real time, and no channel says when they have done it.
package eventually

import (
	"fmt"
	"testing"
	"time"
)

// Limit is how long a test waits for what takes seconds at most. It measures nothing: a
// test that reaches it has failed.
const Limit = time.Minute

// interval is the rest between two tries.
const interval = 20 * time.Millisecond

// Succeed calls try until it returns nil, and fails the test if it does not before
// [Limit].
func Succeed(t testing.TB, try func() error) {
	t.Helper()
	if err := Try(nil, try); err != nil {
		t.Fatal(err)
	}
}

// Try calls try until it returns nil. After [Limit], or if ended is closed, as when the
// process that is waited for has ended, it returns the last error of try.
func Try(ended <-chan struct{}, try func() error) error {
	limit := time.After(Limit)
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("it ended: %w", err)
		case <-limit:
			return fmt.Errorf("for %v: %w", Limit, err)
		case <-time.After(interval):
		}
	}
}
