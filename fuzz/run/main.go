// The run command runs every fuzz target of the module, one after the other,
// each for the same time, and says how many inputs each has tried.
//
//	go run ./fuzz/run -time 10s
//	go run ./fuzz/run -time 1m -only 'FuzzName|FuzzMessage'
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

func main() {
	each := flag.Duration("time", 10*time.Second, "how long each target runs")
	only := flag.String("only", ".", "regular expression for the targets' names")
	flag.Parse()
	if err := runAll(*each, *only); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

type target struct{ pkg, name string }

func runAll(each time.Duration, only string) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	targets, err := list(pattern)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return fmt.Errorf("no fuzz target is called %s", only)
	}
	failed := 0
	for _, t := range targets {
		executions, out, err := run(t, each)
		if err != nil {
			failed++
			fmt.Printf("%s %s: FAILED: %v\n%s", t.pkg, t.name, err, out)
			continue
		}
		fmt.Printf("%s %s: %s executions\n", t.pkg, t.name, executions)
	}
	fmt.Printf("%d passed, %d failed\n", len(targets)-failed, failed)
	if failed > 0 {
		return fmt.Errorf("a failing input is kept in the package's testdata/fuzz; \"go test\" runs it from now on")
	}
	return nil
}

// list asks the go command for the fuzz targets of every package.
func list(pattern *regexp.Regexp) ([]target, error) {
	out, err := exec.Command("go", "test", "-list", "^Fuzz", "./...").Output()
	if err != nil {
		return nil, fmt.Errorf("listing the fuzz targets: %w\n%s", err, out)
	}
	var targets []target
	var names []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 1 && strings.HasPrefix(words[0], "Fuzz"):
			names = append(names, words[0])
		case len(words) > 1 && words[0] == "ok":
			for _, name := range names {
				if pattern.MatchString(name) {
					targets = append(targets, target{words[1], name})
				}
			}
			names = nil
		}
	}
	return targets, nil
}

var executionCount = regexp.MustCompile(`execs: (\d+)`)

// minimizing bounds the executions that are spent on making an interesting
// input shorter. By default it is a minute each: with inputs as large as a
// zone, a short run would do nothing else.
const minimizing = "100x"

func run(t target, each time.Duration) (executions string, out []byte, err error) {
	out, err = exec.Command("go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", each.String(),
		"-fuzzminimizetime", minimizing, t.pkg).CombinedOutput()
	if endedByTheClock(out) {
		err = nil
	}
	executions = "no"
	if all := executionCount.FindAllSubmatch(out, -1); len(all) > 0 {
		executions = string(all[len(all)-1][1])
	}
	return executions, out, err
}

// endedByTheClock reports whether all that a run complains of is its own end:
// where time is up while a worker is busy, the go command may call that a
// failure. A failure of the target's is kept as an input, and says where.
func endedByTheClock(out []byte) bool {
	return bytes.Contains(out, []byte("    context deadline exceeded\n")) &&
		!bytes.Contains(out, []byte("Failing input written to")) && !bytes.Contains(out, []byte("panic:"))
}
