package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// writeTable writes the greatest counts of all rounds, an attack in each row,
// and below it what became of the questions.
func writeTable(w io.Writer, servers []string, attacks []attack, results []result) {
	fmt.Fprintf(w, "| attack | %s |\n|---|%s\n", strings.Join(servers, " | "), strings.Repeat("---|", len(servers)))
	for _, a := range attacks {
		fmt.Fprintf(w, "| %s |", a.name)
		for _, server := range servers {
			fmt.Fprintf(w, " %s |", cell(a, of(results, a.name, server)))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\nMicroseconds of processor time per question:\n\n| attack | %s |\n|---|%s\n", strings.Join(servers, " | "), strings.Repeat("---|", len(servers)))
	for _, a := range attacks {
		fmt.Fprintf(w, "| %s |", a.name)
		for _, server := range servers {
			fmt.Fprintf(w, " %s |", cpuCell(of(results, a.name, server)))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\n| attack | server | answers | seconds | octets of answers within %v |\n|---|---|---|---|---|\n", burstTime)
	for _, a := range attacks {
		for _, server := range servers {
			if some := of(results, a.name, server); len(some) > 0 {
				fmt.Fprintf(w, "| %s | %s | %s |\n", a.name, server, ending(some))
			}
		}
	}
}

// of returns the results of one attack on one server.
func of(results []result, attack, server string) []result {
	return slices.DeleteFunc(slices.Clone(results), func(r result) bool { return r.Attack != attack || r.Server != server })
}

// cell is the greatest count; that of many questions is for one of them.
func cell(a attack, results []result) string {
	if len(results) == 0 {
		return "-"
	}
	var sent, hit int
	for _, r := range results {
		sent, hit = max(sent, r.Sent), max(hit, r.Hit)
	}
	text := perQuestion(sent, a.times)
	if len(a.victim) > 0 {
		text += " / " + perQuestion(hit, a.times)
	}
	return text
}

// cpuCell is the least processor time of all rounds for one question.
func cpuCell(results []result) string {
	if len(results) == 0 {
		return "-"
	}
	least := slices.MinFunc(results, func(a, b result) int { return cmp.Compare(a.CPU, b.CPU) })
	return fmt.Sprint(least.CPU.Microseconds() / int64(least.Asked))
}

func perQuestion(count, times int) string {
	if times == 1 {
		return fmt.Sprint(count)
	}
	return fmt.Sprintf("%.2f", float64(count)/float64(times))
}

// ending tells of all rounds what the answers were, and of the worst one how
// long they took and how large they were at once.
func ending(results []result) string {
	answers := map[string]int{}
	var took time.Duration
	var most int
	for _, r := range results {
		for rcode, n := range r.Answers {
			answers[rcode] += n
		}
		took, most = max(took, r.Took), max(most, r.Burst)
	}
	var words []string
	for rcode, n := range answers {
		words = append(words, fmt.Sprintf("%d %s", n, rcode))
	}
	slices.Sort(words)
	return fmt.Sprintf("%s | %.1f | %d", strings.Join(words, ", "), took.Seconds(), most)
}
