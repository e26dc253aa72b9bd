package transfer

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPauses: transfers pause for long only while others use the processor, and in
// proportion to what a message takes without waiting for its turn.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		p.begin()
		for _, took := range []time.Duration{3 * time.Millisecond, 400 * time.Microsecond, 20 * time.Millisecond} {
			time.Sleep(took)
			p.made()
			p.began = time.Now()
		}
		if p.least != 400*time.Microsecond {
			t.Fatalf("a message takes %v", p.least)
		}
		for others, want := range map[time.Duration]time.Duration{
			-time.Millisecond: shortPause, 0: shortPause, 100 * time.Microsecond: shortPause,
			200 * time.Microsecond: 6 * time.Millisecond, time.Second: 6 * time.Millisecond,
		} {
			if got := p.length(others); got != want {
				t.Errorf("while others take %v the pause is %v, want %v", others, got, want)
			}
		}
		p.least = time.Second
		if got := p.length(time.Second); got != longPause {
			t.Errorf("the longest pause is %v", got)
		}
	})
}
