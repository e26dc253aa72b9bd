package authority

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/internal/cow"
	"github.com/names-dns/names/wire"
)

// How a snapshot is made from the previous one. Everything that packing a whole
// zone computes is computed again for the names that an edit can affect, and only
// for these:
//
//   - a name whose records change, and the names between it and the apex that
//     are added or removed with it (RFC 4592 2.2.2, RFC 8020);
//   - the names below one that becomes a zone cut, or stops being one;
//   - the parent of a wildcard that is added or removed;
//   - the name of an NSEC3 record that is added or removed.
//
// Records that refer to a name that is added or removed need no change: they hold
// its number, which is kept as long as there are such records.

// revision is a new snapshot that is being made.
type revision struct {
	old, next *Snapshot
	edits     []*editedName

	pages      cow.PagesEditor
	index      cow.IndexEditor
	refs       cow.ArrayEditor[uint32]
	refCounts  cow.ArrayEditor[uint32]
	children   cow.SortedEditor[idPair]
	offZone    cow.SortedEditor[idPair]
	nsecOrder  cow.SortedEditor[orderedName]
	nsec3Chain cow.SortedEditor[nsec3Entry]

	dirty []*dirtyNode
	byID  map[uint32]*dirtyNode
	names map[string]*dirtyNode // by name in lower case; owners of NSEC3 records are not among them
	limit int                   // with more dirty nodes, packing the whole zone costs less

	isTooMuch bool                           // the limit was exceeded
	canonical *cow.SortedEditor[orderedName] // all names, if a stage asked for them

	refChanges map[uint32]int // by number: how many more records refer to it than before

	lookup lookupName
	packed []byte
}

// dirtyNode is a node that an edit may affect.
type dirtyNode struct {
	name wire.Name
	hash uint32 // of the name
	id   uint32
	edit *editedName // nil: its records do not change

	node        node   // the old one, nil if there was none
	ref         uint32 // of the old node
	before, now nodeFacts
	links       []uint32 // the numbers that the records of edit refer to, for types that have targets
}

// nodeFacts are what a node has besides name and records.
type nodeFacts struct {
	state                 nodeState
	flags                 uint8 // flagCut and flagDNAME
	cut, wildcard, denial uint32
}

type nodeState uint8

const (
	unknown    nodeState = iota // no such node: the number is free
	present                     // a name of the zone
	absent                      // not a name of the zone, but records refer to it
	nsec3Owner                  // an owner of NSEC3 records
)

func (n node) state() nodeState {
	switch {
	case n.has(flagAbsent):
		return absent
	case n.has(flagNSEC3Owner):
		return nsec3Owner
	}
	return present
}

// errTooMuch ends work that affects so much that packing the whole zone costs less.
var errTooMuch = errors.New("edits concern most of the zone")

// unlimited is a limit that dirty nodes cannot reach.
const unlimited = 1<<63 - 1

// dirtyLimit is the number of dirty nodes beyond which packing the whole zone
// costs less.
func (s *Snapshot) dirtyLimit() int { return max(s.names/4, 4096) }

// revise checks edits and determines the names and zone cuts that result. It
// writes nothing that other versions share: a revision may be dropped. With more
// than limit dirty nodes it stops, because the whole zone will be packed.
func (s *Snapshot) revise(edits []*editedName, limit int) (*revision, error) {
	for _, e := range edits {
		if err := s.checkEdit(e); err != nil {
			return nil, err
		}
	}
	next := *s
	n := &revision{
		old: s, next: &next, edits: edits,
		byID:       make(map[uint32]*dirtyNode),
		names:      make(map[string]*dirtyNode),
		refChanges: make(map[uint32]int),
		limit:      limit,
		index:      cow.EditIndex(s.index),
		refs:       cow.EditArray(s.refs),
		refCounts:  cow.EditArray(s.refCounts),
		children:   cow.EditSorted(s.children),
		offZone:    cow.EditSorted(s.offZone),
		nsecOrder:  cow.EditSorted(s.nsecOrder),
		nsec3Chain: cow.EditSorted(s.nsec3Chain.entries),
	}
	err := n.shape()
	if err == errTooMuch {
		n.isTooMuch, err = true, nil
	}
	return n, err
}

// shape determines the names there will be, and which zone cuts they are under.
func (s *revision) shape() error {
	if s.limit < unlimited && (s.changesProofs(s.edits) || len(s.edits) > s.limit) {
		return errTooMuch
	}
	for _, e := range s.edits {
		s.take(e)
	}
	for _, d := range slices.Clone(s.dirty) {
		s.prune(d)
	}
	if err := s.settleCuts(); err != nil {
		return err
	}
	return s.checkRedirections()
}

// settle packs the edits, and returns the snapshot that has them.
func (s *revision) settle() (*Snapshot, error) {
	err := errTooMuch
	if !s.isTooMuch && len(s.dirty) <= s.old.dirtyLimit() && !s.changesProofs(s.edits) {
		err = s.pack()
	}
	if err == errTooMuch {
		s.isTooMuch = true
		s.next, err = s.old.rebuild(s.edits)
	}
	if errors.Is(err, cow.ErrFull) {
		err = ErrZoneTooLarge
	}
	if err != nil {
		return nil, err
	}
	return s.next, nil
}

// undo returns what the new snapshot took from the pages of the old one.
func (s *revision) undo() {
	if s.pages.List() != nil {
		s.pages.Undo()
	}
}

// pack packs only the nodes that changed.
func (s *revision) pack() error {
	for _, d := range slices.Clone(s.dirty) {
		s.countTargets(d)
	}
	s.settleLinks()
	s.linkProofs()
	if s.next.names < s.refs.Len()/8-cow.PieceSize {
		return errTooMuch // the zone has become much smaller, so numbers and index may shrink, too
	}
	return s.write()
}

// rebuild packs the whole zone.
func (s *Snapshot) rebuild(edits []*editedName) (*Snapshot, error) {
	var problems diagnostic.List
	b := NewBuilder(s.origin, s.class, &problems)
	edited := make(map[uint32]bool)
	var asked lookupName
	for _, e := range edits {
		asked.set(e.name)
		if n, ok := s.findOwner(&asked, e.inChain); ok {
			edited[n.id()] = true
		}
	}
	// A name keeps the spelling of its own records, not that of records of names
	// below it, so names nearer to the apex come first.
	type source struct {
		labels int
		ref    uint32
		edit   *editedName // nil: the node at ref
	}
	var sources []source
	for n, ref := range s.nodes() {
		if n.setCount() > 0 && !edited[n.id()] {
			sources = append(sources, source{labels: n.name().LabelCount(), ref: ref})
		}
	}
	for _, e := range edits {
		sources = append(sources, source{labels: e.name.LabelCount(), edit: e})
	}
	slices.SortFunc(sources, func(a, b source) int { return cmp.Compare(a.labels, b.labels) })
	for _, from := range sources {
		e := from.edit
		if e == nil {
			n := s.at(from.ref)
			e = &editedName{name: n.name(), sets: setsOf(n)}
		}
		for _, set := range e.sets {
			for _, data := range set.data {
				b.Add(set.record(e.name, s.class, data), diagnostic.Position{})
			}
		}
	}
	return b.Freeze()
}

// find returns the dirty node of a name, nil for one that the zone does not have
// and no record refers to.
func (s *revision) find(name wire.Name) *dirtyNode {
	s.lookup.set(name)
	if d := s.names[string(s.lookup.suffix(0))]; d != nil {
		return d
	}
	n, ok := s.old.find(&s.lookup, 0)
	if !ok {
		if n, ok = s.old.findOffZone(&s.lookup, flagAbsent); !ok {
			return nil
		}
	}
	return s.dirtyOf(n)
}

// dirtyOf returns the dirty node of a node of the old snapshot.
func (s *revision) dirtyOf(n node) *dirtyNode {
	if d := s.byID[n.id()]; d != nil {
		return d
	}
	facts := nodeFacts{state: n.state(), flags: n.flags() & (flagCut | flagDNAME), cut: n.cut(), wildcard: n.wildcard(), denial: n.denial()}
	return s.addDirty(&dirtyNode{name: n.name(), id: n.id(), node: n, ref: s.old.refs.At(n.id()), before: facts, now: facts})
}

// newDirty returns the dirty node of a node that the old snapshot does not have.
func (s *revision) newDirty(name wire.Name, state nodeState) *dirtyNode {
	id := s.next.free
	if id == 0 {
		id = uint32(s.refs.Len())
		s.refs.Set(id, 0)
	} else {
		s.next.free = s.refCounts.At(id)
	}
	s.refCounts.Set(id, 0)
	return s.addDirty(&dirtyNode{name: name, id: id, now: nodeFacts{state: state}})
}

func (s *revision) addDirty(d *dirtyNode) *dirtyNode {
	s.lookup.set(d.name)
	d.hash = s.lookup.hashes[0]
	s.dirty = append(s.dirty, d)
	s.byID[d.id] = d
	if d.now.state != nsec3Owner {
		s.names[string(s.lookup.suffix(0))] = d
	}
	return d
}

// take adds an edit to the revision: the name is created if it has records.
func (s *revision) take(e *editedName) {
	var d *dirtyNode
	switch {
	case e.inChain:
		s.lookup.set(e.name)
		if n, ok := s.old.findOffZone(&s.lookup, flagNSEC3Owner); ok {
			d = s.dirtyOf(n)
		} else {
			d = s.newDirty(e.name, nsec3Owner)
		}
		if len(e.sets) == 0 {
			d.now.state = unknown
		}
	case len(e.sets) > 0:
		d = s.ensure(e.name)
	default:
		d = s.find(e.name)
	}
	d.edit = e
	d.name = e.name
	d.now.flags = 0
	if e.set(wire.TypeNS) != nil && d.id != apexID {
		d.now.flags |= flagCut
	}
	if e.set(wire.TypeDNAME) != nil {
		d.now.flags |= flagDNAME
	}
	for _, set := range e.sets {
		s.next.records += len(set.data)
	}
	for _, set := range e.before {
		s.next.records -= len(set.data)
	}
}

// ensure creates name and the names between it and the apex.
func (s *revision) ensure(name wire.Name) *dirtyNode {
	d := s.find(name)
	if d != nil && d.now.state == present {
		return d
	}
	parent := s.ensure(name.Parent())
	if d == nil {
		d = s.newDirty(name, present)
	}
	d.now.state = present
	s.next.names++
	if parent.id != apexID {
		child := newIDPair(parent.id, d.id)
		s.children.Put(child, child.compare)
	}
	if name.IsWildcard() {
		parent.now.wildcard = d.id
	}
	return d
}

// prune removes a name that has neither records nor names below it, and the names
// above that exist only because of it.
func (s *revision) prune(d *dirtyNode) {
	for d.now.state == present && d.id != apexID && d.setCount() == 0 && !s.hasChildren(d.id) {
		parent := s.find(d.name.Parent())
		d.now = nodeFacts{state: absent, denial: d.now.denial} // settleLinks checks whether any record refers to it
		s.next.names--
		if parent.id != apexID {
			s.children.Remove(newIDPair(parent.id, d.id).compare)
		}
		if d.name.IsWildcard() {
			parent.now.wildcard = 0
		}
		d = parent
	}
}

func (d *dirtyNode) setCount() int {
	if d.edit != nil {
		return len(d.edit.sets)
	}
	if d.node == nil {
		return 0
	}
	return d.node.setCount()
}

// has reports whether there are records of a type.
func (d *dirtyNode) has(kind wire.Type) bool {
	if d.edit != nil {
		return d.edit.set(kind) != nil
	}
	if d.node == nil {
		return false
	}
	_, ok := d.node.find(kind)
	return ok
}

func (s *revision) hasChildren(id uint32) bool {
	has := false
	s.eachChild(id, func(uint32) bool { has = true; return false })
	return has
}

func (s *revision) eachChild(id uint32, do func(id uint32) bool) {
	s.children.From(newIDPair(id, 0).compare, func(child idPair) bool {
		return child.by() == id && do(child.id())
	})
}

// settleCuts determines which zone cut names are at or below.
func (s *revision) settleCuts() error {
	var changed []*dirtyNode
	for _, d := range s.dirty {
		if d.now.state == present && (d.before.state != present || d.now.flags != d.before.flags) {
			changed = append(changed, d)
		}
	}
	slices.SortFunc(changed, func(a, b *dirtyNode) int { return cmp.Compare(a.name.LabelCount(), b.name.LabelCount()) })
	for _, d := range changed {
		s.settleCut(d)
	}
	if len(s.dirty) > s.limit {
		return errTooMuch
	}
	return nil
}

// settleCut determines the cut of one name and, if that changes, of those below.
func (s *revision) settleCut(d *dirtyNode) {
	cut := uint32(0)
	if d.id != apexID {
		cut = s.find(d.name.Parent()).now.cut
		if cut == 0 && d.now.flags&flagCut != 0 {
			cut = d.id
		}
	}
	if cut == d.now.cut {
		return
	}
	d.now.cut = cut
	s.eachChild(d.id, func(id uint32) bool {
		if len(s.dirty) > s.limit {
			return false
		}
		child := s.byID[id]
		if child == nil {
			child = s.dirtyOf(s.old.node(id))
		}
		s.settleCut(child)
		return true
	})
}

// countTargets counts the names that the records of a name refer to, and no longer
// refer to.
func (s *revision) countTargets(d *dirtyNode) {
	if d.edit == nil {
		return
	}
	if d.node != nil {
		for set := range d.node.all() {
			if set.has(flagLinks) {
				for i := range set.count() {
					s.refChanges[set.link(i)]--
				}
			}
		}
	}
	for _, set := range d.edit.sets {
		if link := targetOf[set.Type]; link != nil {
			for _, data := range set.data {
				id := s.targetID(link(d.name, data))
				s.refChanges[id]++
				d.links = append(d.links, id)
			}
		}
	}
}

// targetID returns the number of the node for target, a name that a record refers to.
func (s *revision) targetID(target wire.Name) uint32 {
	if target.IsZero() || !target.HasSuffix(s.old.origin) {
		return 0
	}
	d := s.find(target)
	if d == nil {
		d = s.newDirty(target, absent)
	}
	return d.id
}

// settleLinks updates how many records refer to each name. Of the names that do
// not exist, only those that some record refers to are kept.
func (s *revision) settleLinks() {
	delete(s.refChanges, 0)
	for id, more := range s.refChanges {
		if more != 0 {
			s.refCounts.Set(id, s.refCounts.At(id)+uint32(more))
			if s.refCounts.At(id) == 0 && s.byID[id] == nil {
				s.dirtyOf(s.old.node(id)) // it may be absent and not needed now
			}
		}
	}
	for _, d := range s.dirty {
		if d.now.state == absent && s.refCounts.At(d.id) == 0 {
			d.now.state = unknown
		}
	}
}

// write packs the dirty nodes that changed, and updates what they are found by.
func (s *revision) write() error {
	s.pages = cow.EditPages(s.old.pages)
	for _, d := range s.dirty {
		if d.edit == nil && d.now == d.before {
			continue
		}
		if err := s.writeDirty(d); err != nil {
			return err
		}
	}
	if err := s.pages.Reclaim(nodeLen, s.move); err != nil {
		return err
	}
	n := s.next
	n.pages, n.index, n.refs, n.refCounts = s.pages.Pages, s.index.Index, s.refs.Array, s.refCounts.Array
	n.children, n.offZone, n.nsecOrder, n.nsec3Chain.entries = s.children.Sorted, s.offZone.Sorted, s.nsecOrder.Sorted, s.nsec3Chain.Sorted
	n.setInline()
	soa := n.soa()
	n.serial = soaSerial(soa.first())
	n.negativeTTL = min(soa.ttl(), soaMinimum(soa.first())) // RFC 2308 5
	return nil
}

// writeDirty packs one node and records where it is.
func (s *revision) writeDirty(d *dirtyNode) error {
	ref, err := uint32(0), error(nil)
	if d.now.state != unknown {
		s.packed = d.appendTo(s.packed[:0])
		if ref, err = s.pages.Store(s.packed); err != nil {
			return err
		}
	}
	s.refs.Set(d.id, ref)
	if d.node != nil {
		s.pages.Free(d.ref, len(d.node.octets()))
	}

	was, is := d.before.state == present, d.now.state == present
	switch {
	case was && is:
		s.index.Move(d.hash, d.ref, ref)
	case was:
		s.index.Remove(d.hash, d.ref)
	case is:
		s.index.Insert(d.hash, ref)
	}
	was, is = d.before.state == absent || d.before.state == nsec3Owner, d.now.state == absent || d.now.state == nsec3Owner
	switch entry := newIDPair(d.hash, d.id); {
	case is && !was:
		s.offZone.Put(entry, entry.compare)
	case was && !is:
		s.offZone.Remove(entry.compare)
	}
	if hash, ok := s.entry(d); ok {
		e := nsec3Entry{hash, ref}
		s.nsec3Chain.Put(e, e.compare)
	}
	if d.now.state == unknown {
		s.refCounts.Set(d.id, s.next.free)
		s.next.free = d.id
	}
	return nil
}

// appendTo packs the node.
func (d *dirtyNode) appendTo(b []byte) []byte {
	head := nodeHead{id: d.id, flags: d.now.flags, cut: d.now.cut, wildcard: d.now.wildcard, denial: d.now.denial, name: []byte(d.name.Wire())}
	switch d.now.state {
	case absent:
		head.flags |= flagAbsent
	case nsec3Owner:
		head.flags |= flagNSEC3Owner
	}
	b = appendHead(b, head)
	if d.edit == nil {
		if d.node != nil && d.now.state != absent {
			b = append(b, d.node.octets().body()...)
			setSetCount(b, d.node.setCount())
		}
		return b
	}
	links, previous := d.links, 0
	for _, e := range d.edit.sets {
		start, leads := len(b), hasTarget(e.Type)
		b = beginSet(b, previous, setHead{e.Type, e.covered, len(e.data), e.ttl, leads})
		if leads {
			for _, id := range links[:len(e.data)] {
				b = binary.LittleEndian.AppendUint32(b, id)
			}
			links = links[len(e.data):]
		}
		for _, data := range e.data {
			b = appendRecord(b, data)
		}
		b = endSet(b, start)
		previous = start
	}
	setSetCount(b, len(d.edit.sets))
	return b
}

// move stores a node on another page, if it is still needed.
func (s *revision) move(ref uint32, octets []byte) error {
	n := node(octets)
	id := n.id()
	if s.refs.At(id) != ref {
		return nil
	}
	to, err := s.pages.Store(n)
	if err != nil {
		return err
	}
	s.refs.Set(id, to)
	s.pages.Free(ref, len(n))
	switch n.state() {
	case present:
		s.lookup.set(n.name())
		s.index.Move(s.lookup.hashes[0], ref, to)
	case nsec3Owner:
		if !s.old.hasNSEC3() {
			break
		}
		if hash, ok := s.old.matchOwner(n.name(), n.dataOf(wire.TypeNSEC3), s.old.nsec3Chain.parameters); ok {
			e := nsec3Entry{hash, to}
			s.nsec3Chain.Put(e, e.compare)
		}
	}
	return nil
}

// checkEdit checks an owner by itself, without the rest of the zone.
func (s *Snapshot) checkEdit(e *editedName) error {
	isApex := !e.inChain && e.name.Equal(s.origin)
	if isApex && e.set(wire.TypeSOA) == nil {
		return errors.New("no SOA record is left at the apex")
	}
	if isApex && e.set(wire.TypeNS) == nil {
		return errors.New("no NS record is left at the apex")
	}
	if len(e.sets) > maxSetsAtName {
		return fmt.Errorf("%s has more than %d RRsets", e.name, maxSetsAtName)
	}
	alias, other := e.set(wire.TypeCNAME) != nil, wire.Type(0)
	for _, set := range e.sets {
		size := 0
		for _, data := range set.data {
			size += 12 + len(data)
		}
		switch {
		case !fitsMessage(e.name, set.Type, s.class, size, slices.Values(set.data)):
			return fmt.Errorf("the %d %s records of %s take %d octets and fit no message", len(set.data), set.Type, e.name, size)
		case set.Type == wire.TypeSOA && !isApex:
			return fmt.Errorf("SOA record of %s inside the zone", e.name)
		case set.Type == wire.TypeNSEC3PARAM && isApex:
			for _, data := range set.data {
				if n := binary.BigEndian.Uint16(data[2:]); n > maxIterations {
					return fmt.Errorf("NSEC3 with %d iterations: no more than %d are allowed", n, maxIterations)
				}
			}
		}
		if !mayAccompanyAlias(set.Type) {
			other = set.Type
		}
	}
	if alias && other != 0 {
		return fmt.Errorf("%s has a CNAME record and other data: %s", e.name, other) // RFC 2181 10.1
	}
	return nil
}

// checkRedirections checks that no name is below one with a DNAME record (RFC
// 6672 2.4). A name with one that is not dirty had no names below it and has none
// now: creating a child marks its parent dirty.
func (s *revision) checkRedirections() error {
	for _, d := range s.dirty {
		redirects := d.now.state == present && d.now.flags&flagDNAME != 0 && d.now.cut == 0
		if redirects && (s.hasChildren(d.id) || d.id == apexID && s.next.names > 1) {
			return fmt.Errorf("%s has a DNAME record and names below it", d.name)
		}
	}
	return nil
}
