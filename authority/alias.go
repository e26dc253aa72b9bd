package authority

import (
	"iter"

	"github.com/names-dns/names/wire"
)

// ALIAS records are for the operator: what is asked for are the A and AAAA records next to
// them, which package alias derives from the target's. A zone file has only the ALIAS
// record.

// Aliases yields the ALIAS records of the zone, in no order, those at and below
// delegations left out. What it yields is lent as
// that of [Snapshot.All] is. It is fast if there are none.
func (s *Snapshot) Aliases() iter.Seq[wire.Record] {
	return func(yield func(wire.Record) bool) {
		if !s.mayAlias {
			return
		}
		for n := range s.nodes() {
			set, ok := n.find(wire.TypeALIAS)
			if !ok || n.cut() != 0 {
				continue
			}
			for data := range set.all() {
				if !yield(wire.Record{Name: n.name(), Type: wire.TypeALIAS, Class: s.class, TTL: set.ttl(), Data: data}) {
					return
				}
			}
		}
	}
}

// IsAddress reports whether records of type t are derived from an ALIAS record.
func IsAddress(t wire.Type) bool { return t == wire.TypeA || t == wire.TypeAAAA }

// Derived are the addresses next to ALIAS records: what leads from the zone as its file
// has it to s.
func (s *Snapshot) Derived() ChangeSet {
	c := ChangeSet{From: s.serial, To: s.serial}
	var last wire.Name
	for alias := range s.Aliases() {
		if !last.IsZero() && alias.Name.Equal(last) {
			continue
		}
		last = alias.Name
		for r := range s.RecordsOf(alias.Name) {
			if IsAddress(r.Type) {
				c.Added = append(c.Added, r.Clone())
			}
		}
	}
	return c
}

// asWritten yields all records but those that are derived from ALIAS records, in
// canonical order.
func (s *Snapshot) asWritten() iter.Seq[wire.Record] {
	if !s.mayAlias {
		return s.All()
	}
	return func(yield func(wire.Record) bool) {
		owners := map[wire.Key]bool{}
		for alias := range s.Aliases() {
			owners[alias.Name.Key()] = true
		}
		for r := range s.All() {
			if IsAddress(r.Type) && owners[r.Name.Key()] {
				continue
			}
			if !yield(r) {
				return
			}
		}
	}
}

// checkALIAS checks that a name with an ALIAS record has one, and no addresses of its own.
// CNAME records are refused for being alone.
func (p *packer) checkALIAS(id uint32, records []addedRecord) {
	var alias, address addedRecord
	for _, r := range records {
		switch {
		case r.kind() == wire.TypeALIAS && alias != nil && !isSame(alias, r):
			p.problems.Errorf(p.position(r), "%s has more than one ALIAS record; another is at %s", p.names.name(id), p.position(alias))
			return
		case r.kind() == wire.TypeALIAS:
			alias = r
		case IsAddress(r.kind()):
			address = r
		}
	}
	if address != nil {
		p.problems.Errorf(p.position(alias), "%s has an ALIAS record and an address of its own, %s at %s: its addresses are those of the target", p.names.name(id), address.kind(), p.position(address))
	}
}

// aliasCount is how many records a name has that may not be together.
type aliasCount struct{ aliases, addresses int }

func (n *aliasCount) add(t wire.Type) {
	switch {
	case t == wire.TypeALIAS:
		n.aliases++
	case IsAddress(t):
		n.addresses++
	}
}

// checkALIAS reports whether the file has an ALIAS record next to addresses or to another
// one: then all of it is loaded, which says where.
func (c *comparison) checkALIAS() error {
	if len(c.aliased) == 0 {
		return nil
	}
	added := map[wire.Key]aliasCount{}
	for i := range c.added {
		if r := &c.added[i]; r.Type == wire.TypeALIAS || IsAddress(r.Type) {
			n := added[r.Name.Key()]
			n.add(r.Type)
			added[r.Name.Key()] = n
		}
	}
	var asked lookupName
	for _, owner := range c.aliased {
		asked.set(owner)
		has := added[owner.Key()]
		if n, ok := c.old.findOwner(&asked, false); ok {
			index := c.firsts[n.id()]
			for set := range n.all() {
				for range set.count() {
					if c.isSeen(index) {
						has.add(set.kind())
					}
					index++
				}
			}
		}
		if has.aliases > 1 || has.addresses > 0 {
			return errTooDifferent
		}
	}
	return nil
}
