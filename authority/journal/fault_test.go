package journal

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// memFS is a file system in memory. A crash loses what was not synced, all of it
// or a part. Each call that changes something is counted, and can fail.
type memFS struct {
	mu      sync.Mutex
	files   map[string]*memFile
	saved   map[string]*memFile // what the directory has after a crash
	syncs   int
	syncing func() // called before a sync: what arrives meanwhile waits for the next one

	calls  int
	failAt int    // number of the call that fails; 0 for none
	how    string // "EIO", "ENOSPC", "short", or "crash": the call and all later ones do nothing
	down   bool
	full   bool // ENOSPC until it is false
}

type memFile struct {
	fs             *memFS
	now, persisted []byte
}

var errDown = errors.New("the machine is down")

func newMemFS() *memFS {
	return &memFS{files: map[string]*memFile{}, saved: map[string]*memFile{}, syncing: func() {}}
}

// step counts a call, and says whether it fails.
func (m *memFS) step() error {
	m.calls++
	if m.calls == m.failAt && m.how == "crash" {
		m.down = true
	}
	switch {
	case m.down:
		return errDown
	case m.calls == m.failAt && m.how == "EIO":
		return syscall.EIO
	case m.calls == m.failAt && m.how == "ENOSPC":
		return syscall.ENOSPC
	}
	return nil
}

// crash returns what is there after the machine stopped: of each file what was
// synced, and of what was not a part that choose takes.
func (m *memFS) crash(choose func(n int) int) *memFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := newMemFS()
	for name, f := range m.saved {
		from := 0 // what comes before was synced
		for from < min(len(f.now), len(f.persisted)) && f.now[from] == f.persisted[from] {
			from++
		}
		b := slices.Clone(f.persisted)
		if written := choose(len(f.now) - from + 1); written > 0 {
			b = append(b, make([]byte, max(from+written-len(b), 0))...)
			before := slices.Clone(b)
			copy(b[from:], f.now[from:from+written])
			if choose(2) == 0 { // sectors that were not written
				at := from + choose(written)
				end := min(at+1+choose(64), from+written)
				copy(b[at:end], before[at:end])
			}
		}
		next.files[name] = &memFile{fs: next, now: b, persisted: slices.Clone(b)}
	}
	next.saved = maps.Clone(next.files)
	return next
}

func (m *memFS) MkdirAll(string) error { return nil }

func (m *memFS) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

func (m *memFS) List(string) (names []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range m.files {
		names = append(names, filepath.Base(name))
	}
	return names, nil
}

func (m *memFS) Open(name string, create bool) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if f := m.files[name]; f != nil && !create {
		return f, nil
	} else if !create {
		return nil, fs.ErrNotExist
	} else if f != nil {
		return nil, fs.ErrExist
	}
	if err := m.step(); err != nil {
		return nil, err
	}
	m.files[name] = &memFile{fs: m}
	return m.files[name], nil
}

func (m *memFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.files[name] == nil {
		return fs.ErrNotExist
	}
	if err := m.step(); err != nil {
		return err
	}
	delete(m.files, name)
	return nil
}

func (m *memFS) SyncDir(string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	m.saved = maps.Clone(m.files)
	return nil
}

func (f *memFile) ReadAt(b []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if at >= int64(len(f.now)) {
		return 0, io.EOF
	}
	n := copy(b, f.now[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, at int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.fs.step()
	if f.fs.full {
		err = syscall.ENOSPC
	}
	n := len(b)
	switch {
	case f.fs.calls == f.fs.failAt && f.fs.how == "short", err != nil && !errors.Is(err, syscall.EIO):
		n = len(b) / 2 // part of it arrives
	case err != nil:
		n = 0
	}
	if grow := int(at) + n - len(f.now); grow > 0 {
		f.now = append(f.now, make([]byte, grow)...)
	}
	copy(f.now[at:], b[:n])
	return n, err
}

func (f *memFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step(); err != nil {
		return err
	}
	f.now = f.now[:size:size]
	f.persisted = f.persisted[:min(len(f.persisted), int(size))]
	return nil
}

func (f *memFile) Sync() error {
	f.fs.syncing()
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.step(); err != nil {
		return err
	}
	f.fs.syncs++
	f.persisted = slices.Clone(f.now)
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.now)), nil
}

func (f *memFile) Close() error { return nil }
