package cli

import (
	"fmt"
	"time"
)

// ParseNow reads what --now is given: the time that a command is to go by.
func ParseNow(text string) (time.Time, error) {
	now, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return now, fmt.Errorf("--now: %q is not a time as in 2026-11-30T00:00:00Z", text)
	}
	return now, nil
}

// ClockFrom returns a clock that shows now, and runs on from there.
func ClockFrom(now time.Time) func() time.Time {
	start := time.Now()
	return func() time.Time { return now.Add(time.Since(start)) }
}
