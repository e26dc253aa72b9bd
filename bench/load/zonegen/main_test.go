package main

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestLabels: no two names are alike, and each fits a label.
func TestLabels(t *testing.T) {
	seen := map[string]int{}
	for i := range 200000 {
		l := label(i)
		if j, ok := seen[l]; ok {
			t.Fatalf("names %d and %d are both %s", j, i, l)
		}
		if len(l) < 4 || len(l) > 16 {
			t.Fatalf("name %d is %s, of %d octets", i, l, len(l))
		}
		seen[l] = i
	}
}

// TestZone: 2.3 records a name, all owners relative, an alias leads to a host.
func TestZone(t *testing.T) {
	const names = 10000
	var zone bytes.Buffer
	plan{origin: "load.test.", zones: 1, names: names}.writeZone(&zone, 0)
	owners := map[string]bool{}
	records := 0
	for line := range strings.Lines(zone.String()) {
		words := strings.Fields(line)
		if words[0][0] == '$' {
			continue
		}
		records++
		owners[words[0]] = true
	}
	if want := names*23/10 + 6; records != want {
		t.Errorf("%d records for %d names, want %d", records, names, want)
	}
	for line := range strings.Lines(zone.String()) {
		if words := strings.Fields(line); len(words) == 3 && words[1] == "CNAME" && !owners[words[2]] {
			t.Fatalf("%s leads nowhere", strings.TrimSpace(line))
		}
	}
}

// TestQueries: one question in ten is for a name that is not there, and the
// same seed gives the same questions.
func TestQueries(t *testing.T) {
	const count = 20000
	p := plan{origin: "load.test.", zones: 1, names: 1000}
	var one, two bytes.Buffer
	for _, b := range []*bytes.Buffer{&one, &two} {
		random := rand.New(rand.NewPCG(1, 0))
		p.writeQueries(b, count, random, random.IntN)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the same seed gives other questions")
	}
	if lines := strings.Count(one.String(), "\n"); lines != count {
		t.Errorf("%d questions, want %d", lines, count)
	}
	absent := strings.Count("\n"+one.String(), "\nno-")
	if absent < count*9/100 || absent > count*11/100 {
		t.Errorf("%d of %d questions are for names that are not there", absent, count)
	}
}

// TestSmallZones: every zone has an origin of its own, the shapes of a large
// one, and no alias that leads out of it; every zone is asked about.
func TestSmallZones(t *testing.T) {
	p := plan{origin: "load.test.", zones: 50, names: 20}
	origins := map[string]bool{}
	for z := range p.zones {
		origins[p.originOf(z)] = true
	}
	if len(origins) != p.zones {
		t.Errorf("%d origins for %d zones", len(origins), p.zones)
	}
	var zone, queries bytes.Buffer
	p.writeZone(&zone, 7)
	if first, _, _ := strings.Cut(zone.String(), "\n"); first != "$ORIGIN "+p.originOf(7) {
		t.Errorf("zone 7 begins with %s", first)
	}
	for _, record := range []string{" AAAA ", " NS ns1.", " MX ", " TXT ", " CNAME " + label(19%7) + "\n"} {
		if !strings.Contains(zone.String(), record) {
			t.Errorf("a zone without%s", record)
		}
	}
	random := rand.New(rand.NewPCG(1, 0))
	p.writeQueries(&queries, 5000, random, random.IntN)
	for origin := range origins {
		if !strings.Contains(queries.String(), "."+origin+" ") {
			t.Errorf("nobody asks about %s", origin)
		}
	}
}

// TestFlat: a flat zone delegates nothing and keeps its number of names.
func TestFlat(t *testing.T) {
	var zone bytes.Buffer
	plan{origin: "load.test.", zones: 1, names: 1000, flat: true}.writeZone(&zone, 0)
	if n := strings.Count(zone.String(), " NS "); n != 2 {
		t.Errorf("%d NS records, want the two of the apex", n)
	}
}
