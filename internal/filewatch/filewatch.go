// Package filewatch notices when files change.
package filewatch

import (
	"context"
	"io/fs"
	"os"
	"sync"
	"time"
)

// Interval is how often a watched file is looked at.
const Interval = 2 * time.Second

// Watch calls changed whenever the file at path has become another one: when
// its time, size or identity differs, or it came or went. It returns when ctx
// is done.
//
// It asks the file system every two seconds: files that are replaced by
// renaming, mounted or bound into containers are noticed all the same, where
// notifications of the kernel would be lost.
func Watch(ctx context.Context, path string, changed func()) {
	ticker := time.NewTicker(Interval)
	defer ticker.Stop()
	last, _ := os.Stat(path)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, _ := os.Stat(path)
		if isSameFile(last, now) {
			continue
		}
		last = now
		changed()
	}
}

// isSameFile compares two looks at a file; nil means that it was not there.
func isSameFile(a, b fs.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size()
}

// Checker reports whether the file at Path has changed, at the cost of one look
// at it every two seconds: for callers that have no goroutine for [Watch].
type Checker struct {
	Path string
	mu   sync.Mutex // held for a look at the file; a caller that finds it held does not wait
	next time.Time  // no look before
	last fs.FileInfo
}

// HasChanged reports whether the file differs from what it was when HasChanged
// reported so before. It does not wait for another caller's look.
func (c *Checker) HasChanged() bool {
	if !c.mu.TryLock() {
		return false
	}
	defer c.mu.Unlock()
	now := time.Now()
	if now.Before(c.next) {
		return false
	}
	c.next = now.Add(Interval)
	info, _ := os.Stat(c.Path)
	if isSameFile(c.last, info) {
		return false
	}
	c.last = info
	return true
}
