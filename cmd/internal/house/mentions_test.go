package house

import (
	"go/ast"
	"go/parser"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mentioned are files as comments write them: a path of the repository, or a file
// next to the one that says so.
var mentioned = regexp.MustCompile(`[A-Za-z0-9_./-]*\b[A-Za-z0-9_-]+\.(?:go|md)\b`)

// TestMentionedFilesExist: a comment that sends its reader to a file must not send
// them nowhere after that file was renamed.
func TestMentionedFilesExist(t *testing.T) {
	found := 0
	eachFile(t, parser.ParseComments, func(name string, file *ast.File) {
		if strings.HasSuffix(name, "_test.go") {
			return
		}
		for _, group := range file.Comments {
			for _, mention := range mentioned.FindAllString(group.Text(), -1) {
				if strings.Contains(mention, "NAME") || strings.HasPrefix(mention, "..") || strings.Contains(mention, "//") || strings.HasPrefix(mention, "github.com") {
					continue
				}
				found++
				exists := false
				for dir := path.Dir(name); !exists; dir = path.Dir(dir) {
					_, err := os.Stat(filepath.Join(root, filepath.FromSlash(path.Join(dir, mention))))
					exists = err == nil
					if dir == "." {
						break
					}
				}
				if !exists {
					t.Errorf("%s sends its reader to %s, which is not there", name, mention)
				}
			}
		}
	})
	if found < 50 {
		t.Errorf("only %d files are mentioned: are they found?", found)
	}
}

// TestArchitectureNamesEveryPackage: docs/ARCHITECTURE.md is where a reader looks for
// the part that does something.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs", "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	eachFile(t, parser.PackageClauseOnly, func(name string, _ *ast.File) {
		dir := path.Dir(name)
		if strings.HasSuffix(name, "_test.go") || seen[dir] || strings.HasPrefix(dir, "cmd/examples") || path.Dir(dir) == "internal/signedtree" ||
			strings.HasPrefix(dir, "fuzz/") {
			return
		}
		seen[dir] = true
		isTop := !strings.Contains(dir, "/") // these are in its picture
		if !strings.Contains(string(page), "`"+dir+"`") && !(isTop && strings.Contains(string(page), dir)) {
			t.Errorf("docs/ARCHITECTURE.md says nothing of %s", dir)
		}
	})
}

// pathInPage is a file or folder of the repository in a page.
var pathInPage = regexp.MustCompile("`((?:authority|bench|cache|cmd|docs|fuzz|internal|listener|names|packaging|recursor|wire)/[A-Za-z0-9_./-]+)`")

// TestPagesNameFilesThatExist: what a page sends its reader to is there.
func TestPagesNameFilesThatExist(t *testing.T) {
	for _, name := range pages(t) {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range pathInPage.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "...") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
	}
}
