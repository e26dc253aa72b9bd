//go:build interop

package recursion

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/names-dns/names/wire"
)

// answer is what a resolver says, as far as it is compared: TTLs, the order
// of records and the case of names are not.
type answer struct {
	RCode   wire.RCode
	Records []string // the answer section: owner, type, data; sorted
	Loop    bool     // only of the tree: the names form a loop
}

func (a *answer) String() string {
	if a == nil {
		return "no reply\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", a.RCode)
	for i, r := range a.Records {
		if i == 12 {
			fmt.Fprintf(&b, "    and %d more\n", len(a.Records)-i)
			break
		}
		if len(r) > 150 {
			r = r[:140] + "..."
		}
		fmt.Fprintf(&b, "    %s\n", r)
	}
	return b.String()
}

// lineOf writes a record so that equal ones are equal text.
func lineOf(r *wire.Record) string {
	data := wire.AppendRdataText(nil, r.Type, wire.AppendCanonicalRdata(nil, r.Type, r.Data))
	return fmt.Sprintf("%s %s %s", r.Name.Fold(), r.Type, data)
}

// truth answers from the tree itself: all of it is there to be read, so this
// is RFC 1034 4.3.2 without servers.
type truth struct {
	tree  *tree
	zones map[*zone]nodes
}

// nodes are the names of a zone with their records; those of empty
// non-terminals are there and have none.
type nodes map[wire.Key][]wire.Record

func newTruth(t *tree) *truth {
	known := &truth{tree: t, zones: map[*zone]nodes{}}
	for _, z := range t.Zones {
		n := nodes{z.Name.Key(): nil}
		for _, r := range z.Records {
			for at := r.Name; at.LabelCount() >= z.Name.LabelCount(); at = at.Parent() {
				n[at.Key()] = n[at.Key()]
				if at.IsRoot() {
					break
				}
			}
			n[r.Name.Key()] = append(n[r.Name.Key()], r)
		}
		// Delegations make empty non-terminals too.
		for _, r := range z.Cuts {
			if r.Type != wire.TypeNS {
				continue
			}
			for at := r.Name; at.LabelCount() > z.Name.LabelCount(); at = at.Parent() {
				n[at.Key()] = n[at.Key()]
			}
		}
		known.zones[z] = n
	}
	return known
}

// answer follows name through the zones. If that is a loop there
// is not an answer: SERVFAIL says so.
func (k *truth) answer(name wire.Name, t wire.Type) *answer {
	a := &answer{}
	for seen := map[wire.Key]bool{}; ; {
		if seen[name.Key()] {
			a.RCode, a.Loop = wire.RCodeServFail, true
			break
		}
		seen[name.Key()] = true
		next := k.step(a, name, t)
		if next.IsZero() {
			break
		}
		name = next
	}
	sort.Strings(a.Records)
	a.Records = slices.Compact(a.Records)
	return a
}

// step adds what the zone of name has to say, and returns the name to go on with.
func (k *truth) step(a *answer, name wire.Name, t wire.Type) wire.Name {
	z := k.tree.zoneOf(name)
	if t == wire.TypeDS && name.Equal(z.Name) && z.Parent != nil {
		z = z.Parent // RFC 4035 3.1.4.1
	}
	n := k.zones[z]
	a.RCode = wire.RCodeNoError
	for labels := z.Name.LabelCount(); labels < name.LabelCount(); labels++ {
		for _, r := range n[name.Ancestor(labels).Key()] {
			if r.Type == wire.TypeDNAME {
				next := k.rename(a, name, r)
				if t == wire.TypeCNAME {
					return wire.Name{} // it is what was asked for
				}
				return next
			}
		}
	}
	records, exists := n[name.Key()]
	if !exists {
		encloser := name.Parent()
		for ; ; encloser = encloser.Parent() {
			if _, ok := n[encloser.Key()]; ok {
				break
			}
		}
		wildcard, err := encloser.Prepend("*")
		if err != nil {
			panic(err)
		}
		if records, exists = n[wildcard.Key()]; !exists {
			a.RCode = wire.RCodeNXDomain
			return wire.Name{}
		}
	}
	for _, r := range records {
		if r.Type == t || r.Type == wire.TypeCNAME {
			r.Name = name
			a.Records = append(a.Records, lineOf(&r))
			if r.Type != t {
				return target(r)
			}
		}
	}
	return wire.Name{}
}

// rename follows a DNAME (RFC 6672 3.2).
func (k *truth) rename(a *answer, name wire.Name, r wire.Record) wire.Name {
	a.Records = append(a.Records, lineOf(&r))
	var joined []byte
	prefix := name.Wire()[:len(name.Wire())-len(r.Name.Wire())]
	joined = append(append(joined, prefix...), target(r).Wire()...)
	renamed, _, err := wire.NameFromWire(bytes.Clone(joined))
	if err != nil {
		a.RCode = wire.RCodeYXDomain
		return wire.Name{}
	}
	a.Records = append(a.Records, lineOf(&wire.Record{Name: name, Type: wire.TypeCNAME, Class: wire.ClassIN, Data: []byte(renamed.Wire())}))
	return renamed
}

// target is the name that is the data of a CNAME or DNAME record.
func target(r wire.Record) wire.Name {
	name, _, err := wire.NameFromWire(r.Data)
	if err != nil {
		panic(err)
	}
	return name
}
