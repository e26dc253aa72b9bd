package authority

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/names-dns/names/wire"
)

// How the edits of a revision make names, and what those are: which are added and
// removed, which zone cuts they are under, and which records refer to them.

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
