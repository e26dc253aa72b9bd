//go:build interop

package recursion

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/names-dns/names/wire"
)

// prover is a program that validates one answer of a resolver by itself, from a trust
// anchor down, and prints what it found.
type prover struct {
	Name    string
	Args    func(q wire.Question) []string
	Verdict func(printed string) string // of proofs
}

// What a proof says. Whatever else a prover prints is taken as it is.
const (
	provedData   = "there is data"
	provedNoData = "there is no data"
	provedNoName = "there is no such name"
)

// provers ask the resolver p.
func provers(t *testing.T, root *signedRoot, p *process) []prover {
	t.Helper()
	address, port := p.Addrs[0].Addr().String(), fmt.Sprint(p.Addrs[0].Port())
	dir := t.TempDir()
	text, err := os.ReadFile(root.anchor)
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(text)) // . [TTL] IN DS tag algorithm type digest...
	ds := words[slices.Index(words, "DS")+1:]
	keys := filepath.Join(dir, "bind.keys")
	anchors := fmt.Sprintf("trust-anchors { . static-ds %s %s %s %q; };\n", ds[0], ds[1], ds[2], strings.Join(ds[3:], ""))
	if err := os.WriteFile(keys, []byte(anchors), 0o644); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "unbound.conf")
	forward := fmt.Sprintf("server:\n\tdo-not-query-localhost: no\n\ttrust-anchor-file: %q\nforward-zone:\n\tname: \".\"\n\tforward-addr: %s@%s\n", root.anchor, address, port)
	if err := os.WriteFile(config, []byte(forward), 0o644); err != nil {
		t.Fatal(err)
	}
	return []prover{
		{"drill", func(q wire.Question) []string {
			return []string{"-D", "-k", root.key, "-p", port, "@" + address, q.Name.String(), q.Type.String()}
		}, func(printed string) string {
			switch {
			case strings.Contains(printed, "; VALIDATED by"):
				return provedData
			case !strings.Contains(printed, "; Existence denied for"):
			case strings.Contains(printed, "rcode: NXDOMAIN"):
				return provedNoName
			case strings.Contains(printed, "rcode: NOERROR"):
				return provedNoData
			}
			return printed
		}},
		{"delv", func(q wire.Question) []string {
			return []string{"@" + address, "-p", port, "-a", keys, "+root=.", q.Name.String(), q.Type.String()}
		}, func(printed string) string {
			switch {
			case strings.HasPrefix(printed, "; fully validated"):
				return provedData
			case !strings.Contains(printed, "; negative response, fully validated"):
			case strings.Contains(printed, "ncache nxdomain"):
				return provedNoName
			case strings.Contains(printed, "ncache nxrrset"):
				return provedNoData
			}
			return printed
		}},
		{"unbound-host", func(q wire.Question) []string {
			return []string{"-C", config, "-v", "-t", q.Type.String(), q.Name.String()}
		}, func(printed string) string {
			for line := range strings.Lines(printed) {
				if !strings.HasSuffix(line, "(secure)\n") {
					return printed
				}
			}
			switch {
			case strings.Contains(printed, "not found: 3(NXDOMAIN)"):
				return provedNoName
			case strings.Contains(printed, " has no "):
				return provedNoData
			case strings.Contains(printed, " has "):
				return provedData
			}
			return printed
		}},
	}
}

// ask runs the program for one question.
func (p *prover) ask(t *testing.T, q wire.Question) string {
	out, err := exec.CommandContext(t.Context(), p.Name, p.Args(q)...).CombinedOutput()
	// Some end with a code for names that are not there.
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return err.Error()
	}
	return strings.Join(append([]string{p.Verdict(string(out))}, digestsIn(string(out))...), "\n  ")
}

// digestsIn are the DS records in what a program prints: lines of a zone, or sentences
// with "has DS record".
func digestsIn(printed string) (all []string) {
	for line := range strings.Lines(strings.ToLower(printed)) {
		words := strings.Fields(strings.TrimPrefix(strings.TrimSuffix(line, "(secure)\n"), "; "))
		switch {
		case len(words) < 8:
		case words[3] == "ds":
			all = append(all, strings.Join(words[4:7], " ")+" "+strings.Join(words[7:], ""))
		case strings.Join(words[1:4], " ") == "has ds record":
			all = append(all, strings.Join(words[4:], " "))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// provedBy is what names says, in the words of provers.
func provedBy(p *process, q wire.Question) string {
	verdict := verdictOf(p, q)
	first, records, _ := strings.Cut(verdict, "\n")
	switch {
	case first == "NXDOMAIN AD" && records == "":
		first = provedNoName
	case first == "NOERROR AD" && records == "":
		first = provedNoData
	case first == "NOERROR AD":
		first = provedData
	default:
		return verdict
	}
	return strings.Join(append([]string{first}, digestsIn(records)...), "\n  ")
}

// TestSignedRootProved resolves names below the root zone, signed anew, and lets drill, delv and
// unbound-host prove each answer of names from the key down. Each is a process for each
// question: there are 100 questions, and 1,000 in the full suite.
func TestSignedRootProved(t *testing.T) {
	for _, binary := range []string{"drill", "delv", "unbound-host"} {
		need(t, binary)
	}
	root := serveSignedRoot(t)
	server := root.start(t, validators(t, root.anchor)[0], 5520)
	all := provers(t, root, server)
	asked := 100
	if *count >= fullCount {
		asked = 1000
	}
	questions := root.questions(asked)
	ours := make([]string, len(questions))
	theirs := make([][]string, len(questions))
	next := make(chan int)
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for i := range next {
				ours[i] = provedBy(server, questions[i])
				for j := range all {
					theirs[i] = append(theirs[i], all[j].ask(t, questions[i]))
				}
			}
		})
	}
	for i := range questions {
		next <- i
	}
	close(next)
	asking.Wait()
	verdicts := map[string]int{}
	faults := 0
	for i, q := range questions {
		first, _, _ := strings.Cut(ours[i], "\n")
		verdicts[first]++
		for j, said := range theirs[i] {
			if said == ours[i] {
				continue
			}
			if faults++; faults <= *shown {
				t.Errorf("%v %v:\n[names] %s\n[%s] %s", q.Name, q.Type, ours[i], all[j].Name, said)
			}
		}
	}
	t.Logf("%d questions: %v", len(questions), verdicts)
	if faults > 0 {
		t.Errorf("%d verdicts differ", faults)
	}
	for _, kind := range []string{provedData, provedNoData, provedNoName} {
		if verdicts[kind] == 0 {
			t.Errorf("%s: not once", kind)
		}
	}
}
