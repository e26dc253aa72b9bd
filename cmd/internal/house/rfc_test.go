package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestCitedRFCsAreListed: docs/rfc.md has a row for each RFC that the code
// cites, and the files it names are there.
func TestCitedRFCsAreListed(t *testing.T) {
	const page = "docs/rfc.md"
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	listed := map[int]bool{}
	inBackticks := regexp.MustCompile("`([^`]+)`")
	for i, line := range strings.Split(string(text), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 6 || strings.HasPrefix(line, "|-") || strings.HasPrefix(line, "| RFC") {
			continue
		}
		numbers, err := listedRFCs(cells[1])
		if err != nil {
			t.Errorf("%s:%d: %v", page, i+1, err)
		}
		for _, n := range numbers {
			listed[n] = true
		}
		for _, m := range inBackticks.FindAllStringSubmatch(cells[3], -1) {
			if found, err := filepath.Glob(filepath.Join(root, m[1])); err != nil || len(found) == 0 {
				t.Errorf("%s:%d: there is no %s", page, i+1, m[1])
			}
		}
	}
	citation := regexp.MustCompile(`RFC (\d+)`)
	eachFile(t, parser.ParseComments, func(name string, file *ast.File) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		for _, group := range file.Comments {
			for _, m := range citation.FindAllStringSubmatch(strings.Join(strings.Fields(group.Text()), " "), -1) {
				if n, _ := strconv.Atoi(m[1]); !listed[n] {
					t.Errorf("%s cites RFC %d, which %s does not have", name, n, page)
				}
			}
		}
	})
}

// listedRFCs reads "1034, 1035 5, 4033 to 4035": numbers, some followed by a section,
// some the ends of a range.
func listedRFCs(cell string) (numbers []int, err error) {
	for part := range strings.SplitSeq(cell, ",") {
		words := strings.Fields(part)
		if len(words) == 0 {
			return nil, fmt.Errorf("a number is missing in %q", cell)
		}
		first, err := strconv.Atoi(words[0])
		if err != nil {
			return nil, err
		}
		last := first
		if len(words) == 3 && words[1] == "to" {
			if last, err = strconv.Atoi(words[2]); err != nil {
				return nil, err
			}
		}
		for n := first; n <= last; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}
