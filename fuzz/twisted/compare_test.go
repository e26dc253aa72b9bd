//go:build interop

package twisted

import (
	"fmt"
	"slices"
	"strings"

	"github.com/names-dns/names/wire"
)

// pair is one question and both answers to it.
type pair struct {
	*query
	Ours, Theirs *answer
}

// difference is one thing in which two answers differ.
type difference struct {
	Part    string       // silence, form, rcode, echo, edns, the name of a flag; ttl or record
	Section wire.Section // of ttl and record
	Ours    *record      // nil: only theirs has it
	Theirs  *record
	Text    string // of what is in the header: both values
}

func (d difference) String() string {
	switch {
	case d.Ours != nil && d.Theirs != nil:
		return fmt.Sprintf("%s: %s: ours %v, theirs with TTL %d", d.Section, d.Part, d.Ours, d.Theirs.TTL)
	case d.Ours != nil:
		return fmt.Sprintf("%s: only ours: %v", d.Section, d.Ours)
	case d.Theirs != nil:
		return fmt.Sprintf("%s: only theirs: %v", d.Section, d.Theirs)
	}
	return d.Part + ": " + d.Text
}

var flagNames = []struct {
	Flag wire.Flags
	Name string
}{
	{wire.FlagQR, "qr"}, {wire.FlagAA, "aa"}, {wire.FlagTC, "tc"}, {wire.FlagRD, "rd"},
	{wire.FlagRA, "ra"}, {wire.FlagAD, "ad"}, {wire.FlagCD, "cd"},
}

// differences lists in what the answers differ. The order of records does not
// matter, how often each is there does.
func (p *pair) differences() (list []difference) {
	field := func(part string, ours, theirs any) {
		if ours != theirs {
			list = append(list, difference{Part: part, Text: fmt.Sprintf("ours %v, theirs %v", ours, theirs)})
		}
	}
	field("silence", p.Ours.Silent, p.Theirs.Silent)
	field("form", p.Ours.Form, p.Theirs.Form)
	if len(list) > 0 {
		return list // there is nothing more to compare
	}
	field("rcode", p.Ours.RCode, p.Theirs.RCode)
	field("opcode", p.Ours.Flags.Opcode(), p.Theirs.Flags.Opcode())
	for _, f := range flagNames {
		field(f.Name, p.Ours.Flags.Has(f.Flag), p.Theirs.Flags.Has(f.Flag))
	}
	field("echo", p.Ours.Echo, p.Theirs.Echo)
	field("edns", p.Ours.EDNS, p.Theirs.EDNS)
	for s := wire.SectionAnswer; s <= wire.SectionAdditional; s++ {
		list = append(list, compareRecords(s, p.Ours.Records[s], p.Theirs.Records[s])...)
	}
	return list
}

func compareRecords(s wire.Section, ours, theirs []record) (list []difference) {
	theirs = slices.Clone(theirs)
	take := func(same func(record) bool) *record {
		i := slices.IndexFunc(theirs, same)
		if i < 0 {
			return nil
		}
		r := theirs[i]
		theirs = slices.Delete(theirs, i, i+1)
		return &r
	}
	var unmatched []record
	for _, r := range ours {
		if take(func(o record) bool { return o == r }) == nil {
			unmatched = append(unmatched, r)
		}
	}
	for _, r := range unmatched {
		if o := take(func(o record) bool { return o.withoutTTL() == r.withoutTTL() }); o != nil {
			list = append(list, difference{Part: "ttl", Section: s, Ours: &r, Theirs: o})
		} else {
			list = append(list, difference{Part: "record", Section: s, Ours: &r})
		}
	}
	for _, r := range theirs {
		list = append(list, difference{Part: "record", Section: s, Theirs: &r})
	}
	return list
}

// unexplained returns the differences that no rule is for, and counts the
// rules that were needed.
func (p *pair) unexplained(used map[string]int) (left []difference) {
	for _, d := range p.differences() {
		i := slices.IndexFunc(rules, func(r rule) bool { return r.Explains(p, d) })
		if i < 0 {
			left = append(left, d)
			continue
		}
		used[rules[i].Name]++
	}
	return left
}

func (p *pair) report(left []difference) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  ours:\n%s  theirs:\n%s", p.Text, p.Ours, p.Theirs)
	for _, d := range left {
		fmt.Fprintf(&b, "  not explained: %s\n", d)
	}
	return b.String()
}
