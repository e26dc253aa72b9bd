package authority

import (
	"iter"
	"slices"

	"github.com/names-dns/names/authority/internal/cow"
	"github.com/names-dns/names/wire"
)

// What a stage sees of the zone that the transaction makes, besides its records
// ([Txn.Records], [Txn.RRset]) and its difference from before ([Txn.Changes]).
// All of it includes the edits of the stages before and of the stage itself.

// Before is the version that the transaction changes; nil if it brings the
// first one.
func (t *Txn) Before() *Snapshot { return t.before }

// Base is what the edits start from: the version before, or a whole zone that is
// to replace it.
func (t *Txn) Base() *Snapshot { return t.base }

// IsWhole reports whether the transaction replaces all records.
func (t *Txn) IsWhole() bool { return t.whole }

// HasSigner reports whether a stage adds signatures.
func (t *Txn) HasSigner() bool { return t.pipeline != nil && len(t.pipeline.Sign) > 0 }

// HasName reports whether the zone has a name: one with records, or an empty
// non-terminal (RFC 4592 2.2.2). Owners of NSEC3 records are not names.
func (t *Txn) HasName(name wire.Name) bool {
	r := t.shape()
	if r == nil {
		return false
	}
	isThere, _ := r.peek(name)
	return isThere
}

// CutOf returns the topmost zone cut at or above a name, below which the zone is
// not authoritative. ok is false if there is none. The name need not exist.
func (t *Txn) CutOf(name wire.Name) (cut wire.Name, ok bool) {
	r := t.shape()
	for r != nil && name.HasSuffix(t.zone.origin) {
		if isThere, id := r.peek(name); isThere {
			if id == 0 {
				return wire.Name{}, false
			}
			return r.nameOf(id), true
		}
		name = name.Parent()
	}
	return wire.Name{}, false
}

// ChangedNames yields the names whose records, existence or zone cut change, each
// once and in no particular order. If the transaction replaces the whole zone, it
// yields all names of before and after.
func (t *Txn) ChangedNames() iter.Seq[wire.Name] {
	return func(yield func(wire.Name) bool) {
		r := t.shape()
		if r == nil {
			return
		}
		if t.whole {
			t.allNames(r, yield)
			return
		}
		for _, d := range slices.Clone(r.dirty) {
			isName := d.now.state == present || d.before.state == present
			if isName && (d.edit != nil || d.now != d.before) && !yield(d.name) {
				return
			}
		}
	}
}

// allNames yields the names of before and after.
func (t *Txn) allNames(r *revision, yield func(wire.Name) bool) {
	var lookup lookupName
	for n := range t.base.nodes() {
		if n.state() == present && !yield(n.name()) {
			return
		}
	}
	for _, d := range slices.Clone(r.dirty) {
		if d.now.state == present && d.before.state != present && !yield(d.name) {
			return
		}
	}
	if t.before == nil {
		return
	}
	for n := range t.before.nodes() {
		if n.state() != present {
			continue
		}
		lookup.set(n.name())
		if _, ok := t.base.find(&lookup, 0); ok {
			continue
		}
		if isThere, _ := r.peek(n.name()); !isThere && !yield(n.name()) {
			return
		}
	}
}

// Following yields the names of the zone after name, in canonical order (RFC
// 4034 6.1), empty non-terminals and names below zone cuts included. It ends with
// the last name; in an NSEC chain, the apex follows.
//
// The first call for a zone sorts its names. After that each transaction updates
// the order.
func (t *Txn) Following(name wire.Name) iter.Seq[wire.Name] {
	return t.neighbors(name, func(list *cow.SortedEditor[orderedName], compare func(orderedName) int, do func(orderedName) bool) {
		list.From(compare, do)
	})
}

// Preceding yields the names of the zone before name, the nearest first.
func (t *Txn) Preceding(name wire.Name) iter.Seq[wire.Name] {
	return t.neighbors(name, func(list *cow.SortedEditor[orderedName], compare func(orderedName) int, do func(orderedName) bool) {
		list.Before(compare, do)
	})
}

func (t *Txn) neighbors(name wire.Name, walk func(*cow.SortedEditor[orderedName], func(orderedName) int, func(orderedName) bool)) iter.Seq[wire.Name] {
	return func(yield func(wire.Name) bool) {
		r := t.shape()
		if r == nil || !name.HasSuffix(t.zone.origin) {
			return
		}
		walk(r.order(&t.zone.canonical), r.compareNames(name), func(o orderedName) bool {
			if n := r.nameOf(o.id); !n.Equal(name) {
				return yield(n)
			}
			return true
		})
	}
}

// All yields every record that the zone will have, in the order of [Snapshot.All].
// It sorts the names of the zone. The transaction must not be edited meanwhile.
func (t *Txn) All() iter.Seq[wire.Record] {
	return func(yield func(wire.Record) bool) {
		t.mustBeOpen()
		edits := slices.Clone(t.edits)
		slices.SortFunc(edits, func(a, b *editedName) int { return a.name.Compare(b.name) })
		// emit yields the edited names that come before name, or all.
		emit := func(name wire.Name) bool {
			for len(edits) > 0 && (name.IsZero() || edits[0].name.Compare(name) < 0) {
				for _, set := range edits[0].sets {
					for _, data := range set.data {
						if !yield(set.record(edits[0].name, t.base.class, data)) {
							return false
						}
					}
				}
				edits = edits[1:]
			}
			return true
		}
		for r := range t.base.All() {
			if !emit(r.Name) {
				return
			}
			if t.names[t.editKey(r.Name, isInChain(r.Type, r.Data))] == nil && !yield(r) {
				return
			}
		}
		emit(wire.Name{})
	}
}

// shape returns the revision, with the names of the result. It is nil if the edits
// are not valid, which Commit will report.
func (t *Txn) shape() *revision {
	t.mustBeOpen()
	if t.revision == nil || t.revision.limit < unlimited {
		var changed []*editedName
		for _, e := range t.edits {
			if e.isChanged() {
				changed = append(changed, e)
			}
		}
		r, err := t.base.revise(changed, unlimited)
		if err != nil {
			return nil
		}
		t.revision = r
	}
	return t.revision
}

// peek reports whether a name exists, and the number of the zone cut at or above
// it, without making it dirty.
func (s *revision) peek(name wire.Name) (isThere bool, cut uint32) {
	s.lookup.set(name)
	if d := s.names[string(s.lookup.suffix(0))]; d != nil {
		return d.now.state == present, d.now.cut
	}
	n, ok := s.old.find(&s.lookup, 0)
	if !ok {
		return false, 0
	}
	return true, n.cut()
}

// nameOf is the name of the node with that number.
func (s *revision) nameOf(id uint32) wire.Name {
	if d := s.byID[id]; d != nil {
		return d.name
	}
	return s.old.node(id).name()
}

// canonicalOrder is the names of a snapshot in canonical order, for stages.
type canonicalOrder struct {
	of   *Snapshot
	list cow.Sorted[orderedName]
}

// order returns the names of the revision in canonical order. They are made from
// those of the snapshot before, which are sorted if they are not known.
func (s *revision) order(known *canonicalOrder) *cow.SortedEditor[orderedName] {
	if s.canonical != nil {
		return s.canonical
	}
	if known.of != s.old {
		*known = canonicalOrder{of: s.old, list: s.old.sortNames()}
	}
	list := cow.EditSorted(known.list)
	for _, d := range s.dirty {
		was, is := d.before.state == present, d.now.state == present
		switch {
		case was && !is:
			list.Remove(s.compareNames(d.name))
		case is && !was:
			list.Put(s.old.newOrderedName(d.name, d.id), s.compareNames(d.name))
		}
	}
	s.canonical = &list
	return s.canonical
}

// moveTo makes the order that of the version after, if the revision has it.
func (o *canonicalOrder) moveTo(after *Snapshot, r *revision) {
	switch {
	case o.of == after:
	case r.canonical == nil || r.isTooMuch: // the names have other numbers now
		*o = canonicalOrder{}
	default:
		*o = canonicalOrder{of: after, list: r.canonical.Sorted}
	}
}

// sortNames returns the names of the zone in canonical order. Those that have NSEC
// records are sorted already.
func (s *Snapshot) sortNames() cow.Sorted[orderedName] {
	compare := func(a, b orderedName) int {
		if c := a.compare(b); c != 0 {
			return c
		}
		return s.node(a.id).name().Compare(s.node(b.id).name())
	}
	others := make([]orderedName, 0, s.names-s.nsecOrder.Len())
	for n := range s.nodes() {
		if n.state() == present && !(s.hasNSEC() && n.provesWithNSEC()) {
			others = append(others, s.newOrderedName(n.name(), n.id()))
		}
	}
	slices.SortFunc(others, compare)
	if !s.hasNSEC() {
		return cow.MakeSorted(others)
	}
	list := make([]orderedName, 0, s.names)
	for _, leaf := range s.nsecOrder.Leaves() {
		for _, o := range leaf {
			for len(others) > 0 && compare(others[0], o) < 0 {
				list, others = append(list, others[0]), others[1:]
			}
			list = append(list, o)
		}
	}
	return cow.MakeSorted(append(list, others...))
}
