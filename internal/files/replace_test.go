package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// memDisk is a disk in memory. A crash loses what was not synced, all of it or a part.
// Each call that changes something is counted, and can fail.
type memDisk struct {
	now, saved map[string]*memContents // which files there are, and are after a crash

	calls, failAt int
	how           string // "EIO", "short", or "crash": the call and all later ones do nothing
	down          bool
	failed        []string // the calls that have failed
}

type memContents struct {
	now, saved []byte
	mode       fs.FileMode
}

var errDown = errors.New("the machine is down")

func (m *memDisk) step(what string) error {
	m.calls++
	if m.down || m.calls == m.failAt && m.how == "crash" {
		m.down = true
		return errDown
	}
	if m.calls == m.failAt {
		m.failed = append(m.failed, what)
		return syscall.EIO
	}
	return nil
}

func (m *memDisk) EvalSymlinks(path string) (string, error) { return path, nil }

func (m *memDisk) Stat(path string) (fs.FileInfo, error) {
	if f := m.now[path]; f != nil {
		return memInfo{f.mode}, nil
	}
	return nil, fs.ErrNotExist
}

func (m *memDisk) CreateTemp(dir, pattern string) (newFile, error) {
	if err := m.step("create"); err != nil {
		return nil, err
	}
	f := &memNew{disk: m, name: filepath.Join(dir, strings.Replace(pattern, "*", "1", 1)), memContents: &memContents{mode: 0o600}}
	m.now[f.name] = f.memContents
	return f, nil
}

func (m *memDisk) Rename(from, to string) error {
	if err := m.step("rename"); err != nil {
		return err
	}
	m.now[to] = m.now[from]
	delete(m.now, from)
	return nil
}

func (m *memDisk) Remove(path string) error {
	if m.down {
		return errDown
	}
	delete(m.now, path)
	return nil
}

func (m *memDisk) SyncDir(string) error {
	if err := m.step("sync of the folder"); err != nil {
		return err
	}
	m.saved = maps.Clone(m.now)
	return nil
}

// crash returns what a file is after the machine stopped, as choose has it.
func (m *memDisk) crash(path string, choose func(n int) int) string {
	files := m.saved
	if choose(2) == 0 {
		files = m.now // the folder was written anyway
	}
	f := files[path]
	if f == nil {
		return "missing"
	}
	if len(f.now) > len(f.saved) {
		return string(f.saved) + string(f.now[len(f.saved):len(f.saved)+choose(len(f.now)-len(f.saved)+1)])
	}
	return string(f.saved)
}

type memNew struct {
	disk *memDisk
	name string
	*memContents
}

func (f *memNew) Name() string { return f.name }

func (f *memNew) Chmod(mode fs.FileMode) error {
	f.mode = mode
	return f.disk.step("chmod")
}

func (f *memNew) Write(b []byte) (int, error) {
	err := f.disk.step("write")
	n := len(b)
	if err != nil {
		n = len(b) / 2 // part of it arrives
	}
	if err == syscall.EIO && f.disk.how == "short" {
		err = nil
	}
	f.now = append(f.now, b[:n]...)
	return n, err
}

func (f *memNew) Sync() error {
	err := f.disk.step("sync")
	if err == nil {
		f.saved = slices.Clone(f.now)
	}
	return err
}

func (f *memNew) Close() error { return f.disk.step("close") }

type memInfo struct{ mode fs.FileMode }

func (memInfo) Name() string        { return "" }
func (memInfo) Size() int64         { return 0 }
func (i memInfo) Mode() fs.FileMode { return i.mode }
func (memInfo) ModTime() time.Time  { return time.Time{} }
func (memInfo) IsDir() bool         { return false }
func (memInfo) Sys() any            { return nil }

// Whatever fails, the old file stays, and no other is left; wherever the machine stops,
// there is the old file or the new one, whole; after success it is the new one.
func TestReplaceFaults(t *testing.T) {
	const path = "d/zone"
	old, text := strings.Repeat("old", 100), strings.Repeat("new", 50_000) // three writes
	failed := map[string]bool{}
	for _, how := range []string{"EIO", "short", "crash"} {
		for at := 1; ; at++ {
			was := &memContents{now: []byte(old), saved: []byte(old), mode: 0o644}
			m := &memDisk{now: map[string]*memContents{path: was}, saved: map[string]*memContents{path: was}, failAt: at, how: how}
			err := replace(m, path, func(w io.Writer) error {
				for piece := range slices.Chunk([]byte(text), 1000) {
					if _, err := w.Write(piece); err != nil {
						return err
					}
				}
				return nil
			})
			isOver := m.calls < at
			if isOver != (err == nil) {
				t.Fatalf("%s at call %d: %v", how, at, err)
			}
			for range 20 {
				after := m.crash(path, rand.IntN)
				if after != text && (after != old || isOver) {
					t.Fatalf("%s at call %d (%v): after a crash the file has %d octets", how, at, m.failed, len(after))
				}
			}
			if isOver {
				if m.now[path].mode != 0o644 {
					t.Errorf("permissions are %v", m.now[path].mode)
				}
				break
			}
			if how == "crash" {
				continue
			}
			failed[m.failed[0]] = true
			want := old
			if m.failed[0] == "sync of the folder" {
				want = text
			}
			if got := string(m.now[path].now); got != want || len(m.now) != 1 {
				t.Errorf("%s at call %d (%v): the file has %d octets, %d files", how, at, m.failed, len(got), len(m.now))
			}
		}
	}
	if got := fmt.Sprint(slices.Sorted(maps.Keys(failed))); got != "[chmod close create rename sync sync of the folder write]" {
		t.Errorf("these have failed: %v", got)
	}
}

// The same on the disk: what cannot be written, or not be put in its place, changes
// nothing; a link stays one.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "zone"), filepath.Join(dir, "link")
	if err := os.Symlink("zone", link); err != nil {
		t.Skip(err)
	}
	write := func(text string) func(w io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}
	}
	if err := Replace(path, write("one")); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("a new file: %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := Replace(link, write("two")); err != nil {
		t.Fatal(err)
	}
	fails := errors.New("cannot be written")
	if err := Replace(link, func(w io.Writer) error { write("three")(w); return fails }); err != fails {
		t.Error(err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.MkdirAll(filepath.Join(folder, "inner"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Replace(folder, write("four")); err == nil {
		t.Error("a folder is replaced")
	}
	if err := Replace(filepath.Join(dir, "none", "zone"), write("five")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a folder that is not there: %v", err)
	}
	text, err := os.ReadFile(path)
	info, _ := os.Lstat(link)
	if err != nil || string(text) != "two" || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("%q, %v; the link is %v", text, err, info.Mode())
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o640 {
		t.Errorf("permissions are %v", info.Mode())
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 3 {
		t.Errorf("files are left: %v", entries)
	}
}
