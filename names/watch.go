package names

import (
	"context"
	"io/fs"
	"os"
	"sync"
	"time"
)

// watchInterval is how often a watched file is looked at.
const watchInterval = 2 * time.Second

// Watch calls changed whenever the file at path has become another one: when
// its time, size or identity differs, or it came or went. It returns when ctx
// is done.
//
// It asks the file system every two seconds: files that are replaced by
// renaming, mounted or bound into containers are noticed all the same, where
// notifications of the kernel would be lost.
func Watch(ctx context.Context, path string, changed func()) {
	ticker := time.NewTicker(watchInterval)
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

// glance tells those who ask whether a file has become another one, at the
// cost of one look at it every [watchInterval]: for those who have no
// goroutine for [Watch].
type glance struct {
	path string
	mu   sync.Mutex
	next time.Time // no look before
	last fs.FileInfo
}

// hasChanged reports whether the file differs from what it was when somebody
// was told so before. It does not wait for another caller's look.
func (g *glance) hasChanged() bool {
	if !g.mu.TryLock() {
		return false
	}
	defer g.mu.Unlock()
	now := time.Now()
	if now.Before(g.next) {
		return false
	}
	g.next = now.Add(watchInterval)
	info, _ := os.Stat(g.path)
	if isSameFile(g.last, info) {
		return false
	}
	g.last = info
	return true
}
