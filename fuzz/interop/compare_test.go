//go:build interop

package interop

import (
	"fmt"
	"sort"
	"strings"

	"github.com/names-dns/names/wire"
)

// pair is one question and two answers to it.
type pair struct {
	query
	Peer   string
	Ours   *answer
	Theirs *answer
	Truth  *truth
}

// difference is one thing in which two answers differ: a record that only one
// of them has, or a field of the header.
type difference struct {
	Part   string // rcode, echo, edns, a flag's name, or the name of a section
	Ours   bool   // the record is in our answer, or the bit is set in it
	Record record
	Text   string // for fields: both values
}

func (d difference) String() string {
	if d.Text != "" {
		return fmt.Sprintf("%s: %s", d.Part, d.Text)
	}
	side := "only theirs"
	if d.Ours {
		side = "only ours  "
	}
	return fmt.Sprintf("%s: %s: %s", d.Part, side, d.Record)
}

// inSection reports whether d is about a record, and not about the header.
func (d difference) inSection() bool { return d.Record.Owner != "" }

// compare lists in what two answers differ. The order of records does not
// matter (RFC 1035 4.1, RFC 2181 5.1); how often each is there does.
func compare(ours, theirs *answer) []difference {
	var list []difference
	field := func(part string, a, b any) {
		if a != b {
			list = append(list, difference{Part: part, Text: fmt.Sprintf("ours %v, theirs %v", a, b)})
		}
	}
	field("rcode", ours.RCode, theirs.RCode)
	field("opcode", ours.Flags.Opcode(), theirs.Flags.Opcode())
	field("echo", ours.Echo, theirs.Echo)
	for _, f := range flagNames {
		if a, b := ours.Flags.Has(f.Flag), theirs.Flags.Has(f.Flag); a != b {
			list = append(list, difference{Part: f.Name, Ours: a, Text: fmt.Sprintf("ours %t, theirs %t", a, b)})
		}
	}
	field("edns", ednsText(ours.EDNS), ednsText(theirs.EDNS))
	for section := wire.SectionAnswer; section <= wire.SectionAdditional; section++ {
		list = append(list, compareRecords(section.String(), ours.Records[section], theirs.Records[section])...)
	}
	return list
}

func ednsText(e *wire.EDNS) string {
	if e == nil {
		return "none"
	}
	return fmt.Sprintf("version %d, DO %t", e.Version, e.DO())
}

func compareRecords(part string, ours, theirs []record) []difference {
	count := map[record]int{}
	for _, r := range ours {
		count[r]++
	}
	for _, r := range theirs {
		count[r]--
	}
	var list []difference
	for r, n := range count {
		for ; n > 0; n-- {
			list = append(list, difference{Part: part, Ours: true, Record: r})
		}
		for ; n < 0; n++ {
			list = append(list, difference{Part: part, Record: r})
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].String() < list[j].String() })
	return list
}

// kind says what it means that a rule explains a difference.
type kind int

const (
	// optional: an RFC leaves it to the server; the answers count as the same.
	optional kind = iota
	// choice: we differ from every peer, on purpose.
	choice
	// theirs: the peer does something else than we do, for the reason given.
	// Another peer has to do what we do.
	theirs
)

// rule explains differences.
type rule struct {
	Name string
	Kind kind
	Peer string // "" for all of them
	Why  string // the reason, with the RFC
	// When says for which answers the rule holds; nil: for all.
	When func(p *pair) bool
	// What says which of their differences it explains; nil: all.
	What func(p *pair, d difference) bool
}

func (r *rule) holdsFor(p *pair) bool {
	return (r.Peer == "" || r.Peer == p.Peer) && (r.When == nil || r.When(p))
}

// verdict is what the rules say about one pair of answers.
type verdict struct {
	Unexplained []difference
	Same        bool // only optional data differs
	Chosen      bool // only optional data and our own choices differ
}

// judge finds a rule for each difference. The kinds are tried in their order,
// so that the verdict is the mildest there is.
func judge(p *pair, rules []rule, used map[string]int) verdict {
	v := verdict{Same: true, Chosen: true}
	differences := compare(p.Ours, p.Theirs)
	for k := optional; k <= theirs && len(differences) > 0; k++ {
		for i := range rules {
			r := &rules[i]
			if r.Kind != k || len(differences) == 0 || !r.holdsFor(p) {
				continue
			}
			var rest []difference
			for _, d := range differences {
				if r.What != nil && !r.What(p, d) {
					rest = append(rest, d)
				}
			}
			if len(rest) == len(differences) {
				continue
			}
			differences = rest
			used[r.Name]++
			v.Same = v.Same && k == optional
			v.Chosen = v.Chosen && k != theirs
		}
	}
	v.Unexplained = differences
	if len(differences) > 0 {
		v.Same, v.Chosen = false, false
	}
	return v
}

// report writes one question whose answers are wrong.
func report(q query, servers []*server, answers []*answer, verdicts []verdict) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", q)
	for i, v := range verdicts {
		for _, d := range v.Unexplained {
			fmt.Fprintf(&b, "  not explained, %s: %s\n", servers[i+1].Name, clip(d.String()))
		}
	}
	for i, a := range answers {
		fmt.Fprintf(&b, "[%s] %s", servers[i].Name, a)
	}
	return b.String()
}

func clip(line string) string {
	if len(line) > 160 {
		return line[:150] + "..."
	}
	return line
}
