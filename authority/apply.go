package authority

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

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
	for _, e := range edits {
		next.mayAlias = next.mayAlias || e.set(wire.TypeALIAS) != nil
	}
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
