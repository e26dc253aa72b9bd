package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestProse looks for words that docs/style.md advises against, in comments and
// string literals of all packages and in the pages.
func TestProse(t *testing.T) {
	words := []*regexp.Regexp{discouraged(t), whereForIf}
	found := map[string][]string{}
	report := func(file string, line int, text string) {
		text = thereIsNo.ReplaceAllString(text, "there-is-no$2")
		text = strings.ReplaceAll(text, "nobody.invalid.", "mailbox.invalid") // RFC 6303 3
		for _, w := range words {
			for _, m := range w.FindAllStringIndex(text, -1) {
				dir := path.Dir(file)
				at := line + strings.Count(text[:m[0]], "\n")
				found[dir] = append(found[dir], fmt.Sprintf("%s:%d: %q", file, at, text[m[0]:m[1]]))
			}
		}
	}
	eachProse(t, report)
	for _, dir := range slices.Sorted(maps.Keys(found)) {
		t.Errorf("%s: %d words that docs/style.md advises against:\n%s", dir, len(found[dir]), strings.Join(found[dir], "\n"))
	}
}

// thereIsNo has the good uses of "is no".
var thereIsNo = regexp.MustCompile(`(?i)\b(?:there\s+(is|are)(\s+)no|(?:is|are)\s+no\s+longer)\b`)

// whereForIf finds conditions that are written as places.
var whereForIf = regexp.MustCompile(`\b(?:false|true|nil|zero|fails?|returned|empty|unset|left out)\s+where\b|` +
	`(?:^|[.;:!]\s+)Where\s+(?:the|an?|it|there|that|no|nothing|they|one|several|we)\b`)

// discouraged matches each entry of the word list in docs/style.md.
func discouraged(t *testing.T) *regexp.Regexp {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(root, "docs", "style.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, isThere := strings.Cut(string(page), "## Word list")
	if !isThere {
		t.Fatal("docs/style.md has no word list")
	}
	var alternatives []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(list, -1) {
		alternatives = append(alternatives, strings.ReplaceAll(regexp.QuoteMeta(row[1]), " ", `\s+`))
	}
	if len(alternatives) < 20 {
		t.Fatalf("the word list of docs/style.md has only %d entries", len(alternatives))
	}
	return regexp.MustCompile(`(?i)\b(` + strings.Join(alternatives, "|") + `)\b`)
}

// eachProse calls report with each comment and string literal of the module's Go
// files, and with each line of its pages outside fenced blocks.
func eachProse(t *testing.T, report func(file string, line int, text string)) {
	t.Helper()
	eachFile(t, parser.PackageClauseOnly, func(name string, _ *ast.File) {
		if name == "cmd/internal/house/prose_test.go" {
			return
		}
		source, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, source, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, group := range file.Comments {
			lines := strings.Split(string(source[files.Position(group.Pos()).Offset:files.Position(group.End()).Offset]), "\n")
			for i, line := range lines {
				lines[i] = strings.TrimLeft(line, "\t /*")
			}
			report(name, files.Position(group.Pos()).Line, strings.Join(lines, "\n"))
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				report(name, files.Position(literal.Pos()).Line, literal.Value)
			}
			return true
		})
	})
	for _, name := range documentsEndingIn(t, ".txt") {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if storyTitle.MatchString(line) {
				report(name, i+1, line)
			}
		}
	}
	for _, name := range pages(t) {
		if name == "docs/style.md" {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		isCode := false
		for i, line := range strings.Split(string(text), "\n") {
			if strings.HasPrefix(line, "```") {
				isCode = !isCode
			}
			if !isCode {
				report(name, i+1, line)
			}
		}
	}
}

// storyTitle finds the lines of stories that people read: titles and comments.
var storyTitle = regexp.MustCompile(`^(?:story|===|#) `)

// pages are all documents of the repository, those next to code and the decisions
// among them.
func pages(t *testing.T) []string {
	t.Helper()
	names := documentsEndingIn(t, ".md")
	if len(names) < 50 {
		t.Fatalf("found only %d pages", len(names))
	}
	return names
}

// documentsEndingIn are the files of the repository with that ending.
func documentsEndingIn(t *testing.T, ending string) (names []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (name != "." && strings.HasPrefix(e.Name(), ".") || name == "build"):
			return fs.SkipDir
		case strings.HasSuffix(name, ending):
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
