package authority

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var update = flag.Bool("update", false, "write what the stories give into their files")

// TestStories runs the files in testdata. A story is a text with blocks that
// are separated by blank lines:
//
//	zone NAME        lines of a master file follow; from here on it is served
//	zone NAME FILE   the same with a file in testdata
//	ask NAME TYPE …  "----" and the reply follow
//	# …              a remark
//
// Words after TYPE: do (DNSSEC OK), tcp, size=N (EDNS with that size). "go
// test -run Stories -update" rewrites the replies; read the diff.
func TestStories(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := tell(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.Split(string(text), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", file, diff)
			}
		})
	}
}

// tell runs a story and returns it with the replies it gave.
func tell(t *testing.T, text string) string {
	var set Set
	var zones []*Zone
	blocks := strings.Split(strings.TrimRight(text, "\n"), "\n\n")
	for i, block := range blocks {
		first, rest, _ := strings.Cut(block, "\n")
		words := strings.Fields(first)
		switch {
		case strings.HasPrefix(first, "#"):
		case words[0] == "zone":
			if len(words) > 2 {
				rest = readTestdata(t, words[2])
			}
			zones = append(zones, NewZone(mustZone(t, words[1], rest)))
			if err := set.SetZones(zones); err != nil {
				t.Fatal(err)
			}
		case words[0] == "ask":
			blocks[i] = first + "\n----\n" + strings.TrimRight(ask(t, &set, words[1:]...), "\n")
		default:
			t.Fatalf("block that begins %q is not part of a story", first)
		}
	}
	return strings.Join(blocks, "\n\n") + "\n"
}

func readTestdata(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// mustZone builds a zone from the text of a master file.
func mustZone(t testing.TB, origin, text string) *Snapshot {
	t.Helper()
	s, problems := buildZone(t, origin, text)
	if s == nil {
		t.Fatalf("zone %s: %v", origin, problems.Err())
	}
	return s
}

// buildZone builds a zone from the text of a master file, if it is valid.
func buildZone(t testing.TB, origin, text string) (*Snapshot, *diagnostic.List) {
	t.Helper()
	var problems diagnostic.List
	name := wire.MustParseName(origin)
	b := NewBuilder(name, wire.ClassIN, &problems)
	b.Source = "zone"
	err := zonefile.Read([]byte(text), "zone", zonefile.Options{Origin: name}, &problems, func(r *zonefile.Record) error {
		b.Add(r.Record, r.Position)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, _ := b.Freeze()
	return s, &problems
}

// ask sends a query to r and returns the reply as a story shows it.
func ask(t testing.TB, r names.TryResolver, words ...string) string {
	t.Helper()
	x := exchange(t, words...)
	switch err := r.TryResolve(x); err {
	case nil:
	case names.ErrPass:
		return "pass"
	default:
		return "error: " + err.Error()
	}
	m, err := wire.ParseMessage(x.Finish())
	if err != nil {
		t.Fatalf("our own reply does not parse: %v", err)
	}
	return describe(m)
}

// exchange returns the parsed query of words, with its reply begun.
func exchange(t testing.TB, words ...string) *names.Exchange {
	t.Helper()
	qtype, err := wire.ParseType(words[1])
	if err != nil {
		t.Fatal(err)
	}
	var edns *wire.EDNS
	var peer names.Peer
	limit := 512
	for _, w := range words[2:] {
		var size int
		switch {
		case w == "do":
			edns = &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO}
			limit = 1232
		case w == "tcp":
			peer.Transport = names.TCP
			limit = 65535
		default:
			if _, err := fmt.Sscanf(w, "size=%d", &size); err != nil {
				t.Fatalf("ask: %q is not an option", w)
			}
			limit = size
		}
	}
	q := wire.Question{Name: wire.MustParseName(words[0]), Type: qtype, Class: wire.ClassIN}
	x := new(names.Exchange)
	if rcode, err := x.Read(wire.AppendQuery(nil, 1, 0, q, edns), peer); err != nil || rcode != wire.RCodeNoError {
		t.Fatalf("query for %s: %v, %v", q.Name, rcode, err)
	}
	x.Begin(make([]byte, 0, limit+wire.WriterSlack), limit)
	return x
}

// describe is a reply as a story shows it: the RCODE and flags, then a record
// a line, sorted inside each RRset's section.
func describe(m *wire.Message) string {
	var b strings.Builder
	b.WriteString(m.RCode.String())
	for _, f := range []struct {
		flag wire.Flags
		name string
	}{{wire.FlagAA, "aa"}, {wire.FlagTC, "tc"}} {
		if m.Flags.Has(f.flag) {
			b.WriteString(" " + f.name)
		}
	}
	b.WriteByte('\n')
	for s := wire.SectionAnswer; s <= wire.SectionAdditional; s++ {
		var lines []string
		for _, r := range m.Section(s) {
			lines = append(lines, strings.ReplaceAll(r.String(), "\t", " "))
		}
		if s != wire.SectionAnswer { // the order of an answer tells the chain
			slices.Sort(lines)
		}
		for _, l := range lines {
			fmt.Fprintf(&b, "%s: %s\n", s, l)
		}
	}
	return b.String()
}
