package authority

import (
	"encoding/binary"
	"sync"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// Builder collects the records of a zone, in any order, and freezes them to a
// [Snapshot].
type Builder struct {
	// Source is the file that problems without a position name.
	Source string

	origin   wire.Name
	class    wire.Class
	problems *diagnostic.List

	ownsAliases bool // addresses of ALIAS records are looked up here: see checkALIAS

	*nameTables
	count int      // of records
	files []string // what positions point to

	otherSOA wire.Name // owner of a SOA record outside the zone
	asked    lookupName
	batches  []*batch // borrowed from the pool
	single   *batch   // for Add
	added    wire.Record
	addedAt  diagnostic.Position
	pause    func() // called between pieces of work unless it is nil: see Loader.Reload
}

// NewBuilder begins a zone. Its problems are added to the list, for example an
// origin that is the zero name. If problems is nil, the builder uses a list of its
// own.
func NewBuilder(origin wire.Name, class wire.Class, problems *diagnostic.List) *Builder {
	if problems == nil {
		problems = new(diagnostic.List)
	}
	if origin.IsZero() {
		problems.Errorf(diagnostic.Position{}, "the zone has no name")
		origin = wire.Root
	}
	b := &Builder{origin: origin.Clone(), class: class, problems: problems, nameTables: borrowNameTables()}
	b.asked.set(b.origin)
	b.names.add(b.asked.hashes[0], []byte(b.origin.Wire()))
	return b
}

// nameTables holds the owners of a zone that is being collected.
type nameTables struct {
	names nameTable // empty non-terminals included
	chain nameTable // owners of NSEC3 records, which are not names of the zone (RFC 5155 7.2.8)
}

// spareNameTables pools the tables of small zones.
var spareNameTables = sync.Pool{New: func() any { return new(nameTables) }}

func borrowNameTables() *nameTables {
	t := spareNameTables.Get().(*nameTables)
	t.names.init()
	t.chain.init()
	return t
}

// giveBack returns t to the pool.
func (t *nameTables) giveBack() {
	if t.names.isSmall() && t.chain.isSmall() {
		spareNameTables.Put(t)
	}
}

// Add adds a record, whose memory it copies. A record that does not belong in
// the zone is left out, with a warning or an error in the list of problems.
func (b *Builder) Add(r wire.Record, at diagnostic.Position) {
	if b.single == nil {
		b.single = b.borrowBatch()
		b.single.Begin(b.problems)
	}
	b.added, b.addedAt = r, at
	b.single.add(&b.added, &b.addedAt)
	if len(b.single.records) >= addedAtOnce {
		b.take(b.single)
	}
}

// addedAtOnce is how many octets of records Add collects until it looks for their owners,
// of all of them at once: see prefetch.
const addedAtOnce = 16 << 10

func (b *Builder) position(r addedRecord) diagnostic.Position {
	return diagnostic.Position{
		File:   b.files[binary.LittleEndian.Uint16(r[addedFile:])],
		Line:   int(binary.LittleEndian.Uint32(r[addedLine:])),
		Column: int(binary.LittleEndian.Uint16(r[addedColumn:])),
	}
}

// take adds the records of a batch, and empties it.
func (b *Builder) take(t *batch) {
	b.names.prefetch(t.runs)
	rest := t.records
	for i := range t.runs {
		run := &t.runs[i]
		name := t.names[run.name : run.name+int(run.length)]
		table := &b.names
		if run.inChain {
			table = &b.chain
		}
		id := table.find(run.hash, name)
		if id == 0 {
			id = b.addOwner(table, run, name)
		}
		owner, file := table.at(id), b.file(run.file)
		for range run.count {
			r := addedRecord(rest)
			r, rest = r[:r.size()], rest[r.size():]
			table.addRecord(owner, id, file, r)
		}
		b.count += run.count
	}
	if !t.otherSOA.IsZero() {
		b.otherSOA = t.otherSOA
	}
	t.empty()
}

// addOwner numbers the owner of a run. In the zone, it also adds the names
// between it and the apex (empty non-terminals: RFC 4592 2.2.2, RFC 8020).
func (b *Builder) addOwner(table *nameTable, run *run, name []byte) uint32 {
	owner := table.add(run.hash, name)
	if run.inChain {
		return owner
	}
	if parent := table.find(run.parent, name[1+name[0]:]); parent != 0 {
		table.at(owner).parent = parent
		return owner
	}
	n, _, _ := wire.BorrowName(name)
	b.asked.set(n)
	for child, label := owner, 1; ; label++ {
		parent := table.findSuffix(&b.asked, label)
		if parent != 0 {
			table.at(child).parent = parent
			return owner
		}
		parent = table.add(b.asked.hashes[label], name[b.asked.starts[label]:])
		table.at(child).parent = parent
		child = parent
	}
}

// file returns the number of a file name.
func (b *Builder) file(name string) uint16 {
	for i := len(b.files) - 1; i >= 0; i-- {
		if b.files[i] == name {
			return uint16(i)
		}
	}
	if len(b.files) > 65535 {
		return 0
	}
	b.files = append(b.files, name)
	return uint16(len(b.files) - 1)
}
