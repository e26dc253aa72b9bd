package authority

import (
	"bytes"
	"errors"
	"iter"
	"slices"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// comparison finds the difference between a file and a snapshot. A zone that is
// loaded again has usually changed in a few places only; to find them takes a
// look-up in the snapshot and one bit of memory for each record.
type comparison struct {
	old    *Snapshot
	firsts []uint32 // by number of a node: the index of its first record
	seen   []uint64 // by index of a record of old: a bit, set if the file has it
	same   int      // how many bits are set

	added   []wire.Record // what old lacks, in the order of the file
	aliased []wire.Name   // the owners of ALIAS records in the file, more than once if it has it so
	most    int           // how many records may be added, or removed
}

// errTooDifferent is returned for a change that cannot be made by editing: it is
// too large, its meaning depends on records that do not differ, or the zone has
// another version by now.
var errTooDifferent = errors.New("file differs from the zone in too much to edit it")

func newComparison(old *Snapshot) *comparison {
	c := &comparison{old: old, firsts: make([]uint32, old.refs.Len()), most: 1000 + old.records/128}
	index := uint32(0)
	for n := range pausingNodes(old) {
		c.firsts[n.id()] = index
		for set := range n.all() {
			index += uint32(set.count())
		}
	}
	c.seen = make([]uint64, index/64+1)
	return c
}

// pausingNodes yields every node, with pauses.
func pausingNodes(s *Snapshot) iter.Seq[node] {
	return func(yield func(node) bool) {
		count := 0
		for n := range s.nodes() {
			if !yield(n) {
				return
			}
			if count++; count%4096 == 0 {
				pause()
			}
		}
	}
}

// see records that the file has a record of old.
func (c *comparison) see(index uint32) {
	if bit := uint64(1) << (index % 64); c.seen[index/64]&bit == 0 {
		c.seen[index/64] |= bit
		c.same++
	}
}

func (c *comparison) isSeen(index uint32) bool { return c.seen[index/64]>>(index%64)&1 != 0 }

// changes is the difference, after the whole file was compared.
func (c *comparison) changes() (ChangeSet, error) {
	if c.old.records-c.same > c.most {
		return ChangeSet{}, errTooDifferent
	}
	if err := c.checkAdded(); err != nil {
		return ChangeSet{}, err
	}
	if err := c.checkALIAS(); err != nil {
		return ChangeSet{}, err
	}
	changes := ChangeSet{Added: c.added}
	if c.same < c.old.records {
		for n := range pausingNodes(c.old) {
			index := c.firsts[n.id()]
			for set := range n.all() {
				for data := range set.all() {
					if !c.isSeen(index) {
						changes.Removed = append(changes.Removed, wire.Record{Name: n.name(), Type: set.kind(), Class: c.old.class, TTL: set.ttl(), Data: data})
					}
					index++
				}
			}
		}
	}
	return changes, nil
}

// checkAdded checks that the added records are complete in themselves, and drops
// duplicates. They are not if they join an RRset with another TTL, a record that
// allows no other, or another spelling of themselves.
func (c *comparison) checkAdded() error {
	type key struct {
		owner string
		rank  uint32
	}
	sets := make(map[key][]*wire.Record)
	var asked lookupName
	kept := c.added[:0]
	for i := range c.added {
		r := &c.added[i]
		asked.set(r.Name)
		covered := covers(r.Type, r.Data)
		k := key{string(asked.suffix(0)), setRank(r.Type, covered)}
		set := sets[k]
		if slices.ContainsFunc(set, func(o *wire.Record) bool { return compareData(r.Type, o.Data, r.Data) == 0 && o.TTL == r.TTL }) {
			continue
		}
		if len(set) > 0 && (set[0].TTL != r.TTL || isSingleton(r.Type)) || !c.mayJoin(r, covered, &asked) {
			return errTooDifferent
		}
		kept = append(kept, *r)
		sets[k] = append(set, &kept[len(kept)-1])
	}
	c.added = kept
	return nil
}

// mayJoin reports whether r can be added to the records of its RRset that stay.
func (c *comparison) mayJoin(r *wire.Record, covered wire.Type, asked *lookupName) bool {
	n, ok := c.old.findOwner(asked, isInChain(r.Type, r.Data))
	if !ok {
		return true
	}
	index := c.firsts[n.id()]
	for set := range n.all() {
		for data := range set.all() {
			stays := set.kind() == r.Type && set.covered() == covered && c.isSeen(index)
			if stays && (set.ttl() != r.TTL || isSingleton(r.Type) || compareData(r.Type, data, r.Data) == 0) {
				return false
			}
			index++
		}
	}
	return true
}

// comparedBatch is records of a file that are being compared.
type comparedBatch struct {
	*comparison
	problems *diagnostic.List
	found    []uint32 // indexes of records of old
	missing  []wire.Record
	aliased  []wire.Name
	err      error

	asked lookupName // the last owner
	last  []byte     // its wire form, in its spelling
	owner node       // its node; nil if there is none
	chain bool       // it is an owner in the NSEC3 chain
}

func (c *comparison) newBatch() zonefile.Batch { return &comparedBatch{comparison: c} }

// Begin empties the batch.
func (t *comparedBatch) Begin(problems *diagnostic.List) {
	t.problems, t.err = problems, nil
	t.found, t.missing, t.last, t.aliased = t.found[:0], t.missing[:0], t.last[:0], nil
}

// Add compares a record.
func (t *comparedBatch) Add(r *zonefile.Record) {
	chain := isInChain(r.Type, r.Data)
	isNew := chain != t.chain || string(t.last) != r.Name.Wire()
	if !belongs(&r.Record, &r.Position, t.old.origin, t.old.class, isNew, t.problems) {
		return
	}
	if isNew {
		t.last, t.chain = append(t.last[:0], r.Name.Wire()...), chain
		t.asked.set(r.Name)
		t.owner, _ = t.old.findOwner(&t.asked, chain)
		if t.owner != nil && string(t.owner.wireName()) != r.Name.Wire() {
			t.err = errTooDifferent // which spelling counts depends on the whole file
		}
	}
	if r.Type == wire.TypeALIAS {
		t.aliased = append(t.aliased, r.Name.Clone())
	}
	if index, ok := t.indexOf(&r.Record); ok {
		t.found = append(t.found, index)
	} else {
		t.missing = append(t.missing, r.Record.Clone())
	}
}

// indexOf is the index of r in old, if old has it.
func (t *comparedBatch) indexOf(r *wire.Record) (uint32, bool) {
	if t.owner == nil {
		return 0, false
	}
	index, ttl := t.firsts[t.owner.id()], min(r.TTL, 1<<31-1)
	covered := covers(r.Type, r.Data)
	for set := range t.owner.all() {
		if set.kind() != r.Type || set.covered() != covered || set.ttl() != ttl {
			index += uint32(set.count())
			continue
		}
		for data := range set.all() {
			if bytes.Equal(data, r.Data) {
				return index, true
			}
			index++
		}
	}
	return 0, false
}

// Commit adds what was found to the comparison.
func (t *comparedBatch) Commit() error {
	for _, index := range t.found {
		t.see(index)
	}
	t.added = append(t.added, t.missing...)
	t.aliased, t.comparison.aliased = nil, append(t.comparison.aliased, t.aliased...)
	if t.err == nil && len(t.added) > t.most {
		t.err = errTooDifferent
	}
	return t.err
}
