package authority

import (
	"errors"
	"io"
	"io/fs"

	"github.com/names-dns/names/authority/diagnostic"
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
	// Origin is the zone's name. Without it, a master file says it, see
	// [zonefile.FindOrigin]; a pyzone's SOA record always does.
	Origin wire.Name
	// Open opens the file and those it includes. If it is nil, they come from the
	// file system, and only regular files are read, so that a load never blocks.
	// A file may be opened more than once. With Open, [Loader.Reload] cannot tell
	// that the files have not changed.
	Open func(path string) (io.ReadCloser, error)
	// IsReceived is that the zone is as another server sent it: next to an ALIAS record
	// are the addresses that the server has found. Otherwise they are an error.
	IsReceived bool
}

// Load reads the zone in the file, checks it, and freezes it. Warnings and errors
// are added to problems, each with its position; if there are errors, Load returns
// no snapshot. From a pyzone it returns the zone of the SOA record, see
// [File.LoadAll].
func (f File) Load(problems *diagnostic.List) (*Snapshot, error) {
	return f.load(&fileDigest{opener: f.Open}, problems, nil)
}

// LoadAll is Load for files that may hold several zones: in a pyzone, owners
// outside the zone of its SOA record are zones of their own, see pyzones.go. The
// zone of the SOA record comes first. A master file has one zone.
func (f File) LoadAll(problems *diagnostic.List) ([]*Snapshot, error) {
	return f.loadAll(&fileDigest{opener: f.Open}, problems, nil)
}

// load loads the zone of the file, see loadAll.
func (f File) load(c *fileDigest, problems *diagnostic.List, pause func()) (*Snapshot, error) {
	all, err := f.loadAll(c, problems, pause)
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// loadAll loads the zones of the file, and records in c what was in it and in the
// files it includes. Unless pause is nil, it uses one core and calls pause
// regularly.
func (f File) loadAll(c *fileDigest, problems *diagnostic.List, pause func()) ([]*Snapshot, error) {
	if problems == nil {
		problems = new(diagnostic.List) // its errors are returned
	}
	if f.Format == Pyzone {
		return f.loadPyzone(c, problems)
	}
	defer c.endPeeking()
	origin, err := f.origin(c)
	if err != nil {
		return nil, err
	}
	b := NewBuilder(origin, wire.ClassIN, problems)
	b.Source, b.pause, b.ownsAliases = f.Path, pause, !f.IsReceived
	if err := zonefile.ReadFileParallel(f.Path, readOptions(origin, c, pause), problems, b.newBatch); err != nil {
		return nil, err
	}
	if err := c.err(); err != nil {
		return nil, err
	}
	s, err := b.Freeze()
	if err != nil {
		return nil, err
	}
	return []*Snapshot{s}, nil
}

func readOptions(origin wire.Name, c *fileDigest, pause func()) zonefile.Options {
	o := zonefile.Options{Origin: origin, Open: c.open, Pause: pause}
	if pause != nil {
		o.Workers = 1
	}
	return o
}

// origin is the name of the zone in a master file. If it has to look into the
// file, c opens it.
func (f File) origin(c *fileDigest) (wire.Name, error) {
	if !f.Origin.IsZero() {
		return f.Origin, nil
	}
	return zonefile.FindOrigin(f.Path, zonefile.Options{Open: c.peek})
}

// readAll reads a whole file, but at most limit octets and one more.
func (c *fileDigest) readAll(path string, limit int64) ([]byte, error) {
	file, err := c.open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return io.ReadAll(io.LimitReader(file, limit+1))
}

// withoutPath is the error without the name of the file, for messages that already
// have it.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
