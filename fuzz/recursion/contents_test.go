//go:build interop

package recursion

import (
	"fmt"
	"strings"

	"github.com/names-dns/names/wire"
)

// ttl is that of all records: long enough for nothing to expire in a test.
const ttl = 3600

// record makes a record of text; names in it that do not end in a dot are
// below z.
func record(z *zone, owner wire.Name, kind string, words ...string) wire.Record {
	t, err := wire.ParseType(kind)
	if err != nil {
		panic(err)
	}
	var text []wire.Word
	for _, w := range words {
		text = append(text, wire.Word{Text: []byte(w)})
	}
	data, err := wire.AppendRdataFromText(nil, t, text, z.Name)
	if err != nil {
		panic(fmt.Sprintf("%s %s %v: %v", owner, kind, words, err))
	}
	return wire.Record{Name: owner, Type: t, Class: wire.ClassIN, TTL: ttl, Data: data}
}

func (z *zone) put(owner wire.Name, kind string, words ...string) {
	z.Records = append(z.Records, record(z, owner, kind, words...))
}

// add adds records of the name owner below z ("@" is z itself), each as a line
// of type and data.
func (z *zone) add(owner string, lines ...string) {
	name := z.Name
	if owner != "@" {
		name = z.below(owner)
	}
	for _, line := range lines {
		words := strings.Fields(line)
		z.put(name, words[0], words[1:]...)
	}
}

func (z *zone) below(name string) wire.Name {
	if z.Name.IsRoot() {
		return wire.MustParseName(name + ".")
	}
	return wire.MustParseName(name + "." + z.Name.String())
}

// fill gives z its data, except what refers to other zones.
func (g *generator) fill(z *zone) {
	z.add("@", fmt.Sprintf("SOA ns.invalid. hostmaster.invalid. %d 3600 600 86400 300", 1+g.IntN(1000)))
	switch z.Tier {
	case rootTier, tldTier:
		if label(z) == "gum" {
			// A TLD in which every name exists.
			z.add("*", g.address())
		}
		return
	}
	g.hostsOf(z)
	g.deepNames(z)
	g.wildcards(z)
	z.add("big", "TXT "+strings.Repeat(strings.Repeat("t", 250)+" ", 14))
	for range 90 {
		z.add("many", g.address())
	}
	// What does not need the tree: within one zone.
	z.add("alias", "CNAME www")
	z.add("alias2", "CNAME alias")
	z.add("alias-of-nothing", "CNAME no-such-name")
	z.add("alias-of-wildcard", "CNAME x.wild")
	z.add("alias-of-big", "CNAME big")
	z.add("self", "CNAME self")
	z.add("folder", "DNAME www")
	z.add("tree", "DNAME deep")
}

func (g *generator) address() string {
	return fmt.Sprintf("A 203.0.%d.%d", g.IntN(256), g.IntN(256))
}

func (g *generator) hostsOf(z *zone) {
	z.add("@", g.address(), "MX 10 mail", "MX 20 mail2", "TXT v=spf1 -all")
	z.add("www", g.address(), g.address(), fmt.Sprintf("AAAA 2001:db8::%x", g.IntN(65536)))
	z.add("mail", g.address())
	z.add("mail2", fmt.Sprintf("AAAA 2001:db8::%x", g.IntN(65536)))
	z.add("_sip._tcp", "SRV 0 5 5060 www", "SRV 1 5 5060 mail")
	z.add("UPPER.Case", g.address(), "PTR WwW")
	z.add(`odd\.label\032`, "TXT odd")
	z.add("unknown", `TYPE65280 \# 4 01020304`)
	for i := range 4 + g.IntN(8) {
		z.add(fmt.Sprintf("host%d", i), g.address())
	}
}

func (g *generator) deepNames(z *zone) {
	z.add("www.deep", g.address())
	z.add("a.b.c.d.e.deep", g.address(), "TXT deep")
	z.add("x.c.d.e.deep", g.address())
	z.add(strings.Repeat("0.", 31)+"deepest", g.address())
}

func (g *generator) wildcards(z *zone) {
	z.add("*.wild", g.address(), "TXT wild")
	z.add("here.wild", "TXT not the wildcard")
	z.add("below.ent.wild", "TXT deeper than the wildcard")
	z.add("*.wildalias", "CNAME www")
	z.add("*.wildmail", "MX 10 mail.wild")
}

// longestChain is how many CNAME records lead from one zone to the next.
const longestChain = 6

// chains links zones by CNAME and DNAME.
func (g *generator) chains() {
	var zones []*zone
	for _, z := range g.tree.Zones {
		if z.Tier >= secondTier {
			zones = append(zones, z)
		}
	}
	other := func() *zone { return zones[g.IntN(len(zones))] }
	ends := []string{"www", "www", "mail", "no-such-name", "x.wild", "big", "www.deep", "e.deep", "no.such.name", "x.wildalias", "unknown"}
	for i, z := range zones {
		for j, end := range ends {
			at := other().below(end)
			for link := range 1 + (i+j)%longestChain {
				from, owner := other(), fmt.Sprintf("link%d-%d-%d", i, j, link)
				from.add(owner, "CNAME "+at.String())
				at = from.below(owner)
			}
			z.add(fmt.Sprintf("chain%d", j), "CNAME "+at.String())
		}
		z.add("mirror", "DNAME "+other().Name.String())
		z.add("mirror-of-wild", "DNAME "+other().below("wild").String())
		z.add("mirror-of-nothing", "DNAME "+other().below("no-such-name").String())
		z.add("alias-of-mirror", "CNAME "+other().below("www.mirror").String())
		z.add("*.wildaway", "CNAME "+other().below("www").String())
		o := other()
		z.add(fmt.Sprintf("ring%d", i), "CNAME "+o.below(fmt.Sprintf("ring%d-back", i)).String())
		o.add(fmt.Sprintf("ring%d-back", i), "CNAME "+z.below(fmt.Sprintf("ring%d", i)).String())
	}
}
