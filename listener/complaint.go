package listener

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

// complaint logs one kind of failure, at most once per interval, so that
// nobody can fill the disk by making a server fail. What was held back is
// counted and said the next time.
type complaint struct {
	log  *slog.Logger
	text string

	next atomic.Int64 // when it may be logged again, in nanoseconds since 1970
	held atomic.Int64 // how many were not logged since the last that was
}

const complaintInterval = time.Second

// say logs the failure with what details returns, or counts it where that was
// done a moment ago.
func (c *complaint) say(details func() []any) {
	now := time.Now().UnixNano()
	next := c.next.Load()
	if now < next || !c.next.CompareAndSwap(next, now+int64(complaintInterval)) {
		c.held.Add(1)
		return
	}
	args := details()
	if held := c.held.Swap(0); held > 0 {
		args = append(args, "held_back", held)
	}
	c.log.Log(context.Background(), slog.LevelError, c.text, args...)
}
