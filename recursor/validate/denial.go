package validate

import (
	"slices"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// proofs are the NSEC and NSEC3 records of a reply that one zone signed: a
// proof is never put together from the records of two zones.
type proofs struct {
	*check
	zone    *zone
	nsec    []nsecProof
	nsec3   []dnssec.NSEC3
	ttl     uint32    // of the shortest-lived of them
	failure judgement // about records that did not hold, if there are any
}

// nsecProof is an NSEC record that holds.
type nsecProof struct {
	owner, next wire.Name
	types       wire.TypeBitmap
}

// proofsOf verifies the NSEC and NSEC3 RRsets in sets that zone z signed.
func (c *check) proofsOf(z *zone, sets []*RRset) *proofs {
	p := &proofs{check: c, zone: z, ttl: maxReplyTTL}
	for _, set := range sets {
		if set.Type != wire.TypeNSEC && set.Type != wire.TypeNSEC3 {
			continue
		}
		if !isSignedBy(set, z.name) {
			continue
		}
		if !c.budget.take(Proofs, 1) {
			break
		}
		if set.Verdict == Unchecked {
			// One that does not hold stays unchecked: another zone may have
			// signed it, and the owner of both be a zone cut.
			if j := c.verify(set, z); j.verdict == Secure {
				set.judge(j)
			} else {
				j.isTried = j.isTried || p.failure.isTried
				if p.failure.reason.Text == "" {
					p.failure = j
				}
				p.failure.isTried = j.isTried
			}
		}
		if set.Verdict != Secure || !set.Zone.Equal(z.name) {
			continue
		}
		p.add(set)
	}
	// A zone may have had a dear chain before, and its records be added to those of now:
	// they make nothing insecure that these prove.
	isCheap := func(n dnssec.NSEC3) bool { return n.Iterations <= dnssec.MaxIterations }
	if slices.ContainsFunc(p.nsec3, isCheap) {
		p.nsec3 = slices.DeleteFunc(p.nsec3, func(n dnssec.NSEC3) bool { return !isCheap(n) })
	}
	return p
}

func isSignedBy(set *RRset, zone wire.Name) bool {
	for _, sig := range set.Signatures {
		if sig.Signer.Equal(zone) {
			return true
		}
	}
	return false
}

// add takes in the records of an RRset that holds.
func (p *proofs) add(set *RRset) {
	if !set.Wildcard.IsZero() {
		return // it was expanded from a wildcard: it says nothing about this name
	}
	p.ttl = min(p.ttl, set.TTL)
	for _, data := range set.Data {
		if set.Type == wire.TypeNSEC3 {
			n, err := dnssec.ParseNSEC3(set.Name, data)
			// The owner is a hash in the zone itself: neither one of a zone
			// below nor of one above.
			if err != nil || !n.Zone.Equal(p.zone.name) {
				continue
			}
			p.nsec3 = append(p.nsec3, n)
			continue
		}
		var n wire.NSEC
		c := wire.CursorOver(data)
		// The next name is in the zone, or the record is not one of its chain.
		if n.Parse(&c) != nil || !n.Next.HasSuffix(p.zone.name) {
			continue
		}
		p.nsec = append(p.nsec, nsecProof{set.Name, n.Next, n.Types})
	}
}

// missing is the judgement that what should be proved is not.
func (p *proofs) missing(format string, args ...any) judgement {
	if exhausted, ok := p.budget.exhausted(); ok {
		return exhausted
	}
	if p.failure.reason.Text != "" {
		return p.failure
	}
	return bogus(wire.ExtendedErrorNSECMissing, format, args...)
}

// iterations is the judgement about a zone whose NSEC3 records want too many
// iterations (RFC 9276 3.2).
func (p *proofs) iterations() judgement {
	return insecure(wire.ExtendedErrorUnsupportedNSEC3Iterations, "NSEC3 records of %s want more than %d iterations", plain(p.zone.name), dnssec.MaxIterations)
}

// negative judges a reply that has no records of type t for name: NXDOMAIN, or
// no data.
func (c *check) negative(name wire.Name, t wire.Type, nxdomain bool) judgement {
	if a, j := c.anchorFor(name); a == nil {
		return j
	}
	return c.bySigner(denials(c.reply.Authority), name, t, func(z *zone) judgement {
		if z == nil {
			return bogus(wire.ExtendedErrorNSECMissing, "no signed proof that %s %v does not exist", plain(name), t)
		}
		return c.negativeIn(z, name, t, nxdomain)
	})
}

// denials are the RRsets that proofs are made of.
func denials(sets []*RRset) (some []*RRset) {
	for _, set := range sets {
		if set.Type == wire.TypeNSEC || set.Type == wire.TypeNSEC3 {
			some = append(some, set)
		}
	}
	return some
}

// negativeIn judges a negative reply by the proofs of zone z. An SOA record is
// not needed for that, but has to hold if there is one.
func (c *check) negativeIn(z *zone, name wire.Name, t wire.Type, nxdomain bool) judgement {
	p := c.proofsOf(z, c.reply.Authority)
	var j judgement
	if nxdomain {
		j = p.noName(name)
	} else {
		j = p.noData(name, t)
	}
	if j.verdict < Insecure {
		return j
	}
	c.ttl = min(c.ttl, p.ttl)
	if soa := find(c.reply.Authority, z.name, wire.TypeSOA); soa != nil {
		held := c.rrset(soa)
		if held.verdict == Secure && !soa.Zone.Equal(z.name) {
			held = soa.judge(bogus(wire.ExtendedErrorBogus, "%s is signed by %s", soa.what(), plain(soa.Zone)))
		}
		if held.verdict < Insecure {
			return held
		}
		c.ttl = min(c.ttl, minimumTTL(soa))
	}
	return j
}

// minimumTTL is how long a negative reply is kept (RFC 2308 5).
func minimumTTL(soa *RRset) uint32 {
	var data wire.SOA
	c := wire.CursorOver(soa.Data[0])
	if data.Parse(&c) != nil {
		return soa.TTL
	}
	return min(soa.TTL, data.Minimum)
}

// noName judges the proof that name does not exist, and that no wildcard is
// there for it.
func (p *proofs) noName(name wire.Name) judgement {
	if len(p.nsec3) > 0 {
		return p.noName3(name)
	}
	if n := p.match(name); n != nil && n.types.Has(wire.TypeNXNAME) && !n.types.Has(wire.TypeCNAME) && isRightSide(n.types, name, wire.TypeNXNAME) {
		return secure // RFC 9824 5: the RCODE for clients that set CO
	}
	covering := p.covering(name)
	if covering == nil {
		return p.missing("no NSEC record of %s covers %s", plain(p.zone.name), plain(name))
	}
	encloser := covering.encloser(name)
	wildcard, err := encloser.Prepend("*")
	if err != nil {
		return secure // a wildcard would be too long for a name
	}
	if p.covering(wildcard) == nil {
		return p.missing("no NSEC record of %s covers %s", plain(p.zone.name), plain(wildcard))
	}
	return secure
}

// noData judges the proof that name has no records of type t and no alias.
func (p *proofs) noData(name wire.Name, t wire.Type) judgement {
	if len(p.nsec3) > 0 {
		return p.noData3(name, t)
	}
	if n := p.match(name); n != nil {
		if !p.mayDenyData(n, name, t) {
			return p.missing("NSEC record of %s does not deny %s %v", plain(p.zone.name), plain(name), t)
		}
		if n.types.Has(wire.TypeNXNAME) { // RFC 9824 3
			p.check.noName = true
		}
		return secure
	}
	if p.isEmptyNonTerminal(name) {
		return secure
	}
	covering := p.covering(name)
	if covering == nil {
		return p.missing("no NSEC record of %s is at %s or covers it", plain(p.zone.name), plain(name))
	}
	wildcard, err := covering.encloser(name).Prepend("*")
	if err == nil {
		if n := p.match(wildcard); n != nil && p.mayDenyData(n, wildcard, t) {
			return secure
		}
		if p.isEmptyNonTerminal(wildcard) {
			return secure
		}
	}
	return p.missing("no NSEC record of %s denies %s %v", plain(p.zone.name), plain(name), t)
}

// noCloserMatch judges the proof that a wildcard was rightly expanded: the next
// closer name does not exist (RFC 4035 5.3.4, RFC 5155 8.8).
func (c *check) noCloserMatch(set *RRset) judgement {
	encloser := set.Wildcard.Parent()
	nextCloser := set.Name.Ancestor(encloser.LabelCount() + 1)
	p := c.proofsOf(c.signerZone(set.Zone), c.reply.Authority)
	if len(p.nsec3) > 0 {
		return p.nextCloser3(nextCloser)
	}
	if p.covering(nextCloser) == nil {
		return p.missing("%s comes from the wildcard %s without a proof that there is no %s", set.what(), plain(set.Wildcard), plain(nextCloser))
	}
	return secure
}

// match returns the NSEC record whose owner is name.
func (p *proofs) match(name wire.Name) *nsecProof {
	for i := range p.nsec {
		if p.nsec[i].owner.Equal(name) {
			return &p.nsec[i]
		}
	}
	return nil
}

// mayDenyData reports whether n, at name, says that there are no records of
// type t and no alias (RFC 6840 4.3).
func (p *proofs) mayDenyData(n *nsecProof, name wire.Name, t wire.Type) bool {
	return !n.types.Has(t) && !n.types.Has(wire.TypeCNAME) && isRightSide(n.types, name, t)
}

// isRightSide reports whether the types at name are those of the side of a zone
// cut that knows about t: the parent about DS, the child about all else (RFC
// 6840 4.1, 4.4).
func isRightSide(types wire.TypeBitmap, name wire.Name, t wire.Type) bool {
	isApex := types.Has(wire.TypeSOA)
	if t == wire.TypeDS && !name.IsRoot() {
		return !isApex
	}
	return isApex || !types.Has(wire.TypeNS)
}

// covering returns the NSEC record that proves that name does not exist and
// has nothing below it. One at a delegation or a DNAME record above name says
// nothing about name (RFC 6840 4.1, RFC 6672 5.3.4).
func (p *proofs) covering(name wire.Name) *nsecProof {
	for i := range p.nsec {
		n := &p.nsec[i]
		if dnssec.Covers(n.owner, n.next, name) && !n.next.HasSuffix(name) && !isAncestorOfOther(n.types, n.owner, name) {
			return n
		}
	}
	return nil
}

// isAncestorOfOther reports whether owner, with these types, is above name in
// such a way that name is not in its zone.
func isAncestorOfOther(types wire.TypeBitmap, owner, name wire.Name) bool {
	if !name.HasSuffix(owner) {
		return false
	}
	return types.Has(wire.TypeDNAME) || types.Has(wire.TypeNS) && !types.Has(wire.TypeSOA)
}

// isEmptyNonTerminal reports whether there are names below name, but no records
// at it: the next name after those before it is below it.
func (p *proofs) isEmptyNonTerminal(name wire.Name) bool {
	for i := range p.nsec {
		n := &p.nsec[i]
		if dnssec.Covers(n.owner, n.next, name) && n.next.HasSuffix(name) && !isAncestorOfOther(n.types, n.owner, name) {
			return true
		}
	}
	return false
}

// encloser is the longest name that exists above name, which n covers: what
// name has in common with one of the two ends of n.
func (n *nsecProof) encloser(name wire.Name) wire.Name {
	return name.Ancestor(max(commonLabels(name, n.owner), commonLabels(name, n.next)))
}

// commonLabels is how many labels two names share, from the root.
func commonLabels(a, b wire.Name) int {
	labels := min(a.LabelCount(), b.LabelCount())
	for !a.Ancestor(labels).Equal(b.Ancestor(labels)) {
		labels--
	}
	return labels
}

// cutKind is what a proof about DS records says about zone cuts.
type cutKind uint8

const (
	cutUnproved cutKind = iota
	cutInsecure         // a delegation without DS records
	cutNone             // a name in the zone
	cutNoName           // not a name at all: there is nothing below it either
)

type delegation struct {
	kind cutKind
	judgement
}

// delegation finds out whether name, which has no DS records, is delegated (RFC
// 4035 5.2, RFC 5155 8.9).
func (p *proofs) delegation(name wire.Name) delegation {
	if len(p.nsec3) > 0 {
		return p.delegation3(name)
	}
	if n := p.match(name); n != nil {
		return p.delegationBy(n.types, name)
	}
	if p.isEmptyNonTerminal(name) {
		return delegation{kind: cutNone}
	}
	if p.covering(name) != nil {
		return delegation{kind: cutNoName}
	}
	return p.unproved(name)
}

// delegationBy reads the types at name.
func (p *proofs) delegationBy(types wire.TypeBitmap, name wire.Name) delegation {
	switch {
	case types.Has(wire.TypeDS):
		return delegation{judgement: p.missing("%s has DS records, which are not in the reply", plain(name))}
	case types.Has(wire.TypeSOA): // from the child: it cannot know
		return p.unproved(name)
	case types.Has(wire.TypeNS):
		return delegation{cutInsecure, insecure(wire.ExtendedErrorOther, "%s is delegated without DS records", plain(name))}
	}
	return delegation{kind: cutNone}
}

func (p *proofs) unproved(name wire.Name) delegation {
	return delegation{judgement: p.missing("no proof of %s whether %s has DS records", plain(p.zone.name), plain(name))}
}
