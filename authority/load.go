package authority

import (
	"fmt"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/pyzone"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// Format is how a file holds a zone.
type Format uint8

const (
	MasterFile Format = iota // RFC 1035 5
	Pyzone                   // the Python syntax of Twisted Names
)

// File is where a zone comes from.
type File struct {
	Path   string
	Format Format
	// Origin is the zone's name. Without it, a master file's own $ORIGIN or
	// else its file name gives it; a pyzone's SOA record always does.
	Origin wire.Name
}

// Load reads the zone in the file, checks it, and freezes it. Warnings and
// errors are added to problems, each with its place; errors mean that there is
// no snapshot.
func (f File) Load(problems *diagnostic.List) (*Snapshot, error) {
	return f.load(new(contents), problems, nil)
}

// load loads the file, and takes note of what was in it and in those it
// includes. Unless rest is nil, it takes one core and calls rest now and then.
func (f File) load(c *contents, problems *diagnostic.List, rest func()) (*Snapshot, error) {
	if f.Format == Pyzone {
		c.noteFile(f.Path) // before it is read: what changes in between is found out the next time
		return f.loadPyzone(problems)
	}
	defer c.endPeeking()
	origin, err := f.origin(c)
	if err != nil {
		return nil, err
	}
	b := NewBuilder(origin, wire.ClassIN, problems)
	b.Source, b.rest = f.Path, rest
	if err := zonefile.ReadFileParallel(f.Path, readOptions(origin, c, rest), problems, b.newBatch); err != nil {
		return nil, err
	}
	return b.Freeze()
}

func readOptions(origin wire.Name, c *contents, rest func()) zonefile.Options {
	o := zonefile.Options{Origin: origin, Open: c.open, Rest: rest}
	if rest != nil {
		o.Workers = 1
	}
	return o
}

// origin is the name of the zone in a master file, which c opens if it takes a
// look into it.
func (f File) origin(c *contents) (wire.Name, error) {
	if !f.Origin.IsZero() {
		return f.Origin, nil
	}
	origin, err := zonefile.FindOrigin(f.Path, zonefile.Options{Open: c.peek})
	if err != nil || !origin.IsZero() {
		return origin, err
	}
	if origin, err = zonefile.OriginFromPath(f.Path); err != nil {
		return origin, fmt.Errorf("%s: the file's name is no name for a zone, and the file has no $ORIGIN: %w", f.Path, err)
	}
	return origin, nil
}

// loadPyzone keeps the records until the SOA has said which zone they are of.
func (f File) loadPyzone(problems *diagnostic.List) (*Snapshot, error) {
	type placed struct {
		wire.Record
		at diagnostic.Position
	}
	var records []placed
	origin, err := pyzone.ReadFile(f.Path, problems, func(r *pyzone.Record) error {
		records = append(records, placed{r.Record.Clone(), r.Position})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := problems.Err(); err != nil {
		return nil, err
	}
	b := NewBuilder(origin, wire.ClassIN, problems)
	b.Source = f.Path
	for i := range records {
		b.Add(records[i].Record, records[i].at)
	}
	return b.Freeze()
}
