package authority

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/names-dns/names/wire"
)

// Txn is a transaction on a zone: edits of records that become visible all at
// once, or not at all. It sees its own edits; nothing else does until
// [Txn.Commit].
//
// Edits may come in any order and need not make a valid zone in between:
// whether the result is one is checked by Commit. What they cost depends on
// how much they change, not on how large the zone is.
//
// A Txn is for one goroutine. Once it has ended, only [Txn.Rollback] may be
// called: the other methods panic.
type Txn struct {
	zone     *Zone
	source   Source
	pipeline *Pipeline
	before   *Snapshot // the version before; nil for the first
	base     *Snapshot // what the edits start from: before, or a whole new zone
	whole    bool      // base is a whole new zone

	previous *pendingCommit // that makes before visible; nil if it is
	lineage  uint64         // of before

	edits  []*editedName
	names  map[string]*editedName // the same by name, see editKey
	lookup lookupName

	file    ChangeSet // see NoteFile
	hasFile bool

	keepSerial bool
	serial     wire.Serial // if hasSerial
	hasSerial  bool

	revision   *revision // of the edits, nil if there were more edits since
	after      *Snapshot // what the edits make, once they are packed
	changes    ChangeSet // see Changes
	hasChanges bool      // changes is up to date
	committing bool
	ended      bool
}

var (
	// ErrNotInZone is returned for a record whose owner is outside the zone.
	ErrNotInZone = errors.New("name is outside the zone")
	// ErrSerial is returned for a serial number that does not come after the
	// present one (RFC 1982 3.2).
	ErrSerial = errors.New("serial number does not come after the present one")
)

// Begin begins a transaction on the contents of a zone, after the one before it
// has ended. It has to be ended, with [Txn.Commit] or [Txn.Rollback]: until then
// no other begins. [ErrNotLoaded] says that there is nothing to edit: the first
// contents come with [Zone.Replace].
func (z *Zone) Begin(source Source) (*Txn, error) {
	t := z.begin(source)
	if t.base == nil {
		t.end()
		return nil, fmt.Errorf("zone %s: %w", z.origin, ErrNotLoaded)
	}
	return t, nil
}

// begin begins a transaction. Its base is nil if the zone has no contents.
func (z *Zone) begin(source Source) *Txn {
	z.writing.Lock()
	z.mu.Lock()
	defer z.mu.Unlock()
	z.counts.Transactions++
	return &Txn{
		zone: z, source: source, pipeline: z.pipeline, before: z.head, base: z.head, previous: z.last, lineage: z.lineage,
		names: make(map[string]*editedName),
	}
}

// Update makes the edits of one transaction, and commits them unless edit
// returns an error, which Update then returns.
func (z *Zone) Update(source Source, edit func(*Txn) error) (ChangeSet, error) {
	t, err := z.Begin(source)
	if err != nil {
		return ChangeSet{}, err
	}
	defer t.Rollback()
	if err := edit(t); err != nil {
		return ChangeSet{}, err
	}
	return t.Commit()
}

// Zone is the zone that is edited.
func (t *Txn) Zone() *Zone { return t.zone }

// Source is where the transaction comes from.
func (t *Txn) Source() Source { return t.source }

// Origin is the name of the zone's apex.
func (t *Txn) Origin() wire.Name { return t.base.origin }

// Class is the class of every record.
func (t *Txn) Class() wire.Class { return t.base.class }

// Add adds a record, whose memory it copies, as RFC 2136 3.4.2.2 has it. A
// SOA, CNAME or DNAME record replaces the existing one, and any record replaces
// one that differs from it only in TTL and case. All records of an RRset get the
// TTL of the one added last (RFC 2181 5.2).
func (t *Txn) Add(r wire.Record) error {
	e, err := t.owner(r)
	if err != nil {
		return err
	}
	t.edited()
	if len(e.sets) == 0 {
		e.name = r.Name.Clone() // its spelling counts
	}
	i, ok := e.find(r.Type, covers(r.Type, r.Data))
	if !ok {
		e.sets = slices.Insert(e.sets, i, editedSet{Type: r.Type, covered: covers(r.Type, r.Data)})
	}
	set := &e.sets[i]
	set.ttl = min(r.TTL, 1<<31-1) // RFC 2181 8
	at, found := set.find(r.Data)
	if isSingleton(r.Type) && len(set.data) > 0 {
		at, found = 0, true
	}
	data := bytes.Clone(r.Data)
	if found {
		set.data[at] = data
	} else {
		set.data = slices.Insert(set.data, at, data)
	}
	if IsAddress(r.Type) && e.setBefore(wire.TypeALIAS) != nil {
		e.added = append(e.added, wire.Record{Type: r.Type, Data: data})
	}
	return nil
}

// AddsAddress reports whether an edit added an address to a name that had an ALIAS record:
// even one that was derived from that, which [Txn.Changes] does not have.
func (t *Txn) AddsAddress(r wire.Record) bool {
	e := t.name(r.Name, false)
	return e != nil && slices.ContainsFunc(e.added, func(o wire.Record) bool { return o.Type == r.Type && bytes.Equal(o.Data, r.Data) })
}

// Remove removes a record, and reports whether it was there. TTL and class do
// not matter, nor does the case of names.
func (t *Txn) Remove(r wire.Record) bool {
	e, i, at, found := t.find(r)
	if !found {
		return false
	}
	t.edited()
	if len(e.sets[i].data) == 1 {
		e.sets = slices.Delete(e.sets, i, i+1)
	} else {
		e.sets[i].data = slices.Delete(e.sets[i].data, at, at+1)
	}
	return true
}

// RemoveRRset removes all records of a name that have this type, and reports
// whether there were any. Their signatures stay.
func (t *Txn) RemoveRRset(name wire.Name, kind wire.Type) bool {
	return t.removeSets(name, func(s editedSet) bool { return s.Type == kind })
}

// RemoveName removes all records of a name, and reports whether there were any.
// The apex keeps its SOA and NS records (RFC 2136 3.4.2.3). Names below stay.
func (t *Txn) RemoveName(name wire.Name) bool {
	isApex := name.Equal(t.base.origin)
	return t.removeSets(name, func(s editedSet) bool {
		return !isApex || s.Type != wire.TypeSOA && s.Type != wire.TypeNS
	})
}

func (t *Txn) removeSets(name wire.Name, which func(editedSet) bool) bool {
	removed := false
	for _, inChain := range [...]bool{false, true} {
		if e := t.name(name, inChain); e != nil && slices.ContainsFunc(e.sets, which) {
			t.edited()
			e.sets = slices.DeleteFunc(e.sets, which)
			removed = true
		}
	}
	return removed
}

// Replace replaces each RRset that one of the records belongs to: afterwards it
// has these records and no others. For RRSIG, the signatures of one type count as
// an RRset.
func (t *Txn) Replace(records ...wire.Record) error {
	for _, r := range records {
		if e, err := t.owner(r); err != nil {
			return err
		} else if i, ok := e.find(r.Type, covers(r.Type, r.Data)); ok {
			t.edited()
			e.sets = slices.Delete(e.sets, i, i+1)
		}
	}
	for _, r := range records {
		if err := t.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// Apply makes the edits of a change set, which has to start from the present
// contents: all of Removed has to exist. The serial number becomes that of the
// change set's SOA record.
func (t *Txn) Apply(c ChangeSet) error {
	for _, r := range c.Removed {
		if !t.Remove(r) {
			return fmt.Errorf("change from serial %s to %s removes what zone %s does not have: %s", c.From, c.To, t.base.origin, r)
		}
	}
	for _, r := range c.Added {
		if err := t.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// ApplyStrictly is [Txn.Apply] for a change set of another server: none of Added may
// exist already, either.
func (t *Txn) ApplyStrictly(c ChangeSet) error {
	for _, r := range c.Removed {
		if !t.Remove(r) {
			return fmt.Errorf("change from serial %s to %s removes what zone %s does not have: %s", c.From, c.To, t.base.origin, r)
		}
	}
	for _, r := range c.Added {
		if _, _, _, ok := t.find(r); ok {
			return fmt.Errorf("change from serial %s to %s adds what zone %s has already: %s", c.From, c.To, t.base.origin, r)
		}
		if err := t.Add(r); err != nil {
			return err
		}
	}
	return nil
}

// find returns where a record is, whatever its TTL: which of the RRsets of a name, and
// which record of that.
func (t *Txn) find(r wire.Record) (e *editedName, set, at int, ok bool) {
	if e = t.name(r.Name, isInChain(r.Type, r.Data)); e == nil {
		return nil, 0, 0, false
	}
	if set, ok = e.find(r.Type, covers(r.Type, r.Data)); !ok {
		return e, 0, 0, false
	}
	at, ok = e.sets[set].find(r.Data)
	return e, set, at, ok
}

// RRset returns the records of a name that have this type. The caller must not
// write to them; later edits do not change them.
func (t *Txn) RRset(name wire.Name, kind wire.Type) []wire.Record {
	var records []wire.Record
	for r := range t.Records(name) {
		if r.Type == kind {
			records = append(records, r)
		}
	}
	return records
}

// Records yields all records of a name, even if it is below a zone cut. Empty
// non-terminals have none. The transaction must not be edited meanwhile; the
// records must not be written to, and stay as they are.
func (t *Txn) Records(name wire.Name) iter.Seq[wire.Record] {
	return func(yield func(wire.Record) bool) {
		for _, inChain := range [...]bool{false, true} {
			e := t.name(name, inChain)
			if e == nil {
				continue
			}
			for _, set := range e.sets {
				for _, data := range set.data {
					if !yield(set.record(e.name, t.base.class, data)) {
						return
					}
				}
			}
		}
	}
}

// KeepSerial leaves the serial number to the edits: unchanged, or that of an SOA
// record that is added, whether it is greater or not.
func (t *Txn) KeepSerial() { t.keepSerial, t.hasSerial = true, false }

// SetSerial makes Commit set this serial number, which has to come after the
// present one (RFC 1982 3.2).
func (t *Txn) SetSerial(s wire.Serial) { t.serial, t.hasSerial, t.keepSerial = s, true, false }

// Changes is the difference that the transaction makes so far. If it replaces
// the whole zone, that compares all records.
func (t *Txn) Changes() ChangeSet {
	if t.hasChanges {
		return t.changes
	}
	c := t.editChanges()
	if t.whole {
		c = Diff(t.before, t.base).Then(c)
	}
	t.changes, t.hasChanges = c, true
	return c
}

// editChanges is the difference that the edits make.
func (t *Txn) editChanges() ChangeSet {
	c := ChangeSet{From: t.base.serial, To: t.base.serial}
	if len(t.edits) == 0 {
		return c
	}
	if soa := t.soa(); soa != nil {
		c.To = soaSerial(soa)
	}
	if e := t.names[t.editKey(t.base.origin, false)]; e != nil {
		c.addOwner(t.base.class, e) // SOA comes first there
	}
	for _, e := range t.edits {
		if e.inChain || !e.name.Equal(t.base.origin) {
			c.addOwner(t.base.class, e)
		}
	}
	return c
}

// NoteFile says that the zone's file has the version that the transaction makes
// but for c, which leads from the file to that version. It is for a [Journal]: what
// is in the file, it need not keep. Transactions from a file say so themselves.
func (t *Txn) NoteFile(c ChangeSet) { t.file, t.hasFile = c, true }

// File returns what [Txn.NoteFile] was called with, and whether it was.
func (t *Txn) File() (c ChangeSet, ok bool) { return t.file, t.hasFile }

// Rollback ends the transaction without effect. After the end of the
// transaction it does nothing, so that it can be deferred.
func (t *Txn) Rollback() {
	if t.ended {
		return
	}
	if !t.committing {
		t.zone.count(&t.zone.counts.Abandoned)
	}
	t.end()
}

// end lets the next transaction begin.
func (t *Txn) end() {
	if t.revision != nil {
		t.revision.undo()
		t.revision = nil
	}
	t.ended = true
	t.zone.writing.Unlock()
}

func (t *Txn) mustBeOpen() {
	if t.ended {
		panic("authority: transaction on zone " + t.zone.origin.String() + " has ended")
	}
}

// edited records that the revision is out of date.
func (t *Txn) edited() {
	t.mustBeOpen()
	if t.after != nil {
		panic("authority: a journal edited zone " + t.zone.origin.String())
	}
	t.revision, t.hasChanges = nil, false
}

// increaseSerial changes the serial number.
func (t *Txn) increaseSerial() error {
	soa := t.soa()
	if soa == nil || t.keepSerial {
		return nil // without a SOA record the check fails
	}
	now, then := t.base.serial, soaSerial(soa)
	switch {
	case t.hasSerial:
		then = t.serial
	case then == now:
		if c := t.Changes(); c.IsEmpty() {
			return nil
		}
		then = now + 1
	}
	if !now.Less(then) {
		return fmt.Errorf("zone %s: %w: %s after %s", t.base.origin, ErrSerial, then, now)
	}
	return t.setSerial(then)
}

// setSerial changes the SOA record.
func (t *Txn) setSerial(s wire.Serial) error {
	soa := t.RRset(t.base.origin, wire.TypeSOA)[0]
	soa.Data = bytes.Clone(soa.Data)
	binary.BigEndian.PutUint32(soa.Data[len(soa.Data)-20:], uint32(s))
	return t.Add(soa)
}

// soa is the data of the SOA record, nil if there is none.
func (t *Txn) soa() []byte {
	for _, r := range t.RRset(t.base.origin, wire.TypeSOA) {
		return r.Data
	}
	return nil
}

// owner returns the owner of a record that is to be added.
func (t *Txn) owner(r wire.Record) (*editedName, error) {
	e := t.name(r.Name, isInChain(r.Type, r.Data))
	switch {
	case e == nil:
		return nil, fmt.Errorf("%s record of %s: %w %s", r.Type, r.Name, ErrNotInZone, t.base.origin)
	case r.Class != t.base.class:
		return nil, fmt.Errorf("%s record of %s: class %s in a zone of class %s", r.Type, r.Name, r.Class, t.base.class)
	case r.Type.IsQuestionOnly():
		return nil, fmt.Errorf("%s record of %s: %[1]s records do not belong in a zone", r.Type, r.Name)
	}
	if err := wire.CheckRdata(r.Type, r.Data); err != nil {
		return nil, fmt.Errorf("%s record of %s: %w", r.Type, r.Name, err)
	}
	return e, nil
}

// name returns an owner with its records in the transaction, nil for a name
// outside the zone.
func (t *Txn) name(name wire.Name, inChain bool) *editedName {
	t.mustBeOpen()
	if !name.HasSuffix(t.base.origin) {
		return nil
	}
	key := t.editKey(name, inChain)
	e := t.names[key]
	if e == nil {
		e = &editedName{name: name.Clone(), inChain: inChain}
		if n, ok := t.base.findOwner(&t.lookup, inChain); ok {
			e.name = n.name()
			e.before, e.sets = setsOf(n), setsOf(n)
		}
		t.names[key] = e
		t.edits = append(t.edits, e)
	}
	return e
}

// editKey is what an owner is found by among the edits; t.lookup becomes its name.
func (t *Txn) editKey(name wire.Name, inChain bool) string {
	t.lookup.set(name)
	room := [wire.MaxNameLen + 1]byte{}
	if inChain {
		room[0] = 1
	}
	return string(append(room[:1], t.lookup.suffix(0)...))
}

// editedName is an owner name as a transaction has it.
type editedName struct {
	name    wire.Name
	inChain bool // it is the owner of NSEC3 records, not a name of the zone
	before  []editedSet
	sets    []editedSet   // in order of their ranks
	added   []wire.Record // see AddsAddress
}

// editedSet is an RRset as a transaction has it; for RRSIG, the records that
// cover one type.
type editedSet struct {
	Type, covered wire.Type
	ttl           uint32
	data          [][]byte // in canonical order, without duplicates
}

// setsOf returns the RRsets of a node. Their data is that of the node.
func setsOf(n node) []editedSet {
	sets := make([]editedSet, 0, n.setCount())
	for set := range n.all() {
		e := editedSet{Type: set.kind(), covered: set.covered(), ttl: set.ttl(), data: make([][]byte, 0, set.count())}
		for data := range set.all() {
			e.data = append(e.data, data)
		}
		sets = append(sets, e)
	}
	return sets
}

// find returns where an RRset is or would be inserted.
func (e *editedName) find(kind, covered wire.Type) (i int, ok bool) {
	return slices.BinarySearchFunc(e.sets, setRank(kind, covered), func(s editedSet, rank uint32) int {
		return cmp.Compare(s.rank(), rank)
	})
}

// set returns the data of an RRset.
func (e *editedName) set(kind wire.Type) [][]byte {
	if i, ok := e.find(kind, 0); ok {
		return e.sets[i].data
	}
	return nil
}

// setBefore returns the data that an RRset had.
func (e *editedName) setBefore(kind wire.Type) [][]byte {
	before := editedName{sets: e.before}
	return before.set(kind)
}

func (e *editedName) isChanged() bool {
	return !slices.EqualFunc(e.before, e.sets, func(a, b editedSet) bool {
		return a.rank() == b.rank() && a.ttl == b.ttl && slices.EqualFunc(a.data, b.data, bytes.Equal)
	})
}

func (s *editedSet) rank() uint32 { return setRank(s.Type, s.covered) }

// find returns where a record is or would be inserted.
func (s *editedSet) find(data []byte) (i int, ok bool) {
	return slices.BinarySearchFunc(s.data, data, func(a, b []byte) int { return compareData(s.Type, a, b) })
}

func (s *editedSet) record(owner wire.Name, class wire.Class, data []byte) wire.Record {
	return wire.Record{Name: owner, Type: s.Type, Class: class, TTL: s.ttl, Data: data}
}

// isSingleton reports whether a name may have only one record of type t.
func isSingleton(t wire.Type) bool {
	return t == wire.TypeSOA || t == wire.TypeCNAME || t == wire.TypeDNAME
}
