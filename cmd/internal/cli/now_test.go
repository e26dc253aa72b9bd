package cli

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestNow(t *testing.T) {
	if _, err := ParseNow("tomorrow"); err == nil || err.Error() != `--now: "tomorrow" is not a time as in 2026-11-30T00:00:00Z` {
		t.Error(err)
	}
	now, err := ParseNow("2027-01-11T00:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		clock := ClockFrom(now)
		time.Sleep(time.Hour)
		if got := clock(); !got.Equal(now.Add(time.Hour)) {
			t.Errorf("an hour after %v it is %v", now, got)
		}
	})
}
