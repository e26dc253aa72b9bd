package files

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A file gets another mark when it is written, replaced or touched, whatever its time
// of modification says, and what has just changed is not settled.
func TestMark(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if m := MarkAt(path); m != (Mark{}) || m.WasSettled(time.Now()) {
		t.Errorf("no file: %+v", m)
	}
	write(path, "one")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	first := MarkAt(path)
	if first != MarkOf(info) || first == (Mark{}) {
		t.Errorf("%+v, and %+v of what was open", first, MarkOf(info))
	}
	if changed := time.Unix(0, first.changed); first.WasSettled(changed.Add(coarsestClock)) || !first.WasSettled(changed.Add(coarsestClock+1)) {
		t.Error("settled too early or too late")
	}
	seen := map[Mark]string{first: "at first"}
	for _, step := range []struct {
		what string
		do   func()
	}{
		{"longer", func() { write(path, "three") }},
		{"replaced", func() {
			write(path+".new", "three")
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
		}},
		{"set back", func() {
			if err := os.Chtimes(path, time.Time{}, info.ModTime().Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		step.do()
		now := MarkAt(path)
		if other, ok := seen[now]; ok {
			t.Errorf("%s: the same mark as %s", step.what, other)
		}
		seen[now] = step.what
	}
}
