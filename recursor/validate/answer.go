package validate

import (
	"bytes"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// maxLinks is how many aliases an answer is followed through.
const maxLinks = 16

// whole judges the reply from its question on: alias by alias, each by its own
// signature, until the records asked for are there or have to be proved absent.
func (c *check) whole() judgement {
	q := c.reply.Question
	if !c.reply.isAnswer() {
		return indeterminate(wire.ExtendedErrorOther, "reply for %s %v is %v", plain(q.Name), q.Type, c.reply.RCode)
	}
	total := secure
	name := q.Name
	for links := 0; ; links++ {
		if links == maxLinks {
			return indeterminate(wire.ExtendedErrorOther, "%s has a chain of more than %d aliases, or a loop", plain(q.Name), maxLinks)
		}
		sets := c.answers(name)
		if len(sets) > 0 {
			for _, set := range sets {
				total = total.and(c.answer(set))
			}
			if c.reply.RCode == wire.RCodeNXDomain && total.verdict == Secure {
				return bogus(wire.ExtendedErrorBogus, "reply is NXDOMAIN and has %s %v", plain(name), q.Type)
			}
			return total
		}
		target, j, ok := c.alias(name)
		if !ok {
			break
		}
		total = total.and(j)
		if target.IsZero() { // RFC 6672 2.2: the name would be too long
			return total
		}
		name = target
		if total.verdict <= Indeterminate {
			return total
		}
	}
	isAlias := name != q.Name
	if isAlias && c.reply.Partial {
		return total
	}
	if !isAlias && c.reply.RCode == wire.RCodeYXDomain {
		return bogus(wire.ExtendedErrorBogus, "reply is YXDOMAIN without a DNAME record for %s", plain(name))
	}
	return total.and(c.negative(name, q.Type, c.reply.RCode == wire.RCodeNXDomain))
}

// answer judges an RRset that was asked for. One that a DNAME record makes may
// be among them.
func (c *check) answer(set *RRset) judgement {
	if set.Type == wire.TypeCNAME && len(set.Signatures) == 0 && aliasOf(c.reply.Answer, set.Name).Type == wire.TypeDNAME {
		_, j, _ := c.alias(set.Name)
		return j
	}
	return c.positive(set)
}

// answers returns the RRsets of name that were asked for.
func (c *check) answers(name wire.Name) (sets []*RRset) {
	for _, set := range c.reply.Answer {
		if set.Name.Equal(name) && (set.Type == c.reply.Question.Type || c.reply.Question.Type == wire.TypeANY) {
			sets = append(sets, set)
		}
	}
	return sets
}

// alias judges the CNAME or DNAME record that name has or is below of, and
// returns the name it refers to; no name if that would be too long.
func (c *check) alias(name wire.Name) (wire.Name, judgement, bool) {
	cname := find(c.reply.Answer, name, wire.TypeCNAME)
	if cname != nil && len(cname.Signatures) > 0 {
		return c.follow(cname)
	}
	for zone := name.Parent(); !zone.IsZero(); zone = zone.Parent() {
		dname := find(c.reply.Answer, zone, wire.TypeDNAME)
		if dname == nil {
			continue
		}
		target, j, ok := c.follow(dname)
		if !ok {
			return target, j, ok
		}
		target, tooLong := substitute(name, zone, target)
		if cname != nil {
			// The CNAME record that a DNAME record makes is not signed: make
			// it again and compare (RFC 6672 5.3.1).
			made, ok := targetOf(cname)
			if !ok || tooLong || !made.Equal(target) {
				return target, cname.judge(bogus(wire.ExtendedErrorBogus, "CNAME of %s does not follow from the DNAME of %s", plain(name), plain(zone))), true
			}
			cname.judge(j)
			cname.Zone = dname.Zone
			c.cap(cname)
		}
		return target, j, true
	}
	if cname != nil {
		return c.follow(cname)
	}
	return wire.Name{}, judgement{}, false
}

// follow judges a CNAME or DNAME RRset and returns its target.
func (c *check) follow(set *RRset) (wire.Name, judgement, bool) {
	j := c.positive(set)
	target, ok := targetOf(set)
	if !ok {
		return set.Name, set.judge(bogus(wire.ExtendedErrorInvalidData, "%s does not have one target", set.what())), true
	}
	return target, j, true
}

// targetOf returns the name in the only record of set.
func targetOf(set *RRset) (wire.Name, bool) {
	if len(set.Data) == 0 {
		return wire.Name{}, false
	}
	for _, other := range set.Data[1:] {
		if !bytes.Equal(other, set.Data[0]) {
			return wire.Name{}, false
		}
	}
	target, n, err := wire.BorrowName(set.Data[0])
	return target, err == nil && n == len(set.Data[0])
}

// substitute puts target in the place of zone at the end of name (RFC 6672
// 2.2), and reports whether that is too long for a name.
func substitute(name, zone, target wire.Name) (made wire.Name, tooLong bool) {
	prefix := name.Wire()[:name.Len()-zone.Len()]
	made, _, err := wire.NameFromWire([]byte(prefix + target.Wire()))
	return made, err != nil
}

// positive judges an RRset of the answer, and the proof that a wildcard needs.
func (c *check) positive(set *RRset) judgement {
	if set.Verdict != Unchecked {
		return set.judgement()
	}
	j := c.rrset(set)
	if j.verdict == Secure && !set.Wildcard.IsZero() {
		j = set.judge(c.noCloserMatch(set))
	}
	return j
}

// rrset judges an RRset by its signatures.
func (c *check) rrset(set *RRset) judgement {
	if set.Verdict != Unchecked {
		return set.judgement()
	}
	if !dnssec.MayBeSigned(set.Type) {
		return set.judge(insecure(wire.ExtendedErrorOther, "%s has no signatures: there are none for this type", set.what()))
	}
	if exhausted, ok := c.budget.exhausted(); ok {
		return set.judge(exhausted)
	}
	j := set.judge(c.rrsetBySigner(set))
	c.cap(set)
	return j
}

// rrsetBySigner tries the zones that the signatures of set name.
func (c *check) rrsetBySigner(set *RRset) judgement {
	if a, j := c.anchorFor(set.Name); a == nil {
		return j
	}
	return c.bySigner([]*RRset{set}, set.Name, set.Type, func(z *zone) judgement {
		if z == nil {
			return bogus(wire.ExtendedErrorRRSIGsMissing, "%s has no signature of its zone", set.what())
		}
		return c.verify(set, z)
	})
}

// bySigner judges what is said about records of type t of name by the zones
// that signed sets, the nearest first. by judges one zone's word, or with nil
// that there is none. What no zone vouches for is insecure if the zone that
// name is in is; signatures that do not belong to it do not change that.
func (c *check) bySigner(sets []*RRset, name wire.Name, t wire.Type, by func(*zone) judgement) judgement {
	nearest := c.nearestAnchor(name, t)
	signers := signersOf(sets, func(signer wire.Name) bool { return mayDeny(signer, name, t) && signer.HasSuffix(nearest) })
	var first judgement // about the nearest zone
	isTried := false
	for i, signer := range signers {
		var j judgement
		z := c.signerZone(signer)
		switch {
		case z.verdict == Secure && !z.name.Equal(signer):
			j = bogus(wire.ExtendedErrorBogus, "%s %v is signed by %s, which is not a zone: it belongs to %s", plain(name), t, plain(signer), plain(z.name))
		case z.verdict != Secure:
			j = z.judgement
			j.isTried = z.isSigned // RFC 4035 5.2: a zone with DS records whose keys do not hold
		default:
			if j = by(z); j.verdict == Bogus {
				if renewed := c.renewed(z); renewed != nil {
					j = by(renewed)
				}
			}
		}
		if j.verdict >= Insecure {
			return j
		}
		isTried = isTried || j.isTried
		if i == 0 {
			first = j
		}
	}
	if isTried {
		// Records name the zone they are in as the signer (RFC 4035 5.3.1), and
		// this one has to be secure: to look for an unsigned zone below it would
		// cost a query for each name.
		return first
	}
	if t == wire.TypeDS && !name.IsRoot() {
		name = name.Parent() // DS records are in the parent zone
	}
	z := c.zoneOf(name)
	switch {
	case z.verdict == Insecure, z.verdict != Secure && len(signers) == 0:
		return z.judgement
	case len(signers) == 0:
		return by(nil)
	}
	return first
}

// nearestAnchor is the zone of the trust anchor that what is said about records of type t
// of name has to be proved by: zones above it have no say, so that an operator who gives a
// zone's key need not trust its parents.
func (c *check) nearestAnchor(name wire.Name, t wire.Type) wire.Name {
	if t == wire.TypeDS && !name.IsRoot() {
		name = name.Parent()
	}
	if a, _ := c.anchorFor(name); a != nil {
		return a.name
	}
	return wire.Root
}

// maxSigners is how many zones that claim to have signed one thing are tried.
const maxSigners = 2

// signersOf returns the signers of sets that are acceptable, the nearest zones
// first.
func signersOf(sets []*RRset, acceptable func(wire.Name) bool) []wire.Name {
	var signers []wire.Name
	for _, set := range sets {
		for _, sig := range set.Signatures {
			at, known := len(signers), false
			for i, s := range signers {
				if s.Equal(sig.Signer) {
					known = true
					break
				}
				if s.LabelCount() < sig.Signer.LabelCount() {
					at = min(at, i)
				}
			}
			if known || !acceptable(sig.Signer) {
				continue
			}
			signers = append(signers, wire.Name{})
			copy(signers[at+1:], signers[at:])
			signers[at] = sig.Signer
			if len(signers) > maxSigners {
				signers = signers[:maxSigners]
			}
		}
	}
	return signers
}

// mayDeny reports whether the zone signer may say what records of type t name
// has: it is at or above it, and for DS records above it (RFC 4035 5.2).
func mayDeny(signer, name wire.Name, t wire.Type) bool {
	if !name.HasSuffix(signer) {
		return false
	}
	return t != wire.TypeDS || signer.IsRoot() || !signer.Equal(name)
}

// cap makes the reply expire no later than set.
func (c *check) cap(set *RRset) { c.ttl = min(c.ttl, set.TTL) }
