package config

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// Folder is a [[zones]]: a folder each file of which is a zone.
type Folder struct {
	Directory, Match string
	Each             settings.Zone // what its zones have in common: all but Path

	// First and Count say which of Settings.Zones are its zones. These are in the order
	// of their paths.
	First, Count int
}

// Files returns the paths that files of the folder with that zone may have, the most
// likely ones first. A file may also have the zone under another name, by its $ORIGIN.
func (f *Folder) Files(zone wire.Name) (paths []string) {
	name := strings.TrimSuffix(zone.Fold().String(), ".")
	if name == "" {
		name = "root" // as files of it are called, with $ORIGIN in them
	}
	name = strings.ReplaceAll(name, "/", "_") // reverse zones may have / in their names
	for _, pattern := range append([]string{f.Match}, usualMatches...) {
		if strings.Count(pattern, "*") != 1 || strings.ContainsAny(pattern, `?[\`) {
			continue
		}
		path := filepath.Join(f.Directory, strings.Replace(pattern, "*", name, 1))
		if f.Takes(filepath.Base(path)) && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// usualMatches are patterns of the names that zone files usually have.
var usualMatches = []string{"*", "*.zone", "*.db", "db.*", "*.dns", "*.signed"}

// Takes reports whether a file of that name in the folder is a zone.
func (f *Folder) Takes(name string) bool {
	matches, _ := filepath.Match(f.Match, name)
	return matches && name[0] != '.' && !strings.HasSuffix(name, "~")
}
