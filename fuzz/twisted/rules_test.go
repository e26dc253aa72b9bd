//go:build interop

package twisted

import (
	"slices"
	"strings"

	"github.com/names-dns/names/wire"
)

// rule explains differences.
type rule struct {
	Name     string // the row of docs/seed-parity.md, and what it is about
	Explains func(p *pair, d difference) bool
}

// zone is what the rules need to know of a zone.
type zone struct {
	origin          wire.Name
	minimum, expire uint32 // of its SOA record, in seconds
}

var zones = []zone{
	{wire.MustParseName("example-domain.com."), 3600, 3600},
	{wire.MustParseName("sub.rich.example."), 300, 86400},
	{wire.MustParseName("rich.example."), 600, 14 * 86400},
}

// zoneOf returns the zone that name is in, the longest; nil if it is in none.
func zoneOf(name wire.Name) *zone {
	for i := range zones {
		if name.HasSuffix(zones[i].origin) {
			return &zones[i]
		}
	}
	return nil
}

var (
	child     = wire.MustParseName("sub.rich.example.") // in the file of another zone, listed after its parent
	wildcards = wire.MustParseName("wild.rich.example.")
	dname     = wire.MustParseName("dname.rich.example.")
	foreign   = wire.MustParseName("43.16.0.123.in-addr.arpa.") // in the file of a zone that it is not in
	inHosts   = namesOf("localhost printer.hosts.example printer six.hosts.example both.hosts.example 50.2.0.192.in-addr.arpa")
	cuts      = namesOf("child.rich.example lame.rich.example")
	between   = namesOf("wild.rich.example empty.rich.example _tcp.rich.example case.rich.example")
)

func namesOf(list string) (all []wire.Name) {
	for _, name := range strings.Fields(list) {
		all = append(all, wire.MustParseName(name))
	}
	return all
}

// rules are tried in this order, those that hold for few questions first.
var rules = []rule{
	{"V3: messages with QR set are answered", func(p *pair, d difference) bool {
		return p.Odd == "a response" && d.Part == "silence" && p.Ours.Silent
	}},
	{"V4: NOTIMP is the query sent back, without QR", func(p *pair, d difference) bool {
		return strings.HasPrefix(p.Odd, "opcode ") && d.Part == "qr" && p.Theirs.RCode == wire.RCodeNotImp
	}},
	{"V5: malformed messages get no reply, or are answered as far as they can be read", func(p *pair, d difference) bool {
		return isMalformed[p.Odd] && p.Ours.RCode == wire.RCodeFormErr
	}},
	{"V6: the first of several questions is answered", func(p *pair, _ difference) bool {
		return p.Odd == "two questions" && p.Ours.RCode == wire.RCodeFormErr
	}},
	{"V7: no question gets REFUSED", func(p *pair, _ difference) bool {
		return p.Odd == "no question" && p.Ours.RCode == wire.RCodeFormErr && p.Theirs.RCode == wire.RCodeRefused
	}},
	{"V19: zones are transferred to everybody, over UDP too", func(p *pair, _ difference) bool {
		return strings.HasPrefix(p.Odd, "AXFR") && p.Ours.RCode != wire.RCodeNoError
	}},
	{"V20: UPDATE gets NOTIMP", func(p *pair, d difference) bool {
		return p.Odd == "opcode UPDATE" && d.Part == "rcode" && p.Theirs.RCode == wire.RCodeNotImp
	}},
	{"V20: IXFR gets NODATA", func(p *pair, _ difference) bool {
		return strings.HasPrefix(p.Odd, "IXFR") && p.Ours.RCode != wire.RCodeNoError
	}},
	{"V46: EDNS is not seen", func(p *pair, d difference) bool {
		return d.Part == "edns" && p.Ours.EDNS && !p.Theirs.EDNS ||
			p.Odd == "EDNS version 1" && p.Ours.RCode == wire.RCodeBadVers
	}},
	{"V8: RD and CD are not copied", func(p *pair, d difference) bool {
		return d.Part == "rd" && p.Flags.Has(wire.FlagRD) && p.Ours.Flags.Has(wire.FlagRD) ||
			d.Part == "cd" && p.Flags.Has(wire.FlagCD) && p.Ours.Flags.Has(wire.FlagCD)
	}},
	{"V1: replies over UDP are as long as they get", func(p *pair, d difference) bool {
		return p.Ours.Flags.Has(wire.FlagTC) && !p.TCP && p.Theirs.Size > 512 && (d.Part == "tc" || d.onlyTheirs())
	}},
	{"V12: every class is answered as IN", func(p *pair, d difference) bool {
		return p.Class != wire.ClassIN && p.Ours.RCode == wire.RCodeRefused
	}},
	{"V43: what is in no zone has the SOA and no NS of its own", func(p *pair, d difference) bool {
		return p.Name.Equal(foreign) && p.Ours.RCode == wire.RCodeNoError && !(p.Type == wire.TypePTR && d.Section == wire.SectionAnswer)
	}},
	{"V26: a hosts file has no more than A and AAAA, one of them for ANY", func(p *pair, d difference) bool {
		return isIn(inHosts, p.Name) && p.Flags.Has(wire.FlagRD) && (d.Part == "rcode" && p.Ours.RCode == wire.RCodeNoError || d.onlyOurs())
	}},
	{"V48: the hosts file is for clients that do not ask for recursion too", func(p *pair, d difference) bool {
		return isIn(inHosts, p.Name) && !p.Flags.Has(wire.FlagRD) && p.Ours.RCode == wire.RCodeRefused
	}},
	{"V10: a name that no zone has gets NXDOMAIN or SERVFAIL", func(p *pair, d difference) bool {
		return zoneOf(p.Name) == nil && d.Part == "rcode" && p.Ours.RCode == wire.RCodeRefused && len(p.Theirs.Records[wire.SectionAnswer]) == 0
	}},
	{"V13: a zone cut is seen only at its own name, and not by DS", func(p *pair, d difference) bool {
		return isBelow(cuts, p.Name) && d.Part != "ttl" && (p.Ours.isReferral() || p.Type == wire.TypeDS && isIn(cuts, p.Name))
	}},
	{"V14: a zone listed after its parent is hidden", func(p *pair, d difference) bool {
		return p.Name.HasSuffix(child) && p.Ours.Flags.Has(wire.FlagAA) && p.Theirs.RCode == wire.RCodeNXDomain
	}},
	{"V14: there are no wildcards and no empty non-terminals", func(p *pair, d difference) bool {
		return (isIn(between, p.Name) || p.Name.HasSuffix(wildcards)) && p.Ours.RCode == wire.RCodeNoError && p.Theirs.RCode == wire.RCodeNXDomain
	}},
	{"V15: DNAME is not applied", func(p *pair, d difference) bool {
		redirects := func(r record) bool { return r.Type == wire.TypeDNAME }
		return p.Name.HasSuffix(dname) && slices.ContainsFunc(p.Ours.Records[wire.SectionAnswer], redirects) && p.Theirs.RCode == wire.RCodeNXDomain
	}},
	{"V15: CNAME is not followed but to addresses", func(p *pair, d difference) bool {
		return p.isAlias() && (d.onlyOurs() || d.Part == "rcode" && p.Ours.RCode == wire.RCodeNXDomain)
	}},
	{"V16: addresses of the target of a CNAME answer every question", func(p *pair, d difference) bool {
		return p.isAlias() && d.onlyTheirs() && d.Section == wire.SectionAnswer && (d.Theirs.Type == wire.TypeA || d.Theirs.Type == wire.TypeAAAA)
	}},
	{"V16: only MX, NS and CNAME lead to additional records", func(p *pair, d difference) bool {
		return d.onlyOurs() && d.Section == wire.SectionAdditional && p.bothAnswer(wire.TypeSRV, wire.TypeNAPTR, wire.TypeAFSDB, wire.TypeMB, wire.TypeMD, wire.TypeMF)
	}},
	{"V9: negative answers lack AA, and the SOA record where the name does not exist", func(p *pair, d difference) bool {
		return p.isNegative() && (d.Part == "aa" && p.Ours.Flags.Has(wire.FlagAA) ||
			p.Ours.RCode == wire.RCodeNXDomain && d.onlyOurs() && d.Section == wire.SectionAuthority && d.Ours.Type == wire.TypeSOA)
	}},
	{"V18: the SOA record of NODATA has the TTL of another record", func(p *pair, d difference) bool {
		return p.isNegative() && d.Part == "ttl" && d.Ours.Type == wire.TypeSOA && d.Section == wire.SectionAuthority && d.Ours.TTL == zoneOf(p.Name).minimum
	}},
	{"V17: the default TTL is the larger of expire and minimum", func(p *pair, d difference) bool {
		z := zoneOf(p.Name)
		return d.Part == "ttl" && z != nil && d.Theirs.TTL == max(z.minimum, z.expire) && (d.Ours.TTL == z.minimum || d.Ours.TTL == 0)
	}},
}

func (d difference) onlyOurs() bool   { return d.Part == "record" && d.Theirs == nil }
func (d difference) onlyTheirs() bool { return d.Part == "record" && d.Ours == nil }

func isIn(list []wire.Name, name wire.Name) bool { return slices.ContainsFunc(list, name.Equal) }

func isBelow(list []wire.Name, name wire.Name) bool { return slices.ContainsFunc(list, name.HasSuffix) }

// isAlias reports whether the name asked for has a CNAME record.
func (p *pair) isAlias() bool {
	return slices.ContainsFunc(p.Theirs.Records[wire.SectionAnswer], func(r record) bool {
		return r.Type == wire.TypeCNAME && p.Name.Equal(wire.MustParseName(r.Owner))
	})
}

// bothAnswer reports whether both answer with records of one of these types.
func (p *pair) bothAnswer(types ...wire.Type) bool {
	is := func(r record) bool { return slices.Contains(types, r.Type) }
	return slices.ContainsFunc(p.Ours.Records[wire.SectionAnswer], is) && slices.ContainsFunc(p.Theirs.Records[wire.SectionAnswer], is)
}

// isReferral reports whether a names the servers of a child zone.
func (a *answer) isReferral() bool {
	servers := func(r record) bool { return r.Type == wire.TypeNS }
	return !a.Flags.Has(wire.FlagAA) && len(a.Records[wire.SectionAnswer]) == 0 && slices.ContainsFunc(a.Records[wire.SectionAuthority], servers)
}

// isNegative reports whether both say that there is no such data.
func (p *pair) isNegative() bool {
	return p.Ours.RCode == p.Theirs.RCode && len(p.Ours.Records[wire.SectionAnswer]) == 0 && len(p.Theirs.Records[wire.SectionAnswer]) == 0
}

var isMalformed = map[string]bool{"half a question": true, "octets after the end": true, "a label of an unknown kind": true}
