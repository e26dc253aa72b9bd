package validate

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

var trees = flag.Int("trees", 0, "how many random signed trees the twin judges; 0 is a few hundred")

// randomTree makes a root and some zones below it, signed in all ways there
// are, and names to ask for, some of which exist.
type randomTree struct {
	testing.TB
	*rand.Rand
	zones []*signedtree.Zone
	names []wire.Name
}

func (r *randomTree) pick(from ...string) string { return from[r.IntN(len(from))] }

// label is one of few, so that names meet.
func (r *randomTree) label() string { return r.pick("a", "b", "c", "w", "z") }

func below(label, zone string) string {
	if zone == "." {
		return label + "."
	}
	return label + "." + zone
}

// what names of a zone are.
const (
	address = iota
	alias
	redirection // DNAME
	cut
)

// mayAdd reports whether a name can be added to those of its zone without
// hiding another or being hidden.
func mayAdd(used map[string]int, name string, kind int) bool {
	n := wire.MustParseName(name)
	for other, otherKind := range used {
		o := wire.MustParseName(other)
		switch {
		case n.Equal(o):
			if kind != address || otherKind != address {
				return false
			}
		case n.HasSuffix(o) && otherKind >= redirection, o.HasSuffix(n) && kind >= redirection:
			return false
		}
	}
	return true
}

// grow makes the zone of apex and those below it.
func (r *randomTree) grow(apex string, isSigned bool, depth int) {
	var lines []string
	used := map[string]int{}
	add := func(name string, kind int, more ...string) bool {
		if !mayAdd(used, name, kind) {
			return false
		}
		used[name] = kind
		lines = append(lines, more...)
		return true
	}
	children := map[string]bool{}
	for range r.IntN(4) {
		if depth == 0 {
			break
		}
		child := below(r.label(), apex)
		if r.IntN(5) == 0 {
			child = below(r.label(), child)
		}
		if !add(child, cut, child+" NS ns.elsewhere.") {
			continue
		}
		children[child] = r.IntN(4) > 0
		if children[child] && r.IntN(6) > 0 {
			lines = append(lines, dsLine(r, child))
		} else if r.IntN(4) == 0 {
			lines = append(lines, child+" DS 1 250 2 "+fmt.Sprintf("%064d", 1)) // of an algorithm that is not known
		}
	}
	if r.IntN(3) == 0 {
		name := below(r.label(), apex)
		add(name, redirection, name+" DNAME "+below(r.pick("a", "b", "a.b"), r.pick(".", "a.", "b.", apex)))
	}
	for range 1 + r.IntN(6) {
		name := below(r.label(), apex)
		switch r.IntN(5) {
		case 0:
			name = below(r.label(), name)
		case 1:
			name = below("*", apex)
		case 2:
			name = below("*", name)
		}
		if r.IntN(4) > 0 {
			add(name, address, a(name, 1+r.IntN(200)))
		} else {
			add(name, alias, name+" CNAME "+below(r.label(), r.pick(apex, ".", "a.", "b.", "a.b.")))
		}
	}
	o := signedtree.Options{}
	if isSigned {
		o = r.options(apex)
	}
	r.zones = append(r.zones, signZone(r, apex, o, lines...))
	r.names = append(r.names, wire.MustParseName(apex))
	for _, line := range lines {
		r.names = append(r.names, parse(r, line).Name)
	}
	for _, child := range slices.Sorted(maps.Keys(children)) { // the same each time
		r.grow(child, children[child], depth-1)
	}
}

// options are random ways to sign a zone.
func (r *randomTree) options(apex string) signedtree.Options {
	o := options(r, apex, signedtree.NSEC)
	if r.IntN(2) == 0 {
		o.Denial, o.OptOut, o.Iterations = signedtree.NSEC3, r.IntN(2) == 0, uint16(r.IntN(3))
		if r.IntN(8) == 0 {
			o.Iterations = dnssec.MaxIterations + 1
		}
		if r.IntN(2) == 0 {
			o.Salt = []byte{byte(r.IntN(256))}
		}
	}
	return o
}

// ask is a question about a name that exists, nearly.
func (r *randomTree) ask() wire.Question {
	name := r.names[r.IntN(len(r.names))]
	for range r.IntN(3) {
		if r.IntN(2) == 0 && name.LabelCount() > 0 {
			name = name.Parent()
		} else {
			name, _ = name.Prepend(r.label())
		}
	}
	types := []wire.Type{wire.TypeA, wire.TypeA, wire.TypeA, wire.TypeTXT, wire.TypeDS, wire.TypeNS, wire.TypeSOA, wire.TypeCNAME, wire.TypeDNSKEY, wire.TypeANY}
	return wire.Question{Name: name, Type: types[r.IntN(len(types))], Class: wire.ClassIN}
}

// spoil returns m with one thing wrong with it.
func (r *randomTree) spoil(m *wire.Message, tree *signedtree.Tree) *wire.Message {
	sections := []*[]wire.Record{&m.Answers, &m.Authority}
	section := sections[r.IntN(2)]
	if len(*section) == 0 {
		section = sections[0]
	}
	if len(*section) == 0 {
		section = sections[1]
	}
	records := slices.Clone(*section)
	*section = records
	if len(records) == 0 {
		return m
	}
	i := r.IntN(len(records))
	record := records[i].Clone()
	switch kind := r.IntN(9); kind {
	case 0: // a bit
		record.Data[r.IntN(len(record.Data))] ^= 1 << r.IntN(8)
		records[i] = record
	case 1: // a record is missing
		*section = slices.Delete(records, i, i+1)
	case 2: // an RRset is missing
		*section = slices.DeleteFunc(records, func(o wire.Record) bool { return o.Name.Equal(record.Name) && o.Type == record.Type })
	case 3: // its owner is another
		records[i].Name = r.ask().Name
	case 4: // the RCODE
		m.RCode ^= wire.RCodeNXDomain
	case 5: // it is the answer to another question
		q := r.ask()
		other := tree.Resolve(q)
		m.Answers, m.Authority, m.RCode = other.Answers, other.Authority, other.RCode
	case 6: // the proofs are those of another question, or added to
		other := tree.Resolve(r.ask())
		if r.IntN(2) == 0 {
			m.Authority = slices.Concat(other.Authority, m.Authority)
		} else {
			m.Authority = other.Authority
		}
	case 7: // all signatures are missing
		*section = slices.DeleteFunc(records, func(o wire.Record) bool { return o.Type == wire.TypeRRSIG })
	case 8: // a TTL: no difference to anything
		records[i].TTL = 1 << 20
	}
	return m
}

// TestTwin: the validator and its twin agree about replies from random trees,
// sound ones and ones with one thing wrong, in the reply or on the chain of
// trust. Nothing sound is bogus.
func TestTwin(t *testing.T) {
	count := *trees
	if count == 0 {
		count = 400
	}
	verdicts := map[Verdict]int{}
	for seed := range count {
		twinOnTree(t, uint64(seed), verdicts)
		if t.Failed() {
			t.Fatalf("tree %d", seed)
		}
	}
	t.Logf("%d trees: %v", count, verdicts)
	for _, v := range []Verdict{Bogus, Insecure, Secure} {
		if verdicts[v] < count/2 {
			t.Errorf("only %d replies were %v", verdicts[v], v)
		}
	}
}

func twinOnTree(t testing.TB, seed uint64, verdicts map[Verdict]int) {
	r := &randomTree{TB: t, Rand: rand.New(rand.NewPCG(seed, 7))}
	r.grow(".", true, 3)
	w := newWorld(t, r.zones...)
	w.config.Limits = Limits{Verifications: 1000, Failures: 1000, Comparisons: 1000, Hashes: 1000, Proofs: 1000, Fetches: 1000}
	for range 8 {
		q := r.ask()
		w.v = New(w.config)
		w.change = nil
		v := compare(w, q)
		verdicts[v]++
		if v == Bogus && !t.Failed() {
			t.Errorf("tree %d: %v is bogus, and nothing is wrong with it: %q", seed, q, w.v.Check(t.Context(), mustReply(t, w.ask(q, false)), nil).Reason)
		}
	}
	for range 8 {
		q := r.ask()
		w.v = New(w.config)
		if r.IntN(2) == 0 {
			spoiled := r.spoil(w.tree.Resolve(q), w.tree)
			w.change = func(m *wire.Message, fetched bool) *wire.Message {
				if fetched {
					return m
				}
				return spoiled
			}
		} else {
			// Something on the way: each DS or DNSKEY reply of one name.
			at := q.Name.Ancestor(r.IntN(q.Name.LabelCount() + 1))
			typ := []wire.Type{wire.TypeDS, wire.TypeDNSKEY}[r.IntN(2)]
			spoiled := r.spoil(w.tree.Resolve(wire.Question{Name: at, Type: typ, Class: wire.ClassIN}), w.tree)
			w.change = func(m *wire.Message, fetched bool) *wire.Message {
				if fetched && m.Questions[0].Name.Equal(at) && m.Questions[0].Type == typ {
					return spoiled
				}
				return m
			}
		}
		verdicts[compare(w, q)]++
	}
}

func mustReply(t testing.TB, m *wire.Message) *Reply {
	t.Helper()
	r, err := ReplyFromMessage(m)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// compare asks both about a question.
func compare(w *world, q wire.Question) Verdict {
	w.Helper()
	m := w.ask(q, false)
	got := w.v.Check(w.Context(), mustReply(w, m), nil)
	want := (&twin{w: w, at: now}).judge(mustReply(w, m))
	if got.Verdict != want && !(got.Verdict <= Indeterminate && want <= Indeterminate) {
		w.Errorf("%v: %v %q, and the twin says %v\n%v", q, got.Verdict, got.Reason.Text, want, m)
	}
	return got.Verdict
}
