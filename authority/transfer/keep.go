package transfer

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/internal/files"
)

// A zone is kept in a master file of its own, whose time of modification is when
// a primary last confirmed it.

// CheckDirectory reports whether zones can be kept in a directory.
func CheckDirectory(path string) error {
	probe, err := os.CreateTemp(path, ".probe-*")
	if err != nil {
		return fmt.Errorf("directory for secondary zones: %w", err)
	}
	return errors.Join(probe.Close(), os.Remove(probe.Name()))
}

// isKept reports whether the zone is kept in a file.
func (s *Secondary) isKept() bool { return s.config.Directory != "" || s.config.File != "" }

// fileName is where a zone is kept. In the names of files in Directory, only letters,
// digits, "-", "_" and "." of the zone's name are as they are.
func (s *Secondary) fileName() string {
	if s.config.File != "" {
		return s.config.File
	}
	var b strings.Builder
	for i, c := range []byte(strings.TrimSuffix(s.zone.Origin().Fold().String(), ".")) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' && i > 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	name := b.String()
	if len(name) > maxFileName {
		name = fmt.Sprintf("%s%%%x", name[:maxFileName-65], sha256.Sum256([]byte(name)))
	}
	return filepath.Join(s.config.Directory, name+".secondary")
}

// maxFileName leaves room within the 255 octets that file systems have.
const maxFileName = 240

// Restore reads the zone as it was kept, and serves it unless it has expired
// since. A file that cannot be used is left out with a warning. It is for the time
// before Run.
func (s *Secondary) Restore() {
	if !s.isKept() {
		return
	}
	path := s.fileName()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = s.restore(path, info.ModTime())
	}
	if err != nil {
		s.config.Log.Warn("zone that was kept is not used", "file", path, "error", err)
	}
}

func (s *Secondary) restore(path string, checked time.Time) error {
	snapshot, err := authority.File{Path: path, Origin: s.zone.Origin(), IsReceived: true}.Load(new(diagnostic.List))
	if err != nil {
		return firstProblem(err)
	}
	if err := s.zone.Replace(authority.FromJournal, snapshot); err != nil {
		return err
	}
	if s.config.Journal != nil {
		if err := s.replay(); err != nil {
			return err
		}
	}
	if now := time.Now(); checked.After(now) {
		checked = now // the clock was set back
	}
	s.checked, s.confirmed = checked, checked
	s.note(time.Time{}, nil)
	s.noteExpiry()
	if !time.Now().Before(s.expiry()) {
		s.zone.Expire()
		return fmt.Errorf("it has expired: a primary last confirmed it at %v", checked)
	}
	snapshot = s.zone.Snapshot()
	s.config.Log.Info("zone restored", "serial", snapshot.Serial().String(), "records", snapshot.Records(), "file", path)
	return nil
}

// replay brings the zone from what its file has to what the journal has. If the file
// does not go together with the journal, it is newer: it was written, and the
// process ended before the journal knew.
func (s *Secondary) replay() error {
	_, err := s.config.Journal.Replay(s.zone)
	if err == nil {
		return nil
	}
	s.config.Log.Warn("journal does not continue the zone that was kept; the zone is used without it", "error", err)
	return s.config.Journal.Forget(s.zone.Origin(), s.zone.Class())
}

// save writes the zone to its file: all of it, or not at all.
func (s *Secondary) save(snapshot *authority.Snapshot) error {
	if !s.isKept() {
		return nil
	}
	err := files.Replace(s.fileName(), func(w io.Writer) error { return zonefile.Write(w, snapshot.Unsorted()) })
	if err != nil {
		return fmt.Errorf("keeping the zone: %w", err)
	}
	return nil
}

// touch notes that a primary has confirmed the zone.
func (s *Secondary) touch() {
	if !s.isKept() {
		return
	}
	if err := os.Chtimes(s.fileName(), time.Time{}, s.checked); err != nil {
		s.config.Log.Warn("cannot note when the zone was confirmed", "error", err)
	}
}

// Forget removes what is kept of the zone, for one that is not to come back as it
// was. Run has ended, or was not called.
func (s *Secondary) Forget() error {
	if !s.isKept() {
		return nil
	}
	if err := os.Remove(s.fileName()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting the zone: %w", err)
	}
	return nil
}
