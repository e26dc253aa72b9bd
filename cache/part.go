package cache

import (
	"unsafe"

	"github.com/names-dns/names/wire"
)

// Part says which of the things a recursor keeps of one name and type. Parts
// are what it makes answers of: they lie among the answers and take their room
// from the same budget, but are found by [Cache.FindPart] and its like only,
// never by clients. They are never stale: what is past its time is not found.
type Part uint8

const (
	// PartAnswer is what authoritative servers of one zone said to a question:
	// an RRset with its signatures in the answer section, or the negative
	// answer with its SOA record and proofs in the authority section. An alias
	// is kept under type CNAME, with the DNAME record it was made from, if any.
	PartAnswer Part = iota
	// PartDelegation is what the servers of a parent zone said of the servers
	// of a child: the NS RRset in the authority section (with DS or its denial,
	// and signatures), glue in the additional section. It is kept under the
	// zone's name and type NS.
	PartDelegation
)

// variant tells parts from answers, and from one another.
func (part Part) variant() variant { return [...]variant{variantAnswer, variantDelegation}[part] }

// KeepPart keeps message, a whole reply in wire form whose question is the name
// and type it is kept under. Whatever else is in it than what [Part] says is
// for the caller to take out: data out of bailiwick would be kept.
//
// Its life is that of the record that expires first, between the bounds of
// [Config] for TTLs; NXDOMAIN is kept for all types of the name (RFC 2308 5).
// s is what DNSSEC says about it: all of it for an answer, the DS records or
// their denial for a delegation. What is bogus is kept for five minutes at the
// most.
//
// While a part is fresh it is not replaced or contradicted by one of a lower
// rank: one that is not secure if it is secure, one that is bogus if it is not,
// and among equals one without AA if it has AA (RFC 2181 5.4.1).
//
// It fails with [ErrNotKept] for what must not be kept, with a [*wire.Error]
// for what cannot be read.
func (c *Cache) KeepPart(part Part, message []byte, s Security) error {
	h, err := wire.ParseHeader(message)
	if err != nil {
		return err
	}
	p := c.packers.Get().(*packer)
	defer c.packers.Put(p)
	if err := p.packPart(part, message, h.Flags.RCode(), s, &c.lifetimes, c.largest()); err != nil {
		return err
	}
	var target, other key // other is what target would contradict
	target.set(c.seed, p.question, part.variant())
	other = target
	if p.allTypes {
		target.retarget(c.seed, typeAny, part.variant())
	} else {
		other.retarget(c.seed, typeAny, part.variant())
	}
	e := extra{rank: rankOf(h.Flags, s), flags: keptPart | uint8(s)<<keptSecurity, rcode: h.Flags.RCode()}
	entry, err := p.assemble(&target, e, c.largest())
	if err != nil {
		return err
	}
	flushes, now := c.flushes.Load(), c.now()
	if contradicted, ok := c.peek(&other); ok && !e.rank.mayReplace(contradicted.rank(), now < contradicted.expiry()) {
		return errRank
	}
	if !c.shard(&target).put(&target, entry, now) {
		return errRank
	}
	if c.flushes.Load() != flushes {
		c.shard(&target).remove(&target)
		return errFlushed
	}
	c.shard(&other).remove(&other)
	c.count(unsafe.Pointer(p), storedParts)
	return nil
}

// packPart is [packer.pack] for a part, of which more is known and less can be
// meant.
func (p *packer) packPart(part Part, message []byte, rcode wire.RCode, s Security, l *lifetimes, largest int) error {
	if err := p.begin(message, rcode, largest); err != nil {
		return err
	}
	f, err := p.copySections()
	if err != nil {
		return err
	}
	if p.edns.Extended != 0 {
		return errRCode
	}
	if part == PartDelegation {
		p.kind, err = f.delegation(p.question.Type, rcode)
	} else {
		p.kind, err = f.answer(rcode)
	}
	if err != nil {
		return err
	}
	p.allTypes = rcode == wire.RCodeNXDomain
	if err := p.age(l); err != nil {
		return err
	}
	if s == Bogus {
		p.life = min(p.life, maxBogusTTL) // RFC 4035 4.7
	}
	return nil
}

func (f *facts) answer(rcode wire.RCode) (kind, error) {
	isNXDomain := rcode == wire.RCodeNXDomain
	switch {
	case f.strays > 0, f.answers > 0 && (!f.hasType || isNXDomain):
		return 0, errQuestion
	case f.hasType:
		return positive, nil
	case f.hasSOA:
		return negative, nil
	}
	return 0, errNoSOA // RFC 2308 5
}

func (f *facts) delegation(t wire.Type, rcode wire.RCode) (kind, error) {
	if t != wire.TypeNS || rcode != wire.RCodeNoError || f.answers > 0 || f.servers == 0 || f.others > 0 {
		return 0, errServers
	}
	return positive, nil
}

// ForgetPart takes out a part: a delegation all of whose servers turned out to
// be useless, say. Of PartAnswer it takes out NXDOMAIN too.
func (c *Cache) ForgetPart(part Part, q wire.Question) {
	var k key
	k.set(c.seed, q, part.variant())
	c.shard(&k).remove(&k)
	if part == PartAnswer {
		k.retarget(c.seed, typeAny, part.variant())
		c.shard(&k).remove(&k)
	}
}
