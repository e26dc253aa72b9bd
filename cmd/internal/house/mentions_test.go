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
