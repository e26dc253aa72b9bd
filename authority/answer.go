package authority

import (
	"errors"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// answer builds one reply: RFC 1034 4.3.2 in the RFC's order. Each iteration of
// resolve handles one name of a chain of aliases and appends what it finds,
// section by section. An answer is reused for other replies, so nothing may be
// read from it that resolve has not set.
type answer struct {
	x        *names.Exchange
	zone     *Snapshot // of the current name
	question wire.Type
	do       bool // the client wants signatures and proofs

	asked lookupName
	place wire.NameOffset // where the reply has the query name
	walk  walk            // of the current name

	// These never grow beyond the capacity that newAnswer gives them.
	chain      []wire.Name // the names of the chain up to now
	linked     []linkedSet // RRsets of the reply that refer to names
	described  []uint32    // refs of names that the additional section has
	proofs     []node      // whose NSEC or NSEC3 the reply has
	expansions []node      // proofs of wildcard expansions that are still to be appended
	redirects  []node      // owners of the DNAMEs that the reply has

	synthesized [wire.MaxNameLen]byte // the first name synthesized from a DNAME
}

const (
	// maxChain bounds how many aliases one reply follows. Longer chains are
	// cut off; resolvers continue from the last name. Other servers do not follow
	// more. A chain that crosses into other parts is limited to
	// [names.MaxAliases].
	maxChain  = 20
	maxLinked = 8
	maxProofs = 8
)

// linkedSet is an RRset that refers to names, the zone it is from, and where the
// reply has these names.
type linkedSet struct {
	zone    *Snapshot
	set     rrset
	targets targets
}

// targets is where the reply has the names that the first records of an RRset
// refer to. Names of further records are searched for.
type targets [16]wire.NameOffset

func (t *targets) of(record int) wire.NameOffset {
	if record < len(t) {
		return t[record]
	}
	return 0
}

// errTruncated ends the work on a reply that is full: TC is set, and the reply
// consists of whole RRsets (RFC 2181 9).
var errTruncated = errors.New("reply is truncated")

func newAnswer() *answer {
	return &answer{
		chain:      make([]wire.Name, 0, maxChain),
		linked:     make([]linkedSet, 0, maxLinked),
		described:  make([]uint32, 0, maxAdditional),
		proofs:     make([]node, 0, maxProofs),
		expansions: make([]node, 0, maxChain+1),
		redirects:  make([]node, 0, maxChain+1),
	}
}

// resolve appends the answer to x.
func (a *answer) resolve(s *Set, x *names.Exchange) error {
	table := s.table.Load()
	a.x, a.do, a.question = x, x.DO(), x.Query.Question.Type
	a.zone = nil
	a.chain, a.linked, a.described = a.chain[:0], a.linked[:0], a.described[:0]
	a.proofs, a.expansions, a.redirects = a.proofs[:0], a.expansions[:0], a.redirects[:0]
	name, class := x.Query.Question.Name, x.Query.Question.Class
	a.place = x.Reply.Owner()
	for {
		a.asked.set(name)
		zone := table.choose(&a.asked, a.question, class)
		if zone == nil {
			if len(a.chain) == 0 {
				return names.ErrPass
			}
			x.LeadsOn = true
			break // the chain leaves our zones: the client continues from here
		}
		x.MarkAnswered("zone")
		if !s.allows(zone, &x.Peer) {
			if len(a.chain) == 0 {
				x.RCode = wire.RCodeRefused
				x.AddExtendedError(wire.ExtendedErrorProhibited, "the zone is not for this client")
				return nil
			}
			break // the client gets no more than the alias
		}
		if a.question == wire.TypeAXFR || a.question == wire.TypeIXFR {
			x.RCode = wire.RCodeRefused // transfers are not answered inline
			return nil
		}
		x.Reply.Flags &^= wire.FlagCD // RFC 4035 3.1.6
		if a.zone == nil || a.zone.class != class || !a.zone.origin.Equal(zone.origin) {
			s := zone.Snapshot()
			if s == nil && len(a.chain) == 0 {
				return zone.unavailable()
			}
			if s == nil {
				break // the client will query the end of the chain and then get the error
			}
			a.zone = s
		}
		next, err := a.answerName(s)
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

// follow records the link from name to next, and reports whether to continue: not
// in a loop, and not beyond maxChain.
func (a *answer) follow(name, next wire.Name) bool {
	if len(a.chain) == maxChain {
		return false
	}
	a.chain = append(a.chain, name)
	for _, seen := range a.chain {
		if seen.Equal(next) {
			return false
		}
	}
	return true
}

// answerName looks up one name of the chain and appends what it has. It returns
// the next name of the chain, if there is one.
func (a *answer) answerName(s *Set) (next wire.Name, err error) {
	w := &a.walk
	a.zone.lookup(&a.asked, w)
	if w.outcome == delegation && a.question == wire.TypeDS && int(w.node[nodeName]) == a.asked.length {
		w.outcome = found // the parent is authoritative for the DS at its cut
	}
	if len(a.chain) == 0 && w.outcome != delegation {
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
	if w.outcome == wildcard && len(a.chain) == 0 {
		a.x.Wildcard = len(a.asked.suffix(w.enclosing))
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

// alias appends a CNAME record of the chain.
func (a *answer) alias(w *walk, set rrset) error {
	var targets targets
	err := a.append(wire.SectionAnswer, a.asked.name, a.place, set, set.ttl(), &targets)
	if err == nil {
		a.place = targets[0]
		a.expanded(w)
	}
	return err
}

// positive appends the RRset that answers the question.
func (a *answer) positive(w *walk, set rrset) error {
	if err := a.answerWith(set); err != nil {
		return err
	}
	a.expanded(w)
	return nil
}

// answerWith appends an RRset of the current name to the answer section.
func (a *answer) answerWith(set rrset) error {
	if !set.has(flagLinks) || len(a.linked) == maxLinked {
		return a.append(wire.SectionAnswer, a.asked.name, a.place, set, set.ttl(), nil)
	}
	a.linked = a.linked[:len(a.linked)+1]
	l := &a.linked[len(a.linked)-1]
	l.zone, l.set = a.zone, set // targets are set as the records are appended
	return a.append(wire.SectionAnswer, a.asked.name, a.place, set, set.ttl(), &l.targets)
}

// anything answers ANY: with all RRsets, or with one (RFC 8482 4.1). Questions
// for RRSIG are alike: they also ask for every type at once.
func (a *answer) anything(w *walk, all bool) error {
	some := false
	for set := range w.node.all() {
		if (set.kind() == wire.TypeRRSIG) != (a.question == wire.TypeRRSIG) && !(set.kind() == wire.TypeRRSIG && a.lone(w.node, set)) {
			continue // signatures are appended with the RRset they cover
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

// noData answers that the name exists and the type does not (RFC 2308 2.2).
func (a *answer) noData(w *walk) error {
	if a.question == wire.TypeDS && a.zone.origin.Len() == a.asked.length {
		a.x.LeadsOn = true // the parent has it (RFC 4035 3.1.4.1), and is not one of our zones
	}
	if err := a.appendNegativeSOA(); err != nil || !a.do {
		return err
	}
	return a.proveNoData(w)
}

// nameError answers that the name does not exist (RFC 2308 2.1). The RCODE is
// that of the last name of a chain (RFC 6604 3).
func (a *answer) nameError(w *walk) error {
	a.x.RCode = wire.RCodeNXDomain
	if err := a.appendNegativeSOA(); err != nil || !a.do {
		return err
	}
	return a.proveNameError(w)
}

// appendNegativeSOA appends the SOA record with the TTL of negative answers (RFC
// 2308 3).
func (a *answer) appendNegativeSOA() error {
	origin := a.zone.origin
	return a.append(wire.SectionAuthority, origin, a.placeOf(origin), a.zone.soa(), a.zone.negativeTTL, nil)
}

// redirect follows a DNAME record (RFC 6672 3.2): it appends that and a CNAME
// synthesized from it.
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
	if len(a.chain) > 0 {
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
// may use it twice for different names.
func (a *answer) firstRedirect(n node) bool {
	for _, seen := range a.redirects {
		if &seen[0] == &n[0] {
			return false
		}
	}
	a.redirects = append(a.redirects, n)
	return true
}

// referral refers to the servers of a zone below (RFC 1034 4.3.2 step 3b).
func (a *answer) referral(w *walk) error {
	a.x.LeadsOn = true
	cut := w.node
	servers, _ := cut.find(wire.TypeNS)
	owner := cut.name()
	place := a.placeOf(owner)
	var targets targets
	if err := a.append(wire.SectionAuthority, owner, place, servers, servers.ttl(), &targets); err != nil {
		return err
	}
	if a.do {
		// In a zone that is not signed, a DS record proves nothing (RFC 4035
		// 3.1.4).
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

// glue appends the addresses of a delegation's servers. Addresses below the cut
// are available nowhere else: without all of them the reply is truncated (RFC
// 9471 3.1). Others are added if there is room (3.2).
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

// placeOf is where the reply has name, which is the query name or one above it;
// 0 if it has to be searched for.
func (a *answer) placeOf(name wire.Name) wire.NameOffset {
	if len(a.chain) > 0 || a.place == 0 || name.IsRoot() {
		return 0 // the tail of an alias may be elsewhere
	}
	return a.place + wire.NameOffset(a.asked.length-name.Len())
}

// append appends an RRset and, if the client wants them, its signatures: all of
// it, or nothing and TC. The reply has the owner at place already, unless that
// is 0. Unless targets is nil, it is filled with where the reply has the names
// that the set refers to.
func (a *answer) append(section wire.Section, owner wire.Name, place wire.NameOffset, set rrset, ttl uint32, targets *targets) error {
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

// appendOptional appends an RRset to the additional section if there is room;
// without its signatures if there is no room for these (RFC 4035 3.1.1).
func (a *answer) appendOptional(n node, place wire.NameOffset, set rrset) {
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

func (a *answer) appendRecords(section wire.Section, owner wire.Name, place wire.NameOffset, set rrset, ttl uint32, targets *targets) error {
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

// truncate removes what was written since m and sets TC.
func (a *answer) truncate(m wire.Mark) error {
	a.x.Reply.Rollback(m)
	a.x.Reply.Flags |= wire.FlagTC
	return errTruncated
}

// lone reports whether set holds signatures of a type that the node does not have.
func (a *answer) lone(n node, set rrset) bool {
	_, ok := n.find(set.covered())
	return !ok
}
