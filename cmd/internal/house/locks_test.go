package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"path"
	"strings"
	"testing"
)

// TestLocksAreExplained: what is called, closed or waited for under a lock is how
// servers come to a halt, so each lock has a comment of what it guards or what may be
// done under it, or its package has a paragraph on the order of its locks.
func TestLocksAreExplained(t *testing.T) {
	hasParagraph := map[string]bool{}
	bare := map[string][]string{}
	eachFile(t, parser.ParseComments, func(name string, file *ast.File) {
		dir := path.Dir(name)
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(dir, "test") || strings.HasSuffix(dir, "testnet") {
			return
		}
		if doc := file.Doc.Text(); strings.Contains(doc, "\nLocks: ") || strings.Contains(doc, "\nLock order: ") || strings.Contains(doc, "\n# Locks\n") {
			hasParagraph[dir] = true
		}
		check := func(names []*ast.Ident, of ast.Expr, comments ...*ast.CommentGroup) {
			if selector, ok := of.(*ast.SelectorExpr); !ok || selector.Sel.Name != "Mutex" && selector.Sel.Name != "RWMutex" {
				return
			}
			for _, c := range comments {
				if c.Text() != "" {
					return
				}
			}
			for _, n := range names {
				bare[dir] = append(bare[dir], fmt.Sprintf("%s: %s", name, n.Name))
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.StructType:
				for _, f := range n.Fields.List {
					check(f.Names, f.Type, f.Doc, f.Comment)
				}
			case *ast.ValueSpec:
				check(n.Names, n.Type, n.Doc, n.Comment)
			}
			return true
		})
	})
	if len(hasParagraph) < 3 {
		t.Errorf("only %d packages say in which order their locks are taken", len(hasParagraph))
	}
	for dir, locks := range bare {
		if !hasParagraph[dir] {
			t.Errorf("locks that nothing is said about:\n%s", strings.Join(locks, "\n"))
		}
	}
}
