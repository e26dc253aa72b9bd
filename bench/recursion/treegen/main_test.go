package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDelegations: each zone has as many different servers as its tier says,
// and one that is dead if that is wanted.
func TestDelegations(t *testing.T) {
	for _, dead := range []bool{false, true} {
		p := plan{tlds: 20, domains: 20000, dead: dead}
		for i := range p.domains {
			check(t, p, p.domain(i), tiers[2], i)
		}
		for i := range p.tlds {
			check(t, p, p.tld(i), tiers[1], i)
		}
		check(t, p, ".", tiers[0], 0)
	}
}

func check(t *testing.T, p plan, zone string, of tier, number int) {
	t.Helper()
	var b bytes.Buffer
	p.delegate(&b, zone, of, number)
	servers, addresses := 0, map[string]bool{}
	for line := range strings.Lines(b.String()) {
		words := strings.Fields(line)
		switch words[1] {
		case "NS":
			servers++
		case "A":
			addresses[words[2]] = true
		}
	}
	want := of.perZone
	if p.dead {
		want++
	}
	if servers != want || len(addresses) != want {
		t.Fatalf("zone %s has %d name servers with %d addresses, want %d", zone, servers, len(addresses), want)
	}
}

// TestWrite: every file is there, and every domain has a delegation, an entry
// and a question.
func TestWrite(t *testing.T) {
	dir := t.TempDir()
	p := plan{tlds: 3, domains: 10}
	if err := p.write(dir, 1); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	queries, entries := read("queries"), read("domain.zones")
	for i := range p.domains {
		domain := p.domain(i)
		_, tld, _ := strings.Cut(domain, ".")
		if n := strings.Count(queries, "www."+domain+" A\n"); n != 1 {
			t.Errorf("%s: %d questions", domain, n)
		}
		if n := strings.Count(entries, `"`+domain+`"`); n != 1 {
			t.Errorf("%s: %d entries", domain, n)
		}
		if !strings.Contains(read(strings.TrimSuffix(tld, ".")+".zone"), domain+" NS ns1."+domain+"\n") {
			t.Errorf("%s: no delegation", domain)
		}
	}
	if n := strings.Count(read("addresses"), "\n"); n != 3+8+64 {
		t.Errorf("%d addresses", n)
	}
}
