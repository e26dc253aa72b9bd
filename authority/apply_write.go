package authority

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/internal/cow"
	"github.com/names-dns/names/wire"
)

// How a revision is written: the nodes that changed, or the whole zone.

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
	n.pages, n.index, n.refs, n.refCounts = s.pages.Pages, s.index.Index, s.refs.Finish(), s.refCounts.Finish()
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
		if d.id == apexID {
			// Each version has another one, for its serial number. As long as it is
			// where it was, nothing has to be copied that leads there.
			if s.pages.Replace(d.ref, len(d.node.octets()), s.packed) {
				return nil
			}
			ref, err = s.pages.StoreAlone(s.packed)
		} else {
			ref, err = s.pages.Store(s.packed)
		}
		if err != nil {
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
