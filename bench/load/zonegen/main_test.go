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
	writeZone(&zone, "load.test.", names)
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
	const names, count = 1000, 20000
	var one, two bytes.Buffer
	writeQueries(&one, "load.test.", names, count, rand.New(rand.NewPCG(1, 0)))
	writeQueries(&two, "load.test.", names, count, rand.New(rand.NewPCG(1, 0)))
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
