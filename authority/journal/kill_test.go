package journal

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// killFS is the file system of the operating system, on which the process kills itself
// at a call that changes something: before it, in the middle of a write, or after it.
type killFS struct {
	osFS
	mu    sync.Mutex
	calls int
	at    int // number of the call
	when  string
}

// around makes a call, or the part of it that is made before the end.
func (k *killFS) around(call, part func() error) error {
	k.mu.Lock()
	k.calls++
	isLast := k.calls == k.at
	k.mu.Unlock()
	if !isLast {
		return call()
	}
	switch k.when {
	case "middle":
		part()
	case "after":
		call()
	}
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	if err := self.Kill(); err != nil {
		return err
	}
	select {}
}

func nothing() error { return nil }

func (k *killFS) Open(name string, create bool) (f File, err error) {
	if !create {
		f, err = k.osFS.Open(name, false)
	} else {
		err = k.around(func() (err error) { f, err = k.osFS.Open(name, true); return err }, nothing)
	}
	if err != nil {
		return nil, err
	}
	return killFile{f, k}, nil
}

func (k *killFS) Remove(name string) error {
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return k.around(func() error { return k.osFS.Remove(name) }, nothing)
}

func (k *killFS) SyncDir(dir string) error {
	return k.around(func() error { return k.osFS.SyncDir(dir) }, nothing)
}

type killFile struct {
	File
	fs *killFS
}

func (f killFile) WriteAt(b []byte, at int64) (n int, err error) {
	err = f.fs.around(func() (err error) { n, err = f.File.WriteAt(b, at); return err }, func() error {
		_, err := f.File.WriteAt(b[:rand.IntN(len(b))], at)
		return err
	})
	return n, err
}

func (f killFile) Truncate(size int64) error {
	return f.fs.around(func() error { return f.File.Truncate(size) }, nothing)
}

func (f killFile) Sync() error { return f.fs.around(f.File.Sync, nothing) }

// recent is how many of the numbered records a zone has in TestKillInCalls.
const recent = 50

// TestKillInCalls kills a process at each kind of call by which a journal writes, begins
// and drops segments, merges and cuts, while it makes numbered changes and writes the zone's
// file: each change that it acknowledged is there, none half, and it goes on from there.
// NAMES_JOURNAL_KILLS says how often.
func TestKillInCalls(t *testing.T) {
	if dir := os.Getenv("NAMES_JOURNAL_KILLED"); dir != "" {
		killed(t, dir, os.Getenv("NAMES_JOURNAL_KILLED_AT"))
		return
	}
	kills := 60
	if testing.Short() {
		kills = 6
	}
	if n, err := strconv.Atoi(os.Getenv("NAMES_JOURNAL_KILLS")); err == nil {
		kills = n
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "zone")
	if err := os.WriteFile(path, []byte(zoneText), 0o600); err != nil {
		t.Fatal(err)
	}
	acknowledged, torn, merged := 0, 0, 0
	for kill := range kills {
		when := []string{"before", "middle", "after"}[kill%3]
		cmd := exec.Command(os.Args[0], "-test.run", "^TestKillInCalls$")
		cmd.Env = append(os.Environ(), "NAMES_JOURNAL_KILLED="+dir, fmt.Sprintf("NAMES_JOURNAL_KILLED_AT=%d %s", 1+rand.IntN(80), when))
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			n, err := strconv.Atoi(lines.Text())
			if err != nil {
				t.Fatalf("kill %d, %s: %s", kill, when, lines.Text())
			}
			acknowledged = max(acknowledged, n)
		}
		cmd.Wait()
		looked, err := Open(Options{Dir: dir, ReadOnly: true})
		if err != nil {
			t.Fatalf("kill %d, %s: %v", kill, when, err)
		}
		if looked.Torn().File != "" {
			torn++
		}
		looked.Close()
		j := open(t, killedOptions(dir))
		z := zoneOfFile(t, j, path)
		merged = max(merged, int(j.segments[0].number))
		last := int(z.Snapshot().Serial()) - 1
		if last < acknowledged {
			t.Fatalf("kill %d, %s: change %d was acknowledged, and the last is %d", kill, when, acknowledged, last)
		}
		for n := 1; n <= last+1; n++ {
			if want := n <= last && n > last-recent; has(z, n) != want {
				t.Fatalf("kill %d, %s: the last change is %d, and record %d is there: %v", kill, when, last, n, !want)
			}
		}
		j.Close()
	}
	t.Logf("%d kills, %d changes acknowledged, %d torn tails, oldest segment is %d", kills, acknowledged, torn, merged)
	if acknowledged < kills || kills >= 60 && merged < 2 {
		t.Errorf("only %d changes were acknowledged in %d kills; the oldest segment is %d", acknowledged, kills, merged)
	}
}

func killedOptions(dir string) Options {
	return Options{Dir: dir, SegmentSize: 2000, MaxSize: 40_000}
}

// zoneOfFile is the zone that a file and a journal have together.
func zoneOfFile(t *testing.T, j *Journal, path string) *authority.Zone {
	t.Helper()
	s, err := authority.File{Path: path, Origin: wire.MustParseName("example.")}.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	z := authority.NewZone(s)
	z.SetPipeline(&authority.Pipeline{Journal: j})
	if _, err := j.Replay(z); err != nil {
		t.Fatal(err)
	}
	return z
}

// killed makes changes, each of which adds a record and removes an old one, and says when
// each is acknowledged. Now and then it writes the zone's file.
func killed(t *testing.T, dir, at string) {
	number, when, _ := strings.Cut(at, " ")
	k := &killFS{when: when}
	k.at, _ = strconv.Atoi(number)
	o := killedOptions(dir)
	o.FS = k
	j := open(t, o)
	path := filepath.Join(dir, "zone")
	z := zoneOfFile(t, j, path)
	for n := int(z.Snapshot().Serial()); ; n++ {
		_, err := z.Update(authority.FromUpdate, func(x *authority.Txn) error {
			old, _ := z.Origin().Prepend("n" + strconv.Itoa(n-recent))
			x.RemoveName(old)
			name, err := z.Origin().Prepend("n" + strconv.Itoa(n))
			if err != nil {
				return err
			}
			return x.Add(wire.Record{Name: name, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, byte(n >> 8), byte(n)}})
		})
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(n)
		if n%20 == 0 {
			s := z.Snapshot()
			if err := authority.WriteFile(path, s); err != nil {
				t.Fatal(err)
			}
			if err := j.Saved(s); err != nil {
				t.Fatal(err)
			}
		}
	}
}
