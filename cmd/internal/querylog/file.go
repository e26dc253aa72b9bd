package querylog

import (
	"errors"
	"os"
	"sync"
)

// file is a file that can be moved away while it is written to.
type file struct {
	path string
	mu   sync.Mutex // held while a line is written, by the goroutine that writes the log
	f    *os.File
}

func openFile(path string) (*file, error) {
	f := &file{path: path}
	return f, f.reopen()
}

// reopen closes the file, which may have been moved away, and opens the one that
// has its path now. After an error the one before is still written to.
func (f *file) reopen() error {
	next, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	if info, err := next.Stat(); err != nil || !info.Mode().IsRegular() {
		next.Close()
		return &os.PathError{Op: "open", Path: f.path, Err: errors.New("not a regular file")}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.f != nil {
		f.f.Close()
	}
	f.f = next
	return nil
}

// Write writes whole lines.
func (f *file) Write(lines []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.f.Write(lines)
}

func (f *file) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.f.Close()
}
