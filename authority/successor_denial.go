package authority

import (
	"bytes"
	"crypto/sha1"
	"slices"

	"github.com/names-dns/names/wire"
)

// changesProofs reports whether the edits change how the zone as a whole
// proves that something is not there, which concerns every name.
func (s *successor) changesProofs(edits []*editedName) bool {
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
	entries := s.old.hashed.entries.count
	for _, e := range edits {
		if !e.inChain {
			continue
		}
		for _, p := range parameters {
			_, was := s.old.entryOf(e.name, e.setBefore(wire.TypeNSEC3), p)
			_, is := s.old.entryOf(e.name, e.set(wire.TypeNSEC3), p)
			if !s.old.isHashed() || !bytes.Equal(p, s.old.hashed.parameters) {
				if is {
					return true // the first parameters with a chain are those that prove
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
	return s.old.isHashed() && entries == 0
}

// linkProofs works out which NSEC or NSEC3 records the drafts prove with.
func (s *successor) linkProofs() {
	switch {
	case s.old.isHashed():
		s.linkHashed()
	case s.old.isSigned():
		s.linkOrdered()
	}
}

// linkOrdered keeps the list of names that prove with NSEC.
func (s *successor) linkOrdered() {
	for _, d := range s.drafts {
		was := d.node != nil && d.node.provesInOrder()
		is := d.isAuthoritative() && d.has(wire.TypeNSEC)
		switch {
		case was && !is:
			s.order.remove(s.compareNames(d.name))
		case is && !was:
			s.order.put(s.old.newOrderedName(d.name, d.id), s.compareNames(d.name))
		}
	}
}

// compareNames is for searches in the order of names.
func (s *successor) compareNames(name wire.Name) func(orderedName) int {
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

// isAuthoritative reports whether absence is proved of the name.
func (d *draft) isAuthoritative() bool {
	return d.now.state == present && (d.now.cut == 0 || d.now.cut == d.id)
}

// linkHashed keeps the NSEC3 chain, and which of its records is whose.
func (s *successor) linkHashed() {
	unclaimed := map[[sha1.Size]byte]*draft{} // entries that are new
	for _, d := range s.drafts {
		var was, is bool
		var hash [sha1.Size]byte
		if d.node != nil && d.before.state == hashed {
			hash, was = s.old.entryOf(d.node.name(), d.node.dataOf(wire.TypeNSEC3), s.old.hashed.parameters)
		}
		if h, ok := s.entry(d); ok {
			hash, is = h, true
		}
		switch {
		case was && !is:
			s.hashed.remove(hashedEntry{hash: hash}.compare)
			s.unlink(d)
		case is && !was:
			unclaimed[hash] = d
		}
	}
	for i := 0; i < len(s.drafts); i++ { // unlink may add to them
		switch d := s.drafts[i]; {
		case d.now.state == hashed || d.before.state == hashed:
		case !d.isAuthoritative():
			s.unlink(d)
		case d.now.denial == 0:
			s.asked.set(d.name)
			hash := s.old.hashed.hash(s.asked.suffix(0))
			owner := unclaimed[hash]
			if e, exact := s.hashedAt(hash); owner == nil && exact {
				owner = s.draftOf(s.old.at(e.ref))
			}
			if owner != nil {
				d.now.denial, owner.now.denial = owner.id, d.id
				delete(unclaimed, hash)
			}
		}
	}
	if len(unclaimed) > 0 {
		s.claim(unclaimed)
	}
}

// hashedAt returns the entry of the chain for a hash, as it was.
func (s *successor) hashedAt(hash [sha1.Size]byte) (e hashedEntry, exact bool) {
	leaf, at, exact := s.hashed.find(hashedEntry{hash: hash}.compare)
	if exact {
		e = s.hashed.leaves[leaf][at]
	}
	return e, exact
}

// unlink parts a name and the owner of its NSEC3 record; d is one of the two.
func (s *successor) unlink(d *draft) {
	if d.now.denial == 0 {
		return
	}
	other := s.byID[d.now.denial]
	if other == nil {
		other = s.draftOf(s.old.node(d.now.denial))
	}
	d.now.denial, other.now.denial = 0, 0
}

// claim looks for the names that NSEC3 records are of among all names of the
// zone. That is much to do, but rarely needed: mostly a name and its NSEC3
// record come in the same transaction.
func (s *successor) claim(unclaimed map[[sha1.Size]byte]*draft) {
	for n := range s.old.nodes() {
		if s.byID[n.id()] != nil || n.denial() != 0 || !n.isAuthoritative() {
			continue
		}
		s.asked.set(n.name())
		hash := s.old.hashed.hash(s.asked.suffix(0))
		if owner := unclaimed[hash]; owner != nil {
			d := s.draftOf(n)
			d.now.denial, owner.now.denial = owner.id, d.id
			delete(unclaimed, hash)
		}
	}
}

// entry returns the hash that a draft stands for in the chain that proves, if
// it does.
func (s *successor) entry(d *draft) (hash [sha1.Size]byte, ok bool) {
	switch {
	case !s.old.isHashed() || d.now.state != hashed:
		return hash, false
	case d.edit != nil:
		return s.old.entryOf(d.name, d.edit.set(wire.TypeNSEC3), s.old.hashed.parameters)
	}
	return s.old.entryOf(d.name, d.node.dataOf(wire.TypeNSEC3), s.old.hashed.parameters)
}
