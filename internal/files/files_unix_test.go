//go:build unix

package files

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A FIFO without a writer, a device and a directory are refused without
// waiting; so is a regular file that is too large.
func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	fifo, small, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "small"), filepath.Join(dir, "link")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(small, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(fifo, link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{fifo: "a FIFO", link: "a FIFO", "/dev/zero": "a device", dir: "a directory"} {
		_, err := Read(path, 100)
		if !errors.Is(err, ErrNotRegular) || !strings.HasSuffix(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if text, err := Read(small, 10); err != nil || string(text) != "0123456789" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := Read(small, 9); err == nil || !strings.Contains(err.Error(), "larger than 9 octets") {
		t.Errorf("one octet too many: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "missing"), 10); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// A file whose size is not known beforehand is read to its end.
func TestReadOfAFileThatSaysItIsEmpty(t *testing.T) {
	const path = "/proc/self/status"
	want, err := os.ReadFile(path)
	if err != nil {
		t.Skip("there is no /proc here")
	}
	got, err := Read(path, 1<<20)
	if err != nil || len(got) < 100 || string(got[:5]) != string(want[:5]) {
		t.Errorf("%q, %v", got, err)
	}
}
