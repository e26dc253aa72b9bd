package settings

import (
	"slices"

	"github.com/names-dns/names/wire"
)

// produces reports whether a zone is a catalog that is made here.
func (s *Settings) produces(name wire.Name) bool {
	return !name.IsZero() && slices.ContainsFunc(s.Produced, name.Equal)
}

// maxGroup is how many octets a character string has (RFC 1035 3.3).
const maxGroup = 255

func checkCatalogs(s *Settings, found *problems) {
	for _, name := range s.Produced {
		i := slices.IndexFunc(s.Zones, func(z Zone) bool { return !z.Origin.IsZero() && z.Origin.Equal(name) })
		if i < 0 {
			found.addIf(true, "{catalog.produce} of %v requires a [[zone]] of that name", name)
			continue
		}
		z := &s.Zones[i]
		found.addIf(!z.IsProduced(), "{catalog.produce} of %v excludes {zone.file} and {zone.primaries}: the zone is made of its members", name)
		found.addIf(!s.hasJournal(z), "{catalog.produce} of %v requires {journal.dir}: its serial number has to go on after a restart", name)
		found.addIf(z.SyncAfter > 0, "{catalog.produce} of %v excludes {zone.zonefile-sync}: it has no file", name)
	}
	checked := map[*Membership]bool{}
	check := func(m *Membership) {
		if m == nil || checked[m] {
			return
		}
		checked[m] = true
		found.addIf(!s.produces(m.Catalog), "{zone.catalog} %v is not a catalog with {catalog.produce}", m.Catalog)
		for _, group := range m.Groups {
			found.addIf(group == "" || len(group) > maxGroup, "{zone.catalog-groups} %q has %d octets: it may have 1 to %d", group, len(group), maxGroup)
		}
		found.addIf(!m.NewOwner.IsZero() && m.NewOwner.Equal(m.Catalog), "{zone.catalog-coo} %v is the catalog that has the zone", m.NewOwner)
	}
	for i := range s.Zones {
		check(s.Zones[i].Member)
	}
	for _, c := range s.Catalogs {
		check(c.Template.Member)
		for i := range c.Groups {
			check(c.Groups[i].Template.Member)
		}
	}
}
