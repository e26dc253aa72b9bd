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

// comparison finds out what a file has that a snapshot has not, and the other
// way round. A zone that is loaded again has changed in a few places as a rule;
// to find them takes a look at the snapshot for each record, and a bit of memory.
type comparison struct {
	old    *Snapshot
	firsts []uint32 // of each node, by its number: the index of its first record
	seen   []uint64 // by index of a record of old: a bit, set if the file has it
	same   int      // how many those are

	added []wire.Record // what old lacks, in the order of the file
	most  int           // how many they may be
}

// errNotAlike says that the difference is not told as removed and added
// records: there is too much of it, or what it means depends on more than it.
var errNotAlike = errors.New("the file differs from the zone in too much")

func newComparison(old *Snapshot) *comparison {
	c := &comparison{old: old, firsts: make([]uint32, old.refs.count()), most: 1000 + old.records/128}
	index := uint32(0)
	for n := range restingNodes(old) {
		c.firsts[n.id()] = index
		for set := range n.all() {
			index += uint32(set.count())
		}
	}
	c.seen = make([]uint64, index/64+1)
	return c
}

// restingNodes yields every node, with rests.
func restingNodes(s *Snapshot) iter.Seq[node] {
	return func(yield func(node) bool) {
		count := 0
		for n := range s.nodes() {
			if !yield(n) {
				return
			}
			if count++; count%4096 == 0 {
				rest()
			}
		}
	}
}

// see notes that the file has a record of old.
func (c *comparison) see(index uint32) {
	if bit := uint64(1) << (index % 64); c.seen[index/64]&bit == 0 {
		c.seen[index/64] |= bit
		c.same++
	}
}

func (c *comparison) isSeen(index uint32) bool { return c.seen[index/64]>>(index%64)&1 != 0 }

// changes is the difference, once all of the file is compared.
func (c *comparison) changes() (ChangeSet, error) {
	if c.old.records-c.same > c.most {
		return ChangeSet{}, errNotAlike
	}
	if err := c.judge(); err != nil {
		return ChangeSet{}, err
	}
	changes := ChangeSet{Added: c.added}
	if c.same < c.old.records {
		for n := range restingNodes(c.old) {
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

// judge finds out whether the added records say all by themselves, and drops
// doubles among them. They do not where they come to an RRset with another TTL,
// beside one that they may not be beside, or as another spelling of it.
func (c *comparison) judge() error {
	type key struct {
		owner string
		rank  uint32
	}
	sets := make(map[key][]*wire.Record)
	var asked askedName
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
		if len(set) > 0 && (set[0].TTL != r.TTL || isSingleton(r.Type)) || !c.maySit(r, covered, &asked) {
			return errNotAlike
		}
		kept = append(kept, *r)
		sets[k] = append(set, &kept[len(kept)-1])
	}
	c.added = kept
	return nil
}

// maySit reports whether r is one more record beside those of its RRset that
// stay.
func (c *comparison) maySit(r *wire.Record, covered wire.Type, asked *askedName) bool {
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

// comparedBatch is records of a file on their way into a comparison.
type comparedBatch struct {
	*comparison
	problems *diagnostic.List
	found    []uint32 // indexes of records of old
	missing  []wire.Record
	err      error

	asked askedName // the last owner
	last  []byte    // its wire form, as it was written
	owner node      // the node of it; nil: there is none
	chain bool      // among the owners in the NSEC3 chain
}

func (c *comparison) newBatch() zonefile.Batch { return &comparedBatch{comparison: c} }

// Begin empties the batch.
func (t *comparedBatch) Begin(problems *diagnostic.List) {
	t.problems, t.err = problems, nil
	t.found, t.missing, t.last = t.found[:0], t.missing[:0], t.last[:0]
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
			t.err = errNotAlike // which spelling counts is for those to say who know the whole file
		}
	}
	if index, ok := t.indexOf(&r.Record); ok {
		t.found = append(t.found, index)
	} else {
		t.missing = append(t.missing, r.Record.Clone())
	}
}

// indexOf is the index of a record that old has, too.
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
	if t.err == nil && len(t.added) > t.most {
		t.err = errNotAlike
	}
	return t.err
}
