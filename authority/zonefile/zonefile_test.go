package zonefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// sample has a bit of everything, for tests that damage it.
const sample = `$ORIGIN example.
$TTL 1h ; an hour
@	IN SOA ns1 host\.master (
		1 ; serial
		1h 15m 1W 5 )
	NS	ns1
ns1	5 IN A	192.0.2.1
	AAAA	2001:db8::1
txt	TXT	"quoted ; ( \" \065" plain\032word ( "over"
	"lines" )
$ORIGIN sub
@	IN 3600	TYPE65280 \# 3 ( 01 02 03 )
svc	HTTPS	1 . alpn="h2,h3" port=8443
$INCLUDE other inc
$GENERATE 1-3/2 h${1,2,x} MX "10 m$"
last	CNAME	.`

var sampleOptions = Options{
	Open: openFrom([]storyFile{{"other", " A 192.0.2.7\nx A 192.0.2.8\n"}}),
}

// TestReadCases reads texts that a story cannot show.
func TestReadCases(t *testing.T) {
	const ttl = "$TTL 5\n"
	a := func(name string) string { return name + ".example.\t5\tIN\tA\t192.0.2.1\n" }
	for _, test := range []struct{ title, text, want string }{
		{"CR LF", "$TTL 5\r\na A 192.0.2.1\r\nb (\r\n A 192.0.2.1 ) ; c\r\n", a("a") + a("b")},
		{"CR", "$TTL 5\ra A 192.0.2.1\rb A 192.0.2.1 ; c\rc A 192", a("a") + a("b") + "test:4:5: "},
		{"no line end at the end", ttl + "a A 192.0.2.1", a("a")},
		{"comment at the end", ttl + "a A 192.0.2.1;", a("a")},
		{"byte order mark", "\xEF\xBB\xBF$TTL 5\na A 192.0.2.1\n", a("a")},
		{"byte order mark and column", "\xEF\xBB\xBFa 5 A x\n", "test:1:7: "},
		{"form feed is a blank", ttl + "\f\na\fA 192.0.2.1\n\fA 192.0.2.1\n", a("a") + a("a")},
		{"octet 0 in a word", ttl + "a\x00b A 192.0.2.1\nc A 192.0.2.1\n", a("c") + "test:2:2: octet 0"},
		{"octet 0 in quotes", ttl + "a TXT \"b\x00\"\nc A 192.0.2.1\n", a("c") + "test:2:9: octet 0"},
		{"octet 0 behind a backslash", ttl + "a\\\x00 A 192.0.2.1\n", "test:2:2: backslash"},
		{"octet 0 behind a backslash in quotes", ttl + "a TXT \"\\\x00\"\n", "test:2:9: octet 0"},
		{"octet 0 in a comment", ttl + "a A 192.0.2.1 ; \x00\n", a("a")},
		{"CR in quotes", ttl + "a TXT \"b\rc A 192.0.2.1\n", a("c") + "test:2:7: quote is never closed"},
		{"CR behind a backslash in quotes", ttl + "a TXT \"b\\\rc A 192.0.2.1\n", a("c") + "test:2:7: quote is never closed"},
		{"quote at the end", ttl + "a TXT \"", "test:2:7: quote is never closed"},
		{"backslash in quotes at the end", ttl + "a TXT \"\\", "test:2:7: quote is never closed"},
		{"backslash at the end", ttl + "a TXT \\", "test:2:7: backslash with nothing behind it"},
		{"control octets in a name", ttl + "\x01\x7f A 192.0.2.1\n", a(`\001\127`)},
		{"nothing", "", ""},
		{"only a byte order mark", "\xEF\xBB\xBF", ""},
		{"only a parenthesis", "(", "test:1:1: parenthesis is never closed"},
		{"lines behind quotes that go over them", ttl + "a TXT \"b\\\n\" \"\\\n\"\nb A x\n", "a.example.\t5\tIN\tTXT\t\"b\\010\" \"\\010\"\ntest:5:5: "},
	} {
		t.Run(test.title, func(t *testing.T) {
			o := Options{Origin: wire.MustParseName("example.")}
			got := readToText(t, o, func(problems *diagnostic.List, emit func(*Record) error) error {
				return Read([]byte(test.text), "test", o, problems, emit)
			})
			// What wire says of data is not our business here: a line is compared
			// as far as it is given.
			want := strings.Split(strings.TrimSuffix(test.want, "\n"), "\n")
			lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
			ok := len(want) == len(lines)
			for i := 0; ok && i < len(want); i++ {
				ok = lines[i] == want[i] || strings.HasPrefix(want[i], "test:") && strings.HasPrefix(lines[i], want[i])
			}
			if !ok {
				t.Errorf("got\n%swant\n%s", got, test.want)
			}
		})
	}
}

// TestCutAtEveryByte reads every beginning of a file: what comes is records or
// an error, and the records are those of the whole file as far as they go.
func TestCutAtEveryByte(t *testing.T) {
	whole, list := readAll(t, []byte(sample), sampleOptions)
	if list.Errors != 0 {
		t.Fatalf("the sample is wrong: %v", list)
	}
	for cut := range len(sample) {
		records, problems := readAll(t, []byte(sample[:cut]), sampleOptions)
		if len(records) > len(whole) {
			t.Fatalf("cut at %d: %d records, more than the whole has", cut, len(records))
		}
		for i, r := range records {
			// The last may be cut short and still be one.
			if i < len(records)-1 && r != whole[i] {
				t.Fatalf("cut at %d: record %d is %q, that of the whole %q", cut, i, r, whole[i])
			}
		}
		if strings.Count(sample[:cut], "(") > strings.Count(sample[:cut], ")")+1 && problems.Errors == 0 {
			t.Errorf("cut at %d, in parentheses: no error", cut)
		}
	}
}

// TestMutations changes a file at random and wants no panic, and each problem
// in a line the file has.
func TestMutations(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []byte("a1.@$\\\"();\n\r\t \x00\xff{},-/#*")
	for range 20_000 {
		text := []byte(sample)
		for range 1 + random.IntN(4) {
			i := random.IntN(len(text))
			switch random.IntN(3) {
			case 0:
				text[i] = alphabet[random.IntN(len(alphabet))]
			case 1:
				text = append(text[:i], text[i+1:]...)
			case 2:
				j := i + random.IntN(len(text)-i)
				text = append(text[:j:j], text[i:]...)
			}
		}
		o := sampleOptions
		o.MaxGenerated = 1000
		_, problems := readAll(t, text, o)
		lines := bytes.Count(text, []byte("\n")) + bytes.Count(text, []byte("\r")) + 1
		for _, p := range problems.Problems {
			if at := p.Position; at.Line < 1 || at.Column < 1 || at.Line > lines {
				t.Fatalf("%v: no such place in\n%s", p, text)
			}
		}
	}
}

// readAll returns the records of text, each as a line.
func readAll(t testing.TB, text []byte, o Options) ([]string, *diagnostic.List) {
	t.Helper()
	var records []string
	problems := &diagnostic.List{}
	err := Read(text, "sample", o, problems, func(r *Record) error {
		records = append(records, string(AppendRecord(nil, &r.Record)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return records, problems
}

// TestReadsWhatItWrites reads each record that AppendRecord wrote.
func TestReadsWhatItWrites(t *testing.T) {
	records, _ := readAll(t, []byte(sample), sampleOptions)
	again, problems := readAll(t, []byte(strings.Join(records, "")), Options{})
	if problems.Errors != 0 || strings.Join(again, "") != strings.Join(records, "") {
		t.Errorf("%v\ngot\n%s\nwant\n%s", problems, strings.Join(again, ""), strings.Join(records, ""))
	}
}

// TestClass reads a zone of another class than IN.
func TestClass(t *testing.T) {
	text := "$TTL 5\na CH TXT b\na CLASS3 TXT c\na TXT d\na IN TXT e\na CHAOS TXT f\n"
	o := Options{Origin: wire.Root, Class: wire.ClassCH}
	records, problems := readAll(t, []byte(text), o)
	want := "a.\t5\tCH\tTXT\t\"b\"\na.\t5\tCH\tTXT\t\"c\"\na.\t5\tCH\tTXT\t\"d\"\na.\t5\tCH\tTXT\t\"f\"\n"
	if got := strings.Join(records, ""); got != want || problems.Error() != "sample:5:3: class IN in a zone of class CH" {
		t.Errorf("%s%v", got, problems)
	}
}

func TestLongLines(t *testing.T) {
	const megabyte = 1 << 20
	for _, test := range []struct{ title, text, problem string }{
		{"owner", strings.Repeat("a", megabyte), "test:1:1: word is longer"},
		{"owner of labels", strings.Repeat("a.", megabyte/2) + " 5 A 192.0.2.1", "test:1:1: word is longer"},
		{"data", "a 5 TXT " + strings.Repeat("a", megabyte), "test:1:9: word is longer"},
		{"quoted data", `a 5 TXT "` + strings.Repeat("a", megabyte) + `"`, "test:1:10: word is longer"},
		{"words", "a 5 TXT " + strings.Repeat("a ", megabyte/2), "test:1:1: entry has more than"},
		{"hexadecimal", "a 5 TYPE300 \\# 65535 " + strings.Repeat("00 ", 65535), ""},
		{"hexadecimal in one word", "a 5 TYPE300 \\# 65535 " + strings.Repeat("00", 65535), ""},
		{"hexadecimal over lines", "a 5 TYPE300 (\\# 65535" + strings.Repeat("\n00 ; comment", 65535) + "\n)", ""},
		{"comment", "a 5 A 192.0.2.1;" + strings.Repeat("a", megabyte), ""},
		{"blanks", "a 5 A" + strings.Repeat(" ", megabyte) + "192.0.2.1", ""},
		{"open parenthesis", "a 5 TXT (" + strings.Repeat("a\n", megabyte/2), "test:1:1: entry has more than"},
		{"quote", `a 5 TXT "` + strings.Repeat("a", megabyte), "test:1:9: quote is never closed"},
		{"parentheses", strings.Repeat("(", megabyte), "test:1:1: parenthesis is never closed"},
		{"escapes", "a 5 TXT " + strings.Repeat(`\065`, megabyte/4), "test:1:9: word is longer"},
	} {
		t.Run(test.title, func(t *testing.T) {
			var problems diagnostic.List
			records := 0
			o := Options{Origin: wire.Root}
			if err := Read([]byte(test.text), "test", o, &problems, func(*Record) error { records++; return nil }); err != nil {
				t.Fatal(err)
			}
			switch {
			case test.problem == "" && (problems.Errors != 0 || records != 1):
				t.Errorf("%d records, problems: %v", records, &problems)
			case test.problem != "" && (problems.Errors != 1 || !strings.HasPrefix(problems.Error(), test.problem)):
				t.Errorf("problems: %.500v; want %s", &problems, test.problem)
			}
		})
	}
}

// TestDeepIncludes reads files that include each other as deep as is allowed,
// and one deeper.
func TestDeepIncludes(t *testing.T) {
	open := func(last string) func(string) (io.ReadCloser, error) {
		return func(path string) (io.ReadCloser, error) {
			text := "$INCLUDE " + path + "x\n"
			if path == last {
				text = "a 5 A 192.0.2.1\n"
			}
			return io.NopCloser(strings.NewReader(text)), nil
		}
	}
	for _, test := range []struct {
		last   string
		errors int
	}{
		{strings.Repeat("x", 5), 0},
		{strings.Repeat("x", 6), 1},
		{"there is none", 1},
	} {
		o := Options{Origin: wire.Root, Open: open(test.last), MaxDepth: 5}
		var problems diagnostic.List
		records := 0
		if err := ReadFile("x", o, &problems, func(*Record) error { records++; return nil }); err != nil {
			t.Fatal(err)
		}
		if problems.Errors != test.errors || records != 1-test.errors {
			t.Errorf("%s: %d records, problems: %v", test.last, records, &problems)
		}
		if test.errors == 1 && !strings.Contains(problems.Error(), "xxxxx:1:10: more than 5 files included in each other: x -> xx -> xxx -> xxxx -> xxxxx -> xxxxxx") {
			t.Errorf("%s: %v", test.last, &problems)
		}
	}
}

// TestLimits exceeds the limits on octets and on generated records.
func TestLimits(t *testing.T) {
	emitted := 0
	count := func(*Record) error { emitted++; return nil }
	var problems diagnostic.List
	o := Options{Origin: wire.Root, MaxBytes: 40, Open: openFrom([]storyFile{{"a", "$INCLUDE b\n"}, {"b", strings.Repeat("; more\n", 10)}})}
	if err := ReadFile("a", o, &problems, count); err != nil || problems.Error() != "a:1:10: b: more than 40 octets in all files together" {
		t.Errorf("included file: %v, %v", err, &problems)
	}
	problems = diagnostic.List{}
	if err := ReadFile("b", o, &problems, count); err != nil || problems.Error() != "b: more than 40 octets in all files together" {
		t.Errorf("file: %v, %v", err, &problems)
	}
	problems = diagnostic.List{}
	if err := Read(make([]byte, 41), "memory", o, &problems, count); err != nil || problems.Errors != 1 {
		t.Errorf("text: %v, %v", err, &problems)
	}
	problems = diagnostic.List{}
	o = Options{Origin: wire.Root, MaxGenerated: 10}
	text := "$TTL 5\n$GENERATE 1-6 a$ A 192.0.2.1\n$GENERATE 1-5 b$ A 192.0.2.1\n$GENERATE 1-4 c$ A 192.0.2.1\n"
	err := Read([]byte(text), "memory", o, &problems, count)
	if err != nil || emitted != 10 || problems.Error() != "memory:3:11: more than 10 records made by $GENERATE" {
		t.Errorf("generated %d: %v, %v", emitted, err, &problems)
	}
}

// TestStops stops reading: on an error of emit, and when there are too many problems.
func TestStops(t *testing.T) {
	stop := errors.New("stop")
	for _, text := range []string{"a 5 A 192.0.2.1\nb 5 A 192.0.2.1\n", "$GENERATE 1-9 a$ 5 A 192.0.2.1\n", "$INCLUDE other\nb 5 A 192.0.2.1\n"} {
		o := sampleOptions
		o.Origin = wire.Root
		var problems diagnostic.List
		emitted := 0
		err := Read([]byte("$TTL 5\n@ A 192.0.2.1\n"+text), "test", o, &problems, func(*Record) error {
			if emitted++; emitted == 2 {
				return stop
			}
			return nil
		})
		if err != stop || emitted != 2 || problems.Errors != 0 {
			t.Errorf("%q: %v after %d records, problems: %v", text, err, emitted, &problems)
		}
	}

	problems := diagnostic.List{Limit: 3}
	emitted := 0
	text := strings.Repeat("$INCLUDE other\n", 100) + "a 5 A 192.0.2.1\n"
	o := Options{Origin: wire.Root, Open: openFrom([]storyFile{{"other", "a 5 A x\n"}})}
	if err := Read([]byte(text), "test", o, &problems, func(*Record) error { emitted++; return nil }); err != nil {
		t.Fatal(err)
	}
	if len(problems.Problems) != 3 || problems.Errors != 4 || emitted != 0 {
		t.Errorf("%d problems kept of %d, %d records", len(problems.Problems), problems.Errors, emitted)
	}
}

// TestOpenFails reads files that are not there, or that fail while they are read.
func TestOpenFails(t *testing.T) {
	var problems diagnostic.List
	path := filepath.Join(t.TempDir(), "missing")
	if err := ReadFile(path, Options{}, &problems, nil); err != nil || !errors.Is(&problems, os.ErrNotExist) {
		t.Errorf("missing: %v, %v", err, &problems)
	}
	problems = diagnostic.List{}
	if err := ReadFile(t.TempDir(), Options{}, &problems, nil); err != nil || problems.Errors != 1 {
		t.Errorf("directory: %v, %v", err, &problems)
	}
	broken := errors.New("disk on fire")
	problems = diagnostic.List{}
	o := Options{Open: func(string) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader("a 5 A 192.0.2.1\n"), errorReader{broken})), nil
	}}
	if err := ReadFile("x", o, &problems, nil); err != nil || !errors.Is(&problems, broken) {
		t.Errorf("read error: %v, %v", err, &problems)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// TestReadFileFromDisk includes files relative to the one that includes them.
func TestReadFileFromDisk(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("zone", "$TTL 5\n$INCLUDE sub/one\n")
	write("sub/one", "$INCLUDE two\n$INCLUDE "+filepath.Join(dir, "three")+"\n")
	write("sub/two", "a A 192.0.2.1\n")
	write("three", "b A 192.0.2.1\n")
	var problems diagnostic.List
	var got []string
	err := ReadFile(filepath.Join(dir, "zone"), Options{Origin: wire.Root}, &problems, func(r *Record) error {
		file, _ := filepath.Rel(dir, r.Position.File)
		got = append(got, fmt.Sprintf("%s:%d %s", file, r.Position.Line, r.Name))
		return nil
	})
	if err != nil || problems.Errors != 0 || strings.Join(got, ", ") != "sub/two:1 a., three:1 b." {
		t.Errorf("%v, %v, %q", err, &problems, got)
	}
}

// TestPositions compares the place of each record with one looked for by hand.
func TestPositions(t *testing.T) {
	var problems diagnostic.List
	var got []string
	if err := Read([]byte(sample), "sample", sampleOptions, &problems, func(r *Record) error {
		got = append(got, r.Position.String())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := "sample:3:1 sample:6:2 sample:7:1 sample:8:2 sample:9:1 sample:12:1 sample:13:1 other:1:2 other:2:1 sample:15:1 sample:15:1 sample:16:1"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

// TestAllocations: reading allocates per file and directive, not per record.
func TestAllocations(t *testing.T) {
	read := func(records int) float64 {
		text := bytes.Repeat([]byte("a.b 5 IN A 192.0.2.1\n\tTXT \"a b\" c ; d\nc.example. MX 10 ( mail )\nd IN NSEC e A NS RRSIG\n"), records/4)
		o := Options{Origin: wire.MustParseName("example.")}
		return testing.AllocsPerRun(5, func() {
			var problems diagnostic.List
			emitted := 0
			if err := Read(text, "test", o, &problems, func(*Record) error { emitted++; return nil }); err != nil || problems.Errors != 0 || emitted != records {
				t.Fatal(err, &problems, emitted)
			}
		})
	}
	if few, many := read(100), read(10_000); many > few {
		t.Errorf("%v allocations for 100 records, %v for 10,000", few, many)
	}
}

func TestFindOrigin(t *testing.T) {
	for _, test := range []struct{ text, want, err string }{
		{"$ORIGIN example.com.\n@ A 192.0.2.1\n", "example.com.", ""},
		{"\n; comment\n$TTL 5\n$origin example.com.\n", "example.com.", ""},
		{"$TTL 5\na A 192.0.2.1\n$ORIGIN example.com.\n", "", ""},
		{"$INCLUDE x\n$ORIGIN example.com.\n", "", ""},
		{" A 192.0.2.1\n$ORIGIN example.com.\n", "", ""},
		{"\"$ORIGIN\" example.com.\n", "", ""},
		{"", "", ""},
		{"$TTL \"\n$ORIGIN example.com.\n", "", ""},
		{"$ORIGIN example\n", "", "zone:1:9: origin \"example\": name is relative"},
		{"$ORIGIN\n", "", "zone:1:8: $ORIGIN wants a name"},
	} {
		got, err := FindOrigin("zone", Options{Open: openFrom([]storyFile{{"zone", test.text}})})
		if got.String() != test.want || (err != nil) != (test.err != "") || err != nil && !strings.HasPrefix(err.Error(), test.err) {
			t.Errorf("%q: %q, %v", test.text, got, err)
		}
	}
	long := strings.Repeat("; a comment\n", originWithin/12+1)
	for _, test := range []struct{ text, want string }{
		{long + "$ORIGIN example.com.\n", ""},
		{long[:originWithin-200] + "\n$ORIGIN example.com.\n" + long, "example.com."},
		{long[:originWithin-20] + "\n$ORIGIN example.com.\n", ""}, // it would be cut
	} {
		got, err := FindOrigin("zone", Options{Open: openFrom([]storyFile{{"zone", test.text}})})
		if got.String() != test.want || err != nil {
			t.Errorf("%d octets: %q, %v", len(test.text), got, err)
		}
	}
	if _, err := FindOrigin("missing", sampleOptions); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	for path, want := range map[string]string{"zones/example.com": "example.com.", "Example.COM.": "Example.COM.", "/a/b": "b."} {
		if got, err := OriginFromPath(path); err != nil || got.String() != want {
			t.Errorf("%s: %s, %v", path, got, err)
		}
	}
}

// TestSkipOrdinary compares skipOrdinary with its slow twin on every octet at
// every place of a word, and on random ones.
func TestSkipOrdinary(t *testing.T) {
	slow := func(text []byte, i int) int {
		for i < len(text) && octetKinds[text[i]] == ordinary {
			i++
		}
		return i
	}
	check := func(text []byte) {
		t.Helper()
		for i := range len(text) + 1 {
			if got, want := skipOrdinary(text, i), slow(text, i); got != want {
				t.Fatalf("%q from %d on: %d, want %d", text, i, got, want)
			}
		}
	}
	for c := range 256 {
		for at := range 20 {
			text := bytes.Repeat([]byte("a"), 20)
			text[at] = byte(c)
			check(text)
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	alphabet := []byte("aaaaaaaa!#'*:<[]\x7f\x80\xa2\xff\x01\x08\x1f \t\";()\\")
	for range 20_000 {
		text := make([]byte, random.IntN(40))
		for i := range text {
			text[i] = alphabet[random.IntN(len(alphabet))]
		}
		check(text)
	}
}

func TestParseTTL(t *testing.T) {
	for _, test := range []struct {
		text string
		want uint32
		ok   bool
	}{
		{"0", 0, true}, {"3600", 3600, true}, {"1s", 1, true}, {"1S2M3H4D5W", 1 + 2*60 + 3*3600 + 4*86400 + 5*604800, true},
		{"1h1h", 7200, true}, {"007", 7, true}, {"4294967295", 4294967295, true}, {"4294967296", 0, false},
		{"7101w", 4294684800, true}, {"7102w", 0, false}, {"7101w1w", 0, false}, {"99999999999999999999999w", 0, false},
		{"", 0, false}, {"h", 0, false}, {"1h30", 0, false}, {"1hh", 0, false}, {"1 h", 0, false}, {"-1", 0, false}, {"1y", 0, false}, {"0x1", 0, false},
	} {
		got, err := parseTTL([]byte(test.text))
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%q: %d, %v", test.text, got, err)
		}
	}
}

// TestLookupType compares the table with wire, which reads types the slow way.
func TestLookupType(t *testing.T) {
	check := func(word string) {
		want, err := wire.ParseType(word)
		if got, ok := lookupType([]byte(word)); got != want || ok != (err == nil) {
			t.Errorf("%q: %v, %v; wire says %v, %v", word, got, ok, want, err)
		}
	}
	for n := range wire.Type(0xFFFF) {
		check(n.String())
		check(strings.ToLower(n.String()))
		check(n.String() + "X")
		check(n.String()[1:])
	}
	for _, word := range []string{"", "TYPE", "TYPE65535", "TYPE65536", "TYPE1", "TYPE01", "type1", "\x00A", "@", "`", "NSEC3PARAMS", "OPENPGPKEY"} {
		check(word)
	}
}

// TestLookupTypeAllocations: types and classes that are there cost no memory.
func TestLookupTypeAllocations(t *testing.T) {
	for _, word := range []string{"A", "aaaa", "NSEC3PARAM", "OPENPGPKEY", "TYPE65280"} {
		if n := testing.AllocsPerRun(100, func() { lookupType([]byte(word)) }); n != 0 {
			t.Errorf("%s: %v allocations", word, n)
		}
	}
	for _, word := range []string{"IN", "ch", "CLASS1"} {
		if n := testing.AllocsPerRun(100, func() { lookupClass([]byte(word)) }); n != 0 {
			t.Errorf("%s: %v allocations", word, n)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	b.Run("names=100000", func(b *testing.B) { benchmarkRead(b, generatedZone(100_000)) })
	b.Run("root", func(b *testing.B) { benchmarkRead(b, rootZone(b)) })
}

func benchmarkRead(b *testing.B, text []byte) {
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	records := 0
	for b.Loop() {
		var problems diagnostic.List
		records = 0
		err := Read(text, "zone", Options{Origin: wire.Root}, &problems, func(*Record) error { records++; return nil })
		if err != nil || problems.Errors != 0 {
			b.Fatal(err, &problems)
		}
	}
	b.ReportMetric(float64(records), "records")
}

// BenchmarkScan takes the words apart and no more: the floor under BenchmarkRead.
func BenchmarkScan(b *testing.B) {
	text := generatedZone(100_000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		s := newScanner("zone", text, nil)
		for s.next() {
		}
	}
}

// generatedZone is a zone with so many names, written the way people write zones.
func generatedZone(names int) []byte {
	var b bytes.Buffer
	b.WriteString("$ORIGIN example.\n$TTL 3600\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n  IN NS ns1\nns1 A 192.0.2.1\n")
	for i := range names {
		fmt.Fprintf(&b, "host%d\tIN\tA\t192.0.%d.%d\n\t\tAAAA\t2001:db8::%x:%x\n", i, i>>8&255, i&255, i>>16, i&65535)
		switch i % 4 {
		case 0:
			fmt.Fprintf(&b, "\tIN MX 10 mail%d.example.net.\n", i)
		case 1:
			fmt.Fprintf(&b, "\t300 TXT \"v=spf1 include:%d.example.org -all\"\n", i)
		case 2:
			fmt.Fprintf(&b, "www.host%d CNAME host%d\n", i, i)
		}
	}
	return b.Bytes()
}
