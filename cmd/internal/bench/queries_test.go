package bench

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/names-dns/names/wire"
)

// questionsText is a list as a query file, a question a line.
func questionsText(t *testing.T, l *questionList) string {
	t.Helper()
	var b strings.Builder
	for i := range l.len() {
		packet := append([]byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, l.at(i)...)
		m, err := wire.ParseMessage(packet)
		if err != nil {
			t.Fatalf("question %d, % x: %v", i, l.at(i), err)
		}
		q := m.Questions[0]
		if q.Class != wire.ClassIN {
			t.Fatalf("question %d has class %v", i, q.Class)
		}
		name := q.Name.String()
		if name[0] == '#' {
			name = `\` + name // no comment: only here that needs an escape
		}
		b.WriteString(name + " " + q.Type.String() + "\n")
	}
	return b.String()
}

func TestReadQuestions(t *testing.T) {
	for _, test := range []struct{ name, file, want string }{
		{"a name and a type", "www.example.com A\n", "www.example.com. A\n"},
		{"no comment", "\\# A\n\\;a A\n", "\\#. A\n\\;a. A\n"},
		{"no final newline", "a. AAAA", "a. AAAA\n"},
		{"two, in their order", "b A\na MX\n", "b. A\na. MX\n"},
		{"blanks of all kinds", " \t a \t A \t\r\n", "a. A\n"},
		{"empty lines and comments", "\n  \n; one\n# two\n  ; three\na A ; four\nb A #five\n", "a. A\nb. A\n"},
		{"case of the name kept, that of the type not", "WwW.x aaaa\n", "WwW.x. AAAA\n"},
		{"the root", ". NS\n", ". NS\n"},
		{"escapes", `a\.b\032c.x A`, "a\\.b\\032c.x. A\n"},
		{"types by number", "a TYPE65280\n", "a. TYPE65280\n"},
		{"types of questions only", "a ANY\n", "a. ANY\n"},
		{"the longest name, escaped", strings.Repeat(strings.Repeat(`\001`, 63)+".", 3) + strings.Repeat(`\001`, 61) + " A\n",
			strings.Repeat(strings.Repeat(`\001`, 63)+".", 3) + strings.Repeat(`\001`, 61) + ". A\n"},
	} {
		l, err := readQuestions(strings.NewReader(test.file), "file")
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if got := questionsText(t, l); got != test.want {
			t.Errorf("%s: read %q, want %q", test.name, got, test.want)
		}
	}
}

func TestReadQuestionsSaysWhereItIsWrong(t *testing.T) {
	for _, test := range []struct{ file, want string }{
		{"", "file: there are no questions"},
		{"; nothing\n", "file: there are no questions"},
		{"a A\n\nb\n", "file:3:2: there is no type"},
		{"  b  ; c\n", "file:1:6: there is no type"},
		{"a.b..c A\n", "file:1:1: this is not a name: "},
		{"\t" + strings.Repeat("a", 64) + " A\n", "file:1:2: this is not a name: "},
		{"a B\n", `file:1:3: "B" is not a record type`},
		{"ok A\n a   TYPE65536\n", `file:2:6: "TYPE65536" is not a record type`},
		{"a A IN\n", "file:1:5: there is something after the type"},
		{"a A\n" + strings.Repeat("x", 5000) + "\n", "file:2:4096: line goes on"},
	} {
		_, err := readQuestions(strings.NewReader(test.file), "file")
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%.40q: %v, want %q", test.file, err, test.want)
		}
	}
	if _, err := readQuestionsUpTo(strings.NewReader(strings.Repeat("a A\n", 100)), "file", 400); err == nil ||
		!strings.HasPrefix(err.Error(), "file:37:1: questions up to here take more than 400 octets") {
		t.Errorf("too many questions: %v", err)
	}
	broken := io.MultiReader(strings.NewReader("a A\n"), iotest.ErrReader(errors.New("disk on fire")))
	if _, err := readQuestions(broken, "file"); err == nil || err.Error() != "file:2: disk on fire" {
		t.Errorf("unreadable: %v", err)
	}
}

// FuzzQuestions reads anything as a query file: an error that says in which
// line, or questions that read the same from their text.
func FuzzQuestions(f *testing.F) {
	f.Add([]byte("www.example.com A\n; comment\n\\.\\255 TYPE7 # other\r\n\t. any"))
	f.Add([]byte("a..b A"))
	f.Add([]byte("a A\x00"))
	f.Add([]byte("a A A"))
	f.Add([]byte("\\# a"))
	f.Fuzz(func(t *testing.T, file []byte) {
		l, err := readQuestions(bytes.NewReader(file), "file")
		if err != nil {
			if l != nil || !strings.HasPrefix(err.Error(), "file:") {
				t.Fatalf("%v, %v", l, err)
			}
			return
		}
		if l.len() == 0 || l.len() > bytes.Count(file, []byte("\n"))+1 {
			t.Fatalf("%d questions", l.len())
		}
		for i := range l.len() {
			if len(l.at(i)) > maxQuestion {
				t.Fatalf("question %d has %d octets", i, len(l.at(i)))
			}
		}
		again, err := readQuestions(strings.NewReader(questionsText(t, l)), "again")
		if err != nil || !bytes.Equal(again.octets, l.octets) {
			t.Fatalf("%v\n% x\n% x", err, l.octets, again.octets)
		}
	})
}
