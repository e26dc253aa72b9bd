package authority

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// TestLoadOnSeveralCores: a large zone and its problems are the same, whether one
// goroutine reads and packs it record by record, or many do.
func TestLoadOnSeveralCores(t *testing.T) {
	path := filepath.Join(t.TempDir(), "example")
	for _, test := range []struct {
		name         string
		odd          int // one of so many names has a warning
		wrong        int // one of so many names has an error
		wantWarnings int // at least
		wantErrors   int
	}{
		{"right", 0, 0, 0, 0},
		{"warnings", 500, 0, 30, 0},
		{"a few errors", 500, 5000, 30, 3},
		{"many errors", 500, 100, 10, 21},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := scatteredZone(20_000, test.odd, test.wrong)
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			var alone diagnostic.List
			b := NewBuilder(wire.MustParseName("example."), wire.ClassIN, &alone)
			b.Source = path
			zonefile.Read([]byte(text), path, zonefile.Options{Origin: wire.MustParseName("example.")}, &alone, func(r *zonefile.Record) error {
				b.Add(r.Record, r.Position)
				return nil
			})
			want, _ := b.Freeze()

			runtime.GOMAXPROCS(4)
			var together diagnostic.List
			got, _ := File{Path: path}.Load(&together)

			if a, b := describeProblems(&alone), describeProblems(&together); a != b {
				t.Errorf("alone:\n%s\ntogether:\n%s", a, b)
			}
			if alone.Warnings < test.wantWarnings || alone.Errors < test.wantErrors {
				t.Errorf("%d warnings, %d errors: fewer than the test is about", alone.Warnings, alone.Errors)
			}
			if (want == nil) != (got == nil) || (want == nil) != (test.wantErrors > 0) {
				t.Fatalf("a zone alone: %v, together: %v", want != nil, got != nil)
			}
			if want == nil {
				return
			}
			x, y := describeNodes(t, want), describeNodes(t, got)
			for i := range min(len(x), len(y)) {
				if x[i] != y[i] {
					t.Fatalf("alone:\n%s\ntogether:\n%s", x[i], y[i])
				}
			}
			if len(x) != len(y) || want.Records() != got.Records() || want.Names() != got.Names() {
				t.Errorf("%d nodes, %d records, %d names alone; %d, %d, %d together", len(x), want.Records(), want.Names(), len(y), got.Records(), got.Names())
			}
		})
	}
}

// scatteredZone is a zone whose names occur again far from their first records.
func scatteredZone(names, odd, wrong int) string {
	random := rand.New(rand.NewPCG(3, 4))
	var b strings.Builder
	b.WriteString("$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n")
	for i := range names {
		name := fmt.Sprintf("n%d.u%d", random.IntN(names), random.IntN(names/10))
		switch kind := random.IntN(8); {
		case odd > 0 && i%odd == 17:
			fmt.Fprintf(&b, "%s A 192.0.2.1\n%[1]s 70 A 192.0.2.2\n", name)
		case odd > 0 && i%odd == 23:
			fmt.Fprintf(&b, "%s.other. A 192.0.2.1\n", name)
		case odd > 0 && i%odd == 29:
			fmt.Fprintf(&b, "%s MX 10 missing%d\n NS nowhere%d\n", name, i, i)
		case wrong > 0 && i%wrong == 31:
			fmt.Fprintf(&b, "%s A 192.0.2.1\n CNAME ns1\n", name)
		case wrong > 0 && i%wrong == 37:
			fmt.Fprintf(&b, "%s A 192.0.2\n", name)
		case kind == 0:
			fmt.Fprintf(&b, "$ORIGIN %s.example.\n@ A 192.0.2.3\n A 192.0.2.1\nx A 192.0.2.1 ; (\n$ORIGIN example.\n", name)
		case kind == 1:
			fmt.Fprintf(&b, "%s TXT ( \"a\n\" b\n )\n", name)
		case kind == 2:
			fmt.Fprintf(&b, "%s MX 10 n%d\nN%d 60 AAAA 2001:db8::%x\n", name, random.IntN(names), random.IntN(names), i)
		default:
			fmt.Fprintf(&b, "%s A 10.0.%d.%d\n", name, i>>8&255, i&255)
		}
	}
	return strings.ReplaceAll(b.String(), "\"a\n\"", "\"a\"")
}

func describeProblems(l *diagnostic.List) string {
	var b strings.Builder
	for _, p := range l.Problems {
		fmt.Fprintln(&b, p)
	}
	fmt.Fprintf(&b, "%d errors, %d warnings", l.Errors, l.Warnings)
	return b.String()
}

// describeNodes describes what answers can use of every node; numbers are shown as
// the names they refer to.
func describeNodes(t *testing.T, s *Snapshot) []string {
	spell := func(n node) string {
		if n.has(flagAbsent) {
			return strings.ToLower(n.name().String()) // its spelling is not visible
		}
		return n.name().String()
	}
	nameOf := func(id uint32) string {
		if id == 0 {
			return "-"
		}
		return spell(s.node(id))
	}
	var list []string
	var asked lookupName
	for n := range s.nodes() {
		var b strings.Builder
		fmt.Fprintf(&b, "%s flags %d cut %s wildcard %s denial %s, %d lead here", spell(n), n.flags()&^(flagsOfNumbers|flagFolded), nameOf(n.cut()), nameOf(n.wildcard()), nameOf(n.denial()), s.refCounts.At(n.id()))
		for set := range n.all() {
			fmt.Fprintf(&b, "\n %v %v %d %d", set.kind(), set.covered(), set.ttl(), set.flags())
			i := 0
			for data := range set.all() {
				fmt.Fprintf(&b, " %x", data)
				if set.has(flagLinks) {
					b.WriteString(" refers to " + nameOf(set.link(i)))
				}
				i++
			}
		}
		asked.set(n.name())
		if found, ok := s.find(&asked, 0); ok == n.has(flagAbsent|flagNSEC3Owner) || ok && &found[0] != &n[0] {
			t.Errorf("%v is not found", n.name())
		}
		list = append(list, b.String())
	}
	slices.Sort(list)
	return list
}

// TestLoadNothing: missing and empty files are errors.
func TestLoadNothing(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "example")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, f := range []File{{Path: empty}, {Path: empty + "2"}, {Path: empty + "2", Origin: wire.MustParseName("example.")}} {
		var problems diagnostic.List
		if s, err := f.Load(&problems); s != nil || err == nil {
			t.Errorf("%v: %v, %v", f, s, err)
		}
	}
}

// TestReloadSeesNearerInclude: a file that $INCLUDE did not find, and that exists
// now, is a change.
func TestReloadSeesNearerInclude(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("zones", 0o755); err != nil {
		t.Fatal(err)
	}
	write("zones/example", "$TTL 5\n@ SOA ns h 1 2 3 4 5\n@ NS ns\n$INCLUDE hosts\n")
	write("hosts", "ns A 192.0.2.1\n")
	loader := Loader{File: File{Path: "zones/example"}}
	var problems diagnostic.List
	s, err := loader.Load(&problems)
	if err != nil {
		t.Fatal(err)
	}
	zone := NewZone(s)
	if what, err := loader.Reload(zone, &problems); err != nil || what.Replaced || !what.Changes.IsEmpty() {
		t.Fatalf("changed without a change: %+v, %v", what, err)
	}
	write("zones/hosts", "ns A 192.0.2.2\n")
	if what, err := loader.Reload(zone, &problems); err != nil || len(what.Changes.Added) != 1 {
		t.Errorf("not changed: %+v, %v", what, err)
	}
}

// TestReloadChecksSerial: secondaries would not fetch the new version.
func TestReloadChecksSerial(t *testing.T) {
	path := filepath.Join(t.TempDir(), "example")
	write := func(serial int, rest string) {
		text := fmt.Sprintf("$TTL 5\n@ SOA ns h %d 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n%s", serial, rest)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	many := func(address string) string {
		var b strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&b, "h%d A %s\n", i, address)
		}
		return b.String()
	}
	write(10, "")
	loader := Loader{File: File{Path: path}}
	s, err := loader.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	zone := NewZone(s)
	for _, step := range []struct {
		name   string
		serial int
		rest   string
		want   diagnostic.Code
	}{
		{"higher", 11, "a A 192.0.2.2\n", ""},
		{"the same", 11, "a A 192.0.2.3\n", diagnostic.SerialSame},
		{"lower", 9, "a A 192.0.2.4\n", diagnostic.SerialBack},
		{"only a comment", 9, "a A 192.0.2.4 ; comment\n", ""},
		{"lower, replaced", 8, many("192.0.2.5"), diagnostic.SerialBack},
		{"the same, replaced", 8, many("192.0.2.6"), diagnostic.SerialSame},
		{"higher, replaced", 9, many("192.0.2.7"), ""},
	} {
		write(step.serial, step.rest)
		var problems diagnostic.List
		if _, err := loader.Reload(zone, &problems); err != nil {
			t.Fatal(step.name, err)
		}
		if step.want == "" && problems.Warnings > 0 || step.want != "" && problems.Count(step.want) != 1 {
			t.Errorf("%s: %v", step.name, problems.Problems)
		}
	}
}
