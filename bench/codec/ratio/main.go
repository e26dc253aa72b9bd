// Command ratio reads the output of the codec benchmarks, several runs of it,
// and prints the time each codec takes as a multiple of what wire takes: that
// of the medians, and in parentheses that of the fastest rounds, which other
// work on the machine disturbs the least.
//
//	for i in 1 2 3 4 5 6; do go test -run '^$' -bench . ./codec; done | go run ./codec/ratio
package main

import (
	"bufio"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var resultLine = regexp.MustCompile(`^Benchmark(\S+)/(wire|dnsmessage|miekg)-\d+\s+\d+\s+([0-9.]+) ns/op(?:.*?(\d+) allocs/op)?`)

type result struct {
	times  []float64
	allocs string
}

func main() {
	results := map[string]map[string]*result{} // by benchmark, then by codec
	var order []string
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		m := resultLine.FindStringSubmatch(lines.Text())
		if m == nil {
			continue
		}
		if results[m[1]] == nil {
			results[m[1]] = map[string]*result{}
			order = append(order, m[1])
		}
		r := results[m[1]][m[2]]
		if r == nil {
			r = &result{}
			results[m[1]][m[2]] = r
		}
		t, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			continue
		}
		r.times, r.allocs = append(r.times, t), m[4]
	}
	fmt.Println("| benchmark | wire | dnsmessage | miekg/dns | allocations of each |")
	fmt.Println("|---|---|---|---|---|")
	for _, name := range order {
		var cells, allocs []string
		base := results[name]["wire"]
		for _, codec := range []string{"wire", "dnsmessage", "miekg"} {
			r := results[name][codec]
			if r == nil || base == nil {
				cells, allocs = append(cells, "-"), append(allocs, "-")
				continue
			}
			cells = append(cells, fmt.Sprintf("%.1f (%.1f)", median(r.times)/median(base.times), slices.Min(r.times)/slices.Min(base.times)))
			allocs = append(allocs, r.allocs)
		}
		fmt.Printf("| %s | %s | %s |\n", name, strings.Join(cells, " | "), strings.Join(allocs, ", "))
	}
}

func median(times []float64) float64 {
	slices.Sort(times)
	if n := len(times); n%2 == 0 {
		return (times[n/2-1] + times[n/2]) / 2
	}
	return times[len(times)/2]
}
