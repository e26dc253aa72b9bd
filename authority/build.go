package authority

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// Builder collects the records of a zone, in any order, and freezes them to a
// [Snapshot].
type Builder struct {
	// Source is the file that is named where something is missing altogether.
	Source string

	origin   wire.Name
	class    wire.Class
	problems *diagnostic.List

	names nameTable // owners, empty non-terminals included
	chain nameTable // owners of NSEC3 records: no names of the zone (RFC 5155 7.2.8)

	chunks [][]byte // records as they came, see addedRecord
	count  int
	files  []string // what positions point to

	otherSOA wire.Name // owner of a SOA record outside the zone
	asked    askedName
}

// NewBuilder begins a zone. What is wrong with it is added to problems: first
// of all an origin that is no name.
func NewBuilder(origin wire.Name, class wire.Class, problems *diagnostic.List) *Builder {
	if origin.IsZero() {
		problems.Errorf(diagnostic.Position{}, "the zone has no name")
		origin = wire.Root
	}
	b := &Builder{origin: origin.Clone(), class: class, problems: problems}
	b.names.init()
	b.chain.init()
	b.asked.set(b.origin)
	b.names.add(&b.asked, 0)
	return b
}

// nameTable gives owner names their numbers: 1, 2, 3 …
type nameTable struct {
	octets  []byte   // length octet and wire form of each name
	starts  []uint32 // of name i in octets, in units of four
	parents []uint32 // number of the name one label shorter, 0 for none
	hashes  []uint32
	slots   []uint32
	mask    uint32
}

func (t *nameTable) init() {
	t.starts, t.parents, t.hashes = make([]uint32, 1), make([]uint32, 1), make([]uint32, 1)
	t.slots, t.mask = make([]uint32, 64), 63
}

func (t *nameTable) wireName(id uint32) []byte {
	at := int(t.starts[id]) * refUnit
	return t.octets[at+1 : at+1+int(t.octets[at])]
}

func (t *nameTable) name(id uint32) wire.Name {
	n, _, _ := wire.BorrowName(t.wireName(id))
	return n
}

// find returns the number of the suffix of asked that starts with label, 0 if
// it has none.
func (t *nameTable) find(asked *askedName, label int) uint32 {
	hash, want := asked.hashes[label], asked.suffix(label)
	for i := hash & t.mask; ; i = (i + 1) & t.mask {
		id := t.slots[i]
		if id == 0 {
			return 0
		}
		if t.hashes[id] == hash && equalFolded(t.wireName(id), want) {
			return id
		}
	}
}

// add gives the suffix of asked that starts with label the next number.
func (t *nameTable) add(asked *askedName, label int) uint32 {
	if 2*len(t.starts) >= len(t.slots) {
		t.grow()
	}
	id := uint32(len(t.starts))
	text := asked.name.Wire()[asked.starts[label]:]
	t.starts = append(t.starts, uint32(len(t.octets)/refUnit))
	t.parents = append(t.parents, 0)
	t.hashes = append(t.hashes, asked.hashes[label])
	t.octets = append(t.octets, byte(len(text)))
	t.octets = append(t.octets, text...)
	for len(t.octets)%refUnit != 0 {
		t.octets = append(t.octets, 0)
	}
	t.place(id)
	return id
}

func (t *nameTable) place(id uint32) {
	i := t.hashes[id] & t.mask
	for t.slots[i] != 0 {
		i = (i + 1) & t.mask
	}
	t.slots[i] = id
}

func (t *nameTable) grow() {
	t.slots = make([]uint32, 2*len(t.slots))
	t.mask = uint32(len(t.slots) - 1)
	for id := 1; id < len(t.starts); id++ {
		t.place(uint32(id))
	}
}

// addedRecord is how a record waits in a chunk, little-endian: owner u32 (the
// top bit: in the NSEC3 chain), TTL u32, type u16, line u32, column u16, file
// u16, length u16, data.
type addedRecord []byte

const (
	addedOwner  = 0
	addedTTL    = 4
	addedType   = 8
	addedLine   = 10
	addedColumn = 14
	addedFile   = 16
	addedLength = 18
	addedData   = 20
	firstChunk  = 4 << 10
	chunkSize   = 1 << 20
	chainBit    = 1 << 31
)

func (r addedRecord) owner() uint32   { return binary.LittleEndian.Uint32(r[addedOwner:]) }
func (r addedRecord) ttl() uint32     { return binary.LittleEndian.Uint32(r[addedTTL:]) }
func (r addedRecord) kind() wire.Type { return wire.Type(binary.LittleEndian.Uint16(r[addedType:])) }
func (r addedRecord) size() int {
	return addedData + int(binary.LittleEndian.Uint16(r[addedLength:]))
}
func (r addedRecord) data() []byte { return r[addedData:r.size()] }

// covers is the type that an RRSIG record covers, 0 for other types.
func (r addedRecord) covers() wire.Type {
	if d := r.data(); r.kind() == wire.TypeRRSIG && len(d) > 2 {
		return wire.Type(binary.BigEndian.Uint16(d))
	}
	return 0
}

func (b *Builder) position(r addedRecord) diagnostic.Position {
	return diagnostic.Position{
		File:   b.files[binary.LittleEndian.Uint16(r[addedFile:])],
		Line:   int(binary.LittleEndian.Uint32(r[addedLine:])),
		Column: int(binary.LittleEndian.Uint16(r[addedColumn:])),
	}
}

// Add adds a record, whose memory it copies. What does not belong into the
// zone is left out with a warning or an error in the list of problems.
func (b *Builder) Add(r wire.Record, at diagnostic.Position) {
	if r.Class != b.class {
		b.problems.Errorf(at, "class %s in a zone of class %s", r.Class, b.class)
		return
	}
	if r.Type.IsQuestionOnly() {
		b.problems.Errorf(at, "%s records do not belong into a zone", r.Type)
		return
	}
	if !r.Name.HasSuffix(b.origin) {
		if r.Type == wire.TypeSOA {
			b.otherSOA = r.Name.Clone()
		}
		b.problems.Warnf(at, "%s is outside the zone %s: the record is left out", r.Name, b.origin)
		return
	}
	if err := wire.CheckRdata(r.Type, r.Data); err != nil {
		b.problems.Errorf(at, "%s record of %s: %w", r.Type, r.Name, err)
		return
	}
	b.asked.set(r.Name)
	owner := b.owner(r)
	b.count++

	size := addedData + len(r.Data)
	last := len(b.chunks) - 1
	if last < 0 || cap(b.chunks[last])-len(b.chunks[last]) < size {
		b.chunks = append(b.chunks, make([]byte, 0, max(b.nextChunk(), size)))
		last++
	}
	c := b.chunks[last]
	c = binary.LittleEndian.AppendUint32(c, owner)
	c = binary.LittleEndian.AppendUint32(c, min(r.TTL, 1<<31-1)) // RFC 2181 8
	c = binary.LittleEndian.AppendUint16(c, uint16(r.Type))
	c = binary.LittleEndian.AppendUint32(c, uint32(at.Line))
	c = binary.LittleEndian.AppendUint16(c, uint16(min(at.Column, 65535)))
	c = binary.LittleEndian.AppendUint16(c, b.file(at.File))
	c = binary.LittleEndian.AppendUint16(c, uint16(len(r.Data)))
	b.chunks[last] = append(c, r.Data...)
}

// nextChunk is how large the next chunk is to be: twice the last, so that a
// small zone takes little and a large one few.
func (b *Builder) nextChunk() int {
	if len(b.chunks) == 0 {
		return firstChunk
	}
	return min(2*cap(b.chunks[len(b.chunks)-1]), chunkSize)
}

// owner returns the number of the record's owner, which it makes known along
// with the names between it and the apex (empty non-terminals: RFC 4592 2.2.2, RFC 8020).
func (b *Builder) owner(r wire.Record) uint32 {
	covers := wire.Type(0)
	if r.Type == wire.TypeRRSIG && len(r.Data) > 2 {
		covers = wire.Type(binary.BigEndian.Uint16(r.Data))
	}
	if r.Type == wire.TypeNSEC3 || covers == wire.TypeNSEC3 {
		id := b.chain.find(&b.asked, 0)
		if id == 0 {
			id = b.chain.add(&b.asked, 0)
		}
		return id | chainBit
	}
	owner := b.names.find(&b.asked, 0)
	if owner != 0 {
		return owner
	}
	owner = b.names.add(&b.asked, 0)
	for child, label := owner, 1; ; label++ {
		parent := b.names.find(&b.asked, label)
		if parent != 0 {
			b.names.parents[child] = parent
			return owner
		}
		parent = b.names.add(&b.asked, label)
		b.names.parents[child] = parent
		child = parent
	}
}

// file returns the number of a file name.
func (b *Builder) file(name string) uint16 {
	for i := len(b.files) - 1; i >= 0; i-- {
		if b.files[i] == name {
			return uint16(i)
		}
	}
	if len(b.files) > 65535 {
		return 0
	}
	b.files = append(b.files, name)
	return uint16(len(b.files) - 1)
}

// Freeze checks the zone and packs it. Errors in the list of problems, those
// from before included, mean that there is no snapshot: then they are the
// error. The builder is used up.
func (b *Builder) Freeze() (*Snapshot, error) {
	f := freezer{Builder: b, snapshot: &Snapshot{origin: b.origin, class: b.class, records: 0}}
	f.gather()
	f.findCuts()
	f.check()
	if err := b.problems.Err(); err != nil {
		return nil, err
	}
	if err := f.writeNodes(); err != nil {
		return nil, err
	}
	if err := f.linkDenial(); err != nil {
		return nil, err
	}
	f.snapshot.pages.trim()
	f.index()
	return f.snapshot, nil
}

// freezer is the work of Freeze.
type freezer struct {
	*Builder
	snapshot *Snapshot

	// byOwner holds the records of owner i at [firsts[i]:firsts[i+1]], the
	// owners of the NSEC3 chain behind all others.
	byOwner []addedRecord
	firsts  []uint32

	// Of each name:
	flags     []uint16
	cuts      []uint32 // topmost cut at or above it, 0 for none
	wildcards []uint32 // the name "*" right below, 0 for none

	refs, links piecesEditor[uint32]
	absent      nameTable // names in the zone that records lead to and that are not there
}

// gather sorts the records by owner (a counting sort: both passes are linear)
// and those of one owner by type and data.
func (f *freezer) gather() {
	owners := len(f.names.starts) + len(f.chain.starts)
	f.firsts = make([]uint32, owners+1)
	f.eachAdded(func(r addedRecord) { f.firsts[f.slot(r)+1]++ })
	for i := range owners {
		f.firsts[i+1] += f.firsts[i]
	}
	f.byOwner = make([]addedRecord, f.count)
	next := slices.Clone(f.firsts)
	f.eachAdded(func(r addedRecord) {
		s := f.slot(r)
		f.byOwner[next[s]] = r
		next[s]++
	})
	for i := range owners {
		slices.SortStableFunc(f.byOwner[f.firsts[i]:f.firsts[i+1]], compareAdded)
	}
}

func (f *freezer) eachAdded(do func(addedRecord)) {
	for _, c := range f.chunks {
		for len(c) > 0 {
			n := addedRecord(c).size()
			do(addedRecord(c[:n:n]))
			c = c[n:]
		}
	}
}

// slot is the place of a record's owner in firsts.
func (f *freezer) slot(r addedRecord) uint32 {
	if id := r.owner(); id&chainBit != 0 {
		return uint32(len(f.names.starts)) + id&^chainBit
	} else {
		return id
	}
}

// of returns the records of the owner at slot.
func (f *freezer) of(slot uint32) []addedRecord {
	return f.byOwner[f.firsts[slot]:f.firsts[slot+1]]
}

// compareAdded sorts the records of an owner: SOA first, then by type,
// signatures behind the type they cover, then by data.
func compareAdded(a, b addedRecord) int {
	if c := cmp.Compare(setOrder(a), setOrder(b)); c != 0 {
		return c
	}
	return compareData(a.kind(), a.data(), b.data())
}

// compareData orders data of one type canonically (RFC 4034 6.3). Data that
// differs in nothing but the case of its names is the same.
func compareData(t wire.Type, a, b []byte) int {
	if hasUpper(a) || hasUpper(b) {
		var roomA, roomB [512]byte
		a = wire.AppendCanonicalRdata(roomA[:0], t, a)
		b = wire.AppendCanonicalRdata(roomB[:0], t, b)
	}
	return bytes.Compare(a, b)
}

// hasUpper reports whether there is anything in b that lower case would change.
func hasUpper(b []byte) bool {
	return slices.ContainsFunc(b, func(c byte) bool { return wire.FoldByte(c) != c })
}

// isSame reports whether two records of one RRset are the same one.
func isSame(a, b addedRecord) bool { return compareData(a.kind(), a.data(), b.data()) == 0 }

func setOrder(r addedRecord) uint32 {
	t, isSignature := r.kind(), uint32(0)
	if c := r.covers(); c != 0 {
		t, isSignature = c, 1
	}
	if t == wire.TypeSOA {
		t = 0
	}
	return uint32(t)<<1 | isSignature
}

// findCuts works out which names are zone cuts and which lie below one, and
// where wildcards are.
func (f *freezer) findCuts() {
	names := len(f.names.starts)
	f.cuts = make([]uint32, names)
	f.flags = make([]uint16, names)
	f.wildcards = make([]uint32, names)
	for id := 1; id < names; id++ {
		for _, r := range f.of(uint32(id)) {
			switch {
			case r.kind() == wire.TypeNS && id != apexID:
				f.flags[id] |= flagCut
			case r.kind() == wire.TypeDNAME:
				f.flags[id] |= flagDNAME
			}
		}
	}
	const unknown = 1<<32 - 1
	for id := range f.cuts {
		f.cuts[id] = unknown
	}
	var topmost func(id uint32) uint32
	topmost = func(id uint32) uint32 { // as deep as a name has labels
		if id == 0 {
			return 0
		}
		if f.cuts[id] == unknown {
			f.cuts[id] = topmost(f.names.parents[id])
			if f.cuts[id] == 0 && f.flags[id]&flagCut != 0 {
				f.cuts[id] = id
			}
		}
		return f.cuts[id]
	}
	for id := 1; id < names; id++ {
		topmost(uint32(id))
		if w := f.names.wireName(uint32(id)); id != apexID && w[0] == 1 && w[1] == '*' {
			f.wildcards[f.names.parents[id]] = uint32(id)
		}
	}
}

// writeNodes packs every node into pages. Names have the numbers that the
// builder gave them, owners in the NSEC3 chain those behind, and names that
// are not there the last.
func (f *freezer) writeNodes() error {
	s := f.snapshot
	s.names = len(f.names.starts) - 1
	s.pages.expected = f.expectedSize()
	owners := uint32(len(f.names.starts) + len(f.chain.starts) - 1)
	f.refs, f.links = makePieces[uint32](int(owners)), makePieces[uint32](int(owners))
	f.absent.init()
	var packed []byte
	for id := uint32(1); id < owners; id++ {
		packed = f.appendNode(packed[:0], id)
		if err := f.store(id, packed); err != nil {
			return err
		}
	}
	var aside []numbered
	for i := uint32(1); i < uint32(len(f.chain.starts)); i++ {
		aside = append(aside, newNumbered(f.chain.hashes[i], uint32(len(f.names.starts))-1+i))
	}
	for i := uint32(1); i < uint32(len(f.absent.starts)); i++ {
		id := owners - 1 + i
		packed = appendHead(packed[:0], nodeHead{id: id, flags: flagAbsent, name: f.absent.wireName(i)})
		if err := f.store(id, packed); err != nil {
			return err
		}
		aside = append(aside, newNumbered(f.absent.hashes[i], id))
	}
	slices.Sort(aside)
	s.aside, s.refs, s.links = makeSorted(aside), f.refs.pieces, f.links.pieces
	return nil
}

// store copies a finished node to a page.
func (f *freezer) store(id uint32, packed []byte) error {
	ref, err := f.snapshot.pages.store(packed)
	f.refs.set(id, ref)
	return err
}

// expectedSize is what the nodes will take, a little more at most: for each
// node its head, for each record an RRset of its own.
func (f *freezer) expectedSize() int {
	size := refUnit + len(f.names.octets) + len(f.chain.octets) + (len(f.names.starts)+len(f.chain.starts))*(nodeName+refUnit)
	for _, c := range f.chunks {
		size += len(c)
	}
	return size + f.count*2*refUnit
}

// appendNode packs one node (see node).
func (f *freezer) appendNode(b []byte, id uint32) []byte {
	h := nodeHead{id: id}
	var records []addedRecord
	if chained := int(id) - len(f.names.starts) + 1; chained > 0 {
		h.name, h.flags = f.chain.wireName(uint32(chained)), flagHashedOwner
		records = f.of(id + 1)
	} else {
		h.name, h.flags = f.names.wireName(id), f.flags[id]
		h.cut, h.wildcard = f.cuts[id], f.wildcards[id]
		records = f.of(id)
	}
	if len(f.chain.starts) > 1 {
		h.flags |= flagDenial // linkDenial may fill it in
	}
	b = appendHead(b, h)
	sets, previous := 0, 0
	for len(records) > 0 {
		n := 1
		for n < len(records) && setOrder(records[n]) == setOrder(records[0]) {
			n++
		}
		start := len(b)
		b = f.appendSet(b, previous, records[:n])
		previous = start
		sets++
		records = records[n:]
	}
	setSetCount(b, sets)
	return b
}

// appendSet packs the records of one RRset, doubles left out.
func (f *freezer) appendSet(b []byte, previous int, records []addedRecord) []byte {
	first := records[0]
	start := len(b)
	distinct := slices.CompactFunc(records, isSame)
	set := rrset{Type: first.kind(), covered: first.covers(), count: len(distinct), ttl: first.ttl()}
	for _, r := range distinct {
		set.ttl = min(set.ttl, r.ttl())
	}
	if linkOf[set.Type] != nil {
		set.flags = flagLinks
	}
	b = beginSet(b, previous, set)
	if set.flags&flagLinks != 0 {
		for _, r := range distinct {
			b = binary.LittleEndian.AppendUint32(b, f.linkTo(r))
		}
	}
	for _, r := range distinct {
		b = appendRecord(b, r.data())
	}
	f.snapshot.records += len(distinct)
	return endSet(b, start)
}

// linkTo returns the number of the node that a record leads to.
func (f *freezer) linkTo(r addedRecord) uint32 {
	target := linkOf[r.kind()](f.names.name(r.owner()), r.data())
	if target.IsZero() || !target.HasSuffix(f.origin) {
		return 0
	}
	f.asked.set(target)
	id := f.names.find(&f.asked, 0)
	if id == 0 {
		absent := f.absent.find(&f.asked, 0)
		if absent == 0 {
			absent = f.absent.add(&f.asked, 0)
		}
		id = uint32(len(f.names.starts)+len(f.chain.starts)) - 2 + absent
		if int(id) == f.links.count() {
			f.links.set(id, 0)
		}
	}
	f.links.set(id, f.links.at(id)+1)
	return id
}

// index makes what names are found by: the hash table, and the list of those
// below others.
func (f *freezer) index() {
	s := f.snapshot
	s.index = makeIndex(s.names)
	var children []numbered
	for id := uint32(1); id < uint32(len(f.names.starts)); id++ {
		s.index.insert(f.names.hashes[id], s.refs.at(id))
		if parent := f.names.parents[id]; parent > apexID {
			children = append(children, newNumbered(parent, id))
		}
	}
	slices.Sort(children)
	s.children = makeSorted(children)
}
