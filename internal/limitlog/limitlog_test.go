package limitlog

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEpisodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := New(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), slog.LevelWarn, "limit")
		described := 0
		reach := func() uint64 {
			return l.Reached(7, func() []any { described++; return []any{"limit", "seven"} })
		}
		for i := range 30 { // a second apart: one episode
			if n := reach(); n != uint64(i+1) {
				t.Errorf("reached %d times, of %d", n, i+1)
			}
			time.Sleep(time.Second)
		}
		time.Sleep(quiet)
		if n := reach(); n != 1 {
			t.Errorf("a new episode begins with %d", n)
		}
		time.Sleep(2 * quiet)
		reach()
		l.Close()
		time.Sleep(2 * quiet)
		reach()
		want := []string{
			`level=WARN msg="limit reached" limit=seven`, `level=INFO msg="limit no longer reached" limit=seven held_back=30`,
			`level=WARN msg="limit reached" limit=seven`, `level=INFO msg="limit no longer reached" limit=seven held_back=1`,
			`level=WARN msg="limit reached" limit=seven`,
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != len(want) || described != 3 || l.Begun() != 3 {
			t.Fatalf("%d described, %d begun:\n%s", described, l.Begun(), out.String())
		}
		for i := range want {
			if !strings.HasSuffix(lines[i], want[i]) {
				t.Errorf("line %d is %q, want %q", i, lines[i], want[i])
			}
		}
	})
}

// Small keys have places of their own; however many keys there are, there are no more
// lines than places.
func TestPlaces(t *testing.T) {
	var out bytes.Buffer
	l := New(slog.New(slog.NewTextHandler(&out, nil)), slog.LevelWarn, "limit")
	defer l.Close()
	for key := range uint64(places) {
		l.Reached(key, func() []any { return nil })
	}
	if l.Begun() != places {
		t.Errorf("as many keys as there are places have %d places", l.Begun())
	}
	for key := range uint64(100_000) {
		l.Reached(key, func() []any { return nil })
	}
	if n := strings.Count(out.String(), "\n"); n != places {
		t.Errorf("%d lines", n)
	}
}

func TestReachedAllocatesNothing(t *testing.T) {
	l := New(nil, slog.LevelWarn, "limit")
	defer l.Close()
	n := 0
	if got := testing.AllocsPerRun(100, func() { l.Reached(1, func() []any { return []any{"n", n} }) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
