package authority

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/names-dns/names/wire"
)

// Snapshot is the frozen contents of a zone: nothing in it changes once
// [Builder.Freeze] or a [Txn] has made it, so readers need no lock.
//
// A node - an owner name with its RRsets - is one run of octets on one page
// (see node.go and pages.go), which the garbage collector does not look into.
// Nodes are found by a hash of their name, and point to each other by number,
// so that a later version may have a node elsewhere without touching those
// that point to it. That version has all else in common with this one:
// pieces.go, index.go.
type Snapshot struct {
	near near // what a look-up needs

	index index          // names of the zone, empty non-terminals included
	pages pages          // the nodes
	refs  pieces[uint32] // where node number i is; 0 where there is none

	origin      wire.Name
	class       wire.Class
	serial      wire.Serial
	negativeTTL uint32 // min(SOA TTL, SOA MINIMUM), RFC 2308 5

	free    uint32         // the first number that is free, 0 for none
	links   pieces[uint32] // how many records lead to node number i; of a number that is free, the next such
	names   int            // how many are in the index
	records int

	children sorted[numbered] // names below a name other than the apex, by its number
	aside    sorted[numbered] // nodes that are no names of the zone, by the hash of their name

	apexKeyLen int                 // octets of the key of the apex
	order      sorted[orderedName] // the names that prove with NSEC
	hashed     hashedDenial        // the chain that proves
}

// apexID is the number of the zone's apex.
const apexID = 1

// numbered is the number of a node in the lower half, and what it is listed by
// in the upper.
type numbered uint64

func newNumbered(by, id uint32) numbered { return numbered(by)<<32 | numbered(id) }

func (n numbered) id() uint32 { return uint32(n) }

func (n numbered) by() uint32 { return uint32(n >> 32) }

// compare is for searches in lists.
func (n numbered) compare(e numbered) int { return cmp.Compare(e, n) }

// Origin is the name of the zone's apex.
func (s *Snapshot) Origin() wire.Name { return s.origin }

// Class is the class of every record.
func (s *Snapshot) Class() wire.Class { return s.class }

// Serial is the serial number of the SOA record.
func (s *Snapshot) Serial() wire.Serial { return s.serial }

// Records is how many records the zone has.
func (s *Snapshot) Records() int { return s.records }

// Names is how many names the zone has, empty non-terminals included.
func (s *Snapshot) Names() int { return s.names }

// Signed says how the zone proves that something is not there: with NSEC, with
// NSEC3, or ("") not at all.
func (s *Snapshot) Signed() string {
	switch {
	case s.isHashed():
		return "NSEC3"
	case s.isOrdered():
		return "NSEC"
	}
	return ""
}

// near is the first part of what a snapshot is made of, and all of it in most
// zones. The lists that name all parts are elsewhere in memory; who serves many
// zones would wait for it a second time at each step of a look-up.
type near struct {
	bucket []uint64 // the index, if it is only one bucket
	page   []byte
	refs   []uint32
}

// setNear takes over what the lists begin with now.
func (s *Snapshot) setNear() {
	s.near = near{bucket: s.index.only(), page: s.pages.list[0], refs: s.refs.list[0]}
}

// at returns the node at ref.
func (s *Snapshot) at(ref uint32) node {
	if ref < 1<<refUnitBits {
		return node(s.near.page[ref*refUnit:])
	}
	return s.pages.at(ref)
}

// node returns the node with that number.
func (s *Snapshot) node(id uint32) node { return s.at(s.refOf(id)) }

// refOf is where the node with that number is.
func (s *Snapshot) refOf(id uint32) uint32 {
	if int(id) < len(s.near.refs) {
		return s.near.refs[id]
	}
	return s.refs.at(id)
}

// bucket is where the index has the names of that hash.
func (s *Snapshot) bucket(hash uint32) []uint64 {
	if s.near.bucket != nil {
		return s.near.bucket
	}
	return s.index.buckets[s.index.place(hash)]
}

// find returns the node whose name is the last labels of asked, label onwards.
func (s *Snapshot) find(asked *askedName, label int) (node, bool) {
	hash := asked.hashes[label]
	want := asked.suffix(label)
	bucket := s.bucket(hash)
	mask := uint32(len(bucket) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		slot := bucket[i]
		if slot == 0 {
			return nil, false
		}
		if uint32(slot>>32) != hash {
			continue
		}
		if n := s.at(uint32(slot)); n.nameIs(want) {
			return n, true
		}
	}
}

// findOwner returns the node whose name is asked, in the zone or in the NSEC3
// chain.
func (s *Snapshot) findOwner(asked *askedName, inChain bool) (node, bool) {
	if inChain {
		return s.findAside(asked, flagHashedOwner)
	}
	return s.find(asked, 0)
}

// findAside returns the node whose name is asked and that is no name of the
// zone, for the reason that flag says.
func (s *Snapshot) findAside(asked *askedName, flag uint8) (found node, ok bool) {
	hash, want := asked.hashes[0], asked.suffix(0)
	s.aside.from(newNumbered(hash, 0).compare, func(entry numbered) bool {
		if entry.by() != hash {
			return false
		}
		n := s.node(entry.id())
		if n.has(flag) && n.nameIs(want) {
			found, ok = n, true
		}
		return !ok
	})
	return found, ok
}

// All yields every record of the zone in canonical order (RFC 4034 6): the
// apex first, types of a name in the order of their numbers with SOA in front,
// signatures behind what they cover. What it yields is lent for ever: a
// snapshot does not change.
func (s *Snapshot) All() iter.Seq[wire.Record] {
	return func(yield func(wire.Record) bool) {
		refs := make([]uint32, 0, s.names)
		for n, ref := range s.nodes() {
			if n.setCount() > 0 {
				refs = append(refs, ref)
			}
		}
		slices.SortFunc(refs, func(a, b uint32) int { return s.at(a).name().Compare(s.at(b).name()) })
		for _, ref := range refs {
			n := s.at(ref)
			for set := range n.all() {
				for data := range set.all() {
					if !yield(wire.Record{Name: n.name(), Type: set.kind(), Class: s.class, TTL: set.ttl(), Data: data}) {
						return
					}
				}
			}
		}
	}
}

// nodes yields every node and where it is, in the order of their numbers.
func (s *Snapshot) nodes() iter.Seq2[node, uint32] {
	return func(yield func(node, uint32) bool) {
		for _, piece := range s.refs.list {
			for _, ref := range piece {
				if ref != 0 && !yield(s.at(ref), ref) {
					return
				}
			}
		}
	}
}

// soa returns the SOA RRset.
func (s *Snapshot) soa() rrset {
	set, _ := s.node(apexID).find(wire.TypeSOA)
	return set
}

// soaMinimum is the last field of SOA data.
func soaMinimum(data []byte) uint32 { return binary.BigEndian.Uint32(data[len(data)-4:]) }

// soaSerial is the first number of SOA data.
func soaSerial(data []byte) wire.Serial {
	return wire.Serial(binary.BigEndian.Uint32(data[len(data)-20:]))
}
