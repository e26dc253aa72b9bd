//go:build interop

package interop

import (
	"flag"
	"sort"
	"testing"
)

// shown is how many faulty answers a test prints in full; it counts them all.
var shown = flag.Int("shown", 10, "how many answers that differ without an explanation are printed in full")

// everUsed counts how often each rule explained something, in all tests together.
var everUsed = map[string]int{}

// unusedRules are the rules that no test needed: either the peers have changed
// or the questions have.
func unusedRules() []string {
	var names []string
	for _, r := range rules {
		if everUsed[r.Name] == 0 {
			names = append(names, r.Name)
		}
	}
	return names
}

// judgeAll asks servers, ours first, the queries and fails if a difference
// is not explained, or where no peer does what we do.
func judgeAll(t *testing.T, servers []*server, known *truth, queries []query) {
	t.Helper()
	used := map[string]int{}
	faults, same := 0, 0
	fault := func(format string, args ...any) {
		t.Helper()
		if faults++; faults <= *shown {
			t.Errorf(format, args...)
		}
	}
	askAll(servers, queries, func(q query, answers []*answer, errs []error) {
		t.Helper()
		if errs[0] != nil {
			fault("%s: our answer: %v", q, errs[0])
			return
		}
		if size := answers[0].Size; size > q.limit() {
			fault("%s: our answer has %d octets, and %d are allowed", q, size, q.limit())
		}
		verdicts := make([]verdict, 0, len(answers)-1)
		agreed, compared, unexplained := false, 0, false
		for i, a := range answers[1:] {
			if a == nil {
				// What the peer sends cannot be read, or is nothing: there is
				// nothing to compare with. NSD answers IXFR over UDP like that.
				verdicts = append(verdicts, verdict{})
				continue
			}
			p := &pair{query: q, Peer: servers[i+1].Name, Ours: answers[0], Theirs: a, Truth: known}
			v := judge(p, rules, used)
			verdicts = append(verdicts, v)
			compared++
			agreed = agreed || v.Same || v.Chosen
			unexplained = unexplained || len(v.Unexplained) > 0
			if v.Same {
				same++
			}
		}
		switch {
		case compared == 0:
			fault("%s: no peer answers: %v", q, errs[1:])
		case unexplained:
			fault("%s", report(q, servers, answers, verdicts))
		case !agreed:
			fault("no peer does what we do: %s", report(q, servers, answers, verdicts))
		}
	})
	if faults > 0 {
		t.Errorf("%d of %d answers differ without an explanation", faults, len(queries))
	}
	t.Logf("%d questions to %d peers, %d answers the same but for optional data", len(queries), len(servers)-1, same)
	var names []string
	for name, n := range used {
		everUsed[name] += n
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		t.Logf("%7d × %s", used[name], name)
	}
}
