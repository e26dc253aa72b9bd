//go:build interop

package interop

import (
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestJudge shows that the judge is not to be fooled: what is wrong in our
// answers is found, and what is left to the server is not called wrong.
func TestJudge(t *testing.T) {
	known := &truth{Records: map[record]bool{}, Types: map[string][]wire.Type{}, Zones: []string{"example."}}
	rr := func(text string) record {
		w := strings.SplitN(text, " ", 3)
		typ, err := wire.ParseType(w[1])
		if err != nil {
			t.Fatal(err)
		}
		return record{Owner: w[0], Type: typ, Class: wire.ClassIN, TTL: 60, Data: w[2]}
	}
	for _, line := range []string{"a.example. A 192.0.2.1", "mx.example. MX 1 a.example.", "ns.sub.example. A 192.0.2.2", "*.w.example. A 192.0.2.3"} {
		known.Records[rr(line)] = true
	}
	// An answer in short: words are the RCODE and flags; an, au, ad begin a record of a section.
	parse := func(text string) *answer {
		a := &answer{EDNS: &wire.EDNS{}}
		for _, part := range strings.Split(text, "; ") {
			head, rest, _ := strings.Cut(part, " ")
			switch head {
			case "an":
				a.Records[wire.SectionAnswer] = append(a.Records[wire.SectionAnswer], rr(rest))
			case "au":
				a.Records[wire.SectionAuthority] = append(a.Records[wire.SectionAuthority], rr(rest))
			case "ad":
				a.Records[wire.SectionAdditional] = append(a.Records[wire.SectionAdditional], rr(rest))
			case "aa":
				a.Flags |= wire.FlagAA
			case "tc":
				a.Flags |= wire.FlagTC
			case "nxdomain":
				a.RCode = wire.RCodeNXDomain
			}
		}
		return a
	}
	for _, c := range []struct {
		what, ours, theirs string
		unexplained        int
		same               bool
	}{
		{"alike", "aa; an a.example. A 192.0.2.1", "aa; an a.example. A 192.0.2.1", 0, true},
		{"another order", "aa; an a.example. A 192.0.2.1; an a.example. A 192.0.2.9", "aa; an a.example. A 192.0.2.9; an a.example. A 192.0.2.1", 0, true},
		{"another rcode", "aa; nxdomain", "aa", 1, false},
		{"no AA", "an a.example. A 192.0.2.1", "aa; an a.example. A 192.0.2.1", 1, false},
		{"a record is missing", "aa", "aa; an a.example. A 192.0.2.1", 1, false},
		{"another address", "aa; an a.example. A 192.0.2.9", "aa; an a.example. A 192.0.2.1", 2, false},
		{"a record twice", "aa; an a.example. A 192.0.2.1; an a.example. A 192.0.2.1", "aa; an a.example. A 192.0.2.1", 1, false},
		{"in the wrong section", "aa; au a.example. A 192.0.2.1", "aa; an a.example. A 192.0.2.1", 2, false},
		{"no SOA", "aa; nxdomain", "aa; nxdomain; au example. SOA x", 1, false},
		{"additional data", "aa; an mx.example. MX 1 a.example.; ad a.example. A 192.0.2.1", "aa; an mx.example. MX 1 a.example.", 0, true},
		{"additional data that is not true", "aa; an mx.example. MX 1 a.example.; ad a.example. A 192.0.2.9", "aa; an mx.example. MX 1 a.example.", 1, false},
		{"additional data from a wildcard", "aa; an mx.example. MX 1 x.w.example.; ad x.w.example. A 192.0.2.3", "aa; an mx.example. MX 1 x.w.example.", 0, true},
		{"glue is missing", "au sub.example. NS ns.sub.example.", "au sub.example. NS ns.sub.example.; ad ns.sub.example. A 192.0.2.2", 1, false},
		{"truncated otherwise", "aa; tc", "aa; tc; an a.example. A 192.0.2.1", 0, true},
		{"truncated without need", "aa; tc", "aa; an a.example. A 192.0.2.1", 2, false},
		{"a proof is missing", "aa; nxdomain; au example. SOA x", "aa; nxdomain; au example. SOA x; au example. NSEC a.example. A", 1, false},
	} {
		p := &pair{
			query: query{Name: wire.MustParseName("a.example."), Type: wire.TypeA, Class: wire.ClassIN, Buffer: 1232},
			Peer:  "knot", Ours: parse(c.ours), Theirs: parse(c.theirs), Truth: known,
		}
		v := judge(p, rules, map[string]int{})
		if len(v.Unexplained) != c.unexplained || v.Same != c.same {
			t.Errorf("%s: %d not explained, want %d; same %t, want %t: %v", c.what, len(v.Unexplained), c.unexplained, v.Same, c.same, v.Unexplained)
		}
	}
}
