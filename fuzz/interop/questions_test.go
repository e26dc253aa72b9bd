//go:build interop

package interop

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// manners are the ways every question is put.
func manners(q query) []query {
	plain, edns, do, tcp := q, q, q, q
	edns.Buffer = 1232
	do.Buffer, do.DO = 1232, true
	tcp.Buffer, tcp.DO, tcp.TCP = 1232, true, true
	return []query{plain, edns, do, tcp}
}

// rareManners are further ways, for the questions that were written down.
func rareManners(q query) []query {
	flags, small, large, version := q, q, q, q
	flags.Flags, flags.Buffer = wire.FlagRD|wire.FlagAD|wire.FlagCD, 1232
	small.Buffer, small.DO = 512, true
	large.Buffer, large.DO = 4096, true // more than any server here sends at once
	version.Buffer, version.EDNSVersion = 1232, 1
	return []query{flags, small, large, version}
}

// readQuestions reads a file with a question a line: NAME TYPE [CLASS]
// [+opcode=NAME], and after " ; " what it is there to find out.
func readQuestions(t *testing.T, file string) []query {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var queries []query
	for i, line := range strings.Split(string(text), "\n") {
		if line == "" || line[0] == ';' {
			continue
		}
		words, why, _ := strings.Cut(line, " ; ")
		q, err := parseQuestion(strings.Fields(words))
		if err != nil {
			t.Fatalf("%s:%d: %v", file, i+1, err)
		}
		q.Why = strings.TrimSpace(why)
		queries = append(queries, q)
	}
	return queries
}

func parseQuestion(words []string) (q query, err error) {
	if len(words) < 2 {
		return q, fmt.Errorf("a question has a name and a type")
	}
	q.Class = wire.ClassIN
	if q.Name, err = wire.ParseName(words[0]); err != nil {
		return q, err
	}
	if q.Type, err = wire.ParseType(words[1]); err != nil {
		return q, err
	}
	for _, word := range words[2:] {
		if opcode, ok := strings.CutPrefix(word, "+opcode="); ok {
			q.Opcode, err = wire.ParseOpcode(opcode)
		} else {
			q.Class, err = wire.ParseClass(word)
		}
		if err != nil {
			return q, err
		}
	}
	return q, nil
}

// commonTypes are asked for at every owner, whether it has them or not.
var commonTypes = []wire.Type{
	wire.TypeA, wire.TypeNS, wire.TypeCNAME, wire.TypeSOA, wire.TypeMX, wire.TypeTXT, wire.TypeAAAA,
	wire.TypeDNAME, wire.TypeDS, wire.TypeNSEC, wire.TypeANY, wire.Type(65300),
}

// everyOwner asks about each owner of the zones, the names above it, a name
// below it and the asterisk below it.
func everyOwner(known *truth) []query {
	asked := map[string]bool{}
	var queries []query
	add := func(name string, types []wire.Type) {
		n, err := wire.ParseName(name)
		if err != nil || asked[name] {
			return // a label too many, or an owner that two zones share
		}
		asked[name] = true
		for _, t := range types {
			queries = append(queries, manners(query{Name: n, Type: t, Class: wire.ClassIN})...)
		}
	}
	for _, owner := range known.owners() {
		types := commonTypes
		for _, t := range known.Types[owner] {
			if !slices.Contains(types, t) {
				types = append(slices.Clip(types), t)
			}
		}
		add(owner, types)
	}
	for i, owner := range known.owners() {
		if known.belowHash(owner) && i%16 != 0 {
			continue // one hash is like another
		}
		for at := wire.MustParseName(owner).Parent(); !at.IsZero(); at = at.Parent() {
			add(at.String(), commonTypes)
		}
		add("x."+owner, commonTypes)
		add("*."+owner, commonTypes)
		add("b.a."+owner, commonTypes[:1])
		add(strings.ToUpper(owner), commonTypes[:2])
	}
	return queries
}
