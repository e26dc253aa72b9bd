package authority

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// reloadable is a zone with everything that an edit can affect.
const reloadable = `$TTL 60
@ SOA ns1 h 1 2 3 4 5
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns2 A 192.0.2.2
a A 192.0.2.3
a A 192.0.2.4
a TXT "x"
b MX 10 a
b MX 20 missing
c.d.e A 192.0.2.5
*.w A 192.0.2.6
sub NS ns.sub
ns.sub A 192.0.2.7
below.sub A 192.0.2.8
alias CNAME a
dn DNAME far.example.net.
t 60 SRV 1 2 3 a
`

// editedLines are lines that edits put into it: valid ones, invalid ones, and some
// whose validity depends on the lines around them.
var editedLines = []string{
	"a A 192.0.2.9", "a 70 A 192.0.2.9", "a 70 A 192.0.2.3", "A A 192.0.2.3", "new A 192.0.2.9", "x.y.new AAAA 2001:db8::1",
	"missing A 192.0.2.9", "b MX 10 A", "b MX 30 ns1", "e NS ns9.e", "ns9.e A 192.0.2.9", "alias CNAME b", "alias CNAME A", "alias A 192.0.2.9",
	"dn DNAME far.example.org.", "x.dn A 192.0.2.9", "* A 192.0.2.9", "w TXT y", "@ NS ns2", "@ TXT z", "@ SOA ns1 h 2 2 3 4 5", "@ SOA ns1 h 1 2 3 4 5",
	"far.other. A 192.0.2.9", "bad A 192.0.2", "$ORIGIN q", "$TTL 61", "$TTL 3000000000", "TXT TXT \"x\"", "c.d.e A 192.0.2.5",
	"ns.sub NS ns.sub", "sub DS 1 8 2 AA", "t 60 SRV 1 2 3 A", "3msev9usmd4br9s97v51r2tdvmr9iqo1 NSEC3 1 0 0 - 4msev9usmd4br9s97v51r2tdvmr9iqo1 SOA",
	"a RRSIG A 13 2 60 20300101000000 20200101000000 1 @ AAAA", "a RRSIG TXT 13 2 60 20300101000000 20200101000000 1 @ AAAA",
	"@ RRSIG SOA 13 1 60 20300101000000 20200101000000 1 @ AAAA", "a NSEC b A", "b NSEC c MX", "@ NSEC3PARAM 1 0 0 -",
}

// editLines removes, adds and moves lines.
func editLines(random *rand.Rand, lines []string) []string {
	lines = slices.Clone(lines)
	for range 1 + random.IntN(4) {
		at := 1 + random.IntN(len(lines)-1)
		switch random.IntN(4) {
		case 0:
			lines = slices.Delete(lines, at, at+1)
		case 1:
			line := lines[at]
			lines = slices.Insert(slices.Delete(lines, at, at+1), 1+random.IntN(len(lines)-1), line)
		default:
			lines = slices.Insert(lines, at, editedLines[random.IntN(len(editedLines))])
		}
	}
	return lines
}

// TestReload: a reload results in the same zone as loading the file, whatever
// changed in it. If the file cannot be loaded, the zone stays as it is, and the
// errors are the same.
func TestReload(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	path := filepath.Join(t.TempDir(), "example")
	write := func(lines []string) {
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	updated, whole, unchanged, refused := 0, 0, 0, 0
	for range 150 {
		lines := strings.Split(strings.TrimSuffix(reloadable, "\n"), "\n")
		write(lines)
		loader := Loader{File: File{Path: path}}
		var problems diagnostic.List
		s, err := loader.Load(&problems)
		if err != nil {
			t.Fatal(err)
		}
		zone := NewZone(s)
		for range 4 {
			edited := editLines(random, lines)
			write(edited)
			before := zone.Snapshot()
			var first, again diagnostic.List
			want, wantErr := File{Path: path}.Load(&first)
			got, err := loader.Reload(zone, &again)
			if fmt.Sprint(err) != fmt.Sprint(wantErr) {
				t.Fatalf("%v, want %v\nfrom\n%s\nto\n%s", err, wantErr, strings.Join(lines, "\n"), strings.Join(edited, "\n"))
			}
			switch {
			case err != nil:
				refused++
				if zone.Snapshot() != before {
					t.Fatal("an error changed the zone")
				}
				continue
			case got.Replaced:
				whole++
			case got.Changes.IsEmpty():
				unchanged++
				if zone.Snapshot() != before {
					t.Error("a reload without a change made a new version")
				}
			default:
				updated++
			}
			a, b := describeNodes(t, want), describeNodes(t, zone.Snapshot())
			if !slices.Equal(a, b) || want.Records() != zone.Snapshot().Records() || want.Serial() != zone.Snapshot().Serial() || want.Signed() != zone.Snapshot().Signed() {
				t.Fatalf("from\n%s\nto\n%s\n%+v\nloaded -, reloaded +\n%s", strings.Join(lines, "\n"), strings.Join(edited, "\n"), got, cmp.Diff(a, b))
			}
			lines = edited
		}
	}
	t.Logf("%d updated, %d replaced, %d unchanged, %d refused", updated, whole, unchanged, refused)
	if updated < 100 || whole < 20 || unchanged < 20 || refused < 50 {
		t.Errorf("the test shows little: %d updated, %d replaced, %d unchanged, %d refused", updated, whole, unchanged, refused)
	}
}

// TestReloadOfTheSame: a file with the same contents is not loaded again, even if
// it was written again; included files count as well.
func TestReloadOfTheSame(t *testing.T) {
	directory := t.TempDir()
	path, included := filepath.Join(directory, "example"), filepath.Join(directory, "more")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(included, "more A 192.0.2.1\n")
	write(path, reloadable+"$INCLUDE more\n")
	loader := Loader{File: File{Path: path}}
	var problems diagnostic.List
	s, err := loader.Load(&problems)
	if err != nil {
		t.Fatal(err)
	}
	zone := NewZone(s)
	reload := func(change func(), want bool) {
		t.Helper()
		change()
		if loader.loaded.areUnchanged() != !want {
			t.Errorf("files changed: %v, want %v", !want, want)
		}
		if got, err := loader.Reload(zone, &problems); err != nil || got.Replaced || got.Changes.IsEmpty() == want {
			t.Errorf("%+v, %v", got, err)
		}
	}
	reload(func() { write(path, reloadable+"$INCLUDE more\n") }, false)
	reload(func() { write(included, "more A 192.0.2.2\n") }, true)
	reload(func() { write(path, reloadable+"$INCLUDE more\n$INCLUDE more\nmore2 A 192.0.2.2\n") }, true)
	reload(func() {}, false)
	if n := zone.Snapshot().Records(); n != 20 {
		t.Errorf("%d records", n)
	}
	if err := os.Remove(included); err != nil {
		t.Fatal(err)
	}
	if _, err := loader.Reload(zone, &problems); err == nil || zone.Snapshot().Records() != 20 {
		t.Errorf("reloaded without a file that is included: %v", err)
	}
}

// TestReloadLooksOnce: a file that has been as it is for a while is not read again until
// it has another mark.
func TestReloadLooksOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "example")
	if err := os.WriteFile(path, []byte(reloadable), 0o644); err != nil {
		t.Fatal(err)
	}
	loader := Loader{File: File{Path: path}}
	if _, err := loader.Load(nil); err != nil {
		t.Fatal(err)
	}
	read := &loader.loaded.files[0]
	if read.mark != (files.Mark{}) {
		t.Error("a file that was just written is taken for settled")
	}
	if read.mark = files.MarkAt(path); read.mark == (files.Mark{}) {
		t.Skip("the system has no marks of files")
	}
	read.sum[0]++ // so that reading it would tell
	if loader.HasChanged() {
		t.Error("an unchanged file was read")
	}
	if err := os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if !loader.HasChanged() {
		t.Error("a file with another mark was not read")
	}
}

// TestReloadPyzone: a pyzone is loaded as a whole, or not at all.
func TestReloadPyzone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.py")
	write := func(address string) {
		text := "zone = [SOA('example', mname='ns', rname='h', serial=1, refresh='1H', retry='1H', expire='1H', minimum='1H'), NS('example', 'ns.example'), A('ns.example', '" + address + "')]\n"
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("192.0.2.1")
	loader := Loader{File: File{Path: path, Format: Pyzone}}
	var problems diagnostic.List
	s, err := loader.Load(&problems)
	if err != nil {
		t.Fatal(err)
	}
	zone := NewZone(s)
	if got, err := loader.Reload(zone, &problems); err != nil || got.Replaced || zone.Snapshot() != s {
		t.Errorf("the same: %+v, %v", got, err)
	}
	write("192.0.2.2")
	if got, err := loader.Reload(zone, &problems); err != nil || !got.Replaced || zone.Snapshot() == s {
		t.Errorf("another: %+v, %v", got, err)
	}
}

// TestReloadOfAnotherZone is an error.
func TestReloadOfAnotherZone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "example")
	for _, text := range []string{"$ORIGIN other.\n" + reloadable, "$ORIGIN .\n" + reloadable} {
		zone := NewZone(mustZone(t, "example.", reloadable))
		before := zone.Snapshot()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		loader := Loader{File: File{Path: path}}
		var problems diagnostic.List
		if _, err := loader.Reload(zone, &problems); err == nil || zone.Snapshot() != before {
			t.Errorf("%s: %v", text[:16], err)
		}
	}
	_ = wire.Root
}
