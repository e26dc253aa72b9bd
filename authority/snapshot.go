package authority

import (
	"encoding/binary"
	"iter"
	"slices"

	"github.com/names-dns/names/wire"
)

// Snapshot is the frozen contents of a zone: nothing in it changes once
// [Builder.Freeze] has made it, so readers need no lock.
//
// All of it lies in a few large pieces of memory without pointers, which the
// garbage collector does not look into. A node - an owner name with its RRsets
// - is one run of octets on one page (see node.go). Nodes are found by a hash
// of their name, and point to each other by number, so that a later version
// may move a node without touching those that point to it.
type Snapshot struct {
	origin wire.Name
	class  wire.Class
	serial wire.Serial

	pages    [][]byte
	expected int      // octets the nodes will take, while they are written
	refs     []uint32 // where node number i is; number 0 is no node
	slots    []uint64 // hash table: hash of the folded name, ref of the node
	mask     uint32
	records  int

	negativeTTL uint32 // min(SOA TTL, SOA MINIMUM), RFC 2308 5

	order        []uint32     // numbers of the names that prove with NSEC, in canonical order
	hashedOwners []uint32     // refs of the owners of NSEC3 records, those of all chains
	hashed       hashedDenial // the chain that proves
}

// apexID is the number of the zone's apex.
const apexID = 1

// A ref is the place of a node: a page and an offset on it, in units of four
// octets.
const (
	refUnitBits = 18 // units on a page: 1 MiB
	refUnit     = 4
	pageSize    = refUnit << refUnitBits
	maxPages    = 1 << (32 - refUnitBits) // 16 GiB of zone
)

// Origin is the name of the zone's apex.
func (s *Snapshot) Origin() wire.Name { return s.origin }

// Class is the class of every record.
func (s *Snapshot) Class() wire.Class { return s.class }

// Serial is the serial number of the SOA record.
func (s *Snapshot) Serial() wire.Serial { return s.serial }

// Records is how many records the zone has.
func (s *Snapshot) Records() int { return s.records }

// Names is how many names the zone has, empty non-terminals included.
func (s *Snapshot) Names() int { return len(s.refs) - 1 }

// Signed says how the zone proves that something is not there: with NSEC, with
// NSEC3, or ("") not at all.
func (s *Snapshot) Signed() string {
	switch {
	case len(s.hashed.entries) > 0:
		return "NSEC3"
	case len(s.order) > 0:
		return "NSEC"
	}
	return ""
}

// at returns the node at ref.
func (s *Snapshot) at(ref uint32) node {
	return node(s.pages[ref>>refUnitBits][int(ref&(1<<refUnitBits-1))*refUnit:])
}

// node returns the node with that number.
func (s *Snapshot) node(id uint32) node { return s.at(s.refs[id]) }

// find returns the node whose name is the last labels of asked, label onwards.
func (s *Snapshot) find(asked *askedName, label int) (node, bool) {
	hash := asked.hashes[label]
	want := asked.suffix(label)
	for i := hash & s.mask; ; i = (i + 1) & s.mask {
		slot := s.slots[i]
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

// All yields every record of the zone in canonical order (RFC 4034 6): the
// apex first, types of a name in the order of their numbers with SOA in front,
// signatures behind what they cover. What it yields is lent for ever: a
// snapshot does not change.
func (s *Snapshot) All() iter.Seq[wire.Record] {
	return func(yield func(wire.Record) bool) {
		refs := slices.Concat(s.refs[1:], s.hashedOwners)
		slices.SortFunc(refs, func(a, b uint32) int { return s.at(a).name().Compare(s.at(b).name()) })
		for _, ref := range refs {
			n := s.at(ref)
			for set := range n.all() {
				for data := range set.all() {
					if !yield(wire.Record{Name: n.name(), Type: set.Type, Class: s.class, TTL: set.ttl, Data: data}) {
						return
					}
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
