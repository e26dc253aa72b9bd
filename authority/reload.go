package authority

import (
	"errors"
	"fmt"
	"time"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
)

// Loader loads a zone from its file, and again whenever that may have changed.
// It is for one goroutine.
type Loader struct {
	File File

	loaded contents // the files, when they were loaded last
}

// Load is [File.Load], for the first time.
func (l *Loader) Load(problems *diagnostic.List) (*Snapshot, error) {
	var c contents
	s, err := l.File.load(&c, problems, nil)
	if err == nil {
		l.loaded = c
	}
	return s, err
}

// Reloaded is what came of loading a zone again.
type Reloaded struct {
	// Whole says that the zone was replaced as a whole. Otherwise it is the
	// version before with Changes made to it, and has the rest in common with
	// it; without any, it is that version.
	Whole   bool
	Changes ChangeSet
}

// Reload makes z, which was loaded from the file, what that has in it now. A
// file with the same octets in it leaves the zone alone; one in which little
// changed makes a transaction, which keeps the serial number to what the file
// says; any other replaces the zone. An error leaves the zone as it is.
//
// It takes one core, and leaves that to others many times a millisecond: a
// query is answered as soon as if nothing went on.
//
// Problems get what [File.Load] would say. Where little changed, warnings about
// the rest of the zone are not said again.
func (l *Loader) Reload(z *Zone, problems *diagnostic.List) (Reloaded, error) {
	if l.loaded.areStill() {
		return Reloaded{}, nil
	}
	if l.File.Format == MasterFile {
		if changes, err := l.update(z, problems); err == nil {
			return Reloaded{Changes: changes}, nil
		}
		// Loading all of it either works or tells what is wrong and where.
	}
	var c contents
	s, err := l.File.load(&c, problems, rest)
	if err != nil {
		return Reloaded{}, err
	}
	if !s.Origin().Equal(z.Origin()) {
		return Reloaded{}, fmt.Errorf("the file now holds the zone %s", s.Origin())
	}
	z.Replace(s)
	l.loaded = c
	return Reloaded{Whole: true}, nil
}

// rest lets goroutines run that have waited for a packet. They would not while
// there is work: the scheduler looks for packets only when it runs out of it,
// or every ten milliseconds.
func rest() { time.Sleep(10 * time.Microsecond) }

// update changes z in those records that the file does not have in common with
// it.
func (l *Loader) update(z *Zone, problems *diagnostic.List) (ChangeSet, error) {
	var c contents
	defer c.endPeeking()
	origin, err := l.File.origin(&c)
	if err != nil || origin != z.Origin() {
		return ChangeSet{}, errors.Join(err, errNotAlike)
	}
	t := z.Begin()
	defer t.Rollback()
	found := diagnostic.List{Limit: problems.Limit}
	compared := newComparison(t.base)
	if err := zonefile.ReadFileParallel(l.File.Path, readOptions(origin, &c, rest), &found, compared.newBatch); err != nil {
		return ChangeSet{}, err
	}
	if err := found.Err(); err != nil {
		return ChangeSet{}, err
	}
	changes, err := compared.changes()
	if err != nil {
		return ChangeSet{}, err
	}
	t.KeepSerial()
	if err := t.Apply(changes); err != nil {
		return ChangeSet{}, err
	}
	if changes, err = t.Commit(); err != nil {
		return ChangeSet{}, err
	}
	problems.Join(&found)
	l.loaded = c
	return changes, nil
}
