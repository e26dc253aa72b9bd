package authority

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

const checkedApex = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"

// TestCheck: what refuses a zone, what only warns, and where it is said to be.
func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 250)
	var huge strings.Builder
	for i := range 300 {
		fmt.Fprintf(&huge, "huge 60 TXT \"%d%s\"\n", i, long)
	}
	var chain, types strings.Builder
	for i := range 900 {
		fmt.Fprintf(&chain, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 60 NSEC3 1 0 %d %s 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM\n", i, strings.Repeat("ab", 50))
	}
	for t := 300; t < 33100; t++ { // each with a signature: more RRsets than a node can count
		if t := wire.Type(t); t != wire.TypeTA && t != wire.TypeDLV {
			fmt.Fprintf(&types, "many 60 TYPE%d \\# 0\nmany 60 RRSIG TYPE%d 13 2 60 20300101000000 20200101000000 1 example. AAAA\n", t, t)
		}
	}
	for _, test := range []struct {
		name, zone string
		want       []string // beginnings of the problems
	}{
		{"right", checkedApex, nil},
		{"no SOA", "@ 60 NS ns.elsewhere.\n", []string{"zone: zone example. has no SOA record at its apex"}},
		{"SOA of another zone", "other. 60 SOA a. b. 1 2 3 4 5\n@ 60 NS ns.elsewhere.\n", []string{
			"zone:1:1: warning: other. is outside the zone example.: the record is left out",
			"zone: zone example. has no SOA record at its apex, but the file has one for other.: is that the zone's name?"}},
		{"two SOAs", checkedApex + "@ 60 SOA ns h 2 2 3 4 5\n", []string{"zone:4:1: zone example. has more than one SOA record"}},
		{"the same SOA twice", checkedApex + "@ 60 SOA ns h 1 2 3 4 5\n", nil},
		{"the same SOA in another case", checkedApex + "@ 60 SOA NS H 1 2 3 4 5\n", nil},
		{"SOA below", checkedApex + "sub 60 SOA ns h 1 2 3 4 5\n", []string{"zone:4:1: SOA record of sub.example. inside the zone"}},
		{"no NS", "@ 60 SOA ns h 1 2 3 4 5\n", []string{"zone: zone example. has no NS record at its apex"}},
		{"empty", "", []string{"zone: zone example. has no SOA record at its apex", "zone: zone example. has no NS record at its apex"}},
		{"CNAME and other data", checkedApex + "a 60 CNAME b\na 60 A 192.0.2.1\n", []string{"zone:4:1: a.example. has a CNAME record and other data: A at zone:5:1"}},
		{"CNAME and its signature", checkedApex + "a 60 CNAME ns\na 60 RRSIG CNAME 13 2 60 20300101000000 20200101000000 1 example. AAAA\n", nil},
		{"two CNAMEs", checkedApex + "a 60 CNAME b\na 60 CNAME c\n", []string{"zone:5:1: a.example. has more than one CNAME record"}},
		{"one CNAME twice", checkedApex + "a 60 CNAME b\na 60 CNAME b\n", nil},
		{"one CNAME in two cases", checkedApex + "a 60 CNAME b\na 60 CNAME B\n", nil},
		{"names below a DNAME", checkedApex + "a 60 DNAME b\nx.a 60 A 192.0.2.1\n", []string{"zone:5:1: x.a.example. is below a name that has a DNAME record"}},
		{"two DNAMEs", checkedApex + "a 60 DNAME b\na 60 DNAME c\n", []string{"zone:5:1: a.example. has more than one DNAME record"}},
		{"RRset too large", checkedApex + huge.String(), []string{"zone:4:1: the 300 TXT records of huge.example. take"}},
		{"many iterations", checkedApex + "@ 60 NSEC3PARAM 1 0 150 -\n", []string{"zone:4:1: warning: NSEC3 with 150 iterations"}},
		{"too many iterations", checkedApex + "@ 60 NSEC3PARAM 1 0 2501 -\n", []string{"zone:4:1: NSEC3 with 2501 iterations: no more than 2500"}},
		{"no iterations", checkedApex + "@ 60 NSEC3PARAM 1 0 0 -\n", nil},
		{"chain too large", checkedApex + chain.String(), []string{"zone:4:1: the 900 NSEC3 records of 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. take"}},
		{"too many types", checkedApex + types.String(), []string{"zone:65539:1: many.example. has more than 65535 RRsets"}},
		{"TTLs differ", checkedApex + "a 60 A 192.0.2.1\na 50 A 192.0.2.2\n", []string{"zone:5:1: warning: TTL 50 differs from the TTL 60 of other A records of a.example.: the smallest counts"}},
		{"outside", checkedApex + "a.elsewhere. 60 A 192.0.2.1\n", []string{"zone:4:1: warning: a.elsewhere. is outside the zone example."}},
		{"no glue", checkedApex + "sub 60 NS ns.sub\n", []string{"zone:4:1: warning: the NS record leads to ns.sub.example., which has no address in the zone"}},
		{"no address of our own server", checkedApex + "@ 60 NS ns2\n", []string{"zone:4:1: warning: the NS record leads to ns2.example., which has no address"}},
		{"glue of a sibling", checkedApex + "sub 60 NS ns.other\nother 60 NS ns.elsewhere.\n", nil},
		{"NS at a wildcard's name", checkedApex + "* 60 A 192.0.2.1\nsub 60 NS anything\n", nil},
		{"NS at an alias", checkedApex + "alias 60 CNAME ns\n@ 60 NS alias\n", []string{"zone:5:1: warning: the NS record leads to alias.example., which is an alias"}},
		{"MX at an alias", checkedApex + "alias 60 CNAME ns\n@ 60 MX 1 alias\n", []string{"zone:5:1: warning: the MX record leads to alias.example., which is an alias"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, problems := buildZone(t, "example.", test.zone)
			var got []string
			errors := 0
			for _, p := range problems.Problems {
				got = append(got, p.Error())
				if !p.Warning {
					errors++
				}
			}
			if len(got) != len(test.want) {
				t.Fatalf("got %d problems:\n%s\nwant %d:\n%s", len(got), strings.Join(got, "\n"), len(test.want), strings.Join(test.want, "\n"))
			}
			for i := range got {
				if !strings.HasPrefix(got[i], test.want[i]) {
					t.Errorf("got  %s\nwant %s", got[i], test.want[i])
				}
			}
			if (s == nil) != (errors > 0) {
				t.Errorf("%d errors, and the zone loaded: %v", errors, s != nil)
			}
		})
	}
}

// TestDoubles: records are the same if they differ in the case of names alone,
// and stand in canonical order.
func TestDoubles(t *testing.T) {
	s := mustZone(t, "example.", checkedApex+`@ 60 NS NS
@ 60 MX 65 B
@ 60 MX 65 a
@ 60 MX 65 b
@ 60 MX 97 a
@ 60 TXT b
@ 60 TXT B
@ 60 TXT b
`)
	var got []string
	for r := range s.All() {
		got = append(got, strings.Join(strings.Split(r.String(), "\t")[3:], " "))
	}
	want := []string{"SOA ns.example. h.example. 1 2 3 4 5", "NS ns.example.",
		"MX 65 a.example.", "MX 65 B.example.", "MX 97 a.example.", `TXT "B"`, `TXT "b"`, "A 192.0.2.1"}
	if !slices.Equal(got, want) || s.Records() != len(want) {
		t.Errorf("%d records\n%q\nwant\n%q", s.Records(), got, want)
	}
}

// TestZoneWithoutName is refused, whatever is in it.
func TestZoneWithoutName(t *testing.T) {
	var problems diagnostic.List
	b := NewBuilder(wire.Name{}, wire.ClassIN, &problems)
	b.Add(wire.Record{Name: wire.Root, Type: wire.TypeNS, Class: wire.ClassIN, Data: []byte{0}}, diagnostic.Position{})
	b.Add(wire.Record{Type: wire.TypeNS, Class: wire.ClassIN, Data: []byte{0}}, diagnostic.Position{})
	if s, err := b.Freeze(); s != nil || err == nil || !strings.HasPrefix(err.Error(), "the zone has no name") {
		t.Errorf("zone %v, %v", s, err)
	}
}
