package systemd

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// IsJournal reports whether systemd has connected out to the journal: it says which
// device and file that is in JOURNAL_STREAM, since a program may have been given
// another file since.
func IsJournal(getenv func(string) string, out io.Writer) bool {
	f, ok := out.(*os.File)
	stream := getenv("JOURNAL_STREAM")
	if !ok || stream == "" {
		return false
	}
	var s unix.Stat_t
	return unix.Fstat(int(f.Fd()), &s) == nil && stream == fmt.Sprintf("%d:%d", s.Dev, s.Ino)
}
