package authority

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// How a snapshot is made out of the one before it. Everything that packing a
// whole zone works out is worked out again for those names that an edit can
// make a difference to, and for no others:
//
//   - a name whose records change, and the names between it and the apex that
//     come or go with it (RFC 4592 2.2.2, RFC 8020);
//   - the names below one that becomes a zone cut, or ceases to be one;
//   - the parent of a wildcard that comes or goes;
//   - the name that an NSEC3 record is of, when that comes or goes.
//
// Records that lead to a name that comes or goes need no change: they lead to
// its number, which stays its own as long as there are such records.

// successor is a new snapshot in the making.
type successor struct {
	old, next *Snapshot

	pages    pagesEditor
	index    indexEditor
	refs     piecesEditor[uint32]
	links    piecesEditor[uint32]
	children sortedEditor[numbered]
	aside    sortedEditor[numbered]
	order    sortedEditor[orderedName]
	hashed   sortedEditor[hashedEntry]

	drafts []*draft
	byID   map[uint32]*draft
	names  map[string]*draft // by name in lower case; owners of NSEC3 records are not among them
	limit  int               // with more drafts than this it is better to pack the whole zone

	leading map[uint32]int // by number: how many more records lead to it than before

	asked  askedName
	packed []byte
}

// draft is a node that an edit may make a difference to.
type draft struct {
	name wire.Name
	hash uint32 // of the name
	id   uint32
	edit *editedName // nil: its records stay as they are

	node        node   // as it was, nil if it was not
	ref         uint32 // where that is
	before, now nodeFacts
	links       []uint32 // which numbers the records of edit lead to, where they may
}

// nodeFacts are what a node has beside name and records.
type nodeFacts struct {
	state                 nodeState
	flags                 uint8 // flagCut and flagDNAME
	cut, wildcard, denial uint32
}

type nodeState uint8

const (
	unknown nodeState = iota // there is no such node: the number is free
	present                  // a name of the zone
	absent                   // not a name of the zone, but records lead to it
	hashed                   // an owner of NSEC3 records
)

func (n node) state() nodeState {
	switch {
	case n.has(flagAbsent):
		return absent
	case n.has(flagHashedOwner):
		return hashed
	}
	return present
}

// errTooMuch ends work that touches so much that packing the whole zone costs less.
var errTooMuch = errors.New("edits concern most of the zone")

// succeed makes the snapshot that has these edits.
func (s *Snapshot) succeed(edits []*editedName) (*successor, error) {
	for _, e := range edits {
		if err := s.checkEdit(e); err != nil {
			return nil, err
		}
	}
	n := &successor{
		old:      s,
		byID:     make(map[uint32]*draft),
		names:    make(map[string]*draft),
		leading:  make(map[uint32]int),
		limit:    max(s.names/4, 4096),
		index:    editIndex(s.index),
		refs:     editPieces(s.refs),
		links:    editPieces(s.links),
		children: editSorted(s.children),
		aside:    editSorted(s.aside),
		order:    editSorted(s.order),
		hashed:   editSorted(s.hashed.entries),
	}
	next := *s
	n.next = &next
	err := n.work(edits)
	if err == errTooMuch {
		n.next, err = s.rebuild(edits)
	}
	if err != nil {
		n.undo()
		return nil, err
	}
	return n, nil
}

// undo gives back what the new snapshot took from the pages of the old one.
func (s *successor) undo() {
	if s.pages.list != nil {
		s.pages.undo()
	}
}

func (s *successor) work(edits []*editedName) error {
	if s.changesProofs(edits) || len(edits) > s.limit {
		return errTooMuch
	}
	for _, e := range edits {
		s.take(e)
	}
	for _, d := range slices.Clone(s.drafts) {
		s.prune(d)
	}
	if err := s.settleCuts(); err != nil {
		return err
	}
	if err := s.checkRedirections(); err != nil {
		return err
	}
	for _, d := range slices.Clone(s.drafts) {
		s.leadTo(d)
	}
	s.settleLinks()
	s.linkProofs()
	if s.next.names < s.refs.count()/8-pieceSize {
		return errTooMuch // the zone has become much smaller: numbers and index may, too
	}
	return s.write()
}

// rebuild packs the whole zone.
func (s *Snapshot) rebuild(edits []*editedName) (*Snapshot, error) {
	var problems diagnostic.List
	b := NewBuilder(s.origin, s.class, &problems)
	edited := make(map[uint32]bool)
	var asked askedName
	for _, e := range edits {
		asked.set(e.name)
		if n, ok := s.findOwner(&asked, e.inChain); ok {
			edited[n.id()] = true
		}
	}
	// A name is spelled as in its own records, not as in those of names below it:
	// those that are nearer to the apex come first.
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

// find returns the draft of a name, nil for one that the zone does not have
// and no record leads to.
func (s *successor) find(name wire.Name) *draft {
	s.asked.set(name)
	if d := s.names[string(s.asked.suffix(0))]; d != nil {
		return d
	}
	n, ok := s.old.find(&s.asked, 0)
	if !ok {
		if n, ok = s.old.findAside(&s.asked, flagAbsent); !ok {
			return nil
		}
	}
	return s.draftOf(n)
}

// draftOf returns the draft of a node of the old snapshot.
func (s *successor) draftOf(n node) *draft {
	if d := s.byID[n.id()]; d != nil {
		return d
	}
	facts := nodeFacts{state: n.state(), flags: n.flags() & (flagCut | flagDNAME), cut: n.cut(), wildcard: n.wildcard(), denial: n.denial()}
	return s.draft(&draft{name: n.name(), id: n.id(), node: n, ref: s.old.refs.at(n.id()), before: facts, now: facts})
}

// newDraft returns the draft of a node that there was not.
func (s *successor) newDraft(name wire.Name, state nodeState) *draft {
	id := s.next.free
	if id == 0 {
		id = uint32(s.refs.count())
		s.refs.set(id, 0)
	} else {
		s.next.free = s.links.at(id)
	}
	s.links.set(id, 0)
	return s.draft(&draft{name: name, id: id, now: nodeFacts{state: state}})
}

func (s *successor) draft(d *draft) *draft {
	s.asked.set(d.name)
	d.hash = s.asked.hashes[0]
	s.drafts = append(s.drafts, d)
	s.byID[d.id] = d
	if d.now.state != hashed {
		s.names[string(s.asked.suffix(0))] = d
	}
	return d
}

// take takes an edit in: the name comes to be if it has records.
func (s *successor) take(e *editedName) {
	var d *draft
	switch {
	case e.inChain:
		s.asked.set(e.name)
		if n, ok := s.old.findAside(&s.asked, flagHashedOwner); ok {
			d = s.draftOf(n)
		} else {
			d = s.newDraft(e.name, hashed)
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

// ensure makes name and the names between it and the apex names of the zone.
func (s *successor) ensure(name wire.Name) *draft {
	d := s.find(name)
	if d != nil && d.now.state == present {
		return d
	}
	parent := s.ensure(name.Parent())
	if d == nil {
		d = s.newDraft(name, present)
	}
	d.now.state = present
	s.next.names++
	if parent.id != apexID {
		child := newNumbered(parent.id, d.id)
		s.children.put(child, child.compare)
	}
	if name.IsWildcard() {
		parent.now.wildcard = d.id
	}
	return d
}

// prune makes a name go that has neither records nor names below it, and those
// above it that are only there for its sake.
func (s *successor) prune(d *draft) {
	for d.now.state == present && d.id != apexID && d.setCount() == 0 && !s.hasChildren(d.id) {
		parent := s.find(d.name.Parent())
		d.now = nodeFacts{state: absent, denial: d.now.denial} // settleLinks looks whether any record leads to it
		s.next.names--
		if parent.id != apexID {
			s.children.remove(newNumbered(parent.id, d.id).compare)
		}
		if d.name.IsWildcard() {
			parent.now.wildcard = 0
		}
		d = parent
	}
}

func (d *draft) setCount() int {
	if d.edit != nil {
		return len(d.edit.sets)
	}
	if d.node == nil {
		return 0
	}
	return d.node.setCount()
}

// has reports whether there are records of a type.
func (d *draft) has(kind wire.Type) bool {
	if d.edit != nil {
		return d.edit.set(kind) != nil
	}
	if d.node == nil {
		return false
	}
	_, ok := d.node.find(kind)
	return ok
}

func (s *successor) hasChildren(id uint32) bool {
	has := false
	s.eachChild(id, func(uint32) bool { has = true; return false })
	return has
}

func (s *successor) eachChild(id uint32, do func(id uint32) bool) {
	s.children.from(newNumbered(id, 0).compare, func(child numbered) bool {
		return child.by() == id && do(child.id())
	})
}

// settleCuts works out which zone cut names are at or below.
func (s *successor) settleCuts() error {
	var changed []*draft
	for _, d := range s.drafts {
		if d.now.state == present && (d.before.state != present || d.now.flags != d.before.flags) {
			changed = append(changed, d)
		}
	}
	slices.SortFunc(changed, func(a, b *draft) int { return cmp.Compare(a.name.LabelCount(), b.name.LabelCount()) })
	for _, d := range changed {
		s.settleCut(d)
	}
	if len(s.drafts) > s.limit {
		return errTooMuch
	}
	return nil
}

// settleCut works out the cut of one name and, if that changes, of those below.
func (s *successor) settleCut(d *draft) {
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
		if len(s.drafts) > s.limit {
			return false
		}
		child := s.byID[id]
		if child == nil {
			child = s.draftOf(s.old.node(id))
		}
		s.settleCut(child)
		return true
	})
}

// leadTo works out where the records of a name lead to, and no longer lead to.
func (s *successor) leadTo(d *draft) {
	if d.edit == nil {
		return
	}
	if d.node != nil {
		for set := range d.node.all() {
			if set.has(flagLinks) {
				for i := range set.count() {
					s.leading[set.link(i)]--
				}
			}
		}
	}
	for _, set := range d.edit.sets {
		if link := linkOf[set.Type]; link != nil {
			for _, data := range set.data {
				id := s.linkTo(link(d.name, data))
				s.leading[id]++
				d.links = append(d.links, id)
			}
		}
	}
}

// linkTo returns the number of the node for target, a name that a record leads to.
func (s *successor) linkTo(target wire.Name) uint32 {
	if target.IsZero() || !target.HasSuffix(s.old.origin) {
		return 0
	}
	d := s.find(target)
	if d == nil {
		d = s.newDraft(target, absent)
	}
	return d.id
}

// settleLinks counts the records that lead to names. Of those names that are
// not there, only those that some record leads to are kept.
func (s *successor) settleLinks() {
	delete(s.leading, 0)
	for id, more := range s.leading {
		if more != 0 {
			s.links.set(id, s.links.at(id)+uint32(more))
			if s.links.at(id) == 0 && s.byID[id] == nil {
				s.draftOf(s.old.node(id)) // it may be absent: nobody needs it then
			}
		}
	}
	for _, d := range s.drafts {
		if d.now.state == absent && s.links.at(d.id) == 0 {
			d.now.state = unknown
		}
	}
}

// write packs the drafts that are not as they were, and what they are found by.
func (s *successor) write() error {
	s.pages = editPages(s.old.pages)
	for _, d := range s.drafts {
		if d.edit == nil && d.now == d.before {
			continue
		}
		if err := s.writeDraft(d); err != nil {
			return err
		}
	}
	if err := s.pages.reclaim(s.move); err != nil {
		return err
	}
	n := s.next
	n.pages, n.index, n.refs, n.links = s.pages.pages, s.index.index, s.refs.pieces, s.links.pieces
	n.children, n.aside, n.order, n.hashed.entries = s.children.sorted, s.aside.sorted, s.order.sorted, s.hashed.sorted
	n.setNear()
	soa := n.soa()
	n.serial = soaSerial(soa.first())
	n.negativeTTL = min(soa.ttl(), soaMinimum(soa.first())) // RFC 2308 5
	return nil
}

// writeDraft packs one node and notes where it is.
func (s *successor) writeDraft(d *draft) error {
	ref, err := uint32(0), error(nil)
	if d.now.state != unknown {
		s.packed = d.appendTo(s.packed[:0])
		if ref, err = s.pages.store(s.packed); err != nil {
			return err
		}
	}
	s.refs.set(d.id, ref)
	if d.node != nil {
		s.pages.free(d.ref, len(d.node.octets()))
	}

	was, is := d.before.state == present, d.now.state == present
	switch {
	case was && is:
		s.index.move(d.hash, d.ref, ref)
	case was:
		s.index.remove(d.hash, d.ref)
	case is:
		s.index.insert(d.hash, ref)
	}
	was, is = d.before.state == absent || d.before.state == hashed, d.now.state == absent || d.now.state == hashed
	switch entry := newNumbered(d.hash, d.id); {
	case is && !was:
		s.aside.put(entry, entry.compare)
	case was && !is:
		s.aside.remove(entry.compare)
	}
	if hash, ok := s.entry(d); ok {
		e := hashedEntry{hash, ref}
		s.hashed.put(e, e.compare)
	}
	if d.now.state == unknown {
		s.links.set(d.id, s.next.free)
		s.next.free = d.id
	}
	return nil
}

// appendTo packs the node.
func (d *draft) appendTo(b []byte) []byte {
	head := nodeHead{id: d.id, flags: d.now.flags, cut: d.now.cut, wildcard: d.now.wildcard, denial: d.now.denial, name: []byte(d.name.Wire())}
	switch d.now.state {
	case absent:
		head.flags |= flagAbsent
	case hashed:
		head.flags |= flagHashedOwner
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
		start, leads := len(b), leadsOn(e.Type)
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
func (s *successor) move(ref uint32, n node) error {
	id := n.id()
	if s.refs.at(id) != ref {
		return nil
	}
	to, err := s.pages.store(n)
	if err != nil {
		return err
	}
	s.refs.set(id, to)
	s.pages.free(ref, len(n))
	switch n.state() {
	case present:
		s.asked.set(n.name())
		s.index.move(s.asked.hashes[0], ref, to)
	case hashed:
		if !s.old.isHashed() {
			break
		}
		if hash, ok := s.old.entryOf(n.name(), n.dataOf(wire.TypeNSEC3), s.old.hashed.parameters); ok {
			e := hashedEntry{hash, to}
			s.hashed.put(e, e.compare)
		}
	}
	return nil
}

// checkEdit checks what an owner may not have, whatever the rest of the zone.
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
		case size > maxSetSize:
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
// 6672 2.4). A name with one that is not a draft had none below it, and has
// none now: who comes to be makes its parent a draft.
func (s *successor) checkRedirections() error {
	for _, d := range s.drafts {
		redirects := d.now.state == present && d.now.flags&flagDNAME != 0 && d.now.cut == 0
		if redirects && (s.hasChildren(d.id) || d.id == apexID && s.next.names > 1) {
			return fmt.Errorf("%s has a DNAME record and names below it", d.name)
		}
	}
	return nil
}
