package authority

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// Freeze checks the zone and packs it. Errors in the list of problems, those
// from before included, mean that there is no snapshot: then they are the
// error. The builder is used up.
func (b *Builder) Freeze() (*Snapshot, error) {
	b.returnBatches()
	f := freezer{Builder: b, snapshot: &Snapshot{
		origin: b.origin, class: b.class, apexKeyLen: len(b.origin.AppendKey(nil)),
	}}
	f.findCuts()
	f.checkApex()
	iterations := f.checkIterations()
	f.pack()
	f.problems.Join(iterations)
	if err := f.problems.Err(); err != nil {
		return nil, err
	}
	if f.isTooLarge() {
		return nil, ErrZoneTooLarge
	}
	f.index()
	if err := f.linkDenial(); err != nil {
		return nil, err
	}
	f.nameTables.giveBack()
	f.nameTables = nil
	return f.snapshot, nil
}

// freezer is the work of Freeze. Names get the numbers in the snapshot that
// they had in the builder, owners in the NSEC3 chain those behind, and names
// that are not there the last.
type freezer struct {
	*Builder
	snapshot *Snapshot
	owners   uint32 // the number behind the last owner
	refs     piecesEditor[uint32]
	links    piecesEditor[uint32]

	// Where packers meet.
	job        atomic.Uint32
	mutex      sync.Mutex
	done       []bool             // jobs
	reports    []*diagnostic.List // of jobs that have any
	given      int                // jobs whose records were given back
	spare      [][]byte           // pages to be used again
	absent     nameTable          // names in the zone that records lead to and that are not there
	absentLead []uint32           // how many records lead to each of them
}

func (f *freezer) isTooLarge() bool {
	return f.names.octets.full || f.names.records.full || f.chain.octets.full || f.chain.records.full ||
		f.absent.octets.full || f.snapshot.pages.full
}

// namesPerJob is how many owners a packer takes at once, namesPerRest how many
// one that is to rest packs until it does.
const (
	namesPerJob  = 4096
	namesPerRest = 256
)

// pack checks and packs every owner with its records, on as many cores as there
// are.
func (f *freezer) pack() {
	s := f.snapshot
	s.names = int(f.names.count) - 1
	s.pages.expected = f.expectedSize()
	f.owners = f.names.count + f.chain.count - 1
	f.refs, f.links = makePieces[uint32](int(f.owners)), makePieces[uint32](int(f.owners))
	f.absent.init()
	jobs := int(f.owners+namesPerJob-1) / namesPerJob
	f.done, f.reports = make([]bool, jobs), make([]*diagnostic.List, jobs)
	var all sync.WaitGroup
	cores := min(runtime.GOMAXPROCS(0), jobs)
	if f.rest != nil {
		cores = 1
	}
	for range cores - 1 {
		all.Go(func() { f.newPacker().work() })
	}
	f.newPacker().work()
	all.Wait()
	for _, reports := range f.reports {
		f.problems.Join(reports)
	}
	f.packAbsent()
	s.refs, s.links = f.refs.pieces, f.links.pieces
}

// expectedSize is what the nodes will take, a little more at most: for each
// node its head, for each record an RRset of its own.
func (f *freezer) expectedSize() int {
	names := int(f.names.count + f.chain.count)
	return refUnit + names*(nodeName+4*refUnit) + f.names.octets.size() + f.chain.octets.size() +
		f.names.records.size() + f.chain.records.size() + f.count*2*refUnit
}

// packer checks and packs owners. Each packer has pages of its own.
type packer struct {
	*freezer
	problems *diagnostic.List
	records  []addedRecord // of one owner
	node     []byte
	asked    askedName
	number   int    // of page
	page     []byte // the one that is written to
	room     []byte // for a page that is cut to its size in the end
	inRoom   bool   // the page is there
	packed   int    // records
}

// pageRoom is how much memory a packer has to pack small zones in.
const pageRoom = 64 << 10

// packers keeps the memory of packers, as batches does.
var packers = sync.Pool{New: func() any { return new(packer) }}

func (f *freezer) newPacker() *packer {
	p := packers.Get().(*packer)
	p.freezer = f
	return p
}

// end gives the packer back.
func (p *packer) end() {
	clear(p.records[:cap(p.records)]) // or they would keep what they are in
	p.freezer, p.problems, p.packed = nil, nil, 0
	packers.Put(p)
}

// work takes jobs until there are none.
func (p *packer) work() {
	for {
		job := p.job.Add(1) - 1
		if int(job) >= len(p.done) {
			break
		}
		p.problems = &diagnostic.List{Limit: p.freezer.problems.Limit}
		for id := max(job*namesPerJob, 1); id < min((job+1)*namesPerJob, p.owners); id++ {
			p.pack(id)
			if p.rest != nil && id%namesPerRest == 0 {
				p.rest()
			}
		}
		p.finish(int(job))
	}
	p.mutex.Lock()
	p.closePage()
	p.snapshot.records += p.packed
	p.mutex.Unlock()
	p.end()
}

// finish notes that a job is done. The memory of records that nobody needs any
// more is used for pages.
func (p *packer) finish(job int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.done[job] = true
	if p.problems.Errors+p.problems.Warnings > 0 {
		p.reports[job] = p.problems
	}
	for p.given < len(p.done) && p.done[p.given] {
		p.given++
	}
	packed := uint32(p.given * namesPerJob)
	p.giveBack(&p.names, packed)
	if packed > p.names.count {
		p.giveBack(&p.chain, packed-p.names.count)
	}
}

// giveBack takes the chunks that hold records of owners below number packed and
// of no others.
func (f *freezer) giveBack(t *nameTable, packed uint32) {
	for i, chunk := range t.records.chunks {
		if cap(chunk) == pageSize && t.newest[i] < packed {
			t.records.chunks[i] = nil
			f.spare = append(f.spare, chunk[:0])
		}
	}
}

// pack checks one owner and packs it (see node).
func (p *packer) pack(id uint32) {
	table, number := &p.names, id
	h := nodeHead{id: id}
	if id >= p.names.count {
		table, number = &p.chain, id-p.names.count+1
		h.flags = flagHashedOwner
	}
	o := table.at(number)
	records := table.recordsOf(o, p.records[:0])
	p.records = records
	h.name = table.wireName(number)
	if table == &p.names {
		p.checkOwner(id, o, records)
		h.cut, h.wildcard = o.cut, o.wildcard
		if o.facts&hasServers != 0 && id != apexID {
			h.flags |= flagCut
		}
		if o.facts&hasDNAME != 0 {
			h.flags |= flagDNAME
		}
	} else {
		p.eachSet(h.name, records, p.checkSize)
	}
	if p.chain.count > 1 {
		h.flags |= flagDenial // linkDenial may fill it in
	}
	b := appendHead(p.node[:0], h)
	owner, _, _ := wire.BorrowName(h.name)
	sets, previous := 0, 0
	for len(records) > 0 {
		n := setLen(records)
		start := len(b)
		b = p.appendSet(b, previous, owner, records[:n])
		previous = start
		sets++
		records = records[n:]
	}
	setSetCount(b, sets)
	p.node = b
	p.refs.list[id>>pieceBits][id%pieceSize] = p.store(b)
}

// setLen is how many of records are of the first one's RRset.
func setLen(records []addedRecord) int {
	n, order := 1, setOrder(records[0])
	for n < len(records) && setOrder(records[n]) == order {
		n++
	}
	return n
}

// appendSet packs the records of one RRset, doubles left out.
func (p *packer) appendSet(b []byte, previous int, owner wire.Name, records []addedRecord) []byte {
	first := records[0]
	start := len(b)
	distinct := slices.CompactFunc(records, isSame)
	head := setHead{Type: first.kind(), covered: first.covers(), count: len(distinct), ttl: first.ttl()}
	head.leads = leadsOn(head.Type)
	for _, r := range distinct {
		head.ttl = min(head.ttl, r.ttl())
	}
	b = beginSet(b, previous, head)
	if head.leads {
		link := linkOf[head.Type]
		for _, r := range distinct {
			b = binary.LittleEndian.AppendUint32(b, p.linkTo(link(owner, r.data())))
		}
	}
	for _, r := range distinct {
		b = appendRecord(b, r.data())
	}
	p.packed += len(distinct)
	return endSet(b, start)
}

// leadsOn reports whether records of type t lead to other names: whether linkOf
// has it, without the look-up for the two types that most records are of.
func leadsOn(t wire.Type) bool {
	return t != wire.TypeA && t != wire.TypeAAAA && linkOf[t] != nil
}

// linkTo returns the number of the node for target, a name that a record leads to.
func (p *packer) linkTo(target wire.Name) uint32 {
	if target.IsZero() || !target.HasSuffix(p.origin) {
		return 0
	}
	p.asked.set(target)
	if id := p.names.findSuffix(&p.asked, 0); id != 0 {
		atomic.AddUint32(&p.links.list[id>>pieceBits][id%pieceSize], 1)
		return id
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	absent := p.absent.findSuffix(&p.asked, 0)
	if absent == 0 {
		absent = p.absent.add(p.asked.hashes[0], p.asked.suffix(0))
		p.absentLead = append(p.absentLead, 0)
	}
	p.absentLead[absent-1]++
	return p.owners - 1 + absent
}

// store copies a finished node to a page and returns its ref.
func (p *packer) store(node []byte) uint32 {
	if cap(p.page)-len(p.page) < len(node) {
		p.mutex.Lock()
		p.closePage()
		if p.room == nil {
			p.room = make([]byte, 0, pageRoom)
		}
		p.number, p.page, p.inRoom = p.snapshot.pages.begin(len(node), &p.spare, p.room)
		p.mutex.Unlock()
	}
	at := len(p.page)
	p.page = append(p.page, node...)
	return makeRef(p.number, at)
}

// closePage gives the page that was written to the snapshot, without what it
// does not need.
func (p *packer) closePage() {
	if p.page == nil {
		return
	}
	if p.inRoom || cap(p.page)-len(p.page) > len(p.page)/8 {
		p.page = bytes.Clone(p.page)
	}
	p.snapshot.pages.end(p.number, p.page)
	p.page = nil
}

// packAbsent packs the names that are not there.
func (f *freezer) packAbsent() {
	p := f.newPacker()
	aside := make([]numbered, 0, f.chain.count+f.absent.count)
	for i := uint32(1); i < f.absent.count; i++ {
		id := f.owners - 1 + i
		p.node = appendHead(p.node[:0], nodeHead{id: id, flags: flagAbsent, name: f.absent.wireName(i)})
		f.refs.set(id, p.store(p.node))
		f.links.set(id, f.absentLead[i-1])
	}
	p.closePage()
	p.end()
	f.absent.each(func(hash, i uint32) { aside = append(aside, newNumbered(hash, f.owners-1+i)) })
	f.chain.each(func(hash, i uint32) { aside = append(aside, newNumbered(hash, f.names.count-1+i)) })
	slices.Sort(aside)
	f.snapshot.aside = makeSorted(aside)
}

// index makes what names are found by, all but the chains that prove: the hash
// table, and the list of those below others.
func (f *freezer) index() {
	s := f.snapshot
	s.index = makeIndex(s.names)
	children := 0
	for id := uint32(1); id < f.names.count; id++ {
		if f.names.at(id).parent > apexID {
			children++
		}
	}
	list := make([]numbered, 0, children)
	for id := uint32(1); id < f.names.count; id++ {
		if parent := f.names.at(id).parent; parent > apexID {
			list = append(list, newNumbered(parent, id))
		}
	}
	slices.Sort(list)
	s.children = makeSorted(list)
	f.names.each(func(hash, id uint32) { s.index.insert(hash, s.refs.at(id)) })
	s.setNear()
}

// findCuts works out which names are zone cuts or lie below one, and where
// wildcards are.
func (f *freezer) findCuts() {
	const unknown = 1<<32 - 1
	for id := uint32(1); id < f.names.count; id++ {
		f.names.at(id).cut = unknown
	}
	var topmost func(id uint32) uint32
	topmost = func(id uint32) uint32 { // as deep as a name has labels
		if id == 0 {
			return 0
		}
		o := f.names.at(id)
		if o.cut == unknown {
			o.cut = topmost(o.parent)
			if o.cut == 0 && o.facts&hasServers != 0 && id != apexID {
				o.cut = id
			}
		}
		return o.cut
	}
	for id := uint32(1); id < f.names.count; id++ {
		topmost(id)
		if w := f.names.wireName(id); id != apexID && w[0] == 1 && w[1] == '*' {
			f.names.at(f.names.at(id).parent).wildcard = id
		}
	}
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
	for ; len(b) >= 8; b = b[8:] {
		if w := binary.LittleEndian.Uint64(b); foldWord(w) != w {
			return true
		}
	}
	for _, c := range b {
		if wire.FoldByte(c) != c {
			return true
		}
	}
	return false
}

// isSame reports whether two records of one RRset are the same one.
func isSame(a, b addedRecord) bool { return compareData(a.kind(), a.data(), b.data()) == 0 }

func setOrder(r addedRecord) uint32 { return setRank(r.kind(), r.covers()) }
