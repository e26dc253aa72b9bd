//go:build interop

package interop

import (
	"fmt"
	"os"
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

// readQuestions reads a file with a question a line: NAME TYPE [CLASS]
// [+opcode=NAME], and behind a semicolon between spaces what it is there to find out.
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
