//go:build interop

package recursion

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/names-dns/names/wire"
)

// question is one name and type to resolve, and how it is asked.
type question struct {
	Name wire.Name
	Type wire.Type
	Form form
	Zone *zone
	Why  string // the kind of question
}

// form is how a question is asked.
type form struct {
	TCP    bool
	NoEDNS bool
	DO     bool
}

// forms are those there are, the usual one several times.
var forms = []form{{}, {}, {NoEDNS: true}, {}, {DO: true}, {}, {TCP: true}, {NoEDNS: true, TCP: true}}

// String is the question as one would type it for dig.
func (q question) String() string {
	how := ""
	for option, set := range map[string]bool{" +tcp": q.Form.TCP, " +noedns": q.Form.NoEDNS, " +dnssec": q.Form.DO} {
		if set {
			how += option
		}
	}
	return fmt.Sprintf("%s %s%s  ; %s, zone %s (%s)", q.Name, q.Type, how, q.Why, q.Zone.Name, q.Zone.Style)
}

// kinds are the questions there are about a zone. Each makes one; a name that
// is not valid is made again.
var kinds = []struct {
	Why  string
	Make func(g *questionMaker, z *zone) (string, wire.Type)
}{
	{"a record", func(g *questionMaker, z *zone) (string, wire.Type) {
		r := z.Records[g.IntN(len(z.Records))]
		return r.Name.String(), r.Type
	}},
	{"a name and some type", func(g *questionMaker, z *zone) (string, wire.Type) { return g.owner(z), g.anyType() }},
	{"no such name", func(g *questionMaker, z *zone) (string, wire.Type) {
		return under(g.word(), z.Name.String()), g.anyType()
	}},
	{"below a name", func(g *questionMaker, z *zone) (string, wire.Type) { return under(g.word(), g.owner(z)), g.anyType() }},
	{"far below a name", func(g *questionMaker, z *zone) (string, wire.Type) {
		return under(g.word()+"."+g.word()+"."+g.word(), g.owner(z)), g.anyType()
	}},
	{"above a name", func(g *questionMaker, z *zone) (string, wire.Type) { return g.parent(z), g.anyType() }},
	{"below a wildcard", func(g *questionMaker, z *zone) (string, wire.Type) {
		return under(g.word()+"."+g.one("wild", "wild", "wildalias", "wildmail", "wildaway", "a.wild", "here.wild", "ent.wild"), z.Name.String()), g.anyType()
	}},
	{"below a DNAME", func(g *questionMaker, z *zone) (string, wire.Type) {
		return under(g.one("www", "mail", "x.wild", "a.wildalias", "big", "no-such-name", "e.deep", "c.d.e.deep", "alias", "alias-of-big", "chain3")+
			"."+g.one("mirror", "mirror", "mirror", "tree", "folder", "mirror-of-wild", "mirror-of-nothing"), z.Name.String()), g.anyType()
	}},
	{"a chain from zone to zone", func(g *questionMaker, z *zone) (string, wire.Type) {
		return under(fmt.Sprintf("chain%d", g.IntN(11)), z.Name.String()), g.anyType()
	}},
	{"an answer that needs TCP", func(g *questionMaker, z *zone) (string, wire.Type) {
		if g.IntN(2) == 0 {
			return under(g.one("big", "alias-of-big"), z.Name.String()), wire.TypeTXT
		}
		return under("many", z.Name.String()), wire.TypeA
	}},
	{"the zone itself", func(g *questionMaker, z *zone) (string, wire.Type) {
		return z.Name.String(), []wire.Type{wire.TypeNS, wire.TypeSOA, wire.TypeDS, wire.TypeA, wire.TypeMX}[g.IntN(5)]
	}},
	{"the address of a server", func(g *questionMaker, z *zone) (string, wire.Type) {
		return z.Served[g.IntN(len(z.Served))].Name.String(), wire.TypeA
	}},
	{"upper case", func(g *questionMaker, z *zone) (string, wire.Type) { return strings.ToUpper(g.owner(z)), g.anyType() }},
	{"no such TLD", func(g *questionMaker, z *zone) (string, wire.Type) { return under(g.word(), g.word()+"."), g.anyType() }},
}

// questionMaker makes questions.
type questionMaker struct {
	*rand.Rand
}

// newQuestions makes count different questions about the tree.
func newQuestions(t *tree, seed uint64, count int) []question {
	g := &questionMaker{rand.New(rand.NewPCG(seed, 1))}
	seen := map[string]bool{}
	var list []question
	for i := 0; len(list) < count; i++ {
		z, kind := t.Zones[g.IntN(len(t.Zones))], kinds[i%len(kinds)]
		if z.Tier < secondTier && g.IntN(3) > 0 {
			continue
		}
		text, qtype := kind.Make(g, z)
		name, err := wire.ParseName(text)
		if err != nil {
			continue
		}
		if key := fmt.Sprint(name, qtype); !seen[key] {
			seen[key] = true
			list = append(list, question{Name: name, Type: qtype, Form: forms[g.IntN(len(forms))], Zone: t.zoneOf(name), Why: kind.Why})
		}
	}
	return list
}

// owner is a name of the zone.
func (g *questionMaker) owner(z *zone) string { return z.Records[g.IntN(len(z.Records))].Name.String() }

// parent is the name above one of the zone's, or the zone's own.
func (g *questionMaker) parent(z *zone) string {
	name := z.Records[g.IntN(len(z.Records))].Name
	if name.LabelCount() > z.Name.LabelCount() {
		name = name.Parent()
	}
	return name.String()
}

func (g *questionMaker) anyType() wire.Type {
	return []wire.Type{wire.TypeA, wire.TypeA, wire.TypeA, wire.TypeAAAA, wire.TypeTXT, wire.TypeMX, wire.TypeNS, wire.TypeCNAME,
		wire.TypeDNAME, wire.TypeSRV, wire.TypePTR, wire.TypeHTTPS, wire.TypeCAA, 65280}[g.IntN(14)]
}

func (g *questionMaker) one(of ...string) string { return of[g.IntN(len(of))] }

// word is a label that no zone has.
func (g *questionMaker) word() string { return fmt.Sprintf("w%x", g.Uint32()) }

// under is a name below another.
func under(name, parent string) string {
	if parent == "." {
		return name + "."
	}
	return name + "." + parent
}
