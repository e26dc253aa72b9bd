//go:build interop

package twisted

import (
	"flag"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// shown is how many faulty answers are printed in full; all are counted.
var shown = flag.Int("shown", 10, "how many answers that differ without an explanation are printed in full")

func TestEveryDifferenceIsADefectOfTheirs(t *testing.T) {
	needTwisted(t)
	var pyzones []string
	for _, z := range []string{"../../cmd/examples/zones/example-domain.com", "testdata/rich.example", "testdata/below.example"} {
		pyzones = append(pyzones, absolute(t, z))
	}
	hosts := absolute(t, "testdata/hosts")
	ours, theirs := startOurs(t, hosts, pyzones...), startTwisted(t, hosts, pyzones...)

	used := map[string]int{}
	faults, same := 0, 0
	pairs := askAll(t, ours, theirs)
	for _, p := range pairs {
		if !slices.ContainsFunc(p.differences(), func(d difference) bool { return d.Part != "rd" && d.Part != "cd" }) {
			same++
		}
		if left := p.unexplained(used); len(left) > 0 {
			if faults++; faults <= *shown {
				t.Errorf("%s", p.report(left))
			}
		}
	}
	if faults > 0 {
		t.Errorf("%d of %d answers differ without an explanation", faults, len(pairs))
	}
	for _, r := range rules {
		if used[r.Name] == 0 {
			t.Errorf("rule %q explains nothing", r.Name)
		}
		t.Logf("%7d × %s", used[r.Name], r.Name)
	}
	t.Logf("%d questions, %d answers the same but for the copies of RD and CD", len(pairs), same)
}

// askAll asks both servers all questions: one after the other, but for the odd
// ones, to which there may be no reply.
func askAll(t *testing.T, ours, theirs netip.AddrPort) (pairs []*pair) {
	t.Helper()
	var asking sync.WaitGroup
	for _, q := range allQuestions() {
		p := &pair{query: q}
		pairs = append(pairs, p)
		both := func() {
			var errOurs, errTheirs error
			p.Ours, errOurs = ask(ours, q)
			p.Theirs, errTheirs = ask(theirs, q)
			if errOurs != nil || errTheirs != nil {
				t.Errorf("%s: ours: %v, theirs: %v", q.Text, errOurs, errTheirs)
				p.Ours, p.Theirs = &answer{Silent: true}, &answer{Silent: true}
			}
		}
		if q.Odd != "" {
			asking.Go(both)
		} else if both(); t.Failed() {
			break
		}
	}
	asking.Wait()
	return pairs
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
