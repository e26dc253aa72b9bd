// Package throttledlog keeps clients from filling a disk with log lines.
package throttledlog

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// Log logs one kind of event, at most once a second. What was held back is counted,
// and the next line has the number as held_back. It may be used by several
// goroutines, and must not be copied.
type Log struct {
	log   *slog.Logger
	level slog.Level
	text  string

	next atomic.Int64 // when it may be logged again, in nanoseconds since 1970
	held atomic.Int64 // how many were not logged since the last that was
}

const interval = time.Second

// New returns a Log of lines with that text.
func New(log *slog.Logger, level slog.Level, text string) *Log {
	return &Log{log: log, level: level, text: text}
}

// Say logs the event with the attributes that details returns, or counts it if one
// was logged less than a second ago.
func (l *Log) Say(details func() []any) {
	if !l.log.Enabled(context.Background(), l.level) {
		return
	}
	now := time.Now().UnixNano()
	next := l.next.Load()
	if now < next || !l.next.CompareAndSwap(next, now+int64(interval)) {
		l.held.Add(1)
		return
	}
	args := details()
	if held := l.held.Swap(0); held > 0 {
		args = append(args, "held_back", held)
	}
	l.log.Log(context.Background(), l.level, l.text, args...)
}
