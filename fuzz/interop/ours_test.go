//go:build interop

package interop

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// ours is the binary under test.
type ours struct{}

// built is where TestMain puts it.
var built string

func (ours) Name() string   { return "names" }
func (ours) Binary() string { return built }

func (ours) Arguments(dir string, port uint16, zones []zoneFile) ([]string, error) {
	args := []string{"serve", "-i", "127.0.0.1", "-p", strconv.Itoa(int(port)), "--nsid", "interop"}
	for _, z := range zones {
		switch {
		case z.Pyzone:
			args = append(args, "--pyzone", z.File)
		default:
			args = append(args, "--bindzone", z.Origin+"="+z.File)
		}
	}
	return args, nil
}

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "names-interop")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built = filepath.Join(dir, "names")
	build := exec.Command("go", "build", "-o", built, "../../cmd/names")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintf(os.Stderr, "building names: %v\n", err)
		return 1
	}
	code := m.Run()
	if everything := flag.Lookup("test.run").Value.String() == ""; everything && code == 0 && len(everUsed) > 0 {
		for _, name := range unusedRules() {
			fmt.Fprintf(os.Stderr, "rules_test.go: nothing needs the rule %q\n", name)
			code = 1
		}
	}
	return code
}
