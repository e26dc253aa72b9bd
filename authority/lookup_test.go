package authority

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// slowLookup is the walk of RFC 1034 4.3.2 step 3 as the RFC tells it: from the
// apex down, label by label, over a plain list of owner names.
func slowLookup(origin wire.Name, owners map[wire.Key][]wire.Type, name wire.Name) (outcome, wire.Name) {
	exists := func(n wire.Name) bool {
		for o := range owners {
			if o.HasSuffix(n.Key()) {
				return true
			}
		}
		return false
	}
	encloser := origin
	for labels := origin.LabelCount(); labels <= name.LabelCount(); labels++ {
		here := name.Ancestor(labels)
		if !exists(here) {
			break
		}
		encloser = here
		if labels > origin.LabelCount() && slices.Contains(owners[here.Key()], wire.TypeNS) {
			return delegation, here
		}
		if labels < name.LabelCount() && slices.Contains(owners[here.Key()], wire.TypeDNAME) {
			return redirected, here
		}
	}
	if encloser.Equal(name) {
		return found, name
	}
	star, err := encloser.Prepend("*")
	if err == nil && exists(star) {
		return wildcard, star
	}
	return missing, encloser
}

// TestLookupAgainstSlowTwin compares the two on random zones with few labels,
// so that names meet.
func TestLookupAgainstSlowTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	label := func() string { return []string{"a", "b", "c", "*", "A"}[random.IntN(5)] }
	randomName := func() string {
		var labels []string
		for range random.IntN(5) {
			labels = append(labels, label())
		}
		return strings.Join(append(labels, "example."), ".")
	}
	outcomes := map[outcome]int{}
	for zone := range 300 {
		origin := wire.MustParseName("example.")
		text := "@ 60 SOA a. b. 1 2 3 4 5\n@ 60 NS ns.elsewhere.\n"
		owners := map[wire.Key][]wire.Type{origin.Key(): {wire.TypeSOA, wire.TypeNS}}
		for i := range random.IntN(12) {
			name := wire.MustParseName(randomName())
			kind := []wire.Type{wire.TypeA, wire.TypeA, wire.TypeNS, wire.TypeDNAME}[random.IntN(4)]
			if name.Equal(origin) || name.IsWildcard() && kind != wire.TypeA || slices.Contains(owners[name.Key()], wire.TypeDNAME) && kind == wire.TypeDNAME {
				continue
			}
			owners[name.Key()] = append(owners[name.Key()], kind)
			data := map[wire.Type]string{wire.TypeA: fmt.Sprintf("192.0.2.%d", i), wire.TypeNS: "ns.elsewhere.", wire.TypeDNAME: "elsewhere."}[kind]
			text += fmt.Sprintf("%s 60 %s %s\n", name, kind, data)
		}
		s, _ := buildZone(t, "example.", text)
		if s == nil {
			continue // a name below a DNAME: refused, as another test shows
		}
		for range 100 {
			name := wire.MustParseName(randomName())
			var asked lookupName
			asked.set(name)
			var w walk
			s.lookup(&asked, &w)
			got := w.node.name()
			outcome, want := slowLookup(origin, owners, name)
			if w.outcome != outcome || !got.Equal(want) {
				t.Fatalf("zone %d:\n%s%s: got %v at %s, the slow twin has %v at %s", zone, text, name, w.outcome, got, outcome, want)
			}
			outcomes[outcome]++
		}
	}
	for o := found; o <= redirected; o++ {
		if outcomes[o] < 20 {
			t.Errorf("outcome %v came only %d times", o, outcomes[o])
		}
	}
}

// TestHashIsOfTheName: names that are equal hash alike whatever their case,
// and each suffix has the hash of the name that it is.
func TestHashIsOfTheName(t *testing.T) {
	var a, b lookupName
	a.set(wire.MustParseName("Some-Long-Label.WWW.Example.COM."))
	b.set(wire.MustParseName("some-long-label.www.example.com."))
	if a.hashes != b.hashes || a.folded != b.folded {
		t.Error("case changes the hash")
	}
	b.set(wire.MustParseName("example.com."))
	if a.hashes[2] != b.hashes[0] || string(a.suffix(2)) != string(b.suffix(0)) {
		t.Error("the hash of a suffix is not that of the name")
	}
}

// TestSmallZonesAreSmall: ten thousand of them are common.
func TestSmallZonesAreSmall(t *testing.T) {
	s := mustZone(t, "example.com.", hotZone)
	octets := 0
	for _, p := range s.pages.List() {
		octets += cap(p)
	}
	if octets > 2048 {
		t.Errorf("a zone of %d records takes %d octets", s.Records(), octets)
	}
}
