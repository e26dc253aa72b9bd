package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// reloadSome reads the files of some zones again. One that is new in a folder of the
// configuration is served from then on, and one whose file is gone from its folder no
// longer. Other zones and the configuration are left alone, so that this costs little
// however many there are. A zone that fails stays as it was; the error says which do.
func (s *Server) reloadSome(texts []string) (result reloadReply, err error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	names, err := parseNames(texts)
	if err != nil {
		return result, err
	}
	result.Zones = len(names)
	var failed []error
	fail := func(format string, args ...any) { failed = append(failed, fmt.Errorf(format, args...)) }
	places := s.placesOf(names)
	edit := folderEdit{folders: s.folders()}
	otherZones := false
	done := map[*servedZone]bool{} // one file may have several of the zones
	for i, name := range names {
		at := places[i]
		if at.served != nil && done[at.served] {
			continue
		}
		done[at.served] = true
		switch {
		case at.served == nil && at.isElsewhere:
			fail("zone %v does not come from a file", name)
		case at.served == nil:
			z, err := s.loadNew(name, edit.folders)
			if err != nil {
				failed = append(failed, err)
				continue
			}
			edit.added = append(edit.added, z)
		case edit.folderOf(at.index) >= 0 && isGone(at.served.from.Path):
			edit.removed = append(edit.removed, at)
		default:
			before := at.served.zones
			what, err := at.served.reload(s.log, slog.LevelInfo)
			if err != nil {
				fail("zone %v stays as it was: %w", name, firstLine(err))
				continue
			}
			if what.Replaced || !what.Changes.IsEmpty() {
				result.Changed++
			}
			otherZones = otherZones || !slices.Equal(before, at.served.zones)
		}
	}
	if changes := len(edit.added) + len(edit.removed); changes > 0 {
		if err := s.serveEdited(&edit); err != nil {
			fail("zones of folders stay as they were: %w", err)
		} else {
			result.Added, result.Removed = len(edit.added), len(edit.removed)
			s.log.Info("zones of folders changed", "added", len(edit.added), "removed", len(edit.removed), "zones", len(s.zones))
		}
	}
	if otherZones {
		if err := s.serveMembers(nil); err != nil {
			failed = append(failed, err)
		}
	}
	result.Failed = len(failed)
	return result, errors.Join(failed...)
}

// parseNames reads names of zones. One that is given twice is one.
func parseNames(texts []string) (names []wire.Name, err error) {
	known := map[wire.Key]bool{}
	for _, text := range texts {
		name, err := wire.ParseName(text)
		if err != nil {
			return nil, control.Usagef("%q is not a domain name: %v", text, err)
		}
		if !known[name.Key()] {
			known[name.Key()] = true
			names = append(names, name)
		}
	}
	return names, nil
}

// isGone reports whether there is no file, as far as can be known.
func isGone(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// zonePlace is where a zone is that is served.
type zonePlace struct {
	served      *servedZone // nil: it is not served, or does not come from a file
	index       int         // of served, in the settings
	isElsewhere bool        // it is served, and comes from primaries
}

// placesOf finds zones by their names.
func (s *Server) placesOf(names []wire.Name) []zonePlace {
	places, wanted := make([]zonePlace, len(names)), map[*authority.Zone]int{}
	for i, name := range names {
		if zone := s.set.Find(name, wire.ClassIN); zone != nil {
			places[i].isElsewhere = true
			wanted[zone] = i
		}
	}
	left := len(wanted)
	next := 0
	for i := range s.settings.Zones {
		if left == 0 {
			break
		}
		if s.settings.Zones[i].IsCopy() {
			continue
		}
		z := &s.zones[next]
		next++
		for _, zone := range z.zones {
			if at, ok := wanted[zone]; ok {
				places[at].served, places[at].index = z, i
				left--
			}
		}
	}
	return places
}

// folders are those of the configuration, to be changed.
func (s *Server) folders() []config.Folder {
	if c := s.config.Load(); c != nil {
		return slices.Clone(c.Folders)
	}
	return nil
}

// loadNew reads a zone from a file that is new in one of the folders.
func (s *Server) loadNew(name wire.Name, folders []config.Folder) (newZone, error) {
	var looked []string
	for i := range folders {
		for _, path := range folders[i].Files(name) {
			if info, err := os.Stat(path); err != nil || info.IsDir() {
				looked = append(looked, path)
				continue
			}
			from := folders[i].Each
			from.Path = path
			loaded, err := loadZones(s.ctx, []settings.Zone{from}, s.journals, nil, s.log)
			if err != nil {
				return newZone{}, fmt.Errorf("zone %v is not served: %w", name, err)
			}
			if origin := loaded[0].zones[0].Origin(); !origin.Equal(name) {
				return newZone{}, fmt.Errorf("zone %v is not served: the file %s has the zone %v", name, path, origin)
			}
			return newZone{i, loaded[0]}, nil
		}
	}
	if len(folders) == 0 {
		return newZone{}, fmt.Errorf("there is no zone %v here, and the configuration has no folder of zones ([[zones]]) in which a new one could be", name)
	}
	return newZone{}, fmt.Errorf("there is no zone %v here, and no file of it: looked for %s", name, strings.Join(looked, ", "))
}

// serveEdited serves the zones that there are after an edit. After an error all is as
// it was. s.mu is held.
func (s *Server) serveEdited(e *folderEdit) error {
	var added, removed servedZones
	for i := range e.added {
		added = append(added, e.added[i].zone)
	}
	for _, at := range e.removed {
		removed = append(removed, *at.served)
	}
	said, served := s.settings.Zones, s.zones
	s.settings.Zones, s.zones = e.apply(said, served)
	if err := s.serveChange(added, removed); err != nil {
		s.settings.Zones, s.zones = said, served
		return err
	}
	s.catalogs.configure(&s.settings, s.set, s.zones)
	next := *s.config.Load()
	next.Settings.Zones, next.Folders = s.settings.Zones, e.folders
	s.config.Store(&next)
	s.show()
	return nil
}
