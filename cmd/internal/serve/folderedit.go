package serve

import (
	"slices"
	"strings"

	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/settings"
)

// newZone is a zone that was read from a file of a folder.
type newZone struct {
	folder int // its index
	zone   servedZone
}

// folderEdit is zones that come to folders, and go from them.
type folderEdit struct {
	folders []config.Folder
	added   []newZone
	removed []zonePlace
}

// folderOf returns which folder a zone of the settings comes from; -1 if it has a
// section of its own.
func (e *folderEdit) folderOf(index int) int {
	return slices.IndexFunc(e.folders, func(f config.Folder) bool { return index >= f.First && index < f.First+f.Count })
}

// apply returns the zones of settings, and those that are served, after the edit. Both
// lists are in the order that a reload of everything would give them.
func (e *folderEdit) apply(said []settings.Zone, served servedZones) ([]settings.Zone, servedZones) {
	type place struct {
		before int // an index in said
		new    *newZone
	}
	var places []place
	for i := range e.added {
		z := &e.added[i]
		f := &e.folders[z.folder]
		at, _ := slices.BinarySearchFunc(said[f.First:f.First+f.Count], z.zone.from.Path, func(one settings.Zone, path string) int { return strings.Compare(one.Path, path) })
		places = append(places, place{f.First + at, z})
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.before != b.before {
			return a.before - b.before
		}
		if a.new.folder != b.new.folder {
			return a.new.folder - b.new.folder
		}
		return strings.Compare(a.new.zone.from.Path, b.new.zone.from.Path)
	})
	slices.SortFunc(e.removed, func(a, b zonePlace) int { return a.index - b.index })
	copies := slices.ContainsFunc(said, func(z settings.Zone) bool { return z.IsCopy() })
	nextSaid, nextServed := make([]settings.Zone, 0, len(said)+len(places)), make(servedZones, 0, len(served)+len(places))
	counts, removed, at := make([]int, len(e.folders)), e.removed, 0
	keepUpTo := func(end int) { // of said
		n := end - at
		if copies {
			n = len(ours(said[at:end]))
		}
		nextSaid, nextServed = append(nextSaid, said[at:end]...), append(nextServed, served[:n]...)
		at, served = end, served[n:]
	}
	dropUpTo := func(end int) {
		for len(removed) > 0 && removed[0].index < end {
			keepUpTo(removed[0].index)
			counts[e.folderOf(at)]--
			at, served, removed = at+1, served[1:], removed[1:]
		}
		keepUpTo(end)
	}
	for _, p := range places {
		dropUpTo(p.before)
		nextSaid, nextServed = append(nextSaid, *p.new.zone.from), append(nextServed, p.new.zone)
		counts[p.new.folder]++
	}
	dropUpTo(len(said))
	next := 0
	for i := range nextSaid {
		if !nextSaid[i].IsCopy() {
			nextServed[next].from = &nextSaid[i]
			next++
		}
	}
	moved := 0
	for i := range e.folders { // which are in the order of their zones
		e.folders[i].First += moved
		e.folders[i].Count += counts[i]
		moved += counts[i]
	}
	return nextSaid, nextServed
}
