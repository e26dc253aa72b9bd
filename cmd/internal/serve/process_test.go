package serve

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/cmd/internal/config"
)

func TestClockThatIsWrong(t *testing.T) {
	for year, warned := range map[int]bool{1970: true, 2025: true, 2026: false, 2040: false} {
		var out bytes.Buffer
		warnOfClock(time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC), slog.New(slog.NewTextHandler(&out, nil)))
		if strings.Contains(out.String(), "time-sync.target") != warned {
			t.Errorf("%d: %q", year, out.String())
		}
	}
}

func TestPortOfResolved(t *testing.T) {
	taken := fmt.Errorf("cannot listen: %w", syscall.EADDRINUSE)
	for _, test := range []struct {
		err  error
		port int
		dir  string
		want bool
	}{{taken, 53, t.TempDir(), true}, {taken, 5353, t.TempDir(), false}, {taken, 53, "/nonexistent", false}, {syscall.EACCES, 53, t.TempDir(), false}} {
		err := explainBinding(test.err, test.port, test.dir)
		if strings.Contains(err.Error(), "DNSStubListener=no") != test.want || !errors.Is(err, test.err) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// TestAdviseOnFiles: an operator learns which user may not read which file.
func TestAdviseOnFiles(t *testing.T) {
	denied := &fs.PathError{Op: "open", Path: "/etc/names/key", Err: syscall.EACCES}
	err := adviseOnFiles(fmt.Errorf("web: %w", denied))
	if !errors.Is(err, denied) || !strings.Contains(err.Error(), "which must have access to /etc/names/key") {
		t.Errorf("%v", err)
	}
	for _, other := range []error{&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, fmt.Errorf("listen: %w", syscall.EACCES)} {
		if err := adviseOnFiles(other); err != other {
			t.Errorf("%v", err)
		}
	}
}

// TestFoldersOf: the folders of every file that a configuration names.
func TestFoldersOf(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"zones/a.example", "etc/hosts"} {
		if err := os.Mkdir(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, name), smallZone)
	}
	file := filepath.Join(dir, "names.toml")
	writeFile(t, file, "[[zone]]\nname = \"a.example\"\nfile = \"zones/a.example\"\n[recursion]\nhosts-file = \"etc/hosts\"\nforward = [\"192.0.2.1\"]\n[cache]\nenabled = true\nfile = \"cache/file\"\n"+
		"[dnstap]\nto = \"unix:taps/socket\"\n[query-log]\nwhich = \"all\"\nto = \"logs/queries\"\n[control]\nsocket = \"run/control\"\n")
	c, _, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range []string{".", "cache", "etc", "logs", "run", "taps", "zones"} {
		want = append(want, filepath.Join(dir, name))
	}
	if got := foldersOf(c); !slices.Equal(got, want) {
		t.Errorf("%q\nand not\n%q", got, want)
	}
}
