package transfer

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestPauses: transfers pause for long only while others use the processor, and in
// proportion to what messages take without waiting for their turn or the client.
func TestPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		p.begin()
		for _, took := range []struct{ make, send time.Duration }{
			{3 * time.Millisecond, 100 * time.Microsecond}, {300 * time.Microsecond, time.Second},
		} {
			time.Sleep(took.make)
			p.made()
			time.Sleep(took.send)
			p.sent()
		}
		if p.make != 300*time.Microsecond || p.send != 100*time.Microsecond {
			t.Fatalf("a message takes %v and %v", p.make, p.send)
		}
		p.messages = 1
		own := 400 * time.Microsecond
		for used, want := range map[time.Duration]time.Duration{
			0: shortPause, own: shortPause, own + 100*time.Microsecond: shortPause,
			own + 200*time.Microsecond: 6 * time.Millisecond, time.Second: 6 * time.Millisecond,
		} {
			if got := p.length(used); got != want {
				t.Errorf("if all use %v the pause is %v, want %v", used, got, want)
			}
		}
		p.messages = 1000
		if got := p.length(time.Second); got != longPause {
			t.Errorf("the longest pause is %v", got)
		}
	})
}

// TestTurns: short messages share a pause, and the next turn begins after it.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p pace
		p.begin()
		for range 3 {
			began, pauses := time.Now(), 0
			for range 5 {
				time.Sleep(turn / 6)
				p.made()
				p.sent()
				before := time.Now()
				p.pause()
				if time.Since(before) > 0 {
					pauses++
				}
			}
			if pauses != 0 {
				t.Fatalf("%d pauses within a turn", pauses)
			}
			time.Sleep(turn / 6)
			p.made()
			time.Sleep(turn / 6)
			p.sent()
			p.pause()
			if time.Since(began) <= turn+turn/6 || p.messages != 0 {
				t.Fatalf("no pause after a turn: %d messages in %v", p.messages, time.Since(began))
			}
		}
	})
}
