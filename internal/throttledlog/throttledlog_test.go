package throttledlog

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestOneLineASecond: others are counted, and not even described.
func TestOneLineASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := New(slog.New(slog.NewTextHandler(&out, nil)), slog.LevelError, "out of order")
		described := 0
		for i := range 25 {
			l.Say(func() []any { described++; return []any{"i", i} })
			time.Sleep(100 * time.Millisecond)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 3 || described != 3 {
			t.Fatalf("%d described, %q", described, lines)
		}
		for i, want := range []string{`"out of order" i=0`, `"out of order" i=10 held_back=9`, `"out of order" i=20 held_back=9`} {
			if !strings.HasSuffix(lines[i], want) || !strings.Contains(lines[i], "level=ERROR") {
				t.Errorf("%q does not end in %q", lines[i], want)
			}
		}
	})
}

func TestNothingBelowTheLevel(t *testing.T) {
	l := New(slog.New(slog.DiscardHandler), slog.LevelDebug, "x")
	l.Say(func() []any { t.Error("described"); return nil })
}
