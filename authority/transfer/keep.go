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
// a primary last confirmed it. The file of a zone that the journal has all of is empty, or
// missing as long as the last change was the last time.

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
	var checked time.Time
	isWhole := false
	if s.config.Journal != nil {
		checked, isWhole = s.config.Journal.Whole(s.zone.Origin(), s.zone.Class())
	}
	path := s.fileName()
	info, err := os.Stat(path)
	switch {
	case err == nil:
		s.hasFile = true
		checked = info.ModTime()
	case errors.Is(err, fs.ErrNotExist) && !isWhole:
		return
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	if err == nil {
		err = s.restore(path, isWhole, info != nil && info.Size() > 0, checked)
	}
	if err != nil {
		s.log().Warn("zone that was kept is not used", "file", path, "error", err)
	}
}

// restore reads the zone from the journal, if all of it is there, and from its file,
// unless that is older.
func (s *Secondary) restore(path string, isWhole, isFile bool, checked time.Time) error {
	if isWhole {
		if _, err := s.config.Journal.Replay(s.zone); err != nil {
			return err
		}
	}
	if isFile {
		if err := s.restoreFile(path, isWhole); err != nil {
			return err
		}
	}
	if s.zone.Snapshot() == nil {
		return errors.New("file is empty, and the journal does not have the zone")
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
	snapshot := s.zone.Snapshot()
	s.unsaved = snapshot.Records()
	if isFile {
		s.unsaved = 0
	}
	s.log().Info("zone restored", "serial", snapshot.Serial().String(), "records", snapshot.Records(), "file", path)
	return nil
}

// restoreFile reads the zone's file, and what the journal has in addition. If the
// journal has all of the zone, the file is of use if the process ended after it was
// written, before the journal knew.
func (s *Secondary) restoreFile(path string, isWhole bool) error {
	snapshot, err := authority.File{Path: path, Origin: s.zone.Origin(), IsReceived: true}.Load(new(diagnostic.List))
	switch {
	case err != nil:
		return firstProblem(err)
	case isWhole && !s.zone.Snapshot().Serial().Less(snapshot.Serial()):
		return nil
	}
	if err := s.zone.Replace(authority.FromJournal, snapshot); err != nil || s.config.Journal == nil {
		return err
	}
	if isWhole {
		return s.config.Journal.Forget(s.zone.Origin(), s.zone.Class())
	}
	return s.replay()
}

// replay brings the zone from what its file has to what the journal has. If the file
// does not go together with the journal, it is newer: it was written, and the
// process ended before the journal knew.
func (s *Secondary) replay() error {
	_, err := s.config.Journal.Replay(s.zone)
	if err == nil {
		return nil
	}
	s.log().Warn("journal does not continue the zone that was kept; the zone is used without it", "error", err)
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
	s.hasFile = true
	return nil
}

// isInJournal reports whether the journal has all of the zone.
func (s *Secondary) isInJournal() bool {
	if s.config.Journal == nil {
		return false
	}
	_, ok := s.config.Journal.Whole(s.zone.Origin(), s.zone.Class())
	return ok
}

// touch notes that a primary has confirmed the zone.
func (s *Secondary) touch() {
	if !s.isKept() {
		return
	}
	err := os.Chtimes(s.fileName(), time.Time{}, s.checked)
	if errors.Is(err, fs.ErrNotExist) {
		if err = s.create(); err == nil {
			err = os.Chtimes(s.fileName(), time.Time{}, s.checked)
		}
	}
	if err != nil {
		s.log().Warn("cannot note when the zone was confirmed", "error", err)
	}
}

// create makes the file that is not there: an empty one, if the journal has the zone.
func (s *Secondary) create() error {
	if !s.isInJournal() {
		return s.save(s.zone.Snapshot())
	}
	f, err := os.OpenFile(s.fileName(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	s.hasFile = true
	return f.Close()
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
