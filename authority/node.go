package authority

import (
	"bytes"
	"encoding/binary"
	"iter"

	"github.com/names-dns/names/wire"
)

// node is an owner name with all it owns, the octets of one run:
//
//	 0  flags     u16   nodeFolded …
//	 2  sets      u16   how many RRsets follow, those of RRSIG counted apart
//	 4  cut       u32   number of the zone cut at or above the name, 0 for none
//	 8  wildcard  u32   number of the node "*" right below, 0 for none
//	12  denial    u32   1 + index of the name's own NSEC3 in the chain, 0 for none
//	16  name      u8 length, wire form with its case kept, filled up to four
//	    RRsets, one behind the other
//
// Numbers are little-endian and every part starts at a multiple of four.
type node []byte

const (
	nodeFlags    = 0
	nodeSets     = 2
	nodeCut      = 4
	nodeWildcard = 8
	nodeDenial   = 12
	nodeName     = 16
)

// Facts about a node that are fixed at load.
const (
	flagFolded uint16 = 1 << iota // the name has no upper case: it compares as it is
	flagCut                       // the name has NS records and is not the apex
	flagDNAME                     // the name has a DNAME record
)

func (n node) has(flag uint16) bool { return binary.LittleEndian.Uint16(n[nodeFlags:])&flag != 0 }

func (n node) setCount() int { return int(binary.LittleEndian.Uint16(n[nodeSets:])) }

// cut is the number of the topmost zone cut at or above the name, 0 where the
// zone is authoritative for the name.
func (n node) cut() uint32 { return binary.LittleEndian.Uint32(n[nodeCut:]) }

func (n node) wildcard() uint32 { return binary.LittleEndian.Uint32(n[nodeWildcard:]) }

func (n node) denial() uint32 { return binary.LittleEndian.Uint32(n[nodeDenial:]) }

// wireName is the owner name in wire form.
func (n node) wireName() []byte { return n[nodeName+1 : nodeName+1+int(n[nodeName])] }

// name is the owner name.
func (n node) name() wire.Name {
	name, _, _ := wire.BorrowName(n.wireName())
	return name
}

// nameIs reports whether the node's name is the one whose lower-case wire form
// is folded.
func (n node) nameIs(folded []byte) bool {
	own := n.wireName()
	if n.has(flagFolded) {
		return bytes.Equal(own, folded)
	}
	return equalFolded(own, folded)
}

// equalFolded reports whether own in lower case is folded.
func equalFolded[T string | []byte](own T, folded []byte) bool {
	if len(own) != len(folded) {
		return false
	}
	for i := range len(own) {
		if wire.FoldByte(own[i]) != folded[i] {
			return false
		}
	}
	return true
}

// body is where the RRsets are.
func (n node) body() []byte { return n[alignUp(nodeName+1+int(n[nodeName])):] }

// find returns the RRset of type t.
func (n node) find(t wire.Type) (rrset, bool) {
	b := n.body()
	for range n.setCount() {
		if wire.Type(binary.LittleEndian.Uint16(b[setType:])) == t && t != wire.TypeRRSIG {
			return readSet(b), true
		}
		b = b[binary.LittleEndian.Uint32(b[setSize:]):]
	}
	return rrset{}, false
}

// all yields every RRset, signatures behind what they cover.
func (n node) all() iter.Seq[rrset] {
	return func(yield func(rrset) bool) {
		b := n.body()
		for range n.setCount() {
			if !yield(readSet(b)) {
				return
			}
			b = b[binary.LittleEndian.Uint32(b[setSize:]):]
		}
	}
}

// rrset is the records of one type at a node; for RRSIG, those that cover one
// type. Its octets:
//
//	 0  type     u16
//	 2  count    u16
//	 4  ttl      u32  seconds
//	 8  size     u32  of all of it: where the next RRset starts
//	12  covered  u16  the type covered, for RRSIG
//	14  flags    u16
//	16  links    u32 for each record, if flagLinks: number of the node the record leads to
//	    records  u16 length, data of each
//
// Signatures of an RRset are the RRset right behind it.
type rrset struct {
	Type    wire.Type
	covered wire.Type
	count   int
	ttl     uint32
	flags   uint16
	octets  []byte // from the start of this RRset to the end of the page
}

const (
	setType    = 0
	setCount   = 2
	setTTL     = 4
	setSize    = 8
	setCovered = 12
	setFlags   = 14
	setLinks   = 16
)

const (
	flagLinks  uint16 = 1 << iota // records lead to names for which there may be additional data
	flagSigned                    // the next RRset holds the signatures of this one
)

func readSet(b []byte) rrset {
	return rrset{
		Type:    wire.Type(binary.LittleEndian.Uint16(b[setType:])),
		covered: wire.Type(binary.LittleEndian.Uint16(b[setCovered:])),
		count:   int(binary.LittleEndian.Uint16(b[setCount:])),
		ttl:     binary.LittleEndian.Uint32(b[setTTL:]),
		flags:   binary.LittleEndian.Uint16(b[setFlags:]),
		octets:  b,
	}
}

// records returns the octets from the first record on.
func (r *rrset) records() []byte {
	if r.flags&flagLinks != 0 {
		return r.octets[setLinks+4*r.count:]
	}
	return r.octets[setLinks:]
}

// link is the number of the node that record i leads to, 0 where it leads out
// of the zone or to no name there.
func (r *rrset) link(i int) uint32 {
	return binary.LittleEndian.Uint32(r.octets[setLinks+4*i:])
}

// first returns the data of the first record.
func (r *rrset) first() []byte {
	data, _ := nextRecord(r.records())
	return data
}

// all yields the data of each record.
func (r *rrset) all() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rest := r.records()
		for range r.count {
			var data []byte
			data, rest = nextRecord(rest)
			if !yield(data) {
				return
			}
		}
	}
}

// nextRecord splits the first record off.
func nextRecord(b []byte) (data, rest []byte) {
	n := 2 + int(binary.LittleEndian.Uint16(b))
	return b[2:n:n], b[n:]
}

// signatures returns the RRSIG records of the RRset.
func (r *rrset) signatures() (rrset, bool) {
	if r.flags&flagSigned == 0 {
		return rrset{}, false
	}
	return readSet(r.octets[binary.LittleEndian.Uint32(r.octets[setSize:]):]), true
}

func alignUp(n int) int { return (n + refUnit - 1) &^ (refUnit - 1) }
