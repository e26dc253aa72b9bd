//go:build interop

package recursion

import (
	"slices"
	"strings"

	"github.com/names-dns/names/wire"
)

// rule explains why a resolver does not say what the tree says.
type rule struct {
	Name  string
	Whose []string // the resolvers it holds for; nil: all
	Why   string   // the reason, with the RFC
	// Rare: it depends on what happens by chance whether the rule is needed.
	Rare bool
	When func(p *pair) bool
}

// rules are all the differences we know of.
var rules = []rule{
	{
		Name: "how much of a loop is shown",
		Why: `Names that form a loop have no answer, and all say SERVFAIL (RFC 1034 3.6.2 wants it "signalled as an
			error"). Whether the records that lead there come with it is up to the resolver.`,
		When: func(p *pair) bool { return p.Truth.Loop && p.Theirs.RCode == wire.RCodeServFail && len(p.extra()) == 0 },
	},
	{
		Name: "a synthesised CNAME is followed", Whose: []string{"unbound"},
		Why: `To QTYPE CNAME below a DNAME the CNAME that is made of it is the answer (RFC 6672 3.2, RFC 1034 4.3.2 step 3a).
			Unbound goes on to its target, and may end with NXDOMAIN.`,
		When: func(p *pair) bool {
			return p.Type == wire.TypeCNAME && len(p.missing()) == 0 && slices.ContainsFunc(p.Truth.Records, isDNAME)
		},
	},
	{
		Name: "QTYPE DNAME ends with a DNAME", Whose: []string{"bind"},
		Why: `To QTYPE DNAME below a DNAME the others make the CNAME and look at its target, as for every other type.
			BIND takes the DNAME above the name for what was asked.`,
		When: func(p *pair) bool {
			return p.Type == wire.TypeDNAME && len(p.extra()) == 0 && len(p.Theirs.Records) == 1 && isDNAME(p.Theirs.Records[0])
		},
	},
	{
		Name: "minimised into a circle", Whose: []string{"bind", "kresd"}, Rare: true,
		Why: `Below a name that is a CNAME to itself nothing exists, but the name exists and some servers say SERVFAIL to a
			minimised question for it (RFC 9156 4.2). BIND and Knot Resolver may end there.`,
		When: func(p *pair) bool {
			return p.Truth.RCode == wire.RCodeNXDomain && p.Theirs.RCode == wire.RCodeServFail && strings.Contains(p.Name.Fold().String(), ".self.")
		},
	},
	{
		Name: "nothing if a server is broken", Whose: []string{"kresd"}, Rare: true,
		Why: `Knot Resolver has been seen to take what a broken server sends for an answer without data; asked again, it is right.`,
		When: func(p *pair) bool {
			return p.Theirs.RCode == wire.RCodeNoError && len(p.Theirs.Records) == 0 && p.Zone.hasBroken()
		},
	},
	{
		Name: "a CNAME without its DNAME, or neither", Whose: []string{"kresd"}, Rare: true,
		Why: `RFC 6672 5.3.1: the DNAME goes along with the CNAME made of it. Knot Resolver at times has only the CNAME in its
			cache or, before an NXDOMAIN, not even that.`,
		When: func(p *pair) bool {
			missing := p.missing()
			return p.Truth.RCode == p.Theirs.RCode && len(p.extra()) == 0 && slices.ContainsFunc(missing, isDNAME) &&
				!slices.ContainsFunc(missing, func(r string) bool { return !isDNAME(r) && !isType(r, wire.TypeCNAME) })
		},
	},
}

func isDNAME(line string) bool { return isType(line, wire.TypeDNAME) }

// hasBroken reports whether some of the zone's servers do not answer as they should.
func (z *zone) hasBroken() bool {
	return slices.ContainsFunc(z.Served, func(h *host) bool { return h.Conduct != answers })
}

// holdsFor reports whether r explains the difference.
func (r *rule) holdsFor(p *pair) bool {
	return (r.Whose == nil || slices.Contains(r.Whose, p.Whose)) && r.When(p)
}

// explain is the rule for a difference, nil if there is none.
func explain(p *pair) *rule {
	for i := range rules {
		if rules[i].holdsFor(p) {
			return &rules[i]
		}
	}
	return nil
}
