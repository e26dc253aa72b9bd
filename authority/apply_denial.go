package authority

import (
	"bytes"
	"crypto/sha1"
	"slices"

	"github.com/names-dns/names/wire"
)

// changesProofs reports whether the edits change how the zone as a whole proves
// what does not exist, which affects every name.
func (s *revision) changesProofs(edits []*editedName) bool {
	signed := s.old.isSigned()
	parameters := s.old.node(apexID).dataOf(wire.TypeNSEC3PARAM)
	for _, e := range edits {
		if e.inChain || !e.name.Equal(s.old.origin) {
			continue
		}
		if _, willBe := e.find(wire.TypeRRSIG, wire.TypeSOA); willBe != signed {
			return true
		}
		if signed && !slices.EqualFunc(parameters, e.set(wire.TypeNSEC3PARAM), bytes.Equal) {
			return true
		}
	}
	if !signed {
		return false
	}
	entries := s.old.nsec3Chain.entries.Len()
	for _, e := range edits {
		if !e.inChain {
			continue
		}
		for _, p := range parameters {
			_, was := s.old.matchOwner(e.name, e.setBefore(wire.TypeNSEC3), p)
			_, is := s.old.matchOwner(e.name, e.set(wire.TypeNSEC3), p)
			if !s.old.hasNSEC3() || !bytes.Equal(p, s.old.nsec3Chain.parameters) {
				if is {
					return true // proofs use the first parameters that have a chain
				}
				continue
			}
			if was {
				entries--
			}
			if is {
				entries++
			}
			break
		}
	}
	return s.old.hasNSEC3() && entries == 0
}

// linkProofs links dirty nodes to the NSEC or NSEC3 records of their proofs.
func (s *revision) linkProofs() {
	switch {
	case s.old.hasNSEC3():
		s.linkNSEC3()
	case s.old.isSigned():
		s.linkNSEC()
	}
}

// linkNSEC updates the list of names with NSEC records.
func (s *revision) linkNSEC() {
	for _, d := range s.dirty {
		was := d.node != nil && d.node.provesWithNSEC()
		is := d.isAuthoritative() && d.has(wire.TypeNSEC)
		switch {
		case was && !is:
			s.nsecOrder.Remove(s.compareNames(d.name))
		case is && !was:
			s.nsecOrder.Put(s.old.newOrderedName(d.name, d.id), s.compareNames(d.name))
		}
	}
}

// compareNames returns the comparison for searches in canonical order.
func (s *revision) compareNames(name wire.Name) func(orderedName) int {
	wanted := s.old.newOrderedName(name, 0)
	return func(o orderedName) int {
		if c := o.compare(wanted); c != 0 {
			return c
		}
		if d := s.byID[o.id]; d != nil {
			return d.name.Compare(name)
		}
		return s.old.node(o.id).name().Compare(name)
	}
}

// isAuthoritative reports whether the zone proves what does not exist at the name.
func (d *dirtyNode) isAuthoritative() bool {
	return d.now.state == present && (d.now.cut == 0 || d.now.cut == d.id)
}

// linkNSEC3 updates the NSEC3 chain and the links between names and its records.
func (s *revision) linkNSEC3() {
	unmatched := map[[sha1.Size]byte]*dirtyNode{} // entries that are new
	for _, d := range s.dirty {
		var was, is bool
		var hash [sha1.Size]byte
		if d.node != nil && d.before.state == nsec3Owner {
			hash, was = s.old.matchOwner(d.node.name(), d.node.dataOf(wire.TypeNSEC3), s.old.nsec3Chain.parameters)
		}
		if h, ok := s.entry(d); ok {
			hash, is = h, true
		}
		switch {
		case was && !is:
			s.nsec3Chain.Remove(nsec3Entry{hash: hash}.compare)
			s.unlink(d)
		case is && !was:
			unmatched[hash] = d
		}
	}
	for i := 0; i < len(s.dirty); i++ { // unlink may add to them
		switch d := s.dirty[i]; {
		case d.now.state == nsec3Owner || d.before.state == nsec3Owner:
		case !d.isAuthoritative():
			s.unlink(d)
		case d.now.denial == 0:
			s.lookup.set(d.name)
			hash := s.old.nsec3Chain.hash(s.lookup.suffix(0))
			owner := unmatched[hash]
			if e, exact := s.entryAt(hash); owner == nil && exact {
				owner = s.dirtyOf(s.old.at(e.ref))
			}
			if owner != nil {
				d.now.denial, owner.now.denial = owner.id, d.id
				delete(unmatched, hash)
			}
		}
	}
	if len(unmatched) > 0 {
		s.matchOwners(unmatched)
	}
}

// entryAt returns the entry of the old chain for a hash.
func (s *revision) entryAt(hash [sha1.Size]byte) (e nsec3Entry, exact bool) {
	return s.nsec3Chain.Find(nsec3Entry{hash: hash}.compare)
}

// unlink separates a name and the owner of its NSEC3 record; d is one of the two.
func (s *revision) unlink(d *dirtyNode) {
	if d.now.denial == 0 {
		return
	}
	other := s.byID[d.now.denial]
	if other == nil {
		other = s.dirtyOf(s.old.node(d.now.denial))
	}
	d.now.denial, other.now.denial = 0, 0
}

// matchOwners searches all names of the zone for those that new NSEC3 records
// belong to. That is expensive, but rarely needed: a name and its NSEC3 record
// usually come in the same transaction.
func (s *revision) matchOwners(unmatched map[[sha1.Size]byte]*dirtyNode) {
	for n := range s.old.nodes() {
		if s.byID[n.id()] != nil || n.denial() != 0 || !n.isAuthoritative() {
			continue
		}
		s.lookup.set(n.name())
		hash := s.old.nsec3Chain.hash(s.lookup.suffix(0))
		if owner := unmatched[hash]; owner != nil {
			d := s.dirtyOf(n)
			d.now.denial, owner.now.denial = owner.id, d.id
			delete(unmatched, hash)
		}
	}
}

// entry returns the hash of a dirty node that is an owner in the NSEC3 chain.
func (s *revision) entry(d *dirtyNode) (hash [sha1.Size]byte, ok bool) {
	switch {
	case !s.old.hasNSEC3() || d.now.state != nsec3Owner:
		return hash, false
	case d.edit != nil:
		return s.old.matchOwner(d.name, d.edit.set(wire.TypeNSEC3), s.old.nsec3Chain.parameters)
	}
	return s.old.matchOwner(d.name, d.node.dataOf(wire.TypeNSEC3), s.old.nsec3Chain.parameters)
}
