//go:build interop

package interop

import (
	"strings"

	"github.com/names-dns/names/wire"
)

// rules are all the differences we know of, and why each is right. What an
// RFC leaves to the server comes first, then what a peer does otherwise than
// we do, then what we do otherwise than all of them.
var rules = []rule{

	// --- optional data

	{
		Name: "addresses beside an answer", Kind: optional,
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
		What: func(p *pair, d difference) bool { return d.inSection() },
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

// count is how many records of type t section has.
func (a *answer) count(section wire.Section, t wire.Type) int {
	n := 0
	for _, r := range a.Records[section] {
		if r.Type == t {
			n++
		}
	}
	return n
}

var _ = strings.ToLower
