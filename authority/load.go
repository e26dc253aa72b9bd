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
	if f.Format == Pyzone {
		return f.loadPyzone(problems)
	}
	return f.loadMasterFile(problems)
}

func (f File) loadMasterFile(problems *diagnostic.List) (*Snapshot, error) {
	origin := f.Origin
	var err error
	if origin.IsZero() {
		if origin, err = zonefile.FindOrigin(f.Path, zonefile.Options{}); err != nil {
			return nil, err
		}
	}
	if origin.IsZero() {
		if origin, err = zonefile.OriginFromPath(f.Path); err != nil {
			return nil, fmt.Errorf("%s: the file's name is no name for a zone, and the file has no $ORIGIN: %w", f.Path, err)
		}
	}
	b := NewBuilder(origin, wire.ClassIN, problems)
	b.Source = f.Path
	if err := zonefile.ReadFileParallel(f.Path, zonefile.Options{Origin: origin}, problems, b.newBatch); err != nil {
		return nil, err
	}
	return b.Freeze()
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
