package zonefile

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// oddity is a text that servers read differently, or might.
type oddity struct {
	title string
	text  string            // comes after preamble
	whole bool              // without preamble: it has SOA and NS itself
	files map[string]string // files next to it
	// accepts says which programs read it: h(ere), B(IND), N(SD), K(not DNS).
	accepts string
	// why this package reads it so, if the programs differ
	why string
}

const (
	preamble = "$ORIGIN example.\n$TTL 3600\n@ SOA a.example.org. b 1 2 3 4 5\n@ NS a.example.org.\n"
	soaNoTTL = "@ SOA a.example.org. b 1 2 3 4 77\n"
)

var oddities = []oddity{
	// Words.
	{title: "no line end at the end", text: "x A 192.0.2.1", accepts: "hBNK"},
	{title: "lines that end in CR LF", text: "x A 192.0.2.1\r\n", accepts: "hBN", why: "editors write it"},
	{title: "lines that end in CR", text: "x A 192.0.2.1\ry A 192.0.2.1\n", accepts: "hBN", why: "as BIND and NSD"},
	{title: "form feed between words", text: "x\fA 192.0.2.1\n", accepts: "h", why: "a page break separates; BIND would have it inside a name"},
	{title: "form feed on a line", text: "\f\nx A 192.0.2.1\n", accepts: "h", why: "the same"},
	{title: "byte order mark", text: "\xEF\xBB\xBF$ORIGIN example.\n@ 5 SOA a.example.org. b 1 2 3 4 5\n@ 5 NS a.example.org.\n", whole: true, accepts: "h", why: "editors write it; it is not meant as part of a name"},
	{title: "octet 0 in a word", text: "x TXT a\x00b\n", accepts: "N", why: "NSD takes it for the end of the word"},
	{title: "octet 0 in quotes", text: "x TXT \"a\x00b\"\n", accepts: "BN", why: "no text file holds one; \\000 says it clearly"},
	{title: "octet 0 in a comment", text: "x TXT a ; \x00\n", accepts: "hBNK"},
	{title: "control octet in a word", text: "x TXT a\x01b\n", accepts: "hBN", why: "octets are octets"},
	{title: "octet above 127 in a name", text: "\xE9 A 192.0.2.1\n", accepts: "hBN", why: "octets are octets; nothing is made of UTF-8"},
	{title: "quote inside a word", text: "x TXT abc\"def\"\n", accepts: "hBN", why: "a quote starts a word of its own"},
	{title: "word right after a quote", text: "x TXT \"abc\"def\n", accepts: "hBN", why: "and ends it"},
	{title: "quote after an equals sign", text: "x TXT a=\"b c\"\n", accepts: "hBN", why: "two words; in SVCB and HTTPS they belong together"},
	{title: "quotes without a blank between", text: "x TXT \"a\"\"b\"\n", accepts: "hBN", why: "two words"},
	{title: "quoted value of a parameter", text: "x SVCB 1 . alpn=\"h2,h3\"\n", accepts: "hBNK"},
	{title: "quoted value after a blank", text: "x SVCB 1 . alpn= \"h2\"\n", accepts: "h", why: "how words were separated is not kept"},
	{title: "quotes over lines", text: "x TXT \"a\nb\"\n", accepts: "N", why: "far more often a quote was forgotten; as BIND and Knot DNS"},
	{title: "line feed in quotes after a backslash", text: "x TXT \"a\\\nb\"\n", accepts: "hBN", why: "it was meant"},
	{title: "line feed in a word after a backslash", text: "x TXT a\\\nb\n", accepts: "N", why: "as BIND and Knot DNS"},
	{title: "backslash at the end of the file", text: "x TXT a\\", accepts: "N", why: "as BIND and Knot DNS"},
	{title: "escape beyond 255", text: "x TXT \\300a\n", accepts: "N", why: "RFC 1035 5.1 has no such octet"},
	{title: "escape of two digits", text: "x TXT \\12\n", accepts: "N", why: "RFC 1035 5.1 wants three"},
	{title: "semicolon in quotes", text: "x TXT \"a;b(c\" ; d\n", accepts: "hBNK"},
	{title: "semicolon right after a word", text: "x A 192.0.2.1;d\n", accepts: "hBNK"},

	// Parentheses.
	{title: "parentheses right at words", text: "x TXT a(b\n)c\n", accepts: "hBNK"},
	{title: "parentheses in each other", text: "x TXT ( a ( b ) c )\n", accepts: "hB", why: "as BIND; they say the same as one"},
	{title: "closing parenthesis too many", text: "x TXT a )\n", accepts: ""},
	{title: "parenthesis never closed", text: "x TXT ( a\n", accepts: "N", why: "something is missing"},
	{title: "parentheses around the owner", text: "( x A 192.0.2.1 )\n", accepts: "hB", why: "as BIND: RFC 1035 5.1 does not say where they may be"},
	{title: "parentheses and an inherited owner", text: "x A 192.0.2.1\n ( A 192.0.2.2 )\n", accepts: "hBK", why: "as BIND and Knot DNS"},
	{title: "nothing in parentheses", text: "( )\n()\n", accepts: "hBNK"},

	// Owner, TTL, class, type.
	{title: "quoted owner", text: "\"x\" A 192.0.2.1\n", accepts: "hBN", why: "as BIND and NSD"},
	{title: "quoted type", text: "x \"A\" 192.0.2.1\n", accepts: "N", why: "quotes say that it is not a keyword; as BIND and Knot DNS"},
	{title: "keywords as owners", text: "A A 192.0.2.1\nIN IN A 192.0.2.1\n3600 5 A 192.0.2.1\n", accepts: "hBNK"},
	{title: "no owner to inherit", text: " 5 NS a.example.org.\n@ 5 SOA a.example.org. b 1 2 3 4 5\n", whole: true, accepts: "N", why: "RFC 1035 5.1 speaks of the last owner; NSD takes the origin"},
	{title: "owner inherited over $ORIGIN", text: "x A 192.0.2.1\n$ORIGIN y.example.\n A 192.0.2.2\n", accepts: "hBNK"},
	{title: "at sign inside a name", text: "a@b A 192.0.2.1\n", accepts: "hBN", why: "only a lone one is the origin"},
	{title: "escaped at sign", text: "\\@ A 192.0.2.1\n", accepts: "hBNK"},
	{title: "escaped dollar sign", text: "\\$TTL A 192.0.2.1\n", accepts: "hBNK"},
	{title: "dollar sign at the start of an owner", text: "$x A 192.0.2.1\n", accepts: "N", why: "there is no such directive; NSD warns and leaves the line out"},
	{title: "empty label", text: "x..y A 192.0.2.1\n", accepts: ""},
	{title: "label of 64 octets", text: strings.Repeat("a", 64) + " A 192.0.2.1\n", accepts: ""},
	{title: "TTL, then class", text: "x 5 IN A 192.0.2.1\n", accepts: "hBNK"},
	{title: "class, then TTL", text: "x IN 5 A 192.0.2.1\n", accepts: "hBNK"},
	{title: "class twice", text: "x IN IN A 192.0.2.1\n", accepts: ""},
	{title: "TTL twice", text: "x 5 5 A 192.0.2.1\n", accepts: ""},
	{title: "keywords in lower case", text: "x in a 192.0.2.1\n", accepts: "hBNK"},
	{title: "class by its number", text: "x CLASS1 A 192.0.2.1\n", accepts: "hBN", why: "RFC 3597 5"},
	{title: "class 0", text: "x CLASS0 A 192.0.2.1\n", accepts: "B", why: "it is not the zone's"},
	{title: "another class", text: "x CH A 192.0.2.1\n", accepts: ""},
	{title: "known type by its number", text: "x TYPE1 192.0.2.1\n", accepts: "hBNK"},
	{title: "known type with generic data", text: "x A \\# 4 C0000201\n", accepts: "hBNK"},
	{title: "type ANY", text: "x ANY 192.0.2.1\n", accepts: ""},
	{title: "type OPT", text: "x OPT \\# 0\n", accepts: "N", why: "RFC 6891 6.1.1: never in a zone"},
	{title: "type TSIG", text: "x TSIG \\# 0\n", accepts: ""},
	{title: "type 255 by its number", text: "x TYPE255 \\# 0\n", accepts: "NK", why: "it is ANY whatever it is called"},
	{title: "type 128 to 255 without a name", text: "x TYPE200 \\# 0\n", accepts: "NK", why: "RFC 6895 3.1: for questions and messages"},
	{title: "type 0", text: "x TYPE0 \\# 0\n", accepts: "K", why: "RFC 6895 3.1: reserved"},
	{title: "type 65535", text: "x TYPE65535 \\# 0\n", accepts: "hBNK"},
	{title: "no data", text: "x A\n", accepts: ""},
	{title: "no type", text: "x 5\n", accepts: ""},
	{title: "only an owner", text: "x\n", accepts: ""},

	// TTL.
	{title: "TTL with units", text: "x 1W2d3H4m5S A 192.0.2.1\ny 1s1h1h A 192.0.2.1\n", accepts: "hBNK"},
	{title: "TTL with a last unit missing", text: "x 1h30 A 192.0.2.1\n", accepts: "N", why: "30 of what?"},
	{title: "TTL with a number missing", text: "x 1hm A 192.0.2.1\n", accepts: "N", why: "as BIND and Knot DNS"},
	{title: "TTL of 2^31 or more", text: "x 2147483648 A 192.0.2.1\n", accepts: "hBNK", why: "0, with a warning, as RFC 2181 8 and BIND have it"},
	{title: "TTL beyond 32 bits", text: "x 4294967296 A 192.0.2.1\n", accepts: "N", why: "as BIND and Knot DNS"},
	{title: "TTL below 0", text: "x -5 A 192.0.2.1\n", accepts: ""},
	{title: "no TTL, one before", text: "@ 99 SOA a.example.org. b 1 2 3 4 77\n@ NS a.example.org.\nx 55 A 192.0.2.1\ny A 192.0.2.1\n", whole: true, accepts: "hBNK", why: "the last one given, as RFC 1035 5.1 and BIND have it; NSD and Knot DNS take 3600"},
	{title: "no TTL at the SOA", text: soaNoTTL + "@ NS a.example.org.\nx 5 A 192.0.2.1\ny A 192.0.2.1\n", whole: true, accepts: "hBNK", why: "MINIMUM, for all records without one, with a warning, as BIND; NSD and Knot DNS take 3600"},
	{title: "no TTL before the SOA", text: "@ NS a.example.org.\n" + soaNoTTL, whole: true, accepts: "NK", why: "there is nothing to take it from; as BIND"},
	{title: "$TTL after records with TTLs", text: "@ 99 SOA a.example.org. b 1 2 3 4 77\n@ 5 NS a.example.org.\n$TTL 7\nx A 192.0.2.1\n", whole: true, accepts: "hBNK"},

	// Directives.
	{title: "directive in lower case", text: "$ttl 5\n", accepts: "hBNK"},
	{title: "directive on a last line without an end", text: "$TTL 5", accepts: "hNK", why: "as for any other line"},
	{title: "directive after a blank", text: " $TTL 5\n", accepts: ""},
	{title: "unknown directive", text: "$FOO 5\n", accepts: ""},
	{title: "$DATE", text: "$DATE 20260101000000\n", accepts: "B", why: "BIND's own files of caches have it, zones do not"},
	{title: "$TTL with a word too many", text: "$TTL 5 x\n", accepts: ""},
	{title: "$TTL with its TTL in quotes", text: "$TTL \"5\"\n", accepts: "N", why: "as BIND and Knot DNS"},
	{title: "$ORIGIN that is relative", text: "$ORIGIN x\ny A 192.0.2.1\n", accepts: "hB", why: "RFC 1035 5.1: relative names go with the origin; as BIND"},
	{title: "$ORIGIN with a word too many", text: "$ORIGIN x.example. y\n", accepts: ""},
	{title: "$INCLUDE: origin and owner restored", text: "x A 192.0.2.1\n$INCLUDE one\n A 192.0.2.2\ny A 192.0.2.3\n", files: map[string]string{"one": "$ORIGIN z.example.\nz A 192.0.2.4\n"}, accepts: "hBNK"},
	{title: "$INCLUDE: $TTL stays", text: "$INCLUDE one\nx A 192.0.2.1\n", files: map[string]string{"one": "$TTL 7\ny A 192.0.2.1\n"}, accepts: "hBNK"},
	{title: "$INCLUDE: owner inherited into the file", text: "x A 192.0.2.1\n$INCLUDE one\n", files: map[string]string{"one": " A 192.0.2.2\n"}, accepts: "hBN", why: "as BIND and NSD"},
	{title: "$INCLUDE: origin that is relative", text: "$INCLUDE one x\n", files: map[string]string{"one": "y A 192.0.2.2\n"}, accepts: "hB", why: "as for $ORIGIN"},
	{title: "$INCLUDE: quoted file", text: "$INCLUDE \"one\"\n", files: map[string]string{"one": "y A 192.0.2.2\n"}, accepts: "hBK", why: "as BIND and Knot DNS"},
	{title: "$INCLUDE: next to the including file", text: "$INCLUDE sub/one\n", files: map[string]string{"sub/one": "$INCLUDE two\n", "sub/two": "y A 192.0.2.2\n"}, accepts: "hK", why: "a zone and its parts can move together; the others look only where they were started, which is tried second here"},
	{title: "$INCLUDE: loop", text: "$INCLUDE one\n", files: map[string]string{"one": "$INCLUDE one\n"}, accepts: ""},
	{title: "$INCLUDE: no such file", text: "$INCLUDE one\n", accepts: ""},
	{title: "$INCLUDE: parenthesis open at the end", text: "$INCLUDE one\n)\n", files: map[string]string{"one": "y TXT ( a\n"}, accepts: "N", why: "a file holds whole entries"},
	{title: "$GENERATE", text: "$GENERATE 1-5/2 x$ A 192.0.2.$\n", accepts: "hB", why: "as BIND"},
	{title: "$GENERATE: modifiers", text: "$GENERATE 10-11 a${0,4,x}.${0,4,X}.${-9,3}.${0,0,o} 5 IN A 192.0.2.${+1}\n$GENERATE 305-305 ${0,0,n}.a A 192.0.2.1\n", accepts: "hB", why: "as BIND"},
	{title: "$GENERATE: below zero", text: "$GENERATE 0-0 a${-1}.${-1,4}.${-1,0,x}.${-1,0,o}.${-1,0,n} A 192.0.2.1\n", accepts: "hB", why: "as BIND"},
	{title: "$GENERATE: dollar signs that stay", text: "$GENERATE 1-1 a$$b\\$c TXT $$\n", accepts: "hB", why: "as BIND"},
	{title: "$GENERATE: data in quotes", text: "$GENERATE 1-2 x$ MX \"10 m$\"\n", accepts: "hB", why: "as BIND"},
	{title: "$GENERATE: data of several words", text: "$GENERATE 1-2 x$ MX 10 m$\n", accepts: "h", why: "there is nothing else it could mean"},
	{title: "$GENERATE: range with something after it", text: "$GENERATE 1-2x x$ A 192.0.2.1\n", accepts: "B", why: "BIND does not look"},
	{title: "$GENERATE: SOA", text: "$GENERATE 1-1 x$ SOA \"a b 1 2 3 4 5\"\n", accepts: ""},
}

// TestOddities reads each text here, and with the programs that are there, and
// compares who accepts it with what the table says. Where BIND accepts it too,
// its records are compared with ours.
func TestOddities(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: this starts three programs for each of a hundred files")
	}
	programs := checkers(t)
	for _, o := range oddities {
		t.Run(o.title, func(t *testing.T) {
			t.Parallel()
			dir := o.write(t)
			want := func(who string) bool { return strings.Contains(o.accepts, who) }
			ours, problems := readOddity(t, filepath.Join(dir, "zone"))
			if (problems.Errors == 0) != want("h") {
				t.Errorf("here: %v", problems)
			}
			if len(o.accepts) != 0 && len(o.accepts) != 4 && o.why == "" {
				t.Error("the table gives no reason")
			}
			for _, p := range programs {
				accepted, said := p.check(t, dir)
				if accepted != want(p.letter) {
					t.Errorf("%s: accepted is %v; it said\n%s", p.name, accepted, said)
				}
				if p.letter != "B" || !accepted || problems.Errors != 0 {
					continue
				}
				theirs, problems := readOddity(t, filepath.Join(dir, "bind"))
				if problems.Errors != 0 {
					t.Fatalf("what BIND wrote: %v", problems)
				}
				if diff := cmp.Diff(theirs, ours); diff != "" {
					t.Errorf("BIND -, here +\n%s", diff)
				}
			}
		})
	}
}

// write writes the text and the files next to it to a folder.
func (o *oddity) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	text := o.text
	if !o.whole {
		text = preamble + text
	}
	files := map[string]string{"zone": text}
	for name, text := range o.files {
		files[name] = text
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// readOddity returns the records of a file in some order that is always the same.
func readOddity(t *testing.T, path string) ([]string, *diagnostic.List) {
	t.Helper()
	problems := &diagnostic.List{}
	var records []string
	o := Options{Origin: wire.MustParseName("example.")}
	err := ReadFile(path, o, problems, func(r *Record) error {
		records = append(records, string(AppendRecord(nil, &r.Record)))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(records)
	return slices.Compact(records), problems
}

// checker is a program that checks zone files.
type checker struct {
	name    string
	letter  string
	command func(dir string) *exec.Cmd
}

func (c *checker) check(t *testing.T, dir string) (accepted bool, said string) {
	t.Helper()
	command := c.command(dir)
	command.Dir = dir
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatalf("%s: %v", c.name, err)
	}
	return err == nil, out.String()
}

// checkers returns the programs that are installed, and says which are not.
func checkers(t *testing.T) []*checker {
	t.Helper()
	path := os.Getenv("PATH") + ":/usr/sbin:/usr/local/sbin"
	find := func(name string) string {
		for _, dir := range filepath.SplitList(path) {
			if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				return p
			}
		}
		t.Logf("%s is not installed: nothing is compared with it", name)
		return ""
	}
	var found []*checker
	if bind := find("named-compilezone"); bind != "" {
		found = append(found, &checker{"BIND", "B", func(string) *exec.Cmd {
			return exec.Command(bind, "-f", "text", "-F", "text", "-s", "full", "-o", "bind", "-i", "none", "-k", "ignore", "-n", "ignore",
				"-m", "ignore", "-M", "ignore", "-S", "ignore", "-r", "ignore", "-T", "ignore", "example", "zone")
		}})
	}
	if nsd := find("nsd-checkzone"); nsd != "" {
		found = append(found, &checker{"NSD", "N", func(string) *exec.Cmd { return exec.Command(nsd, "example", "zone") }})
	}
	// Knot DNS checks zones with kzonecheck, and with knotc where that is not installed.
	if knot := find("kzonecheck"); knot != "" {
		found = append(found, &checker{"Knot DNS", "K", func(string) *exec.Cmd { return exec.Command(knot, "-o", "example", "zone") }})
	} else if knot := find("knotc"); knot != "" {
		found = append(found, &checker{"Knot DNS", "K", func(dir string) *exec.Cmd {
			config := fmt.Sprintf("server:\n  rundir: \"%[1]s\"\ndatabase:\n  storage: \"%[1]s/knot\"\nlog:\n  - target: stderr\n    any: info\nzone:\n  - domain: example\n    file: \"%[1]s/zone\"\n    semantic-checks: off\n", dir)
			if err := os.WriteFile(filepath.Join(dir, "knot.conf"), []byte(config), 0o644); err != nil {
				t.Error(err)
			}
			return exec.Command(knot, "-c", "knot.conf", "zone-check", "example")
		}})
	}
	if len(found) == 0 {
		t.Skip("no program to compare with is installed")
	}
	return found
}

// TestFormat compares FORMAT.md with the table.
func TestFormat(t *testing.T) {
	const begin, end = "<!-- begin: go test -run TestFormat -update -->\n", "<!-- end -->\n"
	text, err := os.ReadFile("FORMAT.md")
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	old, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the marks around the table are missing")
	}
	table := formatOddities()
	if *update {
		if err := os.WriteFile("FORMAT.md", []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(table, old); diff != "" {
		t.Errorf("want -, got +; -update rewrites it\n%s", diff)
	}
}

// formatOddities returns the oddities that not all read alike as a table.
func formatOddities() string {
	var b strings.Builder
	b.WriteString("| what | for example | here | BIND | NSD | Knot DNS | why |\n|---|---|---|---|---|---|---|\n")
	for _, o := range oddities {
		if o.why == "" {
			continue
		}
		example := strings.Trim(fmt.Sprintf("%+q", o.text), `"`)
		if o.whole {
			example = ""
		} else {
			example = strings.TrimSuffix(strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\n`, ` ⏎ `).Replace(example), " ⏎ ")
			example = "`` " + example + " ``"
		}
		fmt.Fprintf(&b, "| %s | %s |", o.title, example)
		for _, who := range []string{"h", "B", "N", "K"} {
			if strings.Contains(o.accepts, who) {
				b.WriteString(" yes |")
			} else {
				b.WriteString(" no |")
			}
		}
		fmt.Fprintf(&b, " %s |\n", o.why)
	}
	return b.String()
}
