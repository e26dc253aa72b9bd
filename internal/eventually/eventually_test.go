package eventually

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

var errNotYet = errors.New("not yet")

func TestSucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		Succeed(t, func() error {
			if tries++; tries < 3 {
				return errNotYet
			}
			return nil
		})
		if tries != 3 {
			t.Errorf("%d tries, not 3", tries)
		}
	})
}

// TestTry: what never succeeds is tried until the limit, or until the process has ended.
func TestTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan struct{})
		close(ended)
		for _, test := range []struct {
			ended <-chan struct{}
			takes time.Duration
			want  string
		}{
			{nil, Limit, "for 1m0s: not yet"},
			{make(chan struct{}), Limit, "for 1m0s: not yet"},
			{ended, 0, "it ended: not yet"},
		} {
			start := time.Now()
			err := Try(test.ended, func() error { return errNotYet })
			if !errors.Is(err, errNotYet) || err.Error() != test.want {
				t.Errorf("%v, not %s", err, test.want)
			}
			// Some tries may come before the limit or the end is seen.
			if took := time.Since(start); took < test.takes || took > test.takes+Limit/2 {
				t.Errorf("%s after %v of virtual time", test.want, took)
			}
		}
	})
}
