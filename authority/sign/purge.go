package sign

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Purge deletes the files of keys of which no resolver has had anything for that long,
// and returns these keys. One that was never in use stays.
func (s *KeySet) Purge(dir string, now time.Time, after time.Duration) (purged []*Key, err error) {
	for _, k := range s.Keys {
		if k.Progress == nil || !k.Progress.IsGone() {
			continue
		}
		since := k.Progress.goneSince()
		if since.IsZero() || now.Before(since.Add(after)) {
			continue
		}
		for _, suffix := range [...]string{".private", ".key"} { // without the first, there is no key
			path := filepath.Join(dir, k.FileName(s.Zone)+suffix)
			if removed := os.Remove(path); removed != nil && !errors.Is(removed, fs.ErrNotExist) {
				return purged, fmt.Errorf("key that is not needed any longer: %w", removed)
			}
		}
		purged = append(purged, k)
	}
	s.Keys = slices.DeleteFunc(s.Keys, func(k *Key) bool { return slices.Contains(purged, k) })
	return purged, nil
}

// goneSince is when the last part of a key was hidden; zero if none ever was shown.
func (p *Progress) goneSince() (at time.Time) {
	for part := range parts {
		if p.Role.has(part) && p.Parts[part].Since.After(at) {
			at = p.Parts[part].Since
		}
	}
	return at
}
