package authority

import "github.com/names-dns/names/wire"

// Diff returns the difference between two versions of a zone. Before may be nil:
// then all records are added. Diff compares every record of both.
func Diff(before, after *Snapshot) ChangeSet {
	c := ChangeSet{From: after.serial, To: after.serial}
	var lookup lookupName
	diffNode := func(n node) {
		e := editedName{name: n.name(), sets: setsOf(n)}
		if before != nil {
			lookup.set(e.name)
			if old, ok := before.findOwner(&lookup, n.state() == nsec3Owner); ok {
				e.before = setsOf(old)
			}
		}
		c.addOwner(after.class, &e)
	}
	diffNode(after.node(apexID)) // the SOA record comes first
	for n := range after.nodes() {
		if n.id() != apexID && n.setCount() > 0 {
			diffNode(n)
		}
	}
	if before == nil {
		return c
	}
	c.From = before.serial
	for n := range before.nodes() {
		if n.setCount() == 0 {
			continue
		}
		lookup.set(n.name())
		if now, ok := after.findOwner(&lookup, n.state() == nsec3Owner); !ok || now.setCount() == 0 {
			c.addOwner(after.class, &editedName{name: n.name(), before: setsOf(n)})
		}
	}
	return c
}

// Then returns the difference that c and next make together (RFC 1995 5): a
// record that one of them adds and the other removes is in neither list. next
// has to start from what c results in.
func (c ChangeSet) Then(next ChangeSet) ChangeSet {
	switch {
	case next.IsEmpty() && next.From == next.To:
		return c
	case c.IsEmpty() && c.From == c.To:
		return next
	}
	var sum Sum
	sum.Add(c)
	sum.Add(next)
	return sum.Changes()
}

// Sum adds up differences that follow one another, as [ChangeSet.Then] does, in time that
// depends on how many records they have together. The zero value is a sum of none.
type Sum struct {
	hasBegun       bool
	from, to       wire.Serial
	added, removed recordSet
}

// Add adds a difference, which has to start from what those before it result in. The sum
// may go on to use its records.
func (s *Sum) Add(next ChangeSet) {
	if s.hasBegun && next.IsEmpty() && next.From == next.To {
		return
	}
	if !s.hasBegun || s.from == s.to && s.added.count() == 0 && s.removed.count() == 0 {
		s.hasBegun, s.from = true, next.From
	}
	s.to = next.To
	for _, r := range next.Removed {
		if !s.added.take(r) {
			s.removed.put(r)
		}
	}
	for _, r := range next.Added {
		if !s.removed.take(r) {
			s.added.put(r)
		}
	}
}

// Changes returns the sum.
func (s *Sum) Changes() ChangeSet {
	return ChangeSet{From: s.from, To: s.to, Removed: s.removed.list(), Added: s.added.list()}
}

// recordSet is records in the order of insertion.
type recordSet struct {
	index   map[string]int
	records []wire.Record // without a name: taken out
	key     []byte
}

// keyOf is the same for records that are equal, the case of the owner aside.
func (s *recordSet) keyOf(r wire.Record) string {
	b := s.key[:0]
	for _, c := range []byte(r.Name.Wire()) {
		b = append(b, wire.FoldByte(c))
	}
	b = append(b, byte(r.Type>>8), byte(r.Type), byte(r.TTL>>24), byte(r.TTL>>16), byte(r.TTL>>8), byte(r.TTL))
	s.key = append(b, r.Data...)
	return string(s.key)
}

func (s *recordSet) put(r wire.Record) {
	if s.index == nil {
		s.index = make(map[string]int)
	}
	key := s.keyOf(r)
	if _, ok := s.index[key]; !ok {
		s.index[key] = len(s.records)
		s.records = append(s.records, r)
	}
}

// take removes a record, and reports whether it was there.
func (s *recordSet) take(r wire.Record) bool {
	key := s.keyOf(r)
	i, ok := s.index[key]
	if ok {
		s.records[i] = wire.Record{}
		delete(s.index, key)
		if gone := len(s.records) - len(s.index); gone > 1000 && gone > len(s.index) {
			s.compact()
		}
	}
	return ok
}

// count is how many records there are.
func (s *recordSet) count() int { return len(s.index) }

// compact drops the places of records that were taken out.
func (s *recordSet) compact() {
	kept := make([]wire.Record, 0, len(s.index))
	for _, r := range s.records {
		if !r.Name.IsZero() {
			s.index[s.keyOf(r)] = len(kept)
			kept = append(kept, r)
		}
	}
	s.records = kept
}

// list returns the records, SOA first.
func (s *recordSet) list() []wire.Record {
	var list []wire.Record
	for _, r := range s.records {
		switch {
		case r.Name.IsZero():
		case r.Type == wire.TypeSOA && len(list) > 0:
			list = append(list, list[0])
			list[0] = r
		default:
			list = append(list, r)
		}
	}
	return list
}
