//go:build interop

package interop

import (
	"github.com/names-dns/names/wire"
)

// rules are all the differences we know of, and why each is right. What an
// RFC leaves to the server comes first, then what a peer does otherwise than
// we do, then what we do otherwise than all of them.
var rules = []rule{

	// --- optional data

	{
		Name: "addresses next to an answer", Kind: optional,
		Why: `RFC 1034 4.3.2 step 6 adds "anything useful"; RFC 2181 9 lets it be left out without TC.
			We add what Knot adds; NSD and BIND, told to be minimal, add nothing. What is added must be true.`,
		When: func(p *pair) bool { return !p.isReferral() },
		What: func(p *pair, d difference) bool {
			return d.Part == "additional" && (!d.Ours || p.Truth.has(d.Record))
		},
	},
	{
		Name: "addresses of name servers outside the delegated zone", Kind: optional,
		Why: `RFC 9471 3.1 asks for in-domain glue only; sibling glue (3.2) and addresses from the zone's
			own authoritative data are useful and not needed. BIND sends the former only.`,
		When: func(p *pair) bool { return p.isReferral() },
		What: func(p *pair, d difference) bool {
			return d.Part == "additional" && !within(d.Record.Owner, p.cut()) && (!d.Ours || p.Truth.has(d.Record))
		},
	},
	{
		Name: "the rest of a truncated answer", Kind: optional,
		Why: `With TC the client asks again over TCP and uses nothing of what is there (RFC 2181 9):
			how much of it is sent is up to the server.`,
		When: func(p *pair) bool { return p.Ours.Flags.Has(wire.FlagTC) && p.Theirs.Flags.Has(wire.FlagTC) },
		What: func(p *pair, d difference) bool {
			// Cut short in a chain, the answer may lack the name that the RCODE is about (RFC 6604 3).
			return d.inSection() || d.Part == "rcode" && p.Ours.count(wire.SectionAnswer, wire.TypeDNAME) > 0
		},
	},
	{
		Name: "one of the RRsets", Kind: optional,
		Why: `RFC 8482 4.1: to ANY one RRset of the owner is an answer. NSD and Knot give one over UDP and
			TCP, each its own choice, BIND all of them, we one over UDP and all over TCP. What is there is true.
			RRSIG asks for every type at once in the same way (RFC 8482 7): Knot and we treat it so.`,
		When: func(p *pair) bool {
			return (p.Type == wire.TypeANY || p.Type == wire.TypeRRSIG) && p.Ours.RCode == p.Theirs.RCode && p.Ours.count(wire.SectionAnswer, 0) > 0 &&
				(p.Theirs.count(wire.SectionAnswer, 0) > 0 || p.Theirs.Flags.Has(wire.FlagTC))
		},
		What: func(p *pair, d difference) bool {
			switch {
			case d.Part == "answer" && d.Ours:
				return p.Truth.has(d.Record)
			case d.Part == "answer":
				return !p.TCP // over TCP nothing may be missing from ours
			}
			return d.Part == "tc" && !d.Ours
		},
	},
	{
		Name: "an error without question or OPT record", Kind: optional, Peer: "nsd",
		Why: `NSD answers opcodes and classes that it does not know with the header alone. We echo the question:
			clients match replies by it.`,
		When: func(p *pair) bool { return p.Opcode != wire.OpcodeQuery || p.Class != wire.ClassIN },
		What: func(p *pair, d difference) bool { return d.Part == "edns" || d.Part == "echo" },
	},
	{
		Name: "no question in an error", Kind: optional, Peer: "bind",
		Why:  `So does BIND, but for the OPT record, where it does not know the opcode.`,
		When: func(p *pair) bool { return p.Opcode != wire.OpcodeQuery },
		What: func(p *pair, d difference) bool { return d.Part == "echo" },
	},
	{
		Name: "CHAOS texts", Kind: optional,
		Why: `Every server has its own name and version to tell (RFC 4892). BIND's answers have AA, those of
			NSD and Knot not, and BIND's id.server is empty unless configured.`,
		When: func(p *pair) bool { return p.Class == wire.ClassCH },
		What: func(p *pair, d difference) bool { return d.inSection() || d.Part == "aa" },
	},
	{
		Name: "BIND: CD is copied into authoritative answers", Kind: theirs, Peer: "bind",
		Why: `RFC 4035 3.1.6: CD is clear in an authoritative answer, for nothing is validated there. NSD, Knot and
			we clear it; BIND copies it.`,
		When: func(p *pair) bool { return p.Flags.Has(wire.FlagCD) && p.Opcode == wire.OpcodeQuery },
		What: func(p *pair, d difference) bool { return d.Part == "cd" && !d.Ours },
	},
	{
		Name: "NSD and Knot: CD is not copied into other replies", Kind: optional,
		Why: `RFC 4035 3.2.2: CD is copied from a query into its reply. We do, and BIND, unless AA is set.`,
		When: func(p *pair) bool {
			return p.Peer != "bind" && p.Flags.Has(wire.FlagCD) && p.Opcode == wire.OpcodeQuery
		},
		What: func(p *pair, d difference) bool { return d.Part == "cd" && d.Ours },
	},
	{
		Name: "flags of a reply to an unknown opcode", Kind: optional,
		Why:  `What RD and CD mean there is not defined. NSD and we copy them; Knot copies RD alone, BIND neither.`,
		When: func(p *pair) bool { return p.Opcode != wire.OpcodeQuery },
		What: func(p *pair, d difference) bool { return d.Part == "rd" || d.Part == "cd" },
	},

	// --- what a peer does otherwise

	{
		Name: "Knot and BIND: the EDNS version comes before the opcode", Kind: theirs,
		Why: `With both wrong, either error is right (RFC 6891 6.1.3, RFC 1035 4.1.1). NSD and we look at the opcode first.`,
		When: func(p *pair) bool {
			return p.EDNSVersion > 0 && p.Opcode != wire.OpcodeQuery && p.Theirs.RCode == wire.RCodeBadVers
		},
	},
	{
		Name: "BIND: a CNAME loop is SERVFAIL", Kind: theirs, Peer: "bind",
		Why: `BIND gives up with SERVFAIL after a loop or twelve links. We, NSD and Knot give the chain as far as
			it went: each record is right, and the resolver finds the loop.`,
		When: func(p *pair) bool {
			return p.Theirs.RCode == wire.RCodeServFail && p.Ours.count(wire.SectionAnswer, wire.TypeCNAME) > 0
		},
	},
	{
		Name: "BIND: an SOA with TTL 0", Kind: theirs, Peer: "bind",
		Why: `To QTYPE SOA for a name that is not an apex BIND sends the SOA with TTL 0, for the sake of clients that look for
			a zone's border; RFC 2308 3 says the smaller of TTL and MINIMUM.`,
		When: func(p *pair) bool { return p.Type == wire.TypeSOA },
		What: func(p *pair, d difference) bool {
			return d.Part == "authority" && (d.Record.Type == wire.TypeSOA || d.Record.signs(wire.TypeSOA))
		},
	},
	{
		Name: "Knot and BIND: NSEC at a CNAME is not chased", Kind: theirs,
		Why: `NSEC may exist next to a CNAME (RFC 4034 4), so Knot and BIND take it for what was asked, even where the zone
			is unsigned and there is none. NSD and we follow the CNAME then, as for any other type.`,
		When: func(p *pair) bool {
			return p.Peer != "nsd" && p.Type == wire.TypeNSEC &&
				p.Ours.count(wire.SectionAnswer, wire.TypeCNAME) > 0 && p.Theirs.count(wire.SectionAnswer, 0) == 0
		},
		What: func(p *pair, d difference) bool { return d.inSection() || d.Part == "rcode" || d.Part == "tc" },
	},
	{
		Name: "Knot: five links of a CNAME chain", Kind: theirs, Peer: "knot",
		Why: `Knot follows five CNAMEs and leaves the rest to the resolver; we follow twenty, NSD more. RFC 1034 names no
			bound. Where two DNAMEs point at each other Knot repeats their records on the way.`,
		When: func(p *pair) bool { return p.Theirs.count(wire.SectionAnswer, wire.TypeCNAME) == 5 },
		What: func(p *pair, d difference) bool { return d.inSection() || d.Part == "rcode" || d.Part == "tc" },
	},
	{
		Name: "Knot and BIND: a CNAME chain ends at the zone's border", Kind: theirs,
		Why: `RFC 1034 4.3.2 step 3a goes back to step 1, which looks for the nearest zone again: we and NSD
			follow a chain through all the zones served. Knot and BIND stay in the first one.`,
		When: func(p *pair) bool {
			return p.Peer != "nsd" && p.Truth.zoneOf(p.Theirs.chainEnd(p.Name)) != p.Truth.zoneOf(fold(p.Name))
		},
		What: func(p *pair, d difference) bool { return d.inSection() || d.Part == "rcode" || d.Part == "tc" },
	},
	{
		Name: "Knot: a DNAME that makes the name too long is NXDOMAIN", Kind: theirs, Peer: "knot",
		Why:  `RFC 6672 2.2 and 3.2 want YXDOMAIN and no CNAME; so answer NSD, BIND and we.`,
		When: func(p *pair) bool { return p.Ours.RCode == wire.RCodeYXDomain },
		What: func(p *pair, d difference) bool { return d.Part == "rcode" || d.Part == "authority" },
	},
	{
		Name: "NSD: no proof for an opted-out empty non-terminal", Kind: theirs, Peer: "nsd",
		Why: `A name that exists only because of an unsigned delegation below it has no NSEC3 record under opt-out. To DS
			there NSD shows one record too few; Knot, BIND and we the closest provable encloser (RFC 5155 7.2.4).`,
		When: func(p *pair) bool { return p.DO && p.Type == wire.TypeDS },
		What: func(p *pair, d difference) bool { return d.Part == "authority" && d.Record.isProof() && d.Ours },
	},
	{
		Name: "NSD: one proof for a name below an NSEC3 record", Kind: theirs, Peer: "nsd",
		Why: `For NSD the owner of an NSEC3 record is the closest encloser of names below it. It does not exist for
			queries (RFC 5155 7.2.8): Knot, BIND and we prove that the hash itself is not there.`,
		When: func(p *pair) bool { return p.DO && p.Truth.belowHash(fold(p.Name)) },
		What: func(p *pair, d difference) bool { return d.Part == "authority" && d.Record.isProof() },
	},
	{
		Name: "NSD and BIND: a signature with a TTL of its own", Kind: theirs,
		Why: `dnssec-signzone caps the TTL of a signature by its lifetime, against RFC 4034 3, and NSD and BIND serve that.
			Knot and we give it the TTL of the RRset it covers, as the RFC has it.`,
		When: func(p *pair) bool { return p.Peer != "knot" || p.Type == wire.TypeRRSIG },
		What: func(p *pair, d difference) bool {
			return d.Part == "answer" && d.Record.Type == wire.TypeRRSIG && within(d.Record.Owner, "long.ttl.corner.test.")
		},
	},
	{
		Name: "BIND: NSEC at a cut", Kind: theirs, Peer: "bind",
		Why: `The NSEC of a delegation is the parent's own (RFC 4035 3.1.4.1 speaks of DS only), so BIND answers with it;
			NSD, Knot and we refer to the child as for all types but DS (RFC 1034 4.3.2 step 3b).`,
		When: func(p *pair) bool { return p.Type == wire.TypeNSEC && p.isReferral() },
	},
	{
		Name: "NSD and Knot: ANY goes on after a DNAME", Kind: theirs,
		Why: `The synthesised CNAME matches QTYPE ANY, so the chain ends with it (RFC 1034 4.3.2 step 3a, RFC 6672 3.2);
			BIND and we stop there.`,
		When: func(p *pair) bool {
			return p.Type == wire.TypeANY && p.Ours.count(wire.SectionAnswer, wire.TypeDNAME) > 0
		},
		What: func(p *pair, d difference) bool { return p.Peer != "bind" },
	},
	{
		Name: "NSD: proofs after a DNAME", Kind: theirs, Peer: "nsd",
		Why:  `After a DNAME NSD 4.6 shows the wrong NSEC or one too few (RFC 4035 3.1.3.2). Knot, BIND and we show those of the target.`,
		When: func(p *pair) bool { return p.DO && p.Ours.count(wire.SectionAnswer, wire.TypeDNAME) > 0 },
		What: func(p *pair, d difference) bool { return d.Part == "authority" && d.Record.isProof() },
	},
	{
		Name: "NSD: one proof too many at a wildcard", Kind: theirs, Peer: "nsd",
		Why: `For no data at a wildcard that is an empty non-terminal NSD adds an NSEC that proves nothing, and for
			the wildcard's own name an NSEC3 that covers a name that was not asked for (RFC 5155 7.2.5).`,
		When: func(p *pair) bool { return p.DO && p.Ours.count(wire.SectionAnswer, 0) == 0 },
		What: func(p *pair, d difference) bool { return d.Part == "authority" && d.Record.isProof() && !d.Ours },
	},
	{
		Name: "NSD and BIND: glue is left out without TC", Kind: theirs,
		Why: `RFC 9471 3.1 is of 2023: all in-domain glue fits, or TC is set. Knot and we keep to it; NSD 4.6 and
			BIND 9.18 leave addresses out in silence, BIND also where they would just have fitted.`,
		When: func(p *pair) bool {
			return p.Peer != "knot" && p.isReferral() && !p.TCP && !p.Theirs.Flags.Has(wire.FlagTC)
		},
		What: func(p *pair, d difference) bool {
			return d.Part == "tc" || d.Part == "additional" && (d.Ours || p.Ours.Flags.Has(wire.FlagTC))
		},
	},
	{
		Name: "NSD and Knot: no data for types that are not data", Kind: theirs,
		Why: `OPT, TSIG and similar types occur in messages and never in zones: BIND and we answer FORMERR (RFC 6895 3.1),
			NSD and Knot that there is none.`,
		When: func(p *pair) bool { return p.Ours.RCode == wire.RCodeFormErr && p.Theirs.RCode == wire.RCodeNoError },
	},
	{
		Name: "BIND: FORMERR or NOTIMP for types that are not data", Kind: theirs, Peer: "bind",
		Why: `NSD, Knot and we look them up and find nothing.`,
		When: func(p *pair) bool {
			return (p.Type >= 128 && p.Type < 256) && (p.Theirs.RCode == wire.RCodeFormErr || p.Theirs.RCode == wire.RCodeNotImp)
		},
	},
	{
		Name: "NSD and Knot: zone transfers", Kind: theirs,
		Why: `No client may have one from us, and we and BIND say REFUSED. NSD and Knot say NOTIMP to AXFR over UDP (RFC 5936 4.2);
			to IXFR NSD sends a damaged message and Knot NOTAUTH. Over TCP NSD gives the zone away, for these tests need it.`,
		When: func(p *pair) bool { return p.Peer != "bind" && (p.Type == wire.TypeAXFR || p.Type == wire.TypeIXFR) },
	},
	{
		Name: "NSD and Knot: class ANY and NONE", Kind: theirs,
		Why: `NSD and Knot take class ANY for the class of the zone, and refuse NONE. BIND and we say that no question has
			them (RFC 6895 3.2 has them for UPDATE).`,
		When: func(p *pair) bool { return p.Peer != "bind" && (p.Class == wire.ClassAny || p.Class == wire.ClassNone) },
	},
	{
		Name: "BIND: other classes", Kind: theirs, Peer: "bind",
		Why:  `Class ANY and NONE are FORMERR, classes without a name NOTIMP; NSD, Knot and we refuse what we do not serve.`,
		When: func(p *pair) bool { return p.Class != wire.ClassIN && p.Class != wire.ClassCH },
	},
	{
		Name: "opcodes we do not have", Kind: theirs,
		Why: `NOTIFY and UPDATE exist elsewhere: NSD refuses, Knot says NOTAUTH, BIND takes the NOTIFY of a primary zone.
			For us they are NOTIMP until they exist (RFC 1035 4.1.1), as UPDATE is for NSD.`,
		When: func(p *pair) bool { return p.Opcode == wire.OpcodeNotify || p.Opcode == wire.OpcodeUpdate },
	},
	{
		Name: "a few octets too many", Kind: theirs,
		Why: `Near the limit it depends on how well names are compressed (RFC 1035 4.1.4) whether an answer is truncated:
			BIND points into the data of a DNAME, where others do not look.`,
		When: func(p *pair) bool {
			return !p.TCP && p.Ours.Flags.Has(wire.FlagTC) && !p.Theirs.Flags.Has(wire.FlagTC) && p.Theirs.Size > p.limit()/2
		},
		What: func(p *pair, d difference) bool { return d.Part == "tc" || d.inSection() },
	},

	// --- what we do otherwise than all of them

	{
		Name: "what fits is sent whole", Kind: choice,
		Why: `The other side of it: the peer truncates what we have room for. Seen with Knot in referrals whose glue fills
			the last octets: all of it fits in our answer, and Knot sets TC.`,
		When: func(p *pair) bool {
			return !p.TCP && p.Theirs.Flags.Has(wire.FlagTC) && !p.Ours.Flags.Has(wire.FlagTC) && p.Ours.Size > p.limit()/2
		},
		What: func(p *pair, d difference) bool { return d.Part == "tc" || d.inSection() && d.Ours },
	},
	{
		Name: "TYPE0 is FORMERR", Kind: choice,
		Why:  `0 is not a type (RFC 6895 3.1): like BIND for OPT we say FORMERR. NSD and BIND find no data, Knot says NOTIMP.`,
		When: func(p *pair) bool { return p.Type == wire.TypeNone },
	},
	{
		Name: "how far a DNAME below itself goes", Kind: choice,
		Why: `Each round makes the name longer, so there is no loop to find: NSD stops after one, Knot after five, BIND after
			twelve with SERVFAIL, we after twenty, as for CNAME chains. The resolver can go on from any of them.`,
		When: func(p *pair) bool { return within(fold(p.Name), "dnself.corner.test.") },
		What: func(p *pair, d difference) bool { return d.inSection() || d.Part == "tc" },
	},
	{
		Name: "NOTIFY is NOTIMP", Kind: choice,
		Why:  `There are no transfers yet, and so no secondary to notify.`,
		When: func(p *pair) bool { return p.Opcode == wire.OpcodeNotify && p.Ours.RCode == wire.RCodeNotImp },
	},
}

// isReferral reports whether our answer sends the client on to another zone:
// NS records in the authority section, and no SOA.
func (p *pair) isReferral() bool { return p.cut() != "" }

// cut is the delegated zone of a referral.
func (p *pair) cut() string {
	cut := ""
	for _, r := range p.Ours.Records[wire.SectionAuthority] {
		switch r.Type {
		case wire.TypeNS:
			cut = r.Owner
		case wire.TypeSOA:
			return ""
		}
	}
	return cut
}

// count is how many records of type t section has; 0 stands for all types.
func (a *answer) count(section wire.Section, t wire.Type) int {
	n := 0
	for _, r := range a.Records[section] {
		if r.Type == t || t == 0 {
			n++
		}
	}
	return n
}

// limit is the length a reply to the query may have, in octets.
func (q query) limit() int {
	switch {
	case q.TCP:
		return 65535
	case q.Buffer == 0:
		return 512
	}
	return min(int(q.Buffer), 1232) // what every server here sends at most
}

// chainEnd is the name that the CNAME records of the answer lead to from name.
func (a *answer) chainEnd(name wire.Name) string {
	at, seen := fold(name), map[string]bool{}
	for !seen[at] {
		seen[at] = true
		for _, r := range a.Records[wire.SectionAnswer] {
			if r.Type == wire.TypeCNAME && r.Owner == at {
				at = r.Data
				break
			}
		}
	}
	return at
}

func fold(name wire.Name) string { return name.Fold().String() }

// isProof reports whether r is an NSEC or NSEC3 record or the signature of one.
func (r record) isProof() bool {
	return r.Type == wire.TypeNSEC || r.Type == wire.TypeNSEC3 || r.signs(wire.TypeNSEC) || r.signs(wire.TypeNSEC3)
}
