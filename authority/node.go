package authority

import (
	"bytes"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/names-dns/names/authority/internal/cow"
	"github.com/names-dns/names/wire"
)

// node is an owner name with its RRsets, in one run of octets:
//
//	0  flags     u8    flagCutNumber …
//	1  body      u8    where the RRsets begin, in units of four
//	2  sets      u16   how many RRsets follow, those of RRSIG counted apart
//	4  id        u32   the node's own number
//	8  name      u8 length, wire form with its case kept, filled up to four
//	   cut       u32   if flagCutNumber: number of the zone cut at or above the name
//	   wildcard  u32   if flagWildcard: number of the node "*" right below
//	   denial    u32   if flagDenial: number of the name's own NSEC3 in the chain;
//	                   of an owner of NSEC3, number of the name; 0 for none
//	   RRsets, one after the other
//
// Numbers are little-endian and every part starts at a multiple of four.
type node []byte

const (
	nodeFlags = 0
	nodeBody  = 1
	nodeSets  = 2
	nodeID    = 4
	nodeName  = 8
)

// Facts about a node that are fixed when its snapshot is made.
const (
	flagCutNumber  uint8 = 1 << iota // these three say which numbers follow the name
	flagWildcard                     //
	flagDenial                       //
	flagFolded                       // the name has no upper case: it compares as it is
	flagCut                          // the name has NS records and is not the apex
	flagDNAME                        // the name has a DNAME record
	flagNSEC3Owner                   // the owner of an NSEC3 record, which is not a name of the zone
	flagAbsent                       // the name does not exist; other records refer to it

	flagsOfNumbers = flagCutNumber | flagWildcard | flagDenial
)

// sizeOfNumbers is the size of the numbers after the name, in octets.
var sizeOfNumbers = [flagsOfNumbers + 1]uint8{0, 4, 4, 8, 4, 8, 8, 12}

func (n node) flags() uint8 { return n[nodeFlags] }

func (n node) has(flag uint8) bool { return n.flags()&flag != 0 }

func (n node) setCount() int { return int(binary.LittleEndian.Uint16(n[nodeSets:])) }

func (n node) id() uint32 { return binary.LittleEndian.Uint32(n[nodeID:]) }

// cut is the number of the topmost zone cut at or above the name, 0 if the
// zone is authoritative for the name.
func (n node) cut() uint32 { return n.number(flagCutNumber) }

func (n node) wildcard() uint32 { return n.number(flagWildcard) }

func (n node) denial() uint32 { return n.number(flagDenial) }

// number returns the number that follows the name if flag is set, 0 otherwise.
func (n node) number(flag uint8) uint32 {
	if !n.has(flag) {
		return 0
	}
	return binary.LittleEndian.Uint32(n[n.numberAt(flag):])
}

func (n node) numberAt(flag uint8) int {
	return n.numbersAt() + int(sizeOfNumbers[n.flags()&(flag-1)&flagsOfNumbers])
}

func (n node) numbersAt() int { return cow.AlignUp(nodeName + 1 + int(n[nodeName])) }

// wireName is the owner name in wire form.
func (n node) wireName() []byte { return n[nodeName+1 : nodeName+1+int(n[nodeName])] }

// name is the owner name.
func (n node) name() wire.Name { return wire.StoredName(n.wireName()) }

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
func (n node) body() []byte { return n[int(n[nodeBody])*cow.RefUnit:] }

// octets is the node without what follows it on its page.
func (n node) octets() node {
	b := n.body()
	for range n.setCount() {
		b = rrset(b).next()
	}
	return n[:len(n)-len(b)]
}

// nodeLen is the length of the node that b starts with.
func nodeLen(b []byte) int { return len(node(b).octets()) }

// find returns the RRset of type t.
func (n node) find(t wire.Type) (rrset, bool) {
	b := n.body()
	for range n.setCount() {
		if wire.Type(binary.LittleEndian.Uint16(b[setType:])) == t && t != wire.TypeRRSIG {
			return rrset(b), true
		}
		b = rrset(b).next()
	}
	return nil, false
}

// dataOf returns the data of each record of type t.
func (n node) dataOf(t wire.Type) [][]byte {
	set, ok := n.find(t)
	if !ok {
		return nil
	}
	return slices.AppendSeq(make([][]byte, 0, set.count()), set.all())
}

// all yields every RRset, signatures after the RRset they cover.
func (n node) all() iter.Seq[rrset] {
	return func(yield func(rrset) bool) {
		b := n.body()
		for range n.setCount() {
			if !yield(rrset(b)) {
				return
			}
			b = rrset(b).next()
		}
	}
}

// nameUnlessAt is the name of n, or the zero name if the reply has it at place:
// then it is not read.
func (n node) nameUnlessAt(place wire.NameOffset) wire.Name {
	if place != 0 {
		return wire.Name{}
	}
	return n.name()
}

// addresses yields the A and the AAAA RRset, if the node has them.
func (n node) addresses() iter.Seq[rrset] {
	return func(yield func(rrset) bool) {
		b := n.body()
		for range n.setCount() {
			switch wire.Type(binary.LittleEndian.Uint16(b[setType:])) {
			case wire.TypeA, wire.TypeAAAA:
				if !yield(rrset(b)) {
					return
				}
			}
			b = rrset(b).next()
		}
	}
}

// rrset is the records of one type at a node, and what follows them on the page;
// for RRSIG, those that cover one type. Its octets:
//
//	 0  type     u16
//	 2  count    u16
//	 4  ttl      u32  seconds
//	 8  size     u32  of all of it: where the next RRset starts
//	12  covered  u16  the type covered, for RRSIG
//	14  flags    u16
//	16  links    u32 for each record, if flagLinks: number of the node the record refers to
//	    records  u16 length, data of each
//
// The signatures of an RRset are the next RRset.
type rrset []byte

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
	flagLinks  uint16 = 1 << iota // records refer to names that may have additional data
	flagSigned                    // the next RRset holds the signatures of this one
)

func (r rrset) kind() wire.Type { return wire.Type(binary.LittleEndian.Uint16(r[setType:])) }

// covered is the type that signatures cover, 0 for other types than RRSIG.
func (r rrset) covered() wire.Type { return wire.Type(binary.LittleEndian.Uint16(r[setCovered:])) }

func (r rrset) count() int { return int(binary.LittleEndian.Uint16(r[setCount:])) }

func (r rrset) ttl() uint32 { return binary.LittleEndian.Uint32(r[setTTL:]) }

func (r rrset) flags() uint16 { return binary.LittleEndian.Uint16(r[setFlags:]) }

func (r rrset) has(flag uint16) bool { return r.flags()&flag != 0 }

// next is the RRset that follows in the node, if there is one.
func (r rrset) next() rrset { return r[binary.LittleEndian.Uint32(r[setSize:]):] }

// setRank orders the RRsets of a node: SOA first, then by type, signatures
// after the type they cover.
func setRank(kind, covered wire.Type) uint32 {
	isSignature := uint32(0)
	if covered != 0 {
		kind, isSignature = covered, 1
	}
	if kind == wire.TypeSOA {
		kind = 0
	}
	return uint32(kind)<<1 | isSignature
}

// covers is the type that a record covers, 0 for other types than RRSIG.
func covers(kind wire.Type, data []byte) wire.Type {
	if kind != wire.TypeRRSIG {
		return 0
	}
	return coveredType(data)
}

// isInChain reports whether a record belongs to the NSEC3 chain, whose owners
// are not names of the zone (RFC 5155 7.2.8).
func isInChain(kind wire.Type, data []byte) bool {
	return kind == wire.TypeNSEC3 || covers(kind, data) == wire.TypeNSEC3
}

// records returns the octets from the first record on.
func (r rrset) records() []byte {
	if r.has(flagLinks) {
		return r[setLinks+4*r.count():]
	}
	return r[setLinks:]
}

// link is the number of the node that record i refers to, 0 if it refers to no
// name in the zone.
func (r rrset) link(i int) uint32 { return binary.LittleEndian.Uint32(r[setLinks+4*i:]) }

// first returns the data of the first record.
func (r rrset) first() []byte {
	data, _ := nextRecord(r.records())
	return data
}

// all yields the data of each record.
func (r rrset) all() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rest := r.records()
		for range r.count() {
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

// signatures returns the RRSIG records of the RRset. The nil RRset that find
// returns if there is none has no signatures.
func (r rrset) signatures() (rrset, bool) {
	if r == nil || !r.has(flagSigned) {
		return nil, false
	}
	return r.next(), true
}

// nodeHead is what comes before the RRsets of a node.
type nodeHead struct {
	id                    uint32
	flags                 uint8 // those of numbers that are not 0, and flagFolded, need not be set
	cut, wildcard, denial uint32
	name                  []byte
}

// appendHead begins a node. setSetCount fills in how many RRsets it has.
func appendHead(b []byte, h nodeHead) []byte {
	if !hasUpper(h.name) {
		h.flags |= flagFolded
	}
	if h.cut != 0 {
		h.flags |= flagCutNumber
	}
	if h.wildcard != 0 {
		h.flags |= flagWildcard
	}
	if h.denial != 0 {
		h.flags |= flagDenial
	}
	body := (cow.AlignUp(nodeName+1+len(h.name)) + int(sizeOfNumbers[h.flags&flagsOfNumbers])) / cow.RefUnit
	b = append(b, h.flags, byte(body), 0, 0) // how many RRsets: setSetCount
	b = binary.LittleEndian.AppendUint32(b, h.id)
	b = append(b, byte(len(h.name)))
	b = append(b, h.name...)
	b = appendFill(b)
	for _, n := range [...]struct {
		flag   uint8
		number uint32
	}{{flagCutNumber, h.cut}, {flagWildcard, h.wildcard}, {flagDenial, h.denial}} {
		if h.flags&n.flag != 0 {
			b = binary.LittleEndian.AppendUint32(b, n.number)
		}
	}
	return b
}

// setHead is what comes before the records of an RRset.
type setHead struct {
	Type    wire.Type
	covered wire.Type // of RRSIG
	count   int
	ttl     uint32
	leads   bool // has flagLinks
}

// beginSet begins an RRset. previous is where the previous RRset of the node
// begins in b, 0 for none: the new one may be its signatures. If the records
// refer to names, the caller then appends a number for each; after that the data
// of each with appendRecord, and endSet.
func beginSet(b []byte, previous int, h setHead) []byte {
	if previous > 0 && h.covered != 0 {
		p := rrset(b[previous:])
		if t := p.kind(); p.covered() == 0 && t == h.covered && t != wire.TypeRRSIG {
			binary.LittleEndian.PutUint16(p[setFlags:], p.flags()|flagSigned)
		}
	}
	flags := uint16(0)
	if h.leads {
		flags = flagLinks
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(h.Type))
	b = binary.LittleEndian.AppendUint16(b, uint16(h.count))
	b = binary.LittleEndian.AppendUint32(b, h.ttl)
	b = binary.LittleEndian.AppendUint32(b, 0) // size: endSet
	b = binary.LittleEndian.AppendUint16(b, uint16(h.covered))
	return binary.LittleEndian.AppendUint16(b, flags)
}

func appendRecord(b, data []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// endSet ends the RRset that begins at start.
func endSet(b []byte, start int) []byte {
	b = appendFill(b)
	binary.LittleEndian.PutUint32(b[start+setSize:], uint32(len(b)-start))
	return b
}

func appendFill(b []byte) []byte {
	for len(b)%cow.RefUnit != 0 {
		b = append(b, 0)
	}
	return b
}

// setSetCount completes a node that begins b.
func setSetCount(b []byte, sets int) { binary.LittleEndian.PutUint16(b[nodeSets:], uint16(sets)) }

// setDenial changes a node that has flagDenial and that has no readers yet.
func (n node) setDenial(id uint32) {
	binary.LittleEndian.PutUint32(n[n.numberAt(flagDenial):], id)
}
