package authority

import (
	"sync"

	"github.com/names-dns/names/wire"
)

// WantsBatches reports whether the zones are too large to stay in the caches of the
// processor by themselves.
func (s *Set) WantsBatches() bool {
	return s.records.Load() >= manyRecords
}

// PrepareBatch brings near the processor what the answers to queries will be made
// of.
//
// The steps of a look-up - table, zone, snapshot, index, node, the nodes that
// one refers to - wait for memory one after the other. Here each step is taken
// for all queries before the next is for any, so that they wait at the same
// time. It goes by hashes alone and decides nothing: if it is mistaken, an
// answer takes as long as without it.
func (s *Set) PrepareBatch(queries []wire.Query) {
	t := s.table.Load()
	if t == nil {
		return
	}
	a := batchLookups.Get().(*batchLookup)
	for len(queries) > 0 {
		n := min(len(queries), len(a.paths))
		a.bring(t, queries[:n])
		a.forget(n)
		queries = queries[n:]
	}
	batchLookups.Put(a)
}

// manyRecords is how many records make zones large: some 4 MiB, more than a core
// keeps to itself.
const manyRecords = 50_000

// batchLookup is the look-ups for a batch of queries.
type batchLookup struct {
	asked   lookupName
	paths   [64]path
	count   int
	targets [128]leadTo
	leading int    // how many of targets there are
	touched uint64 // by adding to it what is read, which the compiler would leave out
}

var batchLookups = sync.Pool{New: func() any { return new(batchLookup) }}

// path is one look-up. What a step has found is there for the next.
type path struct {
	question wire.Type
	lines    int    // of the processor's cache: how much of a node is likely to be read
	origin   uint32 // hash of what may be the name of the zone
	name     uint32 // hash of the name
	parent   uint32 // hash of the name one label shorter
	zone     *Zone
	snapshot *Snapshot
	ref      uint32 // of the node
	cut      uint32 // number of the zone cut above it
}

// leadTo is a node that a record refers to.
type leadTo struct {
	snapshot *Snapshot
	id       uint32
}

// bring takes all steps for queries, at most as many as a has paths.
func (a *batchLookup) bring(t *zoneTable, queries []wire.Query) {
	a.begin(t, queries)
	a.findZones(t)
	a.findNodes()
	a.findCuts()
	a.findTargets()
}

// forget drops the references of n queries, which would stay as long as a.
func (a *batchLookup) forget(n int) {
	clear(a.paths[:n])
	clear(a.targets[:a.leading])
}

func (a *batchLookup) begin(t *zoneTable, queries []wire.Query) {
	a.count = len(queries)
	for i := range queries {
		name := queries[i].Question.Name
		if name.IsZero() {
			name = wire.Root
		}
		a.asked.set(name)
		p := &a.paths[i]
		p.question, p.lines = queries[i].Question.Type, plainLines
		if queries[i].EDNS.DO() {
			p.lines = signedLines
		}
		p.origin = a.asked.hashes[max(0, a.asked.labels-int(t.deepest.Load()))]
		p.name, p.parent = a.asked.hashes[0], a.asked.hashes[min(1, a.asked.labels)]
	}
}

// findZones takes the steps to the snapshots.
func (a *batchLookup) findZones(t *zoneTable) {
	paths := a.paths[:a.count]
	for i := range paths {
		a.touched += uint64(t.slots[paths[i].origin&t.mask].hash.Load())
	}
	for i := range paths {
		paths[i].zone = t.guess(paths[i].origin)
	}
	a.count = 0
	for i := range paths { // those that lead to no contents end here
		if z := paths[i].zone; z != nil {
			paths[a.count] = paths[i]
			if paths[a.count].snapshot = z.Snapshot(); paths[a.count].snapshot != nil {
				a.count++
			}
		}
	}
	for i := range paths[:a.count] {
		a.touched += uint64(len(paths[i].snapshot.inline.bucket))
	}
}

// guess returns a zone whose name may have that hash, nil if there is none.
func (t *zoneTable) guess(hash uint32) *Zone {
	for i := hash & t.mask; ; i = (i + 1) & t.mask {
		z := t.slots[i].zone.Load()
		if z == nil || t.slots[i].hash.Load() == hash {
			return z
		}
	}
}

// findNodes takes the steps to the nodes of the names or, if there are none,
// those one label shorter.
func (a *batchLookup) findNodes() {
	paths := a.paths[:a.count]
	for i := range paths {
		a.touched += paths[i].snapshot.slotOf(paths[i].name)
	}
	for i := range paths {
		p := &paths[i]
		if p.ref = p.snapshot.guess(p.name); p.ref == 0 {
			a.touched += p.snapshot.slotOf(p.parent)
		}
	}
	for i := range paths {
		p := &paths[i]
		if p.ref == 0 {
			p.ref = p.snapshot.guess(p.parent)
		}
		if p.ref == 0 {
			p.ref = p.snapshot.refOf(apexID)
		}
	}
	for i := range paths {
		a.prefetch(paths[i].snapshot.at(paths[i].ref), paths[i].lines)
	}
}

// prefetch brings the first lines of a node.
func (a *batchLookup) prefetch(n node, lines int) {
	const line = 64 // octets
	for at := 0; at < min(lines*line, len(n)); at += line {
		a.touched += uint64(n[at])
	}
}

const (
	plainLines  = 2
	signedLines = 4
)

// slotOf is the first slot of the index that may hold a name.
func (s *Snapshot) slotOf(hash uint32) uint64 {
	bucket := s.bucket(hash)
	return bucket[hash&uint32(len(bucket)-1)]
}

// guess returns where a node is whose name may have that hash, 0 if there is none.
func (s *Snapshot) guess(hash uint32) uint32 {
	bucket := s.bucket(hash)
	mask := uint32(len(bucket) - 1)
	for i := hash & mask; bucket[i] != 0; i = (i + 1) & mask {
		if uint32(bucket[i]>>32) == hash {
			return uint32(bucket[i])
		}
	}
	return 0
}

// findCuts takes the steps to the zone cuts that the nodes are below.
func (a *batchLookup) findCuts() {
	paths := a.paths[:a.count]
	for i := range paths {
		p := &paths[i]
		if p.cut = p.snapshot.at(p.ref).cut(); p.cut != 0 {
			a.touched += uint64(p.snapshot.refOf(p.cut))
		}
	}
	for i := range paths {
		p := &paths[i]
		if p.cut != 0 {
			p.ref = p.snapshot.refOf(p.cut)
			a.prefetch(p.snapshot.at(p.ref), p.lines)
		}
	}
}

// findTargets takes the steps to the nodes that the records of the answers lead
// to: servers, and what there are addresses of.
func (a *batchLookup) findTargets() {
	targets := a.targets[:0]
	for i := range a.paths[:a.count] {
		p := &a.paths[i]
		t := p.question
		if p.cut != 0 {
			t = wire.TypeNS
		}
		if !hasTarget(t) {
			continue
		}
		set, ok := p.snapshot.at(p.ref).find(t)
		if !ok || !set.has(flagLinks) {
			continue
		}
		for k := range min(set.count(), 2) {
			if id := set.link(k); id != 0 && len(targets) < len(a.targets) {
				targets = append(targets, leadTo{p.snapshot, id})
			}
		}
	}
	a.leading = len(targets)
	for i := range targets {
		a.touched += uint64(targets[i].snapshot.refOf(targets[i].id))
	}
	for i := range targets {
		a.prefetch(targets[i].snapshot.node(targets[i].id), plainLines)
	}
}
