package authority

import (
	"errors"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// answer is one reply in the making: RFC 1034 4.3.2 in the RFC's order. Each
// turn of resolve is one name of a chain of aliases; what a turn finds is
// appended section by section. It is used again for other replies, so nothing
// may be read from it that resolve has not set.
type answer struct {
	x        *names.Exchange
	zone     *Snapshot // of the present turn
	question wire.Type
	do       bool // the asker wants signatures and proofs

	asked askedName

	chain      [maxChain]wire.Name // the names of the chain so far
	chainCount int

	linked         [maxLinked]linkedSet // RRsets of the reply that lead to names
	linkedCount    int
	described      [maxAdditional]uint32 // refs of names the additional section has
	describedCount int
	proofs         [maxProofs]node // whose NSEC or NSEC3 the reply has
	proofCount     int
	expansions     [maxChain + 1]node // what proves that wildcards were in their right, not in the reply yet
	expansionCount int
	redirects      [maxChain + 1]node // owners of the DNAMEs that the reply has
	redirectCount  int

	synthesized [wire.MaxNameLen]byte // the first name made by a DNAME
}

const (
	// maxChain bounds how many aliases one reply follows. Longer chains are
	// cut; resolvers go on from the last name.
	maxChain  = 20
	maxLinked = 8
	maxProofs = 8
)

// linkedSet is an RRset that leads to names, and the zone it is from.
type linkedSet struct {
	zone *Snapshot
	set  rrset
}

// errTruncated ends the work on a reply that is full: TC is set, and what is
// in it consists of whole RRsets (RFC 2181 9).
var errTruncated = errors.New("reply is truncated")

// resolve appends the answer to x.
func (a *answer) resolve(s *Set, x *names.Exchange) error {
	table := s.table.Load()
	a.x, a.do, a.question = x, x.DO(), x.Query.Question.Type
	a.zone = nil
	a.chainCount, a.linkedCount, a.describedCount, a.proofCount = 0, 0, 0, 0
	a.expansionCount, a.redirectCount = 0, 0
	name, class := x.Query.Question.Name, x.Query.Question.Class
	for {
		a.asked.set(name)
		zone := table.choose(&a.asked, a.question, class)
		if zone == nil {
			if a.chainCount == 0 {
				return names.ErrPass
			}
			break // the chain leaves what we serve: the asker goes on from here
		}
		if a.question == wire.TypeAXFR || a.question == wire.TypeIXFR {
			x.RCode = wire.RCodeRefused // nobody may transfer zones yet
			return nil
		}
		if a.zone == nil || a.zone.class != class || !a.zone.origin.Equal(zone.origin) {
			a.zone = zone.Snapshot()
		}
		next, err := a.turn(s)
		if err != nil {
			return nil // the reply is truncated
		}
		if next.IsZero() || !a.follow(name, next) {
			break
		}
		name = next
	}
	if a.proveExpansions() == nil {
		a.additional()
	}
	return nil
}

// choose returns the zone that answers: the one with the longest name, but for
// DS the one above, for DS records belong to the parent's side of a cut (RFC
// 4035 3.1.4.1).
func (t *zoneTable) choose(asked *askedName, question wire.Type, class wire.Class) *Zone {
	z := t.find(asked, class, 0)
	if question == wire.TypeDS && z != nil && z.origin.Len() == asked.length && asked.labels > 0 {
		if parent := t.find(asked, class, 1); parent != nil {
			return parent
		}
	}
	return z
}

// follow notes the link from name to next, and reports whether to go on: not
// in a circle, and not for ever.
func (a *answer) follow(name, next wire.Name) bool {
	if a.chainCount == maxChain {
		return false
	}
	a.chain[a.chainCount] = name
	a.chainCount++
	for _, seen := range a.chain[:a.chainCount] {
		if seen.Equal(next) {
			return false
		}
	}
	return true
}

// turn looks one name of the chain up and appends what there is. It returns
// the name the chain goes on with, if it does.
func (a *answer) turn(s *Set) (next wire.Name, err error) {
	w := a.zone.lookup(&a.asked)
	if w.outcome == delegation && a.question == wire.TypeDS && int(w.node[nodeName]) == a.asked.length {
		w.outcome = found // the parent is authoritative for the DS at its cut
	}
	if a.chainCount == 0 && w.outcome != delegation {
		a.x.Reply.Flags |= wire.FlagAA
	}
	switch w.outcome {
	case delegation:
		return wire.Name{}, a.referral(w)
	case redirected:
		return a.redirect(w)
	case missing:
		return wire.Name{}, a.nameError(w)
	}
	switch a.question {
	case wire.TypeANY, wire.TypeRRSIG:
		return wire.Name{}, a.anything(w, s.FullANY || a.x.Peer.Transport != names.UDP)
	}
	if set, ok := w.node.find(a.question); ok {
		return wire.Name{}, a.positive(w, set)
	}
	if set, ok := w.node.find(wire.TypeCNAME); ok {
		target, _, _ := wire.BorrowName(set.first())
		return target, a.positive(w, set)
	}
	return wire.Name{}, a.noData(w)
}

// positive appends an RRset that was asked for, or a CNAME on the way to it.
func (a *answer) positive(w walk, set rrset) error {
	if err := a.append(wire.SectionAnswer, a.asked.name, set, set.ttl); err != nil {
		return err
	}
	a.link(set)
	a.expanded(w)
	return nil
}

// anything answers ANY: with all there is, or with one RRset (RFC 8482 4.1).
// A question for RRSIG is of the same kind: it too asks for every type at once.
func (a *answer) anything(w walk, all bool) error {
	some := false
	for set := range w.node.all() {
		if (set.Type == wire.TypeRRSIG) != (a.question == wire.TypeRRSIG) && !(set.Type == wire.TypeRRSIG && a.lone(w.node, set)) {
			continue // signatures come along with what they cover
		}
		if err := a.append(wire.SectionAnswer, a.asked.name, set, set.ttl); err != nil {
			return err
		}
		some = true
		a.link(set)
		if !all {
			break
		}
	}
	if !some {
		return a.noData(w)
	}
	a.expanded(w)
	return nil
}

// noData says that the name is there and the type is not (RFC 2308 2.2).
func (a *answer) noData(w walk) error {
	if err := a.appendNegativeSOA(); err != nil || !a.do {
		return err
	}
	return a.proveNoData(w)
}

// nameError says that the name is not there (RFC 2308 2.1). At the end of a
// chain the RCODE is that of its last name (RFC 6604 3).
func (a *answer) nameError(w walk) error {
	a.x.RCode = wire.RCodeNXDomain
	if err := a.appendNegativeSOA(); err != nil || !a.do {
		return err
	}
	return a.proveNameError(w)
}

// appendNegativeSOA appends the SOA record with the TTL that negative answers
// live for (RFC 2308 3).
func (a *answer) appendNegativeSOA() error {
	return a.append(wire.SectionAuthority, a.zone.origin, a.zone.soa(), a.zone.negativeTTL)
}

// redirect follows a DNAME (RFC 6672 3.2): the record, and a CNAME made from it.
func (a *answer) redirect(w walk) (next wire.Name, err error) {
	set, _ := w.node.find(wire.TypeDNAME)
	if a.firstRedirect(w.node) {
		if err := a.append(wire.SectionAnswer, w.node.name(), set, set.ttl); err != nil {
			return wire.Name{}, err
		}
	}
	target := set.first()
	kept := int(a.asked.starts[w.enclosing]) // octets in front of the DNAME's owner
	if kept+len(target) > wire.MaxNameLen {
		a.x.RCode = wire.RCodeYXDomain // RFC 6672 2.3
		return wire.Name{}, nil
	}
	space := a.synthesized[:0]
	if a.chainCount > 0 {
		space = make([]byte, 0, wire.MaxNameLen) // rare: an earlier link may still need the first
	}
	space = append(space, a.asked.name.Wire()[:kept]...)
	space = append(space, target...)
	next, _, _ = wire.BorrowName(space)
	m := a.x.Reply.Mark()
	if a.x.Reply.Raw(a.asked.name, wire.TypeCNAME, a.zone.class, set.ttl, space) != nil {
		return wire.Name{}, a.truncate(m)
	}
	if a.question == wire.TypeCNAME || a.question == wire.TypeANY {
		return wire.Name{}, nil
	}
	return next, nil
}

// firstRedirect reports whether the reply does not have n's DNAME yet: a chain
// may come by it twice with different names.
func (a *answer) firstRedirect(n node) bool {
	for _, seen := range a.redirects[:a.redirectCount] {
		if &seen[0] == &n[0] {
			return false
		}
	}
	a.redirects[a.redirectCount] = n
	a.redirectCount++
	return true
}

// referral points to the servers of a zone below (RFC 1034 4.3.2 step 3b).
func (a *answer) referral(w walk) error {
	cut := w.node
	servers, _ := cut.find(wire.TypeNS)
	if err := a.append(wire.SectionAuthority, cut.name(), servers, servers.ttl); err != nil {
		return err
	}
	if a.do {
		// A DS without its signature, in a zone that is not signed, is of no
		// use to anybody (RFC 4035 3.1.4).
		set, ok := cut.find(wire.TypeDS)
		if _, signed := set.signatures(); ok && signed {
			if err := a.append(wire.SectionAuthority, cut.name(), set, set.ttl); err != nil {
				return err
			}
		} else if err := a.proveNoDS(w); err != nil {
			return err
		}
	}
	if err := a.proveExpansions(); err != nil {
		return err
	}
	return a.glue(cut, servers)
}

// glue appends the addresses of a delegation's servers. Those below the cut
// can be had nowhere else: without all of them the reply is truncated (RFC
// 9471 3.1). Others are added as far as there is room (3.2).
func (a *answer) glue(cut node, servers rrset) error {
	for _, inDomain := range [...]bool{true, false} {
		for i := range servers.count {
			id := servers.link(i)
			if id == 0 {
				continue
			}
			n := a.zone.node(id)
			if (n.cut() != 0 && n.cut() == cut.cut()) != inDomain {
				continue
			}
			for _, t := range [...]wire.Type{wire.TypeA, wire.TypeAAAA} {
				set, ok := n.find(t)
				if !ok {
					continue
				}
				if !inDomain {
					a.appendOptional(n, set)
				} else if err := a.append(wire.SectionAdditional, n.name(), set, set.ttl); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// append appends an RRset and, if the asker wants them, its signatures: all of
// it, or nothing and TC.
func (a *answer) append(section wire.Section, owner wire.Name, set rrset, ttl uint32) error {
	m := a.x.Reply.Mark()
	if a.appendRecords(section, owner, set, ttl) != nil {
		return a.truncate(m)
	}
	if a.do {
		if signatures, ok := set.signatures(); ok && a.appendRecords(section, owner, signatures, ttl) != nil {
			return a.truncate(m)
		}
	}
	return nil
}

// appendOptional appends an RRset to the additional section if there is room,
// without its signatures if there is none for them (RFC 4035 3.1.1).
func (a *answer) appendOptional(n node, set rrset) {
	m := a.x.Reply.Mark()
	owner := n.name()
	if a.appendRecords(wire.SectionAdditional, owner, set, set.ttl) != nil {
		a.x.Reply.Rollback(m)
		return
	}
	if a.do {
		m = a.x.Reply.Mark()
		if signatures, ok := set.signatures(); ok && a.appendRecords(wire.SectionAdditional, owner, signatures, set.ttl) != nil {
			a.x.Reply.Rollback(m)
		}
	}
}

func (a *answer) appendRecords(section wire.Section, owner wire.Name, set rrset, ttl uint32) error {
	a.x.Reply.SetSection(section)
	rest := set.records()
	for range set.count {
		var data []byte
		data, rest = nextRecord(rest)
		if err := a.x.Reply.Raw(owner, set.Type, a.zone.class, ttl, data); err != nil {
			return err
		}
	}
	return nil
}

// truncate takes back what was written since m and sets TC.
func (a *answer) truncate(m wire.Mark) error {
	a.x.Reply.Rollback(m)
	a.x.Reply.Flags |= wire.FlagTC
	return errTruncated
}

// link remembers an RRset of the reply that leads to names.
func (a *answer) link(set rrset) {
	if set.flags&flagLinks != 0 && a.linkedCount < maxLinked {
		a.linked[a.linkedCount] = linkedSet{a.zone, set}
		a.linkedCount++
	}
}

// lone reports whether set holds signatures of a type that is not at the node.
func (a *answer) lone(n node, set rrset) bool {
	_, ok := n.find(set.covered)
	return !ok
}
