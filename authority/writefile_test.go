package authority

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestWriteFile: what is written reads back as the same zone; what a person has
// written into a file stays.
func TestWriteFile(t *testing.T) {
	const records = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
	for _, test := range []struct{ text, refused string }{
		{records, ""},
		{"$TTL 60\n" + records, ""},
		{"@ 60 TXT \"; not a comment\" \\;\n" + records, ""},
		{writtenByUs + "; lost\n" + records, ""},
		{records + "\n; kept\n", ":5: "},
		{records + "www 60 A 192.0.2.2 ; here\n", ":4: "},
		{records + "$generate 1-2 h$ 60 A 192.0.2.$\n", ":4: "},
		{"$INCLUDE other\n" + records, ":1: "},
	} {
		path := filepath.Join(t.TempDir(), "zone")
		if err := os.WriteFile(path, []byte(test.text), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), "other"), nil, 0o640); err != nil {
			t.Fatal(err)
		}
		file := File{Path: path, Origin: wire.MustParseName("example.")}
		file.Open = nil
		s, err := file.Load(nil)
		if err != nil {
			s = mustZone(t, "example.", records)
		}
		err = WriteFile(path, s)
		if test.refused != "" {
			if after, _ := os.ReadFile(path); !errors.Is(err, ErrNotRewritten) || !strings.Contains(err.Error(), test.refused) || string(after) != test.text {
				t.Errorf("%q: %v", test.text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		again, err := file.Load(nil)
		if err != nil || again.Digest() != s.Digest() {
			t.Errorf("%q: %v", test.text, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
			t.Errorf("%v %v", info.Mode(), err)
		}
	}
}

// TestWriteFileAgain: what the loader has written itself is not an edit of the file; what
// another has written since is.
func TestWriteFileAgain(t *testing.T) {
	const records = "@ 60 SOA ns h %d 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"
	path := filepath.Join(t.TempDir(), "zone")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(fmt.Sprintf(records, 1))
	l := &Loader{File: File{Path: path, Origin: wire.MustParseName("example.")}}
	s, err := l.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	z := NewZone(s)
	for i := range 3 {
		if l.HasChanged() {
			t.Fatalf("%d: the file has changed", i)
		}
		if _, err := z.Update(FromControl, func(t *Txn) error { t.SetSerial(wire.Serial(2 + i)); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := l.WriteFile(z.Snapshot()); err != nil {
			t.Fatal(err)
		}
	}
	if result, err := l.Reload(z, nil); err != nil || result.Replaced || !result.Changes.IsEmpty() {
		t.Errorf("read again: %+v, %v", result, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(string(text) + "www 60 A 192.0.2.2\n")
	if !l.HasChanged() {
		t.Error("an edit is not seen")
	}
	if result, err := l.Reload(z, nil); err != nil || len(result.Changes.Added) == 0 {
		t.Errorf("edited: %+v, %v", result, err)
	}
	if err := l.WriteFile(z.Snapshot()); err != nil || l.HasChanged() {
		t.Errorf("written again: %v", err)
	}
	write(string(text) + "; a comment\n")
	if err := l.WriteFile(z.Snapshot()); err != nil { // it begins with our line
		t.Error(err)
	}
	write("; mine\n" + fmt.Sprintf(records, 9))
	if err := l.WriteFile(z.Snapshot()); !errors.Is(err, ErrNotRewritten) || !l.HasChanged() {
		t.Errorf("a file with a comment: %v", err)
	}
}
