package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// parityRows are the rows docs/seed-parity.md owes: how many there are of each
// kind, and those that have names of their own.
var (
	parityRows = map[string]int{
		"TAP-": 12, "SRV-": 16, "AUT-": 19, "SEC-": 5, "CAC-": 6, "HOS-": 5, "RES-": 8, "CLI-": 13, "ROO-": 6,
		"SRC-": 6, "V": 49, "DNS-": 12, "EDN-": 4, "PRO-": 4, "SER-": 3, "ERR-": 1, "DOC-": 15,
	}
	parityTypes = strings.Fields(`A NS MD MF CNAME SOA MB MG MR NULL WKS PTR HINFO MINFO MX TXT RP AFSDB AAAA SRV
		NAPTR A6 DNAME SSHFP SPF TSIG OPT`)
	parityFiles = strings.Fields(`test_names test_client test_server test_dns test_common test_resolve test_cache
		test_hosts test_rootresolve test_srvconnect test_tap test_examples test_rfc1982 test_util`)
)

// TestParity: the table has every row once, each row names a test or says why
// there is none, and all files and tests it names are there.
func TestParity(t *testing.T) {
	const page = "docs/seed-parity.md"
	text, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	reference := regexp.MustCompile("`([^`]+)`|\\b((?:Test|Example|Fuzz|Benchmark)\\w+)")
	for i, line := range strings.Split(string(text), "\n") {
		at := fmt.Sprintf("%s:%d", page, i+1)
		file := ""
		for _, m := range reference.FindAllStringSubmatch(line, -1) {
			switch {
			case isPath.MatchString(m[1]):
				file = m[1]
				if _, err := os.Stat(filepath.Join(root, file)); err != nil {
					t.Errorf("%s: %v", at, err)
				}
			case m[2] != "" && file == "" && strings.HasPrefix(line, "|"):
				t.Errorf("%s: %s does not follow a file", at, m[2])
			case m[2] != "" && file != "" && !slices.Contains(functions(t, file), m[2]):
				t.Errorf("%s: %s has no %s", at, file, m[2])
			}
		}
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		if !strings.HasPrefix(line, "| ") || cells[0] == "row" || cells[0] == "tests" {
			continue
		}
		names, _, isFamily := strings.Cut(cells[0], ":")
		for _, name := range strings.Split(names, ", ") {
			seen[name]++
		}
		isType := slices.Contains(parityTypes, strings.Split(cells[0], ", ")[0])
		if !isType && !strings.Contains(line, "_test.go` ") && !strings.Contains(line, "not yet") && !strings.Contains(line, "not needed") {
			t.Errorf("%s: row %s (family: %t) names no test and does not say why", at, cells[0], isFamily)
		}
	}
	for prefix, count := range parityRows {
		for i := range count {
			if id := fmt.Sprint(prefix, i+1); seen[id] != 1 {
				t.Errorf("%s has %d rows %s", page, seen[id], id)
			}
		}
	}
	for _, name := range parityTypes {
		if seen[name] != 1 {
			t.Errorf("%s has %d rows for the record class %s", page, seen[name], name)
		}
	}
	for _, name := range parityFiles {
		if seen[name] == 0 {
			t.Errorf("%s has no row for %s", page, name)
		}
	}
}

// TestTwistedRulesAreRows: the rules of the comparison with Twisted's server
// bear the numbers of rows.
func TestTwistedRulesAreRows(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/seed-parity.md"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(filepath.Join(root, "fuzz/twisted/rules_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\t\{"([^:"]*): `).FindAllSubmatch(rules, -1)
	for _, m := range found {
		if !strings.Contains(string(page), "\n| "+string(m[1])+" |") {
			t.Errorf("rule %s is not a row", m[1])
		}
	}
	if len(found) < 10 {
		t.Errorf("found only %d rules", len(found))
	}
}

// isPath tells files from other words in code type.
var isPath = regexp.MustCompile(`^[\w.-]+(/[\w.-]+)+$|^README\.md$`)

var functionsOf = map[string][]string{}

// functions lists the functions of a file.
func functions(t *testing.T, name string) []string {
	t.Helper()
	if list, ok := functionsOf[name]; ok {
		return list
	}
	var list []string
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
	} else {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				list = append(list, f.Name.Name)
			}
		}
	}
	functionsOf[name] = list
	return list
}
