package authority

import (
	"sync"

	"github.com/names-dns/names/wire"
)

// Anticipates reports whether the zones, as they were when they were set, are too
// large to stay near the processor by themselves.
func (s *Set) Anticipates() bool {
	t := s.table.Load()
	return t != nil && t.isLarge
}

// Anticipate brings near the processor what the answers to queries will be made
// of.
//
// The steps of a look-up - table, zone, snapshot, index, node, the nodes that
// one leads to - wait for memory one after the other. Here each step is taken
// for all queries before the next is for any, so that they wait at the same
// time. It goes by hashes alone and decides nothing: where it is mistaken, an
// answer takes as long as without it.
func (s *Set) Anticipate(queries []wire.Query) {
	t := s.table.Load()
	if t == nil || len(t.zones) == 0 {
		return
	}
	a := anticipations.Get().(*anticipation)
	for len(queries) > 0 {
		n := min(len(queries), len(a.paths))
		a.bring(t, queries[:n])
		a.forget()
		queries = queries[n:]
	}
	anticipations.Put(a)
}

// manyRecords is how many records make zones large: some 4 MiB, more than a core
// keeps to itself.
const manyRecords = 50_000

// anticipation is the look-ups for a batch of queries.
type anticipation struct {
	asked   askedName
	paths   [64]path
	count   int
	targets [128]leadTo
	leading int    // how many of targets there are
	touched uint64 // by adding to it what is read, which the compiler would leave out
}

var anticipations = sync.Pool{New: func() any { return new(anticipation) }}

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

// leadTo is a node that a record leads to.
type leadTo struct {
	snapshot *Snapshot
	id       uint32
}

// bring takes all steps for queries, which are no more than there are paths.
func (a *anticipation) bring(t *zoneTable, queries []wire.Query) {
	a.begin(t, queries)
	a.findZones(t)
	a.findNodes()
	a.findCuts()
	a.findTargets()
}

// forget lets go of what was anticipated: it would stay as long as a.
func (a *anticipation) forget() {
	clear(a.paths[:a.count])
	clear(a.targets[:a.leading])
}

func (a *anticipation) begin(t *zoneTable, queries []wire.Query) {
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
		p.origin = a.asked.hashes[max(0, a.asked.labels-t.deepest)]
		p.name, p.parent = a.asked.hashes[0], a.asked.hashes[min(1, a.asked.labels)]
	}
}

// findZones takes the steps to the snapshots.
func (a *anticipation) findZones(t *zoneTable) {
	paths := a.paths[:a.count]
	for i := range paths {
		a.touched += uint64(t.slots[paths[i].origin&t.mask].hash)
	}
	for i := range paths {
		paths[i].zone = t.guess(paths[i].origin)
	}
	for i := range paths {
		paths[i].snapshot = paths[i].zone.Snapshot()
	}
	for i := range paths {
		a.touched += uint64(len(paths[i].snapshot.near.bucket))
	}
}

// guess returns a zone whose name may have that hash; any, if there is none.
func (t *zoneTable) guess(hash uint32) *Zone {
	for i := hash & t.mask; t.slots[i].zone != nil; i = (i + 1) & t.mask {
		if t.slots[i].hash == hash {
			return t.slots[i].zone
		}
	}
	return t.zones[0]
}

// findNodes takes the steps to the nodes of the names or, where there are none,
// those one label shorter.
func (a *anticipation) findNodes() {
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
		a.touch(paths[i].snapshot.at(paths[i].ref), paths[i].lines)
	}
}

// touch brings the first lines of a node.
func (a *anticipation) touch(n node, lines int) {
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
func (a *anticipation) findCuts() {
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
			a.touch(p.snapshot.at(p.ref), p.lines)
		}
	}
}

// findTargets takes the steps to the nodes that the records of the answers lead
// to: servers, and what there are addresses of.
func (a *anticipation) findTargets() {
	targets := a.targets[:0]
	for i := range a.paths[:a.count] {
		p := &a.paths[i]
		t := p.question
		if p.cut != 0 {
			t = wire.TypeNS
		}
		if !leadsOn(t) {
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
		a.touch(targets[i].snapshot.node(targets[i].id), plainLines)
	}
}
