package authority

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/names-dns/names/authority/internal/cow"
	"github.com/names-dns/names/wire"
)

// nameTable holds owner names and their records while a zone is collected. It
// numbers the names 1, 2, 3 …
type nameTable struct {
	octets cow.Arena // length octet and wire form of each name
	owners [][]owner // by number, ownersPerPage on each page
	count  uint32    // the next number
	slots  []uint64  // hash table: hash of the folded name, number
	shift  uint8     // slot of a hash: hash >> shift, or one after it

	fetched uint64 // see prefetch

	records cow.Arena // addedRecords
	newest  []uint32  // of each chunk of records: the largest number that has one there
}

// owner is what is known of a name.
type owner struct {
	name     uint32 // in octets
	parent   uint32 // number of the name one label shorter, 0 for none
	last     uint32 // the record added last, from which the others are reached
	cut      uint32 // number of the topmost cut at or above it, 0 for none: see findCuts
	wildcard uint32 // number of the name "*" directly below, 0 for none: see findCuts
	facts    facts
}

// facts are flags that spare a search through a name's records.
type facts uint8

const (
	hasServers facts = 1 << iota
	hasDNAME
	hasIPv4
	hasIPv6
	hasAlias
	hasALIAS
)

func factOf(t wire.Type) facts {
	switch t {
	case wire.TypeNS:
		return hasServers
	case wire.TypeDNAME:
		return hasDNAME
	case wire.TypeA:
		return hasIPv4
	case wire.TypeAAAA:
		return hasIPv6
	case wire.TypeCNAME:
		return hasAlias
	case wire.TypeALIAS:
		return hasALIAS
	}
	return 0
}

const (
	ownerPageBits = 14
	ownersPerPage = 1 << ownerPageBits
	firstSlotBits = 4
)

// init empties t and reuses its memory.
func (t *nameTable) init() {
	if t.slots == nil {
		t.slots, t.shift = make([]uint64, 1<<firstSlotBits), 32-firstSlotBits
		t.owners = [][]owner{make([]owner, 1, 8)}
	}
	clear(t.slots)
	t.owners[0] = t.owners[0][:1] // number 0 is not a name
	t.count = 1
	t.octets.Empty()
	t.records.Empty()
	t.newest = t.newest[:0]
}

// isSmall reports whether t has so little memory that it may be kept.
func (t *nameTable) isSmall() bool {
	return len(t.slots) <= 1<<10 && t.octets.Chunks() <= smallArena && t.records.Chunks() <= smallArena
}

// smallArena is how many chunks a small arena has: some 60 KiB.
const smallArena = 6

// at returns the owner with that number. It moves when a name is added.
func (t *nameTable) at(id uint32) *owner {
	return &t.owners[id>>ownerPageBits][id%ownersPerPage]
}

func (t *nameTable) wireName(id uint32) []byte {
	b := t.octets.At(t.at(id).name)
	return b[1 : 1+int(b[0])]
}

func (t *nameTable) name(id uint32) wire.Name {
	n, _, _ := wire.BorrowName(t.wireName(id))
	return n
}

// find returns the number of the name with that hash and wire form, in any case;
// 0 if the table does not have it.
func (t *nameTable) find(hash uint32, name []byte) uint32 {
	for i := hash >> t.shift; ; i = t.next(i) {
		slot := t.slots[i]
		if slot == 0 {
			return 0
		}
		if uint32(slot>>32) != hash {
			continue
		}
		if own := t.wireName(uint32(slot)); bytes.Equal(own, name) || equalFold(own, name) {
			return uint32(slot)
		}
	}
}

// prefetch loads the slots for the owners of runs into the processor's cache. They
// are scattered over a table that is larger than a core's own cache: find would
// wait for one after the other, while these independent reads overlap.
func (t *nameTable) prefetch(runs []run) {
	fetched := uint64(0)
	for i := range runs {
		fetched |= t.slots[runs[i].hash>>t.shift]
	}
	t.fetched = fetched // so that the compiler keeps the reads
}

// findSuffix returns the number of the suffix of asked that starts with label,
// 0 if it has none.
func (t *nameTable) findSuffix(asked *lookupName, label int) uint32 {
	return t.find(asked.hashes[label], asked.suffix(label))
}

// next is the slot after slot i.
func (t *nameTable) next(i uint32) uint32 { return (i + 1) & uint32(len(t.slots)-1) }

// equalFold reports whether two names in wire form are equal, case aside.
func equalFold(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if wire.FoldByte(a[i]) != wire.FoldByte(b[i]) {
			return false
		}
	}
	return true
}

// add gives a name the next number.
func (t *nameTable) add(hash uint32, name []byte) uint32 {
	if 3*int(t.count) >= 2*len(t.slots) {
		t.grow()
	}
	ref, b := t.octets.Add(1 + len(name))
	b[0] = byte(len(name))
	copy(b[1:], name)
	last := len(t.owners) - 1
	if len(t.owners[last]) == ownersPerPage {
		t.owners = append(t.owners, make([]owner, 0, ownersPerPage))
		last++
	}
	t.owners[last] = append(t.owners[last], owner{name: ref})
	id := t.count
	t.count++
	t.place(uint64(hash)<<32 | uint64(id))
	return id
}

// each calls do for every name, approximately in the order of their hashes.
func (t *nameTable) each(do func(hash, id uint32)) {
	for _, slot := range t.slots {
		if slot != 0 {
			do(uint32(slot>>32), uint32(slot))
		}
	}
}

func (t *nameTable) place(slot uint64) {
	i := uint32(slot>>32) >> t.shift
	for t.slots[i] != 0 {
		i = t.next(i)
	}
	t.slots[i] = slot
}

func (t *nameTable) grow() {
	old := t.slots
	t.slots = make([]uint64, 2*len(old))
	t.shift--
	for _, slot := range old {
		if slot != 0 {
			t.place(slot)
		}
	}
}

// addedRecord is how a record waits to be packed, little-endian: the record of
// the owner that came before it u32, TTL u32, type u16, line u32, column u16,
// file u16, length u16, data.
type addedRecord []byte

const (
	addedBefore = 0
	addedTTL    = 4
	addedType   = 8
	addedLine   = 10
	addedColumn = 14
	addedFile   = 16
	addedLength = 18
	addedData   = 20
)

func (r addedRecord) before() uint32  { return binary.LittleEndian.Uint32(r[addedBefore:]) }
func (r addedRecord) ttl() uint32     { return binary.LittleEndian.Uint32(r[addedTTL:]) }
func (r addedRecord) kind() wire.Type { return wire.Type(binary.LittleEndian.Uint16(r[addedType:])) }
func (r addedRecord) size() int {
	return addedData + int(binary.LittleEndian.Uint16(r[addedLength:]))
}
func (r addedRecord) data() []byte { return r[addedData:r.size()] }

// covers is the type that an RRSIG record covers, 0 for other types.
func (r addedRecord) covers() wire.Type {
	if r.kind() != wire.TypeRRSIG {
		return 0
	}
	return coveredType(r.data())
}

// coveredType is the type that an RRSIG record with that data covers.
func coveredType(data []byte) wire.Type {
	if len(data) < 2 {
		return 0
	}
	return wire.Type(binary.BigEndian.Uint16(data))
}

// addRecord copies a record to its owner, which has that number.
func (t *nameTable) addRecord(o *owner, id uint32, file uint16, r addedRecord) {
	ref, room := t.records.Add(len(r))
	copy(room, r)
	binary.LittleEndian.PutUint32(room[addedBefore:], o.last)
	binary.LittleEndian.PutUint16(room[addedFile:], file)
	o.last = ref
	o.facts |= factOf(r.kind())
	if chunk := int(ref >> cow.RefUnitBits); chunk == len(t.newest) {
		t.newest = append(t.newest, id)
	} else if id > t.newest[chunk] {
		t.newest[chunk] = id
	}
}

// recordsOf appends the records of an owner to room, in the order of a snapshot.
func (t *nameTable) recordsOf(o *owner, room []addedRecord) []addedRecord {
	for ref := o.last; ref != 0; {
		r := addedRecord(t.records.At(ref))
		r = r[:r.size():r.size()]
		room = append(room, r)
		ref = r.before()
	}
	if len(room) > 1 {
		slices.Reverse(room)
		slices.SortStableFunc(room, compareAdded)
	}
	return room
}
