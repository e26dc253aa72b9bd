package authority

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/pyzone"
	"github.com/names-dns/names/wire"
)

// A pyzone may hold records of names outside the zone of its SOA record, which
// Twisted Names answers as well, for example the PTR record of an address.
// Each such name is the apex of a zone of its own here, with the SOA and the NS
// records of the file, so that it has whole answers, negative ones included. Names
// below it are in that zone.

// maxZonesOfPyzone bounds the zones of a pyzone. Each takes some kilobytes.
const maxZonesOfPyzone = 10_000

// placedRecord is a record of a pyzone and its position.
type placedRecord struct {
	wire.Record
	at diagnostic.Position
}

// loadPyzone reads the zones of a pyzone, that of the SOA record first.
func (f File) loadPyzone(c *fileDigest, problems *diagnostic.List) ([]*Snapshot, error) {
	var records []placedRecord
	text, err := c.readAll(f.Path, pyzone.MaxFile)
	if err != nil {
		problems.Add(&diagnostic.Problem{Position: diagnostic.Position{File: f.Path}, Err: withoutPath(err)})
		return nil, problems.Err()
	}
	origin, err := pyzone.Read(text, f.Path, problems, func(r *pyzone.Record) error {
		records = append(records, placedRecord{r.Record.Clone(), r.Position})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	var snapshots []*Snapshot
	for _, z := range splitPyzone(origin, records, problems) {
		b := NewBuilder(z.origin, wire.ClassIN, problems)
		b.Source = f.Path
		for i := range z.records {
			b.Add(z.records[i].Record, z.records[i].at)
		}
		s, err := b.Freeze()
		if err != nil {
			return nil, err
		}
		snapshots = append(snapshots, s)
	}
	return snapshots, nil
}

// LoadAll is [File.LoadAll], for the first time.
func (l *Loader) LoadAll(problems *diagnostic.List) ([]*Snapshot, error) {
	c := fileDigest{ctx: l.Context, opener: l.File.Open}
	s, err := l.File.loadAll(&c, problems, nil)
	if err == nil {
		l.loaded = c
	}
	return s, c.errOr(err)
}

// ReloadAll is [Loader.Reload] for all zones of a file that [Loader.LoadAll]
// loaded. It returns the zones that the file has now: those of zones that are
// still there, new ones, and not those that are gone.
func (l *Loader) ReloadAll(zones []*Zone, problems *diagnostic.List) ([]*Zone, ReloadResult, error) {
	if l.File.Format != Pyzone {
		result, err := l.Reload(zones[0], problems)
		return zones, result, err
	}
	if l.loaded.areUnchanged() && !slices.ContainsFunc(zones, func(z *Zone) bool { return z.State() != Loaded }) {
		return zones, ReloadResult{}, nil
	}
	if problems == nil {
		problems = new(diagnostic.List) // its errors are returned
	}
	c := fileDigest{ctx: l.Context, opener: l.File.Open}
	snapshots, err := l.File.loadAll(&c, problems, pause)
	if err := c.errOr(err); err != nil {
		return zones, ReloadResult{}, err
	}
	own := snapshots[0]
	if !own.Origin().Equal(zones[0].Origin()) {
		return zones, ReloadResult{}, fmt.Errorf("the file now holds the zone %s, not %s", own.Origin(), zones[0].Origin())
	}
	if before := zones[0].Snapshot(); before != nil {
		l.checkSerial(own.Origin(), before.Serial(), own.Serial(), true, problems)
	}
	known := map[wire.Key]*Zone{}
	for _, z := range zones {
		known[z.Origin().Key()] = z
	}
	next := make([]*Zone, len(snapshots))
	for i, s := range snapshots {
		if next[i] = known[s.Origin().Key()]; next[i] == nil {
			next[i] = NewZone(s)
		} else if err := next[i].Replace(FromFile, s); err != nil {
			return zones, ReloadResult{Replaced: i > 0}, err
		}
	}
	l.loaded = c
	return next, ReloadResult{Replaced: true}, nil
}

// pyzonePart is one of the zones of a pyzone.
type pyzonePart struct {
	origin  wire.Name
	records []placedRecord
}

// splitPyzone sorts the records into zones.
func splitPyzone(origin wire.Name, records []placedRecord, problems *diagnostic.List) []*pyzonePart {
	own := &pyzonePart{origin: origin}
	var apex, outside []placedRecord // the SOA and NS records of the file; records of other zones
	for _, r := range records {
		if !r.Name.HasSuffix(origin) {
			outside = append(outside, r)
			continue
		}
		own.records = append(own.records, r)
		if r.Name.Equal(origin) && (r.Type == wire.TypeSOA || r.Type == wire.TypeNS) {
			apex = append(apex, r)
		}
	}
	parts := []*pyzonePart{own}
	byName := map[wire.Key]*pyzonePart{}
	// Names nearer to the root come first: the others may be below them.
	slices.SortStableFunc(outside, func(a, b placedRecord) int { return cmp.Compare(a.Name.LabelCount(), b.Name.LabelCount()) })
	for _, r := range outside {
		part := partOf(r.Name, byName)
		if part == nil && r.Type == wire.TypeCNAME {
			problems.Warnf(r.at, diagnostic.OutOfZone, "%s is outside the zone %s, and a CNAME record cannot be the top of a zone of its own (RFC 2181 10.1): the record is left out", r.Name, origin)
			continue
		}
		if part == nil {
			if len(parts) == maxZonesOfPyzone {
				problems.Errorf(r.at, "more than %d names are outside the zone %s: write a zone for them", maxZonesOfPyzone, origin)
				break
			}
			part = &pyzonePart{origin: r.Name}
			byName[r.Name.Key()] = part
			parts = append(parts, part)
		}
		part.records = append(part.records, r)
	}
	for _, part := range parts[1:] {
		part.complete(own, apex)
	}
	return parts
}

// partOf returns the zone that a name is in.
func partOf(name wire.Name, byName map[wire.Key]*pyzonePart) *pyzonePart {
	for labels := 0; labels <= name.LabelCount(); labels++ {
		if part := byName[name.Ancestor(labels).Key()]; part != nil {
			return part
		}
	}
	return nil
}

// complete gives a zone the SOA record of the file, and its NS records if it has
// none. If the zone of the file is below it, it is delegated.
func (z *pyzonePart) complete(own *pyzonePart, apex []placedRecord) {
	hasServers := slices.ContainsFunc(z.records, func(r placedRecord) bool { return r.Type == wire.TypeNS && r.Name.Equal(z.origin) })
	isAbove := own.origin.HasSuffix(z.origin)
	for _, r := range apex {
		if isAbove && r.Type == wire.TypeNS {
			z.records = append(z.records, r)
			z.records = append(z.records, own.addresses(targetAt(0)(r.Name, r.Data))...)
		}
		if r.Type == wire.TypeSOA || !hasServers {
			r.Name = z.origin
			z.records = append(z.records, r)
		}
	}
}

// addresses returns the glue for a name server in the zone.
func (z *pyzonePart) addresses(server wire.Name) (glue []placedRecord) {
	for _, r := range z.records {
		if (r.Type == wire.TypeA || r.Type == wire.TypeAAAA) && r.Name.Equal(server) {
			glue = append(glue, r)
		}
	}
	return glue
}
