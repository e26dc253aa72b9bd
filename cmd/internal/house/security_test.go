package house

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestPagesSayWhatIsTested: the files that the tables of docs/security.md and
// docs/coverage.md name are there, the tests named after a Go file are in it, and
// so are the stories, in italics, named after a file of stories.
func TestPagesSayWhatIsTested(t *testing.T) {
	const stories = "recursor/testdata/stories"
	isStories := regexp.MustCompile(`^[\w-]+\.txt$`)
	reference := regexp.MustCompile("`([^`]+)`|\\b((?:Test|Fuzz)[A-Z]\\w+)|\\*([^*|]+)\\*")
	for _, page := range []string{"docs/security.md", "docs/coverage.md"} {
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for i, line := range strings.Split(string(text), "\n") {
			if !strings.HasPrefix(line, "|") {
				continue
			}
			at := fmt.Sprintf("%s:%d", page, i+1)
			file := ""
			for _, m := range reference.FindAllStringSubmatch(line, -1) {
				switch {
				case isPath.MatchString(m[1]) || isStories.MatchString(m[1]):
					file = m[1]
					if isStories.MatchString(file) {
						file = stories + "/" + file
					}
					if _, err := os.Stat(filepath.Join(root, file)); err != nil {
						t.Errorf("%s: %v", at, err)
					}
				case m[2] != "" && strings.HasSuffix(file, ".go"):
					found++
					if !slices.Contains(functions(t, file), m[2]) {
						t.Errorf("%s: %s has no %s", at, file, m[2])
					}
				case m[3] != "" && strings.HasSuffix(file, ".txt"):
					found++
					told, err := os.ReadFile(filepath.Join(root, file))
					if err != nil {
						t.Errorf("%s: %v", at, err)
					} else if !strings.Contains(string(told), "\nstory "+m[3]+"\n") {
						t.Errorf("%s: %s has no story %q", at, file, m[3])
					}
				case m[2] != "" || m[3] != "":
					t.Errorf("%s: %s does not follow a file that could have it", at, m[0])
				}
			}
		}
		if found < 50 {
			t.Errorf("%s names only %d tests and stories", page, found)
		}
	}
}

// TestAttacksHaveFigures: each attack that is measured has its row of figures in
// docs/security.md.
func TestAttacksHaveFigures(t *testing.T) {
	const (
		page    = "docs/security.md"
		attacks = "bench/recursion/attack/attacks.txt"
	)
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	played, err := os.ReadFile(filepath.Join(root, attacks))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(played)) {
		name, isAttack := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "attack ")
		if isAttack && !regexp.MustCompile(`(?m)^\| `+regexp.QuoteMeta(name)+` \|( [0-9./ ]+ \|){4}$`).Match(text) {
			t.Errorf("%s has no figures of the attack %q", page, name)
		}
	}
}
