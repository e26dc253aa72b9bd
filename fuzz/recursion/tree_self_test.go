//go:build interop

package recursion

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestTree makes sure that trees are what the package promises, whatever the seed.
func TestTree(t *testing.T) {
	for seed := range uint64(20) {
		tree := newTree(seed)
		if len(tree.Zones) < 50 {
			t.Errorf("seed %d: %d zones, want 50 at least", seed, len(tree.Zones))
		}
		used := map[string]bool{}
		for _, z := range tree.Zones {
			used[z.Style] = true
			for _, set := range [][]*host{z.Delegated, z.Served} {
				if z.Parent != nil && !slices.ContainsFunc(set, func(h *host) bool { return h.Conduct == answers && h.Tier == z.Tier }) {
					t.Errorf("seed %d: no server answers for zone %s", seed, z.Name)
				}
			}
			for i := range z.Records {
				if r := &z.Records[i]; tree.zoneOf(r.Name) != z {
					t.Errorf("seed %d: zone %s has %s, which is in zone %s", seed, z.Name, lineOf(r), tree.zoneOf(r.Name).Name)
				}
			}
		}
		for _, s := range styles {
			if !used[s.Name] {
				t.Errorf("seed %d: no zone is delegated like this: %s", seed, s.Name)
			}
		}
	}
}

func TestTreeOfASeed(t *testing.T) {
	a, b, c := newTree(1), newTree(1), newTree(2)
	text := func(tree *tree) (all []byte) {
		for _, z := range tree.Zones {
			all = append(all, z.file()...)
		}
		return all
	}
	if !bytes.Equal(text(a), text(b)) {
		t.Error("the same seed makes different trees")
	}
	if bytes.Equal(text(a), text(c)) {
		t.Error("different seeds make the same tree")
	}
}

// TestTruth asks a tree of four zones what RFC 1034 4.3.2 and RFC 6672 say
// about it.
func TestTruth(t *testing.T) {
	small := &tree{}
	g := &generator{tree: small}
	root := g.zone(nil, ".", rootTier)
	oak := g.zone(root, "oak.", tldTier)
	wren := g.zone(oak, "wren.oak.", secondTier)
	g.zone(oak, "a.b.oak.", secondTier)
	for _, cut := range []string{"wren.oak.", "a.b.oak."} {
		oak.Cuts = append(oak.Cuts, record(oak, wire.MustParseName(cut), "NS", "ns.wren.oak."))
	}
	wren.add("@", "SOA . . 1 2 3 4 5")
	wren.add("www", "A 192.0.2.1")
	wren.add("d.e.f", "A 192.0.2.2")
	wren.add("*.wild", "A 192.0.2.3")
	wren.add("here.wild", "TXT here")
	wren.add("alias", "CNAME www")
	wren.add("dead", "CNAME nothing.oak.")
	wren.add("self", "CNAME self")
	wren.add("tree", "DNAME f.wren.oak.")
	wren.add("long", "DNAME "+strings.Repeat(strings.Repeat("l", 60)+".", 4))
	known := newTruth(small)
	for _, c := range []struct{ question, want string }{
		{"www.wren.oak. A", "NOERROR; www.wren.oak. A 192.0.2.1"},
		{"WWW.wren.oak. TXT", "NOERROR"},
		{"e.f.wren.oak. A", "NOERROR"},
		{"x.f.wren.oak. A", "NXDOMAIN"},
		{"b.oak. A", "NOERROR"},
		{"c.b.oak. A", "NXDOMAIN"},
		{"x.y.wild.wren.oak. A", "NOERROR; x.y.wild.wren.oak. A 192.0.2.3"},
		{"x.wild.wren.oak. MX", "NOERROR"},
		{"here.wild.wren.oak. A", "NOERROR"},
		{"x.here.wild.wren.oak. A", "NXDOMAIN"},
		{"alias.wren.oak. A", "NOERROR; alias.wren.oak. CNAME www.wren.oak.; www.wren.oak. A 192.0.2.1"},
		{"alias.wren.oak. CNAME", "NOERROR; alias.wren.oak. CNAME www.wren.oak."},
		{"dead.wren.oak. A", "NXDOMAIN; dead.wren.oak. CNAME nothing.oak."},
		{"self.wren.oak. A", "SERVFAIL; self.wren.oak. CNAME self.wren.oak."},
		{"d.e.tree.wren.oak. A", "NOERROR; d.e.f.wren.oak. A 192.0.2.2; d.e.tree.wren.oak. CNAME d.e.f.wren.oak.; tree.wren.oak. DNAME f.wren.oak."},
		{"d.e.tree.wren.oak. CNAME", "NOERROR; d.e.tree.wren.oak. CNAME d.e.f.wren.oak.; tree.wren.oak. DNAME f.wren.oak."},
		{"tree.wren.oak. A", "NOERROR"},
		{"too-long.for-a-name.long.wren.oak. A", "YXDOMAIN; long.wren.oak. DNAME " + strings.Repeat(strings.Repeat("l", 60)+".", 4)},
		{"wren.oak. DS", "NOERROR"},
		{"no.such. A", "NXDOMAIN"},
	} {
		name, qtype, _ := strings.Cut(c.question, " ")
		asked, err := wire.ParseType(qtype)
		if err != nil {
			t.Fatal(err)
		}
		a := known.answer(wire.MustParseName(name), asked)
		if got := strings.Join(append([]string{a.RCode.String()}, a.Records...), "; "); got != c.want {
			t.Errorf("%s: %s, want %s", c.question, got, c.want)
		}
	}
}

// TestQuestions makes sure that there are enough of every kind.
func TestQuestions(t *testing.T) {
	tree := newTree(1)
	kindsSeen, zonesSeen := map[string]int{}, map[*zone]int{}
	list := newQuestions(tree, 1, 10000)
	for _, q := range list {
		kindsSeen[q.Why]++
		zonesSeen[q.Zone]++
	}
	for _, k := range kinds {
		if kindsSeen[k.Why] < 100 {
			t.Errorf("%d questions of the kind: %s", kindsSeen[k.Why], k.Why)
		}
	}
	if len(zonesSeen) != len(tree.Zones) {
		t.Errorf("questions about %d zones of %d", len(zonesSeen), len(tree.Zones))
	}
	if longest := longestIn(tree, list); longest < longestChain {
		t.Errorf("the longest chain has %d links, want %d", longest, longestChain)
	}
}

// longestIn is the greatest number of CNAME records in an answer.
func longestIn(t *tree, questions []question) (longest int) {
	known := newTruth(t)
	for _, q := range questions {
		links := 0
		for _, r := range known.answer(q.Name, q.Type).Records {
			if isType(r, wire.TypeCNAME) {
				links++
			}
		}
		longest = max(longest, links)
	}
	return longest
}
