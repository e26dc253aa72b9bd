//go:build interop

package recursion

import (
	"fmt"

	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// style is a way to delegate a zone.
type style struct {
	Name string
	// Serve sets who serves the zone, in the parent's words and its own.
	Serve func(g *generator, z *zone)
}

// styles are the ways in which zones below the TLDs are delegated, one after the other.
var styles = []style{
	{"in-domain, glue", func(g *generator, z *zone) {
		z.serve(g.inDomain(z, "ns1"), g.inDomain(z, "ns2"))
	}},
	{"in the parent or next to it, with addresses", func(g *generator, z *zone) {
		z.serve(g.sibling(z, 1), g.sibling(z, 2))
	}},
	{"elsewhere, no glue", func(g *generator, z *zone) {
		z.Needs = 1
		z.serve(g.elsewhere(z, 1), g.elsewhere(z, 2))
	}},
	{"one in-domain, one elsewhere", func(g *generator, z *zone) {
		z.serve(g.inDomain(z, "ns"), g.elsewhere(z, 1))
	}},
	{"elsewhere, in a zone served elsewhere", func(g *generator, z *zone) {
		other := g.needing(1)
		z.Needs = 2
		z.serve(g.good("ns-of-"+label(z)+"."+other.Name.String(), z.Tier), g.good("ns2-of-"+label(z)+"."+other.Name.String(), z.Tier))
	}},
	{"elsewhere, three zones away", func(g *generator, z *zone) {
		other := g.needing(2)
		z.Needs = 3
		z.serve(g.good("far-"+label(z)+"."+other.Name.String(), z.Tier))
	}},
	{"thirteen in-domain", func(g *generator, z *zone) {
		var all []*host
		for i := range 13 {
			all = append(all, g.inDomain(z, fmt.Sprintf("ns%d", i+1)))
		}
		z.serve(all...)
	}},
	{"more servers in the zone than in the parent", func(g *generator, z *zone) {
		z.serve(g.inDomain(z, "ns1"), g.inDomain(z, "ns2"))
		z.Served = append(z.Served, g.inDomain(z, "ns3"), g.elsewhere(z, 1))
	}},
	{"other servers in the zone than in the parent", func(g *generator, z *zone) {
		z.serve(g.inDomain(z, "ns1"), g.inDomain(z, "ns2"))
		z.Served = []*host{g.elsewhere(z, 1), g.elsewhere(z, 2)}
	}},
	{"in-domain, below empty non-terminals", func(g *generator, z *zone) {
		z.serve(g.inDomain(z, "a.b.c.ns"), g.inDomain(z, "d.b.c.ns"))
	}},
	{"refers upward", brokenServers(upward)},
	{"closed", brokenServers(closed)},
	{"silent", brokenServers(silent)},
	{"refuses", brokenServers(refuses)},
	{"fails", brokenServers(fails)},
	{"NOTIMP", brokenServers(notImp)},
	{"FORMERR to EDNS", brokenServers(formErr)},
	{"silent to EDNS", brokenServers(ignoreEDNS)},
	{"question in lower case", brokenServers(lowercases)},
	{"truncates", brokenServers(truncates)},
	{"no such name", func(g *generator, z *zone) {
		z.serve(g.broken("gone-"+label(z)+"."+g.nestElsewhere(z), z.Tier, missing), g.inDomain(z, "ns2"))
	}},
	{"IPv6 only", brokenServers(ipv6Only)},
	{"an alias", func(g *generator, z *zone) {
		z.serve(g.broken("alias-of-"+label(z)+"."+g.nestElsewhere(z), z.Tier, isAlias), g.inDomain(z, "ns2"))
	}},
	{"in-domain, one without glue", func(g *generator, z *zone) {
		hidden := g.inDomain(z, "hidden")
		hidden.NoGlue = true
		z.serve(hidden, g.inDomain(z, "ns2"))
	}},
	{"glue of before it moved", func(g *generator, z *zone) {
		moved := g.inDomain(z, "moved")
		moved.Glue = g.broken("former."+z.Name.String(), z.Tier, refuses).Addr
		z.serve(moved, g.inDomain(z, "ns2"))
	}},
	{"all faults at once", func(g *generator, z *zone) {
		all := []*host{g.elsewhere(z, 1)}
		for c := upward; c <= truncates; c++ {
			all = append(all, g.broken(fmt.Sprintf("ns%d.%s", c, z.Name), z.Tier, c))
		}
		z.Needs = 1
		z.serve(all...)
	}},
}

// brokenServers is two servers of a conduct and one that answers.
func brokenServers(c conduct) func(*generator, *zone) {
	return func(g *generator, z *zone) {
		z.serve(
			g.broken("ns1."+z.Name.String(), z.Tier, c),
			g.inDomain(z, "ns2"),
			g.broken("ns3."+z.Name.String(), z.Tier, c),
		)
	}
}

// delegate gives z servers in the i-th style.
func (g *generator) delegate(z *zone, i int) {
	s := styles[i%len(styles)]
	z.Style = s.Name
	if label(z) == "nest" {
		// Others rely on it: servers of all tiers have their names there.
		for i := range 4 {
			for t := tldTier; t < tiers; t++ {
				g.good(fmt.Sprintf("t%d-%d.%s", t, i+1, z.Name), t)
			}
		}
	}
	s.Serve(g, z)
}

// delegateTopLevel gives a TLD its servers.
func (g *generator) delegateTopLevel(z *zone) {
	switch label(z) {
	case "elm", "ash":
		z.Style = "sibling, glue"
		z.serve(g.good("a.servers.oak.", tldTier), g.good("b.servers.oak.", tldTier), g.good("c.servers.oak.", tldTier))
	case "box":
		z.Style = "sibling, no glue"
		z.Needs = 1
		z.serve(g.good("t1-1.nest.elm.", tldTier), g.good("t1-2.nest.ash.", tldTier))
	case "arpa":
		z.Style = "on the root's servers"
		z.Tier = rootTier
		z.serve(g.tree.Zones[0].Served[:programs]...)
	default:
		z.Style = "in-domain, glue"
		z.serve(g.inDomain(z, "a.servers"), g.inDomain(z, "b.servers"), g.inDomain(z, "c.servers"))
	}
}

func (z *zone) serve(hosts ...*host) { z.Delegated, z.Served = hosts, hosts }

func (g *generator) inDomain(z *zone, label string) *host {
	return g.good(label+"."+z.Name.String(), z.Tier)
}

// sibling is a host in the parent of z or, below a TLD, in another zone of it.
func (g *generator) sibling(z *zone, i int) *host {
	if z.Parent.Tier == tldTier {
		return g.good(fmt.Sprintf("t%d-%d.nest.%s", z.Tier, i, z.Parent.Name), z.Tier)
	}
	return g.good(fmt.Sprintf("ns%d-of-%s.%s", i, label(z), z.Parent.Name), z.Tier)
}

// elsewhere is a host below another TLD.
func (g *generator) elsewhere(z *zone, i int) *host {
	return g.good(fmt.Sprintf("t%d-%d.%s", z.Tier, i, g.nestElsewhere(z)), z.Tier)
}

// nestElsewhere is the zone of name servers of another TLD.
func (g *generator) nestElsewhere(z *zone) string {
	for {
		tld := topLevel[g.IntN(len(topLevel)-1)]
		if !z.Name.HasSuffix(wire.MustParseName(tld + ".")) {
			return "nest." + tld + "."
		}
	}
}

// needing is a zone that so many delegations without glue lead to.
func (g *generator) needing(n int) *zone {
	var found []*zone
	for _, z := range g.tree.Zones {
		if z.Needs == n && z.Tier == secondTier {
			found = append(found, z)
		}
	}
	return found[g.IntN(len(found))]
}

func label(z *zone) string { return z.Name.FirstLabel() }

// unglued are the styles whose servers' addresses the parent keeps for itself
// although it could tell them.
var unglued = map[string]bool{"sibling, no glue": true}

// publish writes down who serves what: in the zones, in their parents, and
// the addresses where the names of the hosts are.
func (g *generator) publish() {
	for _, h := range g.tree.Hosts {
		home := g.tree.zoneOf(h.Name)
		switch h.Conduct {
		case missing:
		case ipv6Only:
			home.put(h.Name, "AAAA", nowhere)
		case isAlias:
			home.put(h.Name, "CNAME", home.below(fmt.Sprintf("t%d-1", h.Tier)).String())
		default:
			home.put(h.Name, "A", h.Addr.String())
		}
	}
	for _, z := range g.tree.Zones {
		for _, h := range z.Served {
			z.put(z.Name, "NS", h.Name.String())
		}
		if z.Parent == nil {
			continue
		}
		glued := map[*host]bool{}
		for _, h := range z.Delegated {
			z.Parent.Cuts = append(z.Parent.Cuts, record(z.Parent, z.Name, "NS", h.Name.String()))
			home := g.tree.zoneOf(h.Name)
			if home != z.Parent && h.Name.HasSuffix(z.Parent.Name) && !unglued[z.Style] && !h.NoGlue {
				glued[h] = true
			}
		}
		for _, h := range z.Delegated {
			if glued[h] && !z.Parent.hasGlue(h) {
				z.Parent.Cuts = append(z.Parent.Cuts, h.glue(z.Parent))
			}
		}
	}
}

// nowhere is an address that there is no way to (RFC 3849).
const nowhere = "2001:db8::53"

// glue is the address record of h in a zone above.
func (h *host) glue(parent *zone) wire.Record {
	switch {
	case h.Conduct == ipv6Only:
		return record(parent, h.Name, "AAAA", nowhere)
	case h.Glue.IsValid():
		return record(parent, h.Name, "A", h.Glue.String())
	}
	return record(parent, h.Name, "A", h.Addr.String())
}

func (z *zone) hasGlue(h *host) bool {
	for _, r := range z.Cuts {
		if r.Type != wire.TypeNS && r.Name.Equal(h.Name) {
			return true
		}
	}
	return false
}

// file is the zone as a master file.
func (z *zone) file() []byte {
	var b []byte
	for _, records := range [][]wire.Record{z.Records, z.Cuts} {
		for i := range records {
			b = zonefile.AppendRecord(b, &records[i])
		}
	}
	return b
}
