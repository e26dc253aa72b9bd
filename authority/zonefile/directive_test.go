package zonefile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// TestDeepIncludes reads files that include each other as deep as is allowed,
// and one deeper.
func TestDeepIncludes(t *testing.T) {
	open := func(last string) func(string) (io.ReadCloser, error) {
		return func(path string) (io.ReadCloser, error) {
			text := "$INCLUDE " + path + "x\n"
			if path == last {
				text = "a 5 A 192.0.2.1\n"
			}
			return io.NopCloser(strings.NewReader(text)), nil
		}
	}
	for _, test := range []struct {
		last   string
		errors int
	}{
		{strings.Repeat("x", 5), 0},
		{strings.Repeat("x", 6), 1},
		{"there is none", 1},
	} {
		o := Options{Origin: wire.Root, Open: open(test.last), MaxDepth: 5}
		var problems diagnostic.List
		records := 0
		if err := ReadFile("x", o, &problems, func(*Record) error { records++; return nil }); err != nil {
			t.Fatal(err)
		}
		if problems.Errors != test.errors || records != 1-test.errors {
			t.Errorf("%s: %d records, problems: %v", test.last, records, &problems)
		}
		if test.errors == 1 && !strings.Contains(problems.Error(), "xxxxx:1:10: more than 5 files included in each other: x -> xx -> xxx -> xxxx -> xxxxx -> xxxxxx") {
			t.Errorf("%s: %v", test.last, &problems)
		}
	}
}

// TestLimits exceeds the limits on octets and on generated records.
func TestLimits(t *testing.T) {
	emitted := 0
	count := func(*Record) error { emitted++; return nil }
	var problems diagnostic.List
	o := Options{Origin: wire.Root, MaxBytes: 40, Open: openFrom([]storyFile{{"a", "$INCLUDE b\n"}, {"b", strings.Repeat("; more\n", 10)}})}
	if err := ReadFile("a", o, &problems, count); err != nil || problems.Error() != "a:1:10: b: more than 40 octets in all files together" {
		t.Errorf("included file: %v, %v", err, &problems)
	}
	problems = diagnostic.List{}
	if err := ReadFile("b", o, &problems, count); err != nil || problems.Error() != "b: more than 40 octets in all files together" {
		t.Errorf("file: %v, %v", err, &problems)
	}
	problems = diagnostic.List{}
	if err := Read(make([]byte, 41), "memory", o, &problems, count); err != nil || problems.Errors != 1 {
		t.Errorf("text: %v, %v", err, &problems)
	}
	problems = diagnostic.List{}
	o = Options{Origin: wire.Root, MaxGenerated: 10}
	text := "$TTL 5\n$GENERATE 1-6 a$ A 192.0.2.1\n$GENERATE 1-5 b$ A 192.0.2.1\n$GENERATE 1-4 c$ A 192.0.2.1\n"
	err := Read([]byte(text), "memory", o, &problems, count)
	if err != nil || emitted != 10 || problems.Error() != "memory:3:11: more than 10 records made by $GENERATE" {
		t.Errorf("generated %d: %v, %v", emitted, err, &problems)
	}
}

// TestOpenFails reads files that are not there, or that fail while they are read.
func TestOpenFails(t *testing.T) {
	var problems diagnostic.List
	path := filepath.Join(t.TempDir(), "missing")
	if err := ReadFile(path, Options{}, &problems, nil); err != nil || !errors.Is(&problems, os.ErrNotExist) {
		t.Errorf("missing: %v, %v", err, &problems)
	}
	problems = diagnostic.List{}
	if err := ReadFile(t.TempDir(), Options{}, &problems, nil); err != nil || problems.Errors != 1 {
		t.Errorf("directory: %v, %v", err, &problems)
	}
	broken := errors.New("disk on fire")
	problems = diagnostic.List{}
	o := Options{Open: func(string) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("a 5 A 192.0.2.1\n"), errorReader{broken})), nil
	}}
	if err := ReadFile("x", o, &problems, nil); err != nil || !errors.Is(&problems, broken) {
		t.Errorf("read error: %v, %v", err, &problems)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// TestReadFileFromDisk includes files relative to the one that includes them.
func TestReadFileFromDisk(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("zone", "$TTL 5\n$INCLUDE sub/one\n")
	write("sub/one", "$INCLUDE two\n$INCLUDE "+filepath.Join(dir, "three")+"\n")
	write("sub/two", "a A 192.0.2.1\n")
	write("three", "b A 192.0.2.1\n")
	var problems diagnostic.List
	var got []string
	err := ReadFile(filepath.Join(dir, "zone"), Options{Origin: wire.Root}, &problems, func(r *Record) error {
		file, _ := filepath.Rel(dir, r.Position.File)
		got = append(got, fmt.Sprintf("%s:%d %s", file, r.Position.Line, r.Name))
		return nil
	})
	if err != nil || problems.Errors != 0 || strings.Join(got, ", ") != "sub/two:1 a., three:1 b." {
		t.Errorf("%v, %v, %q", err, &problems, got)
	}
}
