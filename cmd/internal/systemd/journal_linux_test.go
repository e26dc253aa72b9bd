package systemd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestIsJournal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	stream := ""
	getenv := func(key string) string { return map[string]string{"JOURNAL_STREAM": stream}[key] }
	if IsJournal(getenv, f) {
		t.Error("without JOURNAL_STREAM")
	}
	stream = "0:0"
	if IsJournal(getenv, f) {
		t.Error("another file")
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	s := info.Sys().(*syscall.Stat_t)
	stream = fmt.Sprintf("%d:%d", s.Dev, s.Ino)
	if !IsJournal(getenv, f) || IsJournal(getenv, io.Discard) {
		t.Errorf("%s: it is the file, and nothing else is", stream)
	}
}
