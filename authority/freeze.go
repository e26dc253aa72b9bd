package authority

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/internal/cow"
	"github.com/names-dns/names/wire"
)

// ErrZoneTooLarge is the error of zones that take more than 16 GiB.
var ErrZoneTooLarge = errors.New("zone is larger than 16 GiB")

// Freeze checks the zone and packs it. If the list of problems has errors,
// earlier ones included, Freeze returns them and no snapshot. The builder must not
// be used afterwards.
func (b *Builder) Freeze() (*Snapshot, error) {
	if b.single != nil {
		b.take(b.single)
	}
	b.returnBatches()
	f := freezer{Builder: b, now: time.Now(), snapshot: &Snapshot{
		origin: b.origin, class: b.class, apexKeyLen: len(b.origin.AppendKey(nil)),
	}}
	f.findCuts()
	f.checkApex()
	iterations := f.checkIterations()
	f.pack()
	f.snapshot.mayAlias = f.seesALIAS.Load()
	f.problems.Join(iterations)
	if err := f.problems.Err(); err != nil {
		return nil, err
	}
	if f.isTooLarge() {
		return nil, ErrZoneTooLarge
	}
	f.index()
	f.checkAliases()
	f.reportSignatures()
	if err := f.linkDenial(); err != nil {
		return nil, err
	}
	f.nameTables.giveBack()
	f.nameTables = nil
	return f.snapshot, nil
}

// freezer does the work of Freeze. Names keep the numbers of the builder; owners
// in the NSEC3 chain come after them, and names that do not exist last.
type freezer struct {
	*Builder
	snapshot   *Snapshot
	owners     uint32 // the number after the last owner
	refs       cow.ArrayEditor[uint32]
	refCounts  cow.ArrayEditor[uint32]
	seesALIAS  atomic.Bool
	now        time.Time // when signatures have to be valid
	isSigned   bool
	signatures signatureFaults
	aliases    []chainedAlias

	// Shared by the packers.
	job        atomic.Uint32
	mutex      sync.Mutex         // guards what the packers share; held for a page or a job at the most
	done       []bool             // jobs
	reports    []*diagnostic.List // of jobs that have any
	given      int                // jobs whose records were given back
	spare      [][]byte           // pages to reuse
	absent     nameTable          // names in the zone that records refer to and that do not exist
	absentRefs []uint32           // how many records refer to each of them
}

func (f *freezer) isTooLarge() bool {
	return f.names.octets.IsFull() || f.names.records.IsFull() || f.chain.octets.IsFull() || f.chain.records.IsFull() ||
		f.absent.octets.IsFull() || f.snapshot.pages.IsFull()
}

// namesPerJob is how many owners a packer takes at once, namesPerPause how many it
// packs between pauses, if it has to pause.
const (
	namesPerJob   = 4096
	namesPerPause = 256
)

// pack checks and packs every owner with its records, on all cores.
func (f *freezer) pack() {
	s := f.snapshot
	s.names = int(f.names.count) - 1
	s.pages.Expect(f.expectedSize())
	f.owners = f.names.count + f.chain.count - 1
	f.refs, f.refCounts = cow.MakeArray[uint32](int(f.owners)), cow.MakeArray[uint32](int(f.owners))
	f.absent.init()
	jobs := int(f.owners+namesPerJob-1) / namesPerJob
	f.done, f.reports = make([]bool, jobs), make([]*diagnostic.List, jobs)
	var all sync.WaitGroup
	cores := min(runtime.GOMAXPROCS(0), jobs)
	if f.pause != nil {
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
	s.refs, s.refCounts = f.refs.Finish(), f.refCounts.Finish()
}

// expectedSize is a slightly high estimate of what the nodes will take: for each
// node its head, for each record an RRset of its own.
func (f *freezer) expectedSize() int {
	names := int(f.names.count + f.chain.count)
	return cow.RefUnit + names*(nodeName+4*cow.RefUnit) + f.names.octets.Size() + f.chain.octets.Size() +
		f.names.records.Size() + f.chain.records.Size() + f.count*2*cow.RefUnit
}

// packer checks and packs owners. Each packer has pages of its own.
type packer struct {
	*freezer
	signatures signatureFaults
	aliases    []chainedAlias
	problems   *diagnostic.List
	records    []addedRecord // of one owner
	node       []byte
	asked      lookupName
	number     int    // of page
	page       []byte // the one that is written to
	room       []byte // for a page that is trimmed at the end
	inRoom     bool   // the page is in room
	packed     int    // records
}

// pageRoom is how much memory a packer has for small zones.
const pageRoom = 64 << 10

// packers pools packers, as batches pools batches.
var packers = sync.Pool{New: func() any { return new(packer) }}

func (f *freezer) newPacker() *packer {
	p := packers.Get().(*packer)
	p.freezer = f
	return p
}

// end returns the packer to the pool.
func (p *packer) end() {
	clear(p.records[:cap(p.records)]) // so that they do not retain the memory they point to
	p.freezer, p.problems, p.packed = nil, nil, 0
	p.signatures, p.aliases = signatureFaults{}, nil
	packers.Put(p)
}

// work takes jobs until there are none.
func (p *packer) work() {
	for {
		job := p.job.Add(1) - 1
		if int(job) >= len(p.done) {
			break
		}
		p.problems = p.freezer.problems.Fork()
		for id := max(job*namesPerJob, 1); id < min((job+1)*namesPerJob, p.owners); id++ {
			p.pack(id)
			if p.pause != nil && id%namesPerPause == 0 {
				p.pause()
			}
		}
		p.finish(int(job))
	}
	p.mutex.Lock()
	p.closePage()
	p.snapshot.records += p.packed
	p.joinSignatures(&p.signatures)
	p.freezer.aliases = append(p.freezer.aliases, p.aliases...)
	p.mutex.Unlock()
	p.end()
}

// finish records that a job is done. The memory of packed records is
// reused for pages.
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

// giveBack collects the chunks that hold only records of owners below number
// packed.
func (f *freezer) giveBack(t *nameTable, packed uint32) {
	for i := range t.records.Chunks() {
		if t.records.IsPage(i) && t.newest[i] < packed {
			f.spare = append(f.spare, t.records.Take(i))
		}
	}
}

// pack checks one owner and packs it (see node).
func (p *packer) pack(id uint32) {
	table, number := &p.names, id
	h := nodeHead{id: id}
	if id >= p.names.count {
		table, number = &p.chain, id-p.names.count+1
		h.flags = flagNSEC3Owner
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
		if p.isSigned {
			owner, _, _ := wire.BorrowName(h.name)
			p.checkSignatures(id, owner, nil, records)
		}
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
		b = p.appendSet(b, previous, id, owner, records[:n])
		previous = start
		sets++
		records = records[n:]
	}
	setSetCount(b, sets)
	p.node = b
	*p.refs.Slot(id) = p.store(b)
}

// setLen is how many of records are of the first one's RRset.
func setLen(records []addedRecord) int {
	n, order := 1, setOrder(records[0])
	for n < len(records) && setOrder(records[n]) == order {
		n++
	}
	return n
}

// appendSet packs the records of one RRset, without duplicates.
func (p *packer) appendSet(b []byte, previous int, id uint32, owner wire.Name, records []addedRecord) []byte {
	first := records[0]
	start := len(b)
	distinct := slices.CompactFunc(records, isSame)
	head := setHead{Type: first.kind(), covered: first.covers(), count: len(distinct), ttl: first.ttl()}
	head.leads = hasTarget(head.Type)
	for _, r := range distinct {
		head.ttl = min(head.ttl, r.ttl())
	}
	b = beginSet(b, previous, head)
	if head.leads {
		link := targetOf[head.Type]
		for _, r := range distinct {
			target := link(owner, r.data())
			to := p.targetID(target)
			p.checkTarget(id, r, target, to)
			b = binary.LittleEndian.AppendUint32(b, to)
		}
	}
	for _, r := range distinct {
		b = appendRecord(b, r.data())
	}
	p.packed += len(distinct)
	return endSet(b, start)
}

// hasTarget reports whether records of type t refer to other names: whether
// targetOf has it, without the look-up for the two types of most records.
func hasTarget(t wire.Type) bool {
	return t != wire.TypeA && t != wire.TypeAAAA && targetOf[t] != nil
}

// targetID returns the number of the node for target, a name that a record refers to.
func (p *packer) targetID(target wire.Name) uint32 {
	if target.IsZero() || !target.HasSuffix(p.origin) {
		return 0
	}
	p.asked.set(target)
	if id := p.names.findSuffix(&p.asked, 0); id != 0 {
		atomic.AddUint32(p.refCounts.Slot(id), 1)
		return id
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	absent := p.absent.findSuffix(&p.asked, 0)
	if absent == 0 {
		absent = p.absent.add(p.asked.hashes[0], p.asked.suffix(0))
		p.absentRefs = append(p.absentRefs, 0)
	}
	p.absentRefs[absent-1]++
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
		p.number, p.page, p.inRoom = p.snapshot.pages.Begin(len(node), &p.spare, p.room)
		p.mutex.Unlock()
	}
	at := len(p.page)
	p.page = append(p.page, node...)
	return cow.MakeRef(p.number, at)
}

// closePage hands the page that was written to the snapshot, without its unused
// end.
func (p *packer) closePage() {
	if p.page == nil {
		return
	}
	if p.inRoom || cap(p.page)-len(p.page) > len(p.page)/8 {
		p.page = bytes.Clone(p.page)
	}
	p.snapshot.pages.End(p.number, p.page)
	p.page = nil
}

// packAbsent packs the names that records refer to and that do not exist.
func (f *freezer) packAbsent() {
	p := f.newPacker()
	offZone := make([]idPair, 0, f.chain.count+f.absent.count)
	for i := uint32(1); i < f.absent.count; i++ {
		id := f.owners - 1 + i
		p.node = appendHead(p.node[:0], nodeHead{id: id, flags: flagAbsent, name: f.absent.wireName(i)})
		f.refs.Set(id, p.store(p.node))
		f.refCounts.Set(id, f.absentRefs[i-1])
	}
	p.closePage()
	p.end()
	f.absent.each(func(hash, i uint32) { offZone = append(offZone, newIDPair(hash, f.owners-1+i)) })
	f.chain.each(func(hash, i uint32) { offZone = append(offZone, newIDPair(hash, f.names.count-1+i)) })
	slices.Sort(offZone)
	f.snapshot.offZone = cow.MakeSorted(offZone)
}

// index makes the hash table of names, and the list of names below others.
func (f *freezer) index() {
	s := f.snapshot
	s.index = cow.MakeIndex(s.names)
	children := 0
	for id := uint32(1); id < f.names.count; id++ {
		if f.names.at(id).parent > apexID {
			children++
		}
	}
	list := make([]idPair, 0, children)
	for id := uint32(1); id < f.names.count; id++ {
		if parent := f.names.at(id).parent; parent > apexID {
			list = append(list, newIDPair(parent, id))
		}
	}
	slices.Sort(list)
	s.children = cow.MakeSorted(list)
	f.names.each(func(hash, id uint32) { s.index.Insert(hash, s.refs.At(id)) })
	s.setInline()
}

// findCuts determines which names are zone cuts or lie below one, and where
// wildcards are.
func (f *freezer) findCuts() {
	const unknown = 1<<32 - 1
	for id := uint32(1); id < f.names.count; id++ {
		f.names.at(id).cut = unknown
	}
	var topmost func(id uint32) uint32
	topmost = func(id uint32) uint32 { // the recursion is as deep as a name has labels
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
// signatures after the type they cover, then by data.
func compareAdded(a, b addedRecord) int {
	if c := cmp.Compare(setOrder(a), setOrder(b)); c != 0 {
		return c
	}
	return compareData(a.kind(), a.data(), b.data())
}

// compareData orders data of one type canonically (RFC 4034 6.3). Data that
// differs only in the case of its names is equal.
func compareData(t wire.Type, a, b []byte) int {
	if hasUpper(a) || hasUpper(b) {
		var roomA, roomB [512]byte
		a = wire.AppendCanonicalRdata(roomA[:0], t, a)
		b = wire.AppendCanonicalRdata(roomB[:0], t, b)
	}
	return bytes.Compare(a, b)
}

// hasUpper reports whether b has an octet that lower case would change.
func hasUpper(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if w := binary.LittleEndian.Uint64(b); wire.FoldWord(w) != w {
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

// isSame reports whether two records of one RRset are equal.
func isSame(a, b addedRecord) bool { return compareData(a.kind(), a.data(), b.data()) == 0 }

func setOrder(r addedRecord) uint32 { return setRank(r.kind(), r.covers()) }
