package pyzone

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

var update = flag.Bool("update", false, "write what is read into the second half of the stories")

// tell reads a pyzone and says all that came of it.
func tell(text string) string {
	var b strings.Builder
	problems := diagnostic.List{Limit: 100}
	origin, err := Read([]byte(text), "pyzone.py", &problems, func(r *Record) error {
		ttl := fmt.Sprint(r.TTL)
		if !r.HasTTL {
			ttl = "(" + ttl + ")"
		}
		fmt.Fprintf(&b, "%d:%d %v %s %v %s\n", r.Position.Line, r.Position.Column, r.Name, ttl, r.Type, wire.AppendRdataText(nil, r.Type, r.Data))
		return nil
	})
	fmt.Fprintf(&b, "origin %q\n", origin.String())
	if err != nil {
		fmt.Fprintf(&b, "error %v\n", err)
	}
	for _, p := range problems.Problems {
		fmt.Fprintln(&b, p)
	}
	return b.String()
}

func TestStories(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		stories := strings.Split(string(file), "\n=== ")
		for i, story := range stories[1:] {
			title, rest, _ := strings.Cut(story, "\n")
			text, want, found := strings.Cut("\n"+rest+"\n", "\n---\n")
			if !found {
				t.Fatalf("%s: story %q has no second half", path, title)
			}
			text = strings.TrimPrefix(text, "\n")
			got := tell(text)
			if *update {
				stories[i+1] = strings.TrimSuffix(title+"\n"+strings.TrimPrefix(text+"\n---\n", "\n")+got, "\n")
				continue
			}
			t.Run(filepath.Base(path)+"/"+title, func(t *testing.T) {
				if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); diff != "" {
					t.Errorf("want -, got +:\n%s", diff)
				}
			})
		}
		if *update {
			if err := os.WriteFile(path, []byte(strings.Join(stories, "\n=== ")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func readAll(t *testing.T, text string) ([]Record, wire.Name) {
	t.Helper()
	var problems diagnostic.List
	var records []Record
	origin, err := Read([]byte(text), "pyzone.py", &problems, func(r *Record) error {
		kept := *r
		kept.Record = r.Clone()
		records = append(records, kept)
		return nil
	})
	if err != nil || problems.Err() != nil {
		t.Fatalf("error %v, problems:\n%v", err, problems.Err())
	}
	return records, origin
}

// The zone of the how-to that pyzones come from.
func TestReadFileHowTo(t *testing.T) {
	var problems diagnostic.List
	var got []string
	origin, err := ReadFile("testdata/example-domain.com", &problems, func(r *Record) error {
		got = append(got, fmt.Sprintf("%v %d %v", r.Name, r.TTL, r.Type))
		return nil
	})
	if err != nil || problems.Err() != nil {
		t.Fatalf("error %v, problems:\n%v", err, problems.Err())
	}
	if origin.String() != "example-domain.com." {
		t.Errorf("origin is %v", origin)
	}
	want := []string{
		"example-domain.com. 3600 SOA",
		"example-domain.com. 3600 A",
		"example-domain.com. 3600 NS",
		"www.example-domain.com. 3600 CNAME",
		"ftp.example-domain.com. 3600 CNAME",
		"example-domain.com. 3600 MX",
		"mail.example-domain.com. 3600 A",
		"43.16.0.123.in-addr.arpa. 3600 PTR",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestReadFileMissing(t *testing.T) {
	var problems diagnostic.List
	path := filepath.Join(t.TempDir(), "missing.py")
	_, err := ReadFile(path, &problems, func(*Record) error { return nil })
	if err != nil {
		t.Errorf("error %v: a missing file is a problem", err)
	}
	if !errors.Is(problems.Err(), os.ErrNotExist) || !strings.HasPrefix(problems.Err().Error(), path+": ") {
		t.Errorf("problems: %v", problems.Err())
	}
}

func TestReadStopsWhereEmitFails(t *testing.T) {
	stop := errors.New("stop")
	calls := 0
	var problems diagnostic.List
	_, err := Read([]byte(`zone = [SOA('a', 'b', 'c'), NS('a', 'b'), NS('a', 'c')]`), "x", &problems, func(*Record) error {
		if calls++; calls == 2 {
			return stop
		}
		return nil
	})
	if err != stop || calls != 2 || problems.Err() != nil {
		t.Errorf("error %v after %d calls, problems %v", err, calls, problems.Err())
	}
}

// A function that changes the record it is passed does not damage the next one.
func TestReadLendsRecords(t *testing.T) {
	text := "zone = [NS('a', 'early'), SOA('a', 'b', 'c'), NS('a', 'late')]"
	want, _ := readAll(t, text)
	var problems diagnostic.List
	i := 0
	_, err := Read([]byte(text), "x", &problems, func(r *Record) error {
		if string(r.Data) != string(want[i].Data) || !r.Name.Equal(want[i].Name) {
			t.Errorf("record %d is %v %x", i, r.Name, r.Data)
		}
		i++
		clear(r.Data)
		return nil
	})
	if err != nil || problems.Err() != nil || i != 3 {
		t.Fatalf("error %v, problems %v, %d records", err, problems.Err(), i)
	}
}

func TestReadFileEndings(t *testing.T) {
	unix := "# comment\nzone = [\n  SOA('a', 'b', 'c'),\n  TXT('a', '''x\ny'''),\n]\n"
	want, _ := readAll(t, unix)
	for _, text := range []string{
		strings.ReplaceAll(unix, "\n", "\r\n"),
		strings.ReplaceAll(unix, "\n", "\r"),
		"\ufeff" + unix,
		strings.TrimSuffix(unix, "\n"),
		strings.ReplaceAll(unix, "  ", "\t\f"),
	} {
		got, _ := readAll(t, text)
		if diff := cmp.Diff(want, got, cmp.Comparer(wire.Name.Equal), cmp.FilterPath(func(p cmp.Path) bool {
			return p.Last().String() == ".Column"
		}, cmp.Ignore())); diff != "" {
			t.Errorf("%q: want -, got +:\n%s", text, diff)
		}
	}
}

// check reads any text and looks at what a reader must keep to however bad
// the text is.
func check(t *testing.T, text []byte) (records int, problems diagnostic.List) {
	t.Helper()
	lines := 1 + strings.Count(string(text), "\n") + strings.Count(string(text), "\r")
	origin, err := Read(text, "x", &problems, func(r *Record) error {
		records++
		if _, n, err := wire.NameFromWire([]byte(r.Name.Wire())); err != nil || n != r.Name.Len() {
			t.Errorf("owner %x: %v", r.Name.Wire(), err)
		}
		if records == 1 != (r.Type == wire.TypeSOA) {
			t.Errorf("record %d is of type %v", records, r.Type)
		}
		if len(r.Data) > 65535 || r.TTL > maxTTL {
			t.Errorf("%d octets of data, TTL %d", len(r.Data), r.TTL)
		}
		return nil
	})
	if err != nil {
		t.Errorf("error %v is not emit's", err)
	}
	if problems.Errors == 0 && (records == 0 || origin.IsZero()) {
		t.Errorf("%d records, origin %v, and no problem", records, origin)
	}
	for _, p := range problems.Problems {
		if at := p.Position; at.Line > lines || at.Column > len(text)+1 || at.File != "x" {
			t.Errorf("problem is outside of the text: %v", p)
		}
	}
	return records, problems
}

func TestReadEveryPrefix(t *testing.T) {
	for _, path := range []string{"testdata/example-domain.com", "testdata/zones.txt", "testdata/errors.txt"} {
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, story := range strings.Split(string(file), "\n=== ") {
			text, _, _ := strings.Cut(story, "\n---\n")
			if _, body, found := strings.Cut(text, "\n"); found && path != "testdata/example-domain.com" {
				text = body
			}
			for i := range len(text) {
				check(t, []byte(text[:i]))
			}
		}
	}
}

func TestReadPrefixOfListIsAnError(t *testing.T) {
	file, err := os.ReadFile("testdata/example-domain.com")
	if err != nil {
		t.Fatal(err)
	}
	end := strings.LastIndexByte(string(file), ']')
	for i := range end {
		if _, problems := check(t, file[:i]); problems.Errors == 0 {
			t.Errorf("no error in the first %d octets", i)
		}
	}
}

func TestReadMutations(t *testing.T) {
	file, err := os.ReadFile("testdata/zones.txt")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"(", ")", "[", "]", "{", "}", "'", `"`, `"""`, `\`, ",", "=", "\n", "#", "zone", "\x00", "\xff", "0x", "-", "lambda", "A("}
	stories := strings.Split(string(file), "\n=== ")
	for range 10000 {
		story := stories[1+random.IntN(len(stories)-1)]
		_, story, _ = strings.Cut(story, "\n")
		story, _, _ = strings.Cut(story, "\n---\n")
		text := []byte(story)
		for range 1 + random.IntN(4) {
			i := random.IntN(len(text))
			switch random.IntN(3) {
			case 0:
				text[i] = byte(random.IntN(256))
			case 1:
				text = append(text[:i:i], text[i+random.IntN(len(text)-i):]...)
			case 2:
				text = append(text[:i:i], pieces[random.IntN(len(pieces))]+string(text[i:])...)
			}
			if len(text) == 0 {
				break
			}
		}
		check(t, text)
	}
}

func TestReadBounds(t *testing.T) {
	soa := "zone = [SOA('a', 'b', 'c'), "
	for _, test := range []struct{ name, text, want string }{
		{"open brackets", strings.Repeat("(", 1e6), "brackets are nested deeper than 32 levels"},
		{"open brackets in a value", "x = " + strings.Repeat("([", 1e6), "brackets are nested deeper than 32 levels"},
		{"open calls", soa + strings.Repeat("A(", 1e6), "calls of anything but record classes"},
		{"closed lists", soa + "TXT('a', " + strings.Repeat("[", 1e5) + strings.Repeat("]", 1e5) + ")]", "brackets are nested deeper than 32 levels"},
		{"signs", soa + "MX('a', " + strings.Repeat("-", 1e6) + "1, 'b')]", "operators are not supported"},
		{"long string", soa + "TXT('a', '" + strings.Repeat("x", 1e6) + "')]", "string is longer than 65535 octets"},
		{"long string of escapes", soa + "TXT('a', '" + strings.Repeat(`\n`, 1e6) + "')]", "string is longer than 65535 octets"},
		{"many strings that are one", soa + "TXT('a', " + strings.Repeat("'x'", 1e5) + ")]", "string is longer than 65535 octets"},
		{"long character-string", soa + "TXT('a', '" + strings.Repeat("x", 256) + "')]", "has 256 octets"},
		{"many character-strings", soa + "TXT('a', " + strings.Repeat("'x',", 40000) + ")]", "data is longer than 65535 octets"},
		{"many arguments", soa + "TXT('a', " + strings.Repeat("'',", 70000) + ")]", "more than 65535 arguments"},
		{"long number", soa + "MX('a', " + strings.Repeat("0", 1e6) + ", 'b')]", "number has more than 100 characters"},
		{"long time", soa + "MX('a', 1, 'b', '" + strings.Repeat("9", 1e4) + "')]", "must be a time such as"},
		{"long name", strings.Repeat("x", 1e6), `"=" is expected`},
		{"long class", soa + strings.Repeat("x", 1e6) + "()]", "is not a record class"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, problems := check(t, []byte(test.text))
			if problems.Errors == 0 || !strings.Contains(problems.Error(), test.want) {
				t.Errorf("%.300v does not say %q", problems.Err(), test.want)
			}
			if n := len(problems.Error()); n > 10000 {
				t.Errorf("errors take %d octets", n)
			}
		})
	}
}

func TestReadStopsWhenProblemsAreFull(t *testing.T) {
	problems := diagnostic.List{Limit: 3, MaxErrors: 3}
	text := "zone = [" + strings.Repeat("A(),\n", 1000) + "]"
	if _, err := Read([]byte(text), "x", &problems, func(*Record) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if problems.Errors != 4 {
		t.Errorf("read on for %d errors", problems.Errors)
	}
}

// Only errors are reported, and valid records after them are read.
func TestReadGoesOnBehindErrors(t *testing.T) {
	var problems diagnostic.List
	var got []string
	text := `zone = [
	A('one', 'x' + 'y'),
	SOA('a', 'b', 'c'),
	A('two', f(1, (2, 3), [4])), NS('good', 'b'),
	A('three', '192.0.2.1'], NS('better', 'b'),
	A('four', 'never closed),
	NS('best', 'b'
	NS('last', 'b')
]`
	if _, err := Read([]byte(text), "x", &problems, func(r *Record) error {
		got = append(got, r.Name.String())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a.", "good.", "better.", "last."}, got); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if problems.Errors != 5 {
		t.Errorf("%d errors", problems.Errors)
	}
}

// FORMAT.md shows a pyzone that is one, and names every class and argument.
func TestFormatDocument(t *testing.T) {
	file, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(file)
	_, example, _ := strings.Cut(document, "```python\n")
	example, _, _ = strings.Cut(example, "```")
	if records, origin := readAll(t, example); len(records) != 4 || origin.String() != "example.com." {
		t.Errorf("the example has %d records, origin %v", len(records), origin)
	}
	_, table, _ := strings.Cut(document, "| class | arguments")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := map[string]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		for name := range strings.SplitSeq(cells[1], ",") {
			rows[strings.TrimSpace(name)] = cells[2]
		}
	}
	for name, class := range classes {
		row, found := rows[name]
		if !found {
			t.Errorf("class %s is not in the table", name)
		}
		for i, p := range class.parameters {
			cell := strings.TrimSpace(strings.Split(row, ",")[i])
			cell, _, _ = strings.Cut(cell, " ")
			if parameter, _, hasDefault := strings.Cut(cell, "="); parameter != p.name || hasDefault == p.required {
				t.Errorf("class %s, argument %s is %q in the table", name, p.name, cell)
			}
		}
		if len(class.parameters) > maxParameters {
			t.Errorf("class %s has %d parameters", name, len(class.parameters))
		}
	}
}
