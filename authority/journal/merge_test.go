package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// withSerial is the zone of these tests, and lines of its own.
func withSerial(serial string, lines ...string) string {
	return strings.Replace(zoneText, " 1 2", " "+serial+" 2", 1) + strings.Join(lines, "\n") + "\n"
}

// TestFileEdited: a zone was changed while it was served (n0 and n1 added, ns has
// another address), and so was its file, while the server ran or before its next
// start. The result has both, under a serial number that comes after both.
func TestFileEdited(t *testing.T) {
	const added = "n0 60 A 192.0.0.0\nn1 60 A 192.0.0.1\n"
	served := strings.Replace(withSerial("4"), "192.0.2.1", "192.0.2.9", 1) + added
	for _, test := range []struct {
		name, file string
		reload     string // what is served if the file changes while the server runs
		start      string // and if it changes before the next start; "": the same
	}{
		{"not edited", withSerial("1"), served, ""},
		{"other text, same records", "; a comment\n" + withSerial("1"), served, ""},
		{"higher serial", withSerial("10", "www 60 A 192.0.2.80"), strings.Replace(served, " 4 2", " 10 2", 1) + "www 60 A 192.0.2.80\n", ""},
		{"same serial", withSerial("1", "www 60 A 192.0.2.80"), strings.Replace(served, " 4 2", " 5 2", 1) + "www 60 A 192.0.2.80\n", ""},
		{"lower serial", withSerial("4294967295", "www 60 A 192.0.2.80"), strings.Replace(served, " 4 2", " 5 2", 1) + "www 60 A 192.0.2.80\n", ""},
		{"serial of a version between", withSerial("3", "www 60 A 192.0.2.80"), strings.Replace(served, " 4 2", " 5 2", 1) + "www 60 A 192.0.2.80\n", ""},
		{"only a higher serial", withSerial("10"), strings.Replace(served, " 4 2", " 10 2", 1), ""},
		{"written from the zone", served, served, ""},
		{"the same edit", withSerial("10", "n0 60 A 192.0.0.0"), strings.Replace(served, " 4 2", " 10 2", 1), ""},
		{"other timers", strings.Replace(withSerial("1"), " 2 3 4 5", " 20 30 40 50", 1), strings.Replace(served, " 4 2 3 4 5", " 5 20 30 40 50", 1), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "zone")
			write := func(text string) {
				t.Helper()
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			load := func(j *Journal) (*authority.Zone, *authority.Loader) {
				t.Helper()
				loader := &authority.Loader{File: authority.File{Path: path, Origin: wire.MustParseName("example.")}}
				s, err := loader.Load(nil)
				if err != nil {
					t.Fatal(err)
				}
				z := authority.NewZone(s)
				loader.Unsaved = func(z *authority.Zone) (authority.ChangeSet, error) { return j.Unsaved(z.Origin(), z.Class()) }
				return z, loader
			}
			begin := func(j *Journal) (*authority.Zone, *authority.Loader) {
				t.Helper()
				write(withSerial("1"))
				z, loader := load(j)
				z.SetPipeline(&authority.Pipeline{Journal: j})
				for n := range 2 {
					if err := number(z, n); err != nil {
						t.Fatal(err)
					}
				}
				_, err := z.Update(authority.FromUpdate, func(t *authority.Txn) error {
					return t.Replace(wire.Record{Name: wire.MustParseName("ns.example."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 9}})
				})
				if err != nil || text(z.Snapshot()) != text(loadZone(t, "example.", served)) {
					t.Fatalf("%v\n%s", err, text(z.Snapshot()))
				}
				return z, loader
			}
			// restart replays the journal onto the file, as a start of the server does.
			restart := func(options Options) (*Journal, *authority.Zone) {
				t.Helper()
				j := open(t, options)
				z, _ := load(j)
				_, err := j.Replay(z)
				if errors.Is(err, ErrFileChanged) {
					_, err = j.Merge(z)
				}
				if err != nil {
					t.Fatal(err)
				}
				z.SetPipeline(&authority.Pipeline{Journal: j})
				return j, z
			}
			is := func(when string, z *authority.Zone, want string) {
				t.Helper()
				if want := text(loadZone(t, "example.", want)); text(z.Snapshot()) != want {
					t.Errorf("%s:\n%swant\n%s", when, text(z.Snapshot()), want)
				}
			}
			// change shows that the journal goes on, over one more restart.
			change := func(j *Journal, z *authority.Zone, options Options) {
				t.Helper()
				if err := number(z, 9); err != nil {
					t.Fatal(err)
				}
				want := text(z.Snapshot())
				j.Close()
				if _, again := restart(options); text(again.Snapshot()) != want {
					t.Errorf("after one more change and restart:\n%swant\n%s", text(again.Snapshot()), want)
				}
			}

			running := Options{Dir: filepath.Join(dir, "running")}
			j := open(t, running)
			z, loader := begin(j)
			before := z.Snapshot()
			write(test.file)
			if _, err := loader.Reload(z, new(diagnostic.List)); err != nil {
				t.Fatal(err)
			}
			is("reloaded", z, test.reload)
			if z.Snapshot() != before && !before.Serial().Less(z.Snapshot().Serial()) {
				t.Errorf("serial %s after %s", z.Snapshot().Serial(), before.Serial())
			}
			if z.Snapshot() != before {
				if changes, err := j.Changes(z.Origin(), z.Class(), before.Serial()); err != nil || len(changes) != 1 {
					t.Errorf("what the file changed is not a change set of the journal: %d, %v", len(changes), err)
				}
			}
			change(j, z, running)

			stopped := Options{Dir: filepath.Join(dir, "stopped")}
			j = open(t, stopped)
			begin(j)
			j.Close()
			write(test.file)
			j, z = restart(stopped)
			want := test.start
			if want == "" {
				want = test.reload
			}
			is("started", z, want)
			change(j, z, stopped)
		})
	}
}

// TestFileDoesNotFit: what the file has now excludes what the journal has. That is
// said, and everything is as before.
func TestFileDoesNotFit(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	if err := number(newZone(t, j, "example."), 0); err != nil {
		t.Fatal(err)
	}
	j.Close()
	j = open(t, Options{Dir: dir})
	z := authority.NewZone(loadZone(t, "example.", withSerial("2", "n0 60 CNAME ns")))
	if _, err := j.Replay(z); !errors.Is(err, ErrFileChanged) {
		t.Fatal(err)
	}
	before := z.Snapshot()
	if _, err := j.Merge(z); err == nil || !strings.Contains(err.Error(), "do not fit to serial 2 in the file: ") {
		t.Errorf("%v", err)
	}
	if z.Snapshot() != before {
		t.Error("the zone has changed")
	}
	if _, err := j.Replay(authority.NewZone(loadZone(t, "example.", zoneText))); err != nil {
		t.Errorf("with the old file: %v", err)
	}
}

// TestSaved: after the file was written, the zone is replayed from it, though
// changes came meanwhile; differences are still told from before.
func TestSaved(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	z := newZone(t, j, "example.")
	var saved *authority.Snapshot
	for n := range 4 {
		if err := number(z, n); err != nil {
			t.Fatal(err)
		}
		if n == 1 {
			saved = z.Snapshot()
		}
	}
	if err := j.Saved(saved); err != nil {
		t.Fatal(err)
	}
	j.Close()
	j = open(t, Options{Dir: dir})
	again := authority.NewZone(saved)
	if n, err := j.Replay(again); n != 1 || err != nil || text(again.Snapshot()) != text(z.Snapshot()) {
		t.Errorf("%d, %v\n%s", n, err, text(again.Snapshot()))
	}
	if changes, err := j.Changes(z.Origin(), z.Class(), 1); err != nil || len(changes) != 4 {
		t.Errorf("%d changes, %v", len(changes), err)
	}
}

// TestOneProcess: a journal is open once, but can be looked at meanwhile.
func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	j := open(t, Options{Dir: dir})
	if err := number(newZone(t, j, "example."), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	file := filepath.Join(dir, "0000000000000001.journal")
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteAt([]byte("torn"), j.Stats().Size)
	f.Close()
	seen := open(t, Options{Dir: dir, ReadOnly: true})
	if torn := seen.Torn(); seen.Stats().Entries != 2 || torn.File != file || torn.Octets != 4 {
		t.Errorf("%+v, %+v", seen.Stats(), torn)
	}
	if err := seen.Forget(wire.MustParseName("example."), wire.ClassIN); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a change: %v", err)
	}
}
