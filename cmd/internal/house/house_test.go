// Package house tests the repository itself: which package may import which,
// and that every package says what it is for.
package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../../.."
	module = "github.com/names-dns/names/"
)

// allowed says which packages of ours each top-level package may import. What
// is below a top-level package may import its helpers too.
var allowed = map[string][]string{
	"wire":      {},
	"internal":  {"wire"},
	"names":     {"internal", "wire"},
	"authority": {"internal", "names", "wire"},
	"cache":     {"internal", "names", "wire"},
	"recursor":  {"cache", "internal", "names", "wire"},
	"listener":  {"internal", "names", "wire"},
	"cmd":       {"authority", "cache", "internal", "listener", "names", "recursor", "wire"},
	"fuzz":      {"authority", "cache", "cmd", "internal", "listener", "names", "recursor", "wire"},
}

// foreign says which modules of others a top-level package, or one folder of
// it, may import, tests aside. What such a folder has only cmd imports.
var foreign = map[string][]string{
	"listener":                 {"golang.org/x/sys/"},
	"listener/acme":            {"golang.org/x/crypto/acme"},
	"listener/ocsp":            {"golang.org/x/crypto/ocsp"},
	"listener/doh":             {}, // by way of what is below it
	"listener/doh/internal/h2": {"golang.org/x/net/http"},
	"listener/doq":             {"github.com/quic-go/quic-go"},
	"recursor/upstream/doq":    {"github.com/quic-go/quic-go"},
	"cmd":                      {"golang.org/x/net/idna"},
	"cmd/internal/config":      {"github.com/pelletier/go-toml/v2"},
	"cmd/internal/confine":     {"golang.org/x/sys/"},
	"cmd/internal/metrics":     {"github.com/prometheus/client_golang/prometheus"},
	"cmd/internal/systemd":     {"golang.org/x/sys/"},
	"wire/dnssec/ed448":        {"github.com/cloudflare/circl/sign/"},
	"wire/dnssec/mldsa":        {"github.com/cloudflare/circl/sign/"},
}

// testsOnly may be imported by tests and test helpers anywhere.
var testsOnly = []string{"github.com/google/go-cmp/", "github.com/quic-go/quic-go", "golang.org/x/net/http2"}

func TestImportsPointDown(t *testing.T) {
	eachFile(t, parser.ImportsOnly, func(name string, file *ast.File) {
		top, _, _ := strings.Cut(name, "/")
		isTest := strings.HasSuffix(name, "_test.go") || strings.HasSuffix(path.Dir(name), "test")
		for _, spec := range file.Imports {
			imported, _ := strconv.Unquote(spec.Path.Value)
			ours, isOurs := strings.CutPrefix(imported, module)
			importedTop, _, _ := strings.Cut(ours, "/")
			switch {
			case strings.HasPrefix(ours, path.Dir(name)+"/internal/"): // only this folder may
			case isOurs && foreign[ours] != nil && ours != importedTop && top != "cmd" && !isTest:
				t.Errorf("%s imports %s, which only cmd may", name, imported)
			case isOurs && importedTop == top:
			case isOurs && slices.Contains(allowed[top], importedTop):
			case isOurs:
				t.Errorf("%s imports %s: packages of %s may import %v", name, imported, top, allowed[top])
			case !strings.Contains(strings.Split(imported, "/")[0], "."): // the standard library
			case isTest && hasAnyPrefix(imported, testsOnly):
			case hasAnyPrefix(imported, foreign[top]), hasAnyPrefix(imported, foreign[path.Dir(name)]):
			default:
				t.Errorf("%s imports %s, which is not agreed for it", name, imported)
			}
		}
	})
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	comments := map[string]int{}
	eachFile(t, parser.ParseComments|parser.PackageClauseOnly, func(name string, file *ast.File) {
		if strings.HasSuffix(file.Name.Name, "_test") {
			return
		}
		dir := path.Dir(name)
		if strings.HasSuffix(name, "_test.go") && hasSource(t, dir) {
			return
		}
		if file.Doc.Text() != "" {
			comments[dir]++
		} else {
			comments[dir] += 0
		}
	})
	for dir, count := range comments {
		if count != 1 {
			t.Errorf("package in %s has %d package comments, not one", dir, count)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	eachFile(t, parser.ParseComments, func(name string, file *ast.File) {
		if strings.HasSuffix(name, "_test.go") || file.Name.Name == "main" {
			return
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && isExportedReceiver(d.Recv) && d.Doc.Text() == "" && !isObvious[d.Name.Name] {
					t.Errorf("%s: %s has no comment", name, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if s, ok := s.(*ast.TypeSpec); ok && s.Name.IsExported() && d.Doc.Text() == "" && s.Doc.Text() == "" {
						t.Errorf("%s: %s has no comment", name, s.Name.Name)
					}
				}
			}
		}
	})
}

// isObvious lists methods whose meaning the standard library or the package
// comment of wire fixes.
var isObvious = map[string]bool{
	"String": true, "Error": true, "Unwrap": true, "Is": true, "Set": true, "IsBoolFlag": true,
	"Type": true, "Parse": true, "AppendTo": true, "Len": true, "Code": true,
}

func isExportedReceiver(recv *ast.FieldList) bool {
	if recv == nil {
		return true
	}
	e := recv.List[0].Type
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if generic, ok := e.(*ast.IndexExpr); ok {
		e = generic.X
	}
	id, ok := e.(*ast.Ident)
	return !ok || id.IsExported()
}

func TestTopLevelIsAsAgreed(t *testing.T) {
	agreed := []string{
		"wire", "names", "authority", "recursor", "cache", "listener", "cmd", "fuzz", "internal", "bench", "docs", "packaging",
		"go.mod", "go.sum", "Makefile", "README.md", "CHANGELOG.md", "LICENSE",
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && e.Name() != "build" && !slices.Contains(agreed, e.Name()) {
			t.Errorf("%s is at the top level, where only %v are", e.Name(), agreed)
		}
	}
}

// eachFile parses every Go file of the module. What is a module of its own - bench,
// packaging/pkcs11 - is left out.
func eachFile(t *testing.T, mode parser.Mode, do func(name string, file *ast.File)) {
	t.Helper()
	seen := 0
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, p)
		name = filepath.ToSlash(name)
		isModule := false
		if e.IsDir() && name != "." {
			_, err := os.Stat(filepath.Join(p, "go.mod"))
			isModule = err == nil
		}
		if e.IsDir() && (isModule || name != "." && strings.HasPrefix(e.Name(), ".") || e.Name() == "testdata" || name == "build") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(name, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), p, nil, mode)
		if err != nil {
			return err
		}
		seen++
		do(name, file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 20 {
		t.Fatalf("found only %d Go files", seen)
	}
}

func hasSource(t *testing.T, dir string) bool {
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(files, func(f string) bool { return !strings.HasSuffix(f, "_test.go") })
}

func hasAnyPrefix(s string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
