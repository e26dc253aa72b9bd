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
	place wire.Place // where the reply has the name asked
	walk  walk       // of the present turn

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

// linkedSet is an RRset that leads to names, the zone it is from, and where the
// reply has the names.
type linkedSet struct {
	zone    *Snapshot
	set     rrset
	targets targets
}

// targets is where the reply has the names that an RRset leads to. Those of
// records beyond are searched for.
type targets [16]wire.Place

func (t *targets) of(record int) wire.Place {
	if record < len(t) {
		return t[record]
	}
	return 0
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
	a.place = x.Reply.Owner()
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
	w := &a.walk
	a.zone.lookup(&a.asked, w)
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
		return target, a.alias(w, set)
	}
	return wire.Name{}, a.noData(w)
}

// alias appends the CNAME on the way to what was asked for.
func (a *answer) alias(w *walk, set rrset) error {
	var targets targets
	err := a.append(wire.SectionAnswer, a.asked.name, a.place, set, set.ttl(), &targets)
	if err == nil {
		a.place = targets[0]
		a.expanded(w)
	}
	return err
}

// positive appends an RRset that was asked for.
func (a *answer) positive(w *walk, set rrset) error {
	if err := a.answerWith(set); err != nil {
		return err
	}
	a.expanded(w)
	return nil
}

// answerWith appends an RRset of the name asked to the answer section.
func (a *answer) answerWith(set rrset) error {
	if !set.has(flagLinks) || a.linkedCount == maxLinked {
		return a.append(wire.SectionAnswer, a.asked.name, a.place, set, set.ttl(), nil)
	}
	l := &a.linked[a.linkedCount]
	l.zone, l.set = a.zone, set
	a.linkedCount++
	return a.append(wire.SectionAnswer, a.asked.name, a.place, set, set.ttl(), &l.targets)
}

// anything answers ANY: with all there is, or with one RRset (RFC 8482 4.1).
// A question for RRSIG is of the same kind: it too asks for every type at once.
func (a *answer) anything(w *walk, all bool) error {
	some := false
	for set := range w.node.all() {
		if (set.kind() == wire.TypeRRSIG) != (a.question == wire.TypeRRSIG) && !(set.kind() == wire.TypeRRSIG && a.lone(w.node, set)) {
			continue // signatures come along with what they cover
		}
		if err := a.answerWith(set); err != nil {
			return err
		}
		some = true
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
func (a *answer) noData(w *walk) error {
	if err := a.appendNegativeSOA(); err != nil || !a.do {
		return err
	}
	return a.proveNoData(w)
}

// nameError says that the name is not there (RFC 2308 2.1). At the end of a
// chain the RCODE is that of its last name (RFC 6604 3).
func (a *answer) nameError(w *walk) error {
	a.x.RCode = wire.RCodeNXDomain
	if err := a.appendNegativeSOA(); err != nil || !a.do {
		return err
	}
	return a.proveNameError(w)
}

// appendNegativeSOA appends the SOA record with the TTL that negative answers
// live for (RFC 2308 3).
func (a *answer) appendNegativeSOA() error {
	origin := a.zone.origin
	return a.append(wire.SectionAuthority, origin, a.placeOf(origin), a.zone.soa(), a.zone.negativeTTL, nil)
}

// redirect follows a DNAME (RFC 6672 3.2): the record, and a CNAME made from it.
func (a *answer) redirect(w *walk) (next wire.Name, err error) {
	set, _ := w.node.find(wire.TypeDNAME)
	if a.firstRedirect(w.node) {
		owner := w.node.name()
		if err := a.append(wire.SectionAnswer, owner, a.placeOf(owner), set, set.ttl(), nil); err != nil {
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
	if a.x.Reply.Raw(a.asked.name, wire.TypeCNAME, a.zone.class, set.ttl(), space) != nil {
		return wire.Name{}, a.truncate(m)
	}
	a.place = a.x.Reply.Target()
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
func (a *answer) referral(w *walk) error {
	cut := w.node
	servers, _ := cut.find(wire.TypeNS)
	owner := cut.name()
	place := a.placeOf(owner)
	var targets targets
	if err := a.append(wire.SectionAuthority, owner, place, servers, servers.ttl(), &targets); err != nil {
		return err
	}
	if a.do {
		// A DS without its signature, in a zone that is not signed, is of no
		// use to anybody (RFC 4035 3.1.4).
		set, _ := cut.find(wire.TypeDS)
		if _, signed := set.signatures(); signed {
			if err := a.append(wire.SectionAuthority, owner, place, set, set.ttl(), nil); err != nil {
				return err
			}
		} else if err := a.proveNoDS(w); err != nil {
			return err
		}
	}
	if err := a.proveExpansions(); err != nil {
		return err
	}
	return a.glue(cut, servers, &targets)
}

// glue appends the addresses of a delegation's servers. Those below the cut
// can be had nowhere else: without all of them the reply is truncated (RFC
// 9471 3.1). Others are added as far as there is room (3.2).
func (a *answer) glue(cut node, servers rrset, targets *targets) error {
	others, here := false, cut.cut()
	for i := range servers.count() {
		id := servers.link(i)
		if id == 0 {
			continue
		}
		n := a.zone.node(id)
		if n.cut() != here {
			others = true
			continue
		}
		place := targets.of(i)
		owner := n.nameUnlessAt(place)
		for set := range n.addresses() {
			if err := a.append(wire.SectionAdditional, owner, place, set, set.ttl(), nil); err != nil {
				return err
			}
		}
	}
	if !others {
		return nil
	}
	for i := range servers.count() {
		id := servers.link(i)
		if id == 0 {
			continue
		}
		if n := a.zone.node(id); n.cut() != here {
			for set := range n.addresses() {
				a.appendOptional(n, targets.of(i), set)
			}
		}
	}
	return nil
}

// nameUnlessAt is the name of n, or none where the reply has it at place: then
// nobody reads it.
func (n node) nameUnlessAt(place wire.Place) wire.Name {
	if place != 0 {
		return wire.Name{}
	}
	return n.name()
}

// placeOf is where the reply has a name of which the name asked is, or is
// below; 0 if it is to be searched for.
func (a *answer) placeOf(name wire.Name) wire.Place {
	if a.chainCount > 0 || a.place == 0 || name.IsRoot() {
		return 0 // the tail of an alias may be elsewhere
	}
	return a.place + wire.Place(a.asked.length-name.Len())
}

// append appends an RRset and, if the asker wants them, its signatures: all of
// it, or nothing and TC. The reply has the owner at place already, unless that
// is 0. Unless targets is nil, it gets where the names are that the set leads to.
func (a *answer) append(section wire.Section, owner wire.Name, place wire.Place, set rrset, ttl uint32, targets *targets) error {
	m := a.x.Reply.Mark()
	if a.appendRecords(section, owner, place, set, ttl, targets) != nil {
		return a.truncate(m)
	}
	if a.do {
		if signatures, ok := set.signatures(); ok && a.appendRecords(section, owner, place, signatures, ttl, nil) != nil {
			return a.truncate(m)
		}
	}
	return nil
}

// appendOptional appends an RRset to the additional section if there is room,
// without its signatures if there is none for them (RFC 4035 3.1.1).
func (a *answer) appendOptional(n node, place wire.Place, set rrset) {
	m := a.x.Reply.Mark()
	owner := n.nameUnlessAt(place)
	if a.appendRecords(wire.SectionAdditional, owner, place, set, set.ttl(), nil) != nil {
		a.x.Reply.Rollback(m)
		return
	}
	if a.do {
		m = a.x.Reply.Mark()
		if signatures, ok := set.signatures(); ok && a.appendRecords(wire.SectionAdditional, owner, place, signatures, set.ttl(), nil) != nil {
			a.x.Reply.Rollback(m)
		}
	}
}

func (a *answer) appendRecords(section wire.Section, owner wire.Name, place wire.Place, set rrset, ttl uint32, targets *targets) error {
	reply := &a.x.Reply
	reply.SetSection(section)
	kind, rest := set.kind(), set.records()
	for i := range set.count() {
		var data []byte
		data, rest = nextRecord(rest)
		if place == 0 {
			if err := reply.Raw(owner, kind, a.zone.class, ttl, data); err != nil {
				return err
			}
			place = reply.Owner()
		} else if err := reply.RawAt(place, kind, a.zone.class, ttl, data); err != nil {
			return err
		}
		if targets != nil && i < len(targets) {
			targets[i] = reply.Target()
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

// lone reports whether set holds signatures of a type that is not at the node.
func (a *answer) lone(n node, set rrset) bool {
	_, ok := n.find(set.covered())
	return !ok
}
