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

// TestLoadOnSeveralCores: a large zone is the same, and as much is said of it,
// whether it is read and packed by one goroutine, record by record, or by many.
func TestLoadOnSeveralCores(t *testing.T) {
	path := filepath.Join(t.TempDir(), "example")
	for _, test := range []struct {
		name         string
		odd          int // of so many names, one has something to be warned of
		wrong        int // of so many, one is wrong
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

// scatteredZone is a zone whose names come back far from where they were first.
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

// describeNodes says of every node what an answer may use of it: numbers are
// given as the names they stand for.
func describeNodes(t *testing.T, s *Snapshot) []string {
	spell := func(n node) string {
		if n.has(flagAbsent) {
			return strings.ToLower(n.name().String()) // nobody sees how it is spelled
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
	var asked askedName
	for n := range s.nodes() {
		var b strings.Builder
		fmt.Fprintf(&b, "%s flags %d cut %s wildcard %s denial %s, %d lead here", spell(n), n.flags()&^(flagsOfNumbers|flagFolded), nameOf(n.cut()), nameOf(n.wildcard()), nameOf(n.denial()), s.links.at(n.id()))
		for set := range n.all() {
			fmt.Fprintf(&b, "\n %v %v %d %d", set.kind(), set.covered(), set.ttl(), set.flags())
			i := 0
			for data := range set.all() {
				fmt.Fprintf(&b, " %x", data)
				if set.has(flagLinks) {
					b.WriteString(" leads to " + nameOf(set.link(i)))
				}
				i++
			}
		}
		asked.set(n.name())
		if found, ok := s.find(&asked, 0); ok == n.has(flagAbsent|flagHashedOwner) || ok && &found[0] != &n[0] {
			t.Errorf("%v is not found as it should", n.name())
		}
		list = append(list, b.String())
	}
	slices.Sort(list)
	return list
}

// TestLoadNothing: files that are not there and that say nothing are errors.
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
