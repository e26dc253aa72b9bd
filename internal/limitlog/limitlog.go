// Package limitlog logs when limits begin to be reached, and when they no longer are.
// However many clients reach them, there are few lines.
package limitlog

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Log notices both for as many keys at once as it has places; keys that share a place
// are one for it. It may be used by several goroutines, and must not be copied.
type Log struct {
	log        *slog.Logger // nil: nothing is logged
	level      slog.Level
	begin, end string
	began      time.Time // what times count from
	begun      atomic.Uint64
	places     [places]place

	mu       sync.Mutex // held while an episode begins or ends; nothing is logged under it
	isClosed bool
}

// place is one limit that was reached.
type place struct {
	count atomic.Uint64 // since the beginning
	last  atomic.Int64  // when it was reached last
	since atomic.Pointer[episode]
}

// episode is a time in which a limit is reached.
type episode struct {
	attributes []any
	timer      *time.Timer // looks whether it is over
}

const (
	places = 64

	// quiet is how long a limit is not reached before it counts as over.
	quiet = 10 * time.Second
)

// New returns a Log whose lines begin with what was reached: "rate limit", say. The first
// of two is logged at that level. log may be nil.
func New(log *slog.Logger, level slog.Level, what string) *Log {
	return &Log{log: log, level: level, begin: what + " reached", end: what + " no longer reached", began: time.Now()}
}

// Reached notes that the limit of a key was reached, and returns how often since it
// began to be: the key is a hash, or one of a few small numbers. describe returns the attributes of the lines; it is called once.
func (l *Log) Reached(key uint64, describe func() []any) uint64 {
	p := &l.places[key%places]
	p.last.Store(int64(time.Since(l.began)))
	if p.since.Load() == nil {
		l.start(p, describe())
	}
	return p.count.Add(1)
}

// start begins an episode, unless another goroutine has.
func (l *Log) start(p *place, attributes []any) {
	l.mu.Lock()
	if l.isClosed || p.since.Load() != nil {
		l.mu.Unlock()
		return
	}
	e := &episode{attributes: attributes}
	e.timer = time.AfterFunc(quiet, func() { l.look(p, e) })
	p.since.Store(e)
	l.mu.Unlock()
	l.begun.Add(1)
	if l.log != nil {
		l.log.Log(context.Background(), l.level, l.begin, attributes...)
	}
}

// look ends an episode if its limit was not reached for a while.
func (l *Log) look(p *place, e *episode) {
	l.mu.Lock()
	if l.isClosed {
		l.mu.Unlock()
		return
	}
	if left := quiet - (time.Since(l.began) - time.Duration(p.last.Load())); left > 0 {
		e.timer.Reset(left)
		l.mu.Unlock()
		return
	}
	held := p.count.Swap(0)
	p.since.Store(nil)
	l.mu.Unlock()
	if l.log != nil {
		l.log.Log(context.Background(), min(l.level, slog.LevelInfo), l.end, append(e.attributes, "held_back", held)...)
	}
}

// Begun is how often a limit has begun to be reached.
func (l *Log) Begun() uint64 { return l.begun.Load() }

// Close ends the log: nothing is noted from then on.
func (l *Log) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.isClosed = true
	for i := range l.places {
		if e := l.places[i].since.Load(); e != nil {
			e.timer.Stop()
		}
	}
}
