package names

import (
	"context"
	"io/fs"
	"os"
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
