//go:build interop

package recursion

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

var (
	count   = flag.Int("questions", 2000, "how many questions every resolver is asked; 10000 is the full suite")
	seed    = flag.Uint64("seed", 1, "what tree and questions are made from")
	shown   = flag.Int("shown", 10, "how many answers of a resolver that differ without an explanation are printed in full")
	options = flag.String("options", "", "options for names serve, besides those it needs")
)

// fullCount is how many questions need all of the rules.
const fullCount = 10000

// TestRecursion lets every resolver resolve the same names, beginning with
// only the root's addresses, and compares each answer with the tree's;
// then once more, for what they remember to be true as well.
func TestRecursion(t *testing.T) {
	needNamespace(t)
	tree := newTree(*seed)
	serveTree(t, tree)
	hints := writeHints(t, tree)
	questions := newQuestions(tree, *seed, *count)
	t.Logf("%d zones, %d servers' names, %d questions", len(tree.Zones), len(tree.Hosts), len(questions))

	var processes []*process
	for i, r := range resolvers {
		processes = append(processes, startResolver(t, r, tree, hints, uint16(5300+i)))
	}
	known := newTruth(tree)
	var truths []*answer
	for _, q := range questions {
		truths = append(truths, known.answer(q.Name, q.Type))
	}
	used := map[*rule]uses{}
	for _, cache := range []string{"cold", "warm"} {
		outcomes := make([][]outcome, len(resolvers))
		var asking sync.WaitGroup
		for i, p := range processes {
			asking.Go(func() { outcomes[i] = askAll(p, questions, truths) })
		}
		asking.Wait()
		t.Logf("%s:", cache)
		for r := range resolvers {
			judge(t, questions, truths, outcomes, r, used)
		}
	}
	for i := range rules {
		r := &rules[i]
		if used[r] == nil && !r.Rare && *count >= fullCount {
			t.Errorf("nothing needs the rule %q", r.Name)
		}
		t.Logf("%s: %v", r.Name, used[r])
	}
}

// uses is how often a rule explained what a resolver said.
type uses map[string]int

// givesUp is how many questions out of a thousand another resolver may
// leave without an answer where some of the servers are broken.
const givesUp = 20

// judge compares what the r-th resolver said with the truth.
func judge(t *testing.T, questions []question, truths []*answer, all [][]outcome, r int, used map[*rule]uses) {
	t.Helper()
	name, outcomes := resolvers[r].Name, all[r]
	var faults, gaveUp, again, same int
	for i, q := range questions {
		o := &outcomes[i]
		p := &pair{question: q, Whose: name, Truth: truths[i], Theirs: o.answer}
		if again += min(o.Again, 1); o.Again > 0 && name == ours.Name {
			t.Logf("%s: %s: asked again, at first: %v", name, q, o.First)
		}
		if o.Err == nil && p.same() {
			same++
			continue
		}
		if o.Err == nil {
			if r := explain(p); r != nil {
				if used[r] == nil {
					used[r] = uses{}
				}
				used[r][name]++
				continue
			}
		}
		if name != ours.Name && (o.Err != nil || o.RCode == wire.RCodeServFail) {
			gaveUp++
			t.Logf("%s: %s: no answer: %v", name, q, o.Err)
			continue
		}
		if faults++; faults <= *shown {
			t.Errorf("%s: %s\n[tree] %s%s", name, q, p.Truth, everyone(all, i))
		}
	}
	if faults > 0 {
		t.Errorf("%s: %d of %d answers differ without an explanation", name, faults, len(questions))
	}
	if gaveUp*1000 > givesUp*len(questions) {
		t.Errorf("%s: %d of %d questions without an answer", name, gaveUp, len(questions))
	}
	took := make([]time.Duration, 0, len(outcomes))
	for i := range outcomes {
		took = append(took, outcomes[i].Took)
	}
	slices.Sort(took)
	t.Logf("%-8s %d answers as in the tree, %d explained, %d given up, %d asked more than once; half took %v, 99 %% %v",
		name, same, len(questions)-same-faults-gaveUp, gaveUp, again, took[len(took)/2].Round(time.Microsecond), took[len(took)*99/100].Round(time.Millisecond))
}

// everyone is what each resolver said to the i-th question.
func everyone(all [][]outcome, i int) string {
	var b strings.Builder
	for r, outcomes := range all {
		if o := outcomes[i]; o.Err != nil {
			fmt.Fprintf(&b, "[%s] %v\n", resolvers[r].Name, o.Err)
		} else {
			fmt.Fprintf(&b, "[%s] %s", resolvers[r].Name, o.answer)
		}
	}
	return b.String()
}
