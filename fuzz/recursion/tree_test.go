//go:build interop

package recursion

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"github.com/names-dns/names/wire"
)

// tree is a small internet: zones below one root, and the hosts that serve them.
type tree struct {
	Zones []*zone // parents before their children, the root first
	Hosts []*host
}

// zone is one zone, what is in it and who serves it.
type zone struct {
	Name      wire.Name
	Parent    *zone // nil: the root
	Tier      tier
	Style     string  // how it is delegated
	Delegated []*host // the NS RRset in the parent
	Served    []*host // the NS RRset in the zone itself
	Needs     int     // how many delegations without glue lead to an address

	Records []wire.Record // authoritative data
	Cuts    []wire.Record // delegations to its children, and their glue
}

// tier says which servers hold a zone: every server of a tier has all of its
// zones. Parent and child are together only in the last one.
type tier int

const (
	rootTier tier = iota
	tldTier
	secondTier
	deepTier
	tiers
)

// host is the name of a server, its one address, and how it answers there.
type host struct {
	Name    wire.Name
	Addr    netip.Addr
	Tier    tier
	Conduct conduct
	Glue    netip.Addr // what the parent zone takes for its address; unset: that
	NoGlue  bool       // the parent zone does not know it
}

// conduct is what a host does with questions.
type conduct int

const (
	answers    conduct = iota // NSD, Knot or BIND
	upward                    // the same, of the root: it refers upward
	closed                    // no process listens: ICMP says so
	silent                    // no reply
	refuses                   // REFUSED
	fails                     // SERVFAIL
	notImp                    // NOTIMP
	formErr                   // FORMERR to EDNS, else as answers
	ignoreEDNS                // no reply to EDNS, else as answers
	lowercases                // as answers, the question in lower case
	truncates                 // as answers, over UDP with TC and nothing else
	missing                   // there is no such name
	ipv6Only                  // it has an address that cannot be reached
	isAlias                   // its name is a CNAME, which it may not be (RFC 2181 10.3)
	conducts
)

// runs reports whether a process is needed that answers in this way, or one
// that does not.
func (c conduct) runs() bool { return c >= silent && c <= truncates }

// The tree's addresses: those of NSD, Knot and BIND are 198.18.TIER.PROGRAM*16+N,
// those of hosts that answer otherwise 198.19.0.N. All are meant for tests (RFC 2544).
const (
	programs           = 3
	addressesOfProgram = 4
)

func realAddr(t tier, program, n int) netip.Addr {
	return netip.AddrFrom4([4]byte{198, 18, byte(t), byte(program*16 + n + 1)})
}

var topLevel = []string{"oak", "elm", "ash", "fir", "yew", "box", "gum", "arpa"}

var secondLevel = strings.Fields(`wren robin finch lark swift dove crow raven rook jay magpie heron stork crane swan
	goose duck teal coot rail plover snipe curlew gull tern auk puffin owl kite hawk falcon kestrel merlin quail`)

// newTree makes the tree of a seed, always the same.
func newTree(seed uint64) *tree {
	g := &generator{
		Rand:  rand.New(rand.NewPCG(seed, 0)),
		tree:  &tree{},
		hosts: map[string]*host{},
	}
	root := g.zone(nil, ".", rootTier)
	for i := range programs {
		root.Served = append(root.Served, g.hostAt(fmt.Sprintf("%c.roots.", 'a'+i), rootTier, realAddr(rootTier, i, 0)))
	}
	root.Served = append(root.Served, g.broken("d.roots.", rootTier, silent))

	for _, label := range topLevel {
		g.delegateTopLevel(g.zone(root, label+".", tldTier))
	}
	// A zone of name servers in each TLD comes first: the others use them.
	tlds := root.children(g.tree)
	for _, tld := range tlds {
		if tld.Name.FirstLabel() != "arpa" {
			g.delegate(g.zone(tld, "nest."+tld.Name.String(), secondTier), 0)
		}
	}
	var second []*zone
	for i, label := range secondLevel {
		tld := tlds[i%(len(tlds)-1)]
		z := g.zone(tld, label+"."+tld.Name.String(), secondTier)
		g.delegate(z, i)
		second = append(second, z)
	}
	g.delegate(g.zone(tlds[len(tlds)-1], "18.198.in-addr.arpa.", secondTier), 3)
	for i := 0; i < len(second); i += 2 {
		g.belowSecondLevel(second[i], i)
	}

	for _, z := range g.tree.Zones {
		g.fill(z)
	}
	g.chains()
	g.publish()
	return g.tree
}

// belowSecondLevel gives z children: next to it, below an empty
// non-terminal, and a child of a child.
func (g *generator) belowSecondLevel(z *zone, i int) {
	name := z.Name.String()
	child := g.zone(z, []string{"sub.", "a.b.sub.", "dept."}[i%3]+name, deepTier)
	g.delegate(child, i+5)
	if i%4 == 0 {
		grandchild := g.zone(child, "team."+child.Name.String(), deepTier)
		g.delegate(grandchild, i+7)
	}
}

// generator makes a tree.
type generator struct {
	*rand.Rand
	tree      *tree
	hosts     map[string]*host
	addresses int // of hosts that do not answer as they should
}

func (g *generator) zone(parent *zone, name string, t tier) *zone {
	z := &zone{Name: wire.MustParseName(name), Parent: parent, Tier: t}
	g.tree.Zones = append(g.tree.Zones, z)
	return z
}

// children are the zones delegated from z.
func (z *zone) children(t *tree) (list []*zone) {
	for _, c := range t.Zones {
		if c.Parent == z {
			list = append(list, c)
		}
	}
	return list
}

// good is a host that answers, new or known by that name already.
func (g *generator) good(name string, t tier) *host {
	return g.hostAt(name, t, realAddr(t, g.IntN(programs), g.IntN(addressesOfProgram)))
}

// broken is a host that answers otherwise.
func (g *generator) broken(name string, t tier, c conduct) *host {
	addr := realAddr(rootTier, g.IntN(programs), 1)
	if c != upward {
		g.addresses++
		addr = netip.AddrFrom4([4]byte{198, 19, 0, byte(g.addresses)})
	}
	h := g.hostAt(name, t, addr)
	h.Conduct = c
	return h
}

func (g *generator) hostAt(name string, t tier, addr netip.Addr) *host {
	if h := g.hosts[name]; h != nil {
		return h
	}
	h := &host{Name: wire.MustParseName(name), Tier: t, Addr: addr}
	g.hosts[name] = h
	g.tree.Hosts = append(g.tree.Hosts, h)
	return h
}

// zoneOf is the zone that name is in.
func (t *tree) zoneOf(name wire.Name) *zone {
	found := t.Zones[0]
	for _, z := range t.Zones {
		if name.HasSuffix(z.Name) && z.Name.LabelCount() > found.Name.LabelCount() {
			found = z
		}
	}
	return found
}
