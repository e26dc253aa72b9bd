package authority

import (
	"crypto/sha1"
	"iter"

	"github.com/names-dns/names/authority/internal/cow"
	"github.com/names-dns/names/wire"
)

// HashedOwners is the hashes that own NSEC3 records of one chain, in order. A
// stage that signs edits it along with the records, to find neighbours.
type HashedOwners struct{ list cow.SortedEditor[nsec3Entry] }

// HashedOwners returns the owners of the NSEC3 chain of [Txn.Base], if that has
// one with these parameters (the data of an NSEC3PARAM record).
func (t *Txn) HashedOwners(parameters []byte) (*HashedOwners, bool) {
	if t.base == nil || !t.base.hasNSEC3() || string(t.base.nsec3Chain.parameters) != string(parameters) {
		return nil, false
	}
	return &HashedOwners{cow.EditSorted(t.base.nsec3Chain.entries)}, true
}

// Has reports whether there is a hash.
func (h *HashedOwners) Has(hash [sha1.Size]byte) bool {
	_, ok := h.list.Find(nsec3Entry{hash: hash}.compare)
	return ok
}

// Put adds a hash.
func (h *HashedOwners) Put(hash [sha1.Size]byte) {
	e := nsec3Entry{hash: hash}
	h.list.Put(e, e.compare)
}

// Remove removes a hash.
func (h *HashedOwners) Remove(hash [sha1.Size]byte) { h.list.Remove(nsec3Entry{hash: hash}.compare) }

// Len is how many hashes there are.
func (h *HashedOwners) Len() int { return h.list.Len() }

// Following is the next hash after one, which need not be there: the first one
// comes after the last (RFC 5155 3.1.7). There has to be one.
func (h *HashedOwners) Following(hash [sha1.Size]byte) [sha1.Size]byte {
	next, found := hash, false
	take := func(e nsec3Entry) bool {
		if e.hash == hash && !found {
			return true
		}
		next, found = e.hash, true
		return false
	}
	h.list.From(nsec3Entry{hash: hash}.compare, take)
	if !found {
		h.list.From(nsec3Entry{}.compare, take)
	}
	return next
}

// Preceding is the nearest hash before one. There has to be one.
func (h *HashedOwners) Preceding(hash [sha1.Size]byte) [sha1.Size]byte {
	previous, found := hash, false
	take := func(e nsec3Entry) bool {
		previous, found = e.hash, true
		return false
	}
	h.list.Before(nsec3Entry{hash: hash}.compare, take)
	if !found {
		var last nsec3Entry
		for i := range last.hash {
			last.hash[i] = 0xff
		}
		if e, exact := h.list.AtOrBefore(last.compare); exact || e.hash != hash {
			previous = e.hash
		}
	}
	return previous
}

// RecordsOf yields all records of an owner, even if it is below a zone cut, or
// owns NSEC3 records. They must not be written to.
func (s *Snapshot) RecordsOf(owner wire.Name) iter.Seq[wire.Record] {
	return func(yield func(wire.Record) bool) {
		if !owner.HasSuffix(s.origin) {
			return
		}
		var lookup lookupName
		lookup.set(owner)
		for _, inChain := range [...]bool{false, true} {
			n, ok := s.findOwner(&lookup, inChain)
			if !ok {
				continue
			}
			name := n.name()
			for _, set := range setsOf(n) {
				for _, data := range set.data {
					if !yield(set.record(name, s.class, data)) {
						return
					}
				}
			}
		}
	}
}
