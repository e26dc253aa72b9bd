package authority

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/names-dns/names/authority/internal/cow"
	"github.com/names-dns/names/wire"
)

// Snapshot is the frozen contents of a zone: nothing in it changes once
// [Builder.Freeze] or a [Txn] has made it, so readers need no lock.
//
// A node - an owner name with its RRsets - is one run of octets on one page
// (see node.go and package cow), which the garbage collector does not look into.
// Nodes are found by a hash of their name, and refer to each other by number, so
// that a later version can move a node without changing the nodes that refer to
// it. That version shares the rest with this one: see package cow.
type Snapshot struct {
	inline inline // what most look-ups need

	index cow.Index         // names of the zone, empty non-terminals included
	pages cow.Pages         // the nodes
	refs  cow.Array[uint32] // where node number i is; 0 if there is none

	origin      wire.Name
	class       wire.Class
	serial      wire.Serial
	negativeTTL uint32 // min(SOA TTL, SOA MINIMUM), RFC 2308 5

	free      uint32            // the first free number, 0 for none
	refCounts cow.Array[uint32] // how many records refer to node number i; for a free number, the next free one
	names     int               // how many are in the index
	records   int
	mayAlias  bool // there may be ALIAS records

	children cow.Sorted[idPair] // names below a name other than the apex, by its number
	offZone  cow.Sorted[idPair] // nodes that are not names of the zone, by the hash of their name

	apexKeyLen int                     // octets of the key of the apex
	nsecOrder  cow.Sorted[orderedName] // the names that have NSEC records for proofs
	nsec3Chain nsec3Chain              // the chain that proofs use
}

// apexID is the number of the zone's apex.
const apexID = 1

// idPair is the number of a node in the lower half, and the key it is listed by
// in the upper half.
type idPair uint64

func newIDPair(by, id uint32) idPair { return idPair(by)<<32 | idPair(id) }

func (n idPair) id() uint32 { return uint32(n) }

func (n idPair) by() uint32 { return uint32(n >> 32) }

// compare is for searches in lists.
func (n idPair) compare(e idPair) int { return cmp.Compare(e, n) }

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

// Signed is how the zone proves that names and types do not exist: "NSEC",
// "NSEC3", or "" if it does not.
func (s *Snapshot) Signed() string {
	switch {
	case s.hasNSEC3():
		return "NSEC3"
	case s.hasNSEC():
		return "NSEC"
	}
	return ""
}

// inline is the first part of a snapshot's data, and all of it in most zones. The
// lists of all parts are elsewhere in memory: with many zones, each step of a
// look-up would wait for memory twice.
type inline struct {
	bucket []uint64 // the index, if it is only one bucket
	page   []byte
	refs   []uint32
}

// setInline copies the first entries of the lists.
func (s *Snapshot) setInline() {
	s.inline = inline{bucket: s.index.Only(), page: s.pages.List()[0], refs: s.refs.Pieces()[0]}
}

// at returns the node at ref.
func (s *Snapshot) at(ref uint32) node {
	if ref < 1<<cow.RefUnitBits {
		return node(s.inline.page[ref*cow.RefUnit:])
	}
	return s.pages.At(ref)
}

// node returns the node with that number.
func (s *Snapshot) node(id uint32) node { return s.at(s.refOf(id)) }

// refOf is where the node with that number is.
func (s *Snapshot) refOf(id uint32) uint32 {
	if int(id) < len(s.inline.refs) {
		return s.inline.refs[id]
	}
	return s.refs.At(id)
}

// bucket is where the index has the names of that hash.
func (s *Snapshot) bucket(hash uint32) []uint64 {
	if s.inline.bucket != nil {
		return s.inline.bucket
	}
	return s.index.Bucket(hash)
}

// find returns the node whose name is the last labels of asked, label onwards.
func (s *Snapshot) find(asked *lookupName, label int) (node, bool) {
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
func (s *Snapshot) findOwner(asked *lookupName, inChain bool) (node, bool) {
	if inChain {
		return s.findOffZone(asked, flagNSEC3Owner)
	}
	return s.find(asked, 0)
}

// findOffZone returns the node whose name is asked and that is not a name of the
// zone, for the reason that flag gives.
func (s *Snapshot) findOffZone(asked *lookupName, flag uint8) (found node, ok bool) {
	hash, want := asked.hashes[0], asked.suffix(0)
	s.offZone.From(newIDPair(hash, 0).compare, func(entry idPair) bool {
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
// signatures after what they cover. The records share the snapshot's memory, which
// does not change.
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

// Unsorted yields every record of the zone, the SOA first, the others of the
// apex next, and the rest in no order. It needs no memory, and can begin at once.
// What it yields is lent as that of [Snapshot.All] is.
func (s *Snapshot) Unsorted() iter.Seq[wire.Record] {
	return func(yield func(wire.Record) bool) {
		for n := range s.nodes() {
			// Not with all: the transfer of a large zone would allocate for each name.
			name, set := n.name(), rrset(n.body())
			for range n.setCount() {
				r := wire.Record{Name: name, Type: set.kind(), Class: s.class, TTL: set.ttl()}
				rest := set.records()
				for range set.count() {
					if r.Data, rest = nextRecord(rest); !yield(r) {
						return
					}
				}
				set = set.next()
			}
		}
	}
}

// nodes yields every node and where it is, in the order of their numbers.
func (s *Snapshot) nodes() iter.Seq2[node, uint32] {
	return func(yield func(node, uint32) bool) {
		for _, piece := range s.refs.Pieces() {
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
