package zonefile

import (
	"strings"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

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
		{"octet 0 after a backslash", ttl + "a\\\x00 A 192.0.2.1\n", "test:2:2: backslash"},
		{"octet 0 after a backslash in quotes", ttl + "a TXT \"\\\x00\"\n", "test:2:9: octet 0"},
		{"octet 0 in a comment", ttl + "a A 192.0.2.1 ; \x00\n", a("a")},
		{"CR in quotes", ttl + "a TXT \"b\rc A 192.0.2.1\n", a("c") + "test:2:7: quote is never closed"},
		{"CR after a backslash in quotes", ttl + "a TXT \"b\\\rc A 192.0.2.1\n", a("c") + "test:2:7: quote is never closed"},
		{"quote at the end", ttl + "a TXT \"", "test:2:7: quote is never closed"},
		{"backslash in quotes at the end", ttl + "a TXT \"\\", "test:2:7: quote is never closed"},
		{"backslash at the end", ttl + "a TXT \\", "test:2:7: backslash with nothing after it"},
		{"control octets in a name", ttl + "\x01\x7f A 192.0.2.1\n", a(`\001\127`)},
		{"nothing", "", ""},
		{"only a byte order mark", "\xEF\xBB\xBF", ""},
		{"only a parenthesis", "(", "test:1:1: parenthesis is never closed"},
		{"lines after quotes that span lines", ttl + "a TXT \"b\\\n\" \"\\\n\"\nb A x\n", "a.example.\t5\tIN\tTXT\t\"b\\010\" \"\\010\"\ntest:5:5: "},
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
