package authority

import (
	"encoding/binary"
	"sync"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// batch is records for a builder: checked, packed, and their owners hashed. That
// is most of the work, and batches do it in parallel; the builder only has to find
// the owners (see Builder.take).
type batch struct {
	builder  *Builder
	problems *diagnostic.List

	records []byte // addedRecords, without their files and previous records
	runs    []run
	names   []byte // wire forms of the owners of runs

	otherSOA wire.Name
	asked    lookupName
}

// run is consecutive records of a file that have one owner.
type run struct {
	name    int // in names
	length  uint8
	inChain bool // see Builder.chain
	hash    uint32
	parent  uint32 // hash of the name one label shorter
	count   int
	file    string
}

func (b *Builder) newBatch() zonefile.Batch { return b.borrowBatch() }

// batches pools batches: for small zones, allocating them would be most of the
// work.
var batches = sync.Pool{New: func() any { return new(batch) }}

func (b *Builder) borrowBatch() *batch {
	t := batches.Get().(*batch)
	t.builder = b
	b.batches = append(b.batches, t)
	return t
}

// returnBatches returns all batches to the pool. They must no longer be in use.
func (b *Builder) returnBatches() {
	for _, t := range b.batches {
		t.empty()
		t.builder, t.problems = nil, nil
		batches.Put(t)
	}
	b.batches, b.single = nil, nil
}

// Begin empties the batch.
func (t *batch) Begin(problems *diagnostic.List) {
	t.problems = problems
	t.empty()
}

func (t *batch) empty() {
	t.records, t.runs, t.names, t.otherSOA = t.records[:0], t.runs[:0], t.names[:0], wire.Name{}
}

// Add adds a record of a file.
func (t *batch) Add(r *zonefile.Record) { t.add(&r.Record, &r.Position) }

// Commit moves the records to the builder.
func (t *batch) Commit() error {
	t.builder.take(t)
	return nil
}

// add adds a record if it belongs in the zone.
func (t *batch) add(r *wire.Record, at *diagnostic.Position) {
	b := t.builder
	inChain := isInChain(r.Type, r.Data)
	last := t.lastRun()
	isNew := last == nil || last.inChain != inChain || last.file != at.File || string(t.nameOf(last)) != r.Name.Wire()
	if !belongs(r, at, b.origin, b.class, isNew, t.problems) {
		if r.Type == wire.TypeSOA && !r.Name.HasSuffix(b.origin) {
			t.otherSOA = r.Name.Clone()
		}
		return
	}
	if isNew {
		last = t.addRun(r.Name, inChain, at.File)
	}
	last.count++
	c := append(t.records, make([]byte, addedTTL)...)
	c = binary.LittleEndian.AppendUint32(c, min(r.TTL, 1<<31-1)) // RFC 2181 8
	c = binary.LittleEndian.AppendUint16(c, uint16(r.Type))
	c = binary.LittleEndian.AppendUint32(c, uint32(at.Line))
	c = binary.LittleEndian.AppendUint16(c, uint16(min(at.Column, 65535)))
	c = binary.LittleEndian.AppendUint16(c, 0)
	c = binary.LittleEndian.AppendUint16(c, uint16(len(r.Data)))
	t.records = append(c, r.Data...)
}

// belongs reports whether a record belongs in a zone, and adds the reason to
// problems if it does not. isNew is false if the owner is known to be in the zone.
func belongs(r *wire.Record, at *diagnostic.Position, origin wire.Name, class wire.Class, isNew bool, problems *diagnostic.List) bool {
	if r.Class != class {
		problems.Errorf(*at, "class %s in a zone of class %s", r.Class, class)
		return false
	}
	if r.Type.IsQuestionOnly() {
		problems.Errorf(*at, "%s records do not belong in a zone", r.Type)
		return false
	}
	if isNew && !r.Name.HasSuffix(origin) {
		problems.Warnf(*at, diagnostic.OutOfZone, "%s is outside the zone %s: the record is left out", r.Name, origin)
		return false
	}
	if err := wire.CheckRdata(r.Type, r.Data); err != nil {
		problems.Errorf(*at, "%s record of %s: %w", r.Type, r.Name, err)
		return false
	}
	return true
}

func (t *batch) lastRun() *run {
	if len(t.runs) == 0 {
		return nil
	}
	return &t.runs[len(t.runs)-1]
}

func (t *batch) nameOf(r *run) []byte { return t.names[r.name : r.name+int(r.length)] }

func (t *batch) addRun(owner wire.Name, inChain bool, file string) *run {
	t.asked.set(owner)
	t.runs = append(t.runs, run{
		name: len(t.names), length: uint8(owner.Len()), inChain: inChain,
		hash: t.asked.hashes[0], parent: t.asked.hashes[min(1, t.asked.labels)],
		file: file,
	})
	t.names = append(t.names, owner.Wire()...)
	return t.lastRun()
}
