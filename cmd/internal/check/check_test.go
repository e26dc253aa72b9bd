package check

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/cmd/internal/cli"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	right := filepath.Join(dir, "right.example")
	writeFile(t, right, smallZone)
	warned := filepath.Join(dir, "warned.example")
	writeFile(t, warned, smallZone+"other.test. A 192.0.2.1\n")
	wrong := filepath.Join(dir, "wrong.example")
	writeFile(t, wrong, "$TTL 60\n@ SOA ns h 1 2 3 4\n@ NS ns (\n")
	python := filepath.Join(dir, "zone.py")
	writeFile(t, python, "# a pyzone\nzone = [SOA('py.example', mname='ns.py.example', rname='h.py.example', serial=7, refresh=1, retry=1, expire=1, minimum=1),\n NS('py.example', 'ns.elsewhere')]\n")
	for _, test := range []struct {
		name           string
		args           []string
		code           int
		stdout, stderr string // parts of them
	}{
		{"right", []string{right}, cli.ExitOK, right + ": zone right.example. serial 1: 3 records, 2 names, unsigned\n", ""},
		{"origin", []string{"--origin", "other.example", right}, cli.ExitOK, "zone other.example. serial 1", ""},
		{"warning", []string{warned}, cli.ExitOK, "zone warned.example.", warned + ":5:1: warning: other.test. is outside the zone"},
		{"strict", []string{"--strict", warned}, cli.ExitFailed, "", "refused for its warnings"},
		{"wrong", []string{wrong}, cli.ExitFailed, "", wrong + ":3:"},
		{"right and wrong", []string{right, wrong}, cli.ExitFailed, "zone right.example.", wrong + ":2:"},
		{"pyzone", []string{python}, cli.ExitOK, "zone py.example. serial 7: 2 records", ""},
		{"missing", []string{filepath.Join(dir, "missing")}, cli.ExitFailed, "", filepath.Join(dir, "missing") + ": error: no such file"},
		{"folder", []string{dir}, cli.ExitFailed, "", dir + ": error: is a directory\n"},
		{"no file", nil, cli.ExitUsage, "", "there is no FILE"},
		{"bad origin", []string{"--origin", "a..b", right}, cli.ExitUsage, "", "--origin"},
		{"bad limit", []string{"--limit", "0", right}, cli.ExitUsage, "", "--limit 0"},
		{"print", []string{"--print", right}, cli.ExitOK, "right.example.\t60\tIN\tSOA\tns.right.example. h.right.example. 1 2 3 4 5\n" +
			"right.example.\t60\tIN\tNS\tns.right.example.\n" +
			"ns.right.example.\t60\tIN\tA\t192.0.2.1\n", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := Run(test.args, os.Stdin, &stdout, &stderr); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.Contains(stdout.String(), test.stdout) {
				t.Errorf("stdout %q does not have %q", stdout.String(), test.stdout)
			}
			if !strings.Contains(stderr.String(), test.stderr) || test.stderr == "" && stderr.Len() > 0 {
				t.Errorf("stderr %q, want a part %q", stderr.String(), test.stderr)
			}
		})
	}
}

// TestPrintReadsBack: what --print writes is the same zone.
func TestPrintReadsBack(t *testing.T) {
	first, second := new(bytes.Buffer), new(bytes.Buffer)
	var stderr bytes.Buffer
	if code := Run([]string{"--print", "../../examples/zones/example.com"}, os.Stdin, first, &stderr); code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	file := filepath.Join(t.TempDir(), "example.com")
	writeFile(t, file, first.String())
	if code := Run([]string{"--print", file}, os.Stdin, second, &stderr); code != cli.ExitOK {
		t.Fatalf("exit code %d: %s", code, stderr.String())
	}
	if first.String() != second.String() || first.Len() == 0 {
		t.Errorf("printed once:\n%s\nprinted twice:\n%s", first, second)
	}
}

// TestCheckPipes: what can be read once is read once, and its lines are shown.
func TestCheckPipes(t *testing.T) {
	check := func(stdin io.Reader, args ...string) (stdout, stderr string, code int) {
		var out, err bytes.Buffer
		code = Run(args, stdin, &out, &err)
		return out.String(), err.String(), code
	}
	zone := "$ORIGIN example.net.\n" + smallZone
	stdout, stderr, code := check(strings.NewReader(zone), "-")
	if code != cli.ExitOK || stderr != "" || !strings.HasPrefix(stdout, "-: zone example.net. serial 1: 3 records") {
		t.Errorf("standard input: %d\n%s%s", code, stdout, stderr)
	}
	_, stderr, code = check(strings.NewReader(zone+"bad A 192.0.2.256\n"), "-")
	if code != cli.ExitFailed || !strings.Contains(stderr, " | bad A 192.0.2.256\n      |       ^~~~~~~~~~~\n") {
		t.Errorf("line of standard input: %d\n%s", code, stderr)
	}
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := exec.Command("mkfifo", pipe).Run(); err != nil {
		t.Skipf("no mkfifo here: %v", err)
	}
	go os.WriteFile(pipe, []byte(zone+"other.test. A 192.0.2.1\n"), 0)
	stdout, stderr, code = check(nil, pipe)
	if code != cli.ExitOK || !strings.Contains(stdout, "zone example.net.") || !strings.Contains(stderr, " | other.test. A 192.0.2.1\n") {
		t.Errorf("pipe: %d\n%s%s", code, stdout, stderr)
	}
	if _, stderr, code := check(nil, "-", "-"); code != cli.ExitUsage || !strings.Contains(stderr, "given twice") {
		t.Errorf("standard input twice: %d\n%s", code, stderr)
	}
	if _, stderr, code := check(nil, "/dev/zero"); code != cli.ExitFailed || !strings.Contains(stderr, "neither a file nor a pipe") {
		t.Errorf("device: %d\n%s", code, stderr)
	}
}

// TestCheckCounts: all problems are counted, as many as wanted are shown, and the
// sums say what was left out.
func TestCheckCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counts.example")
	var text strings.Builder
	text.WriteString(smallZone)
	for range 100 {
		text.WriteString("bad A x\n")
	}
	for range 30 {
		text.WriteString("a.test. A 192.0.2.1\n")
	}
	writeFile(t, path, text.String())
	var stdout, stderr bytes.Buffer
	if code := Run([]string{path}, nil, &stdout, &stderr); code != cli.ExitFailed {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{
		path + ": and 80 errors more\n",
		path + ": and 10 warnings more (out-of-zone 10)\n",
		"1 file checked, 0 right, 1 wrong: 100 errors, 30 warnings\n",
	} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("want %q in\n%s", want, stderr.String())
		}
	}
	if n := strings.Count(stderr.String(), "error: "); n != diagnostic.Limit {
		t.Errorf("%d errors are shown", n)
	}
}

// TestCheckJSON: one object for each file, on standard output.
func TestCheckJSON(t *testing.T) {
	dir := t.TempDir()
	right, wrong := filepath.Join(dir, "right.example"), filepath.Join(dir, "wrong.example")
	writeFile(t, right, smallZone)
	writeFile(t, wrong, smallZone+"other.test. A 192.0.2.1\nbad A \xff\n")
	var stdout, stderr bytes.Buffer
	if code := Run([]string{"--json", right, wrong}, nil, &stdout, &stderr); code != cli.ExitFailed || stderr.Len() > 0 {
		t.Errorf("exit code %d\n%s", code, stderr.String())
	}
	decoder := json.NewDecoder(&stdout)
	var files []jsonFile
	for {
		var f jsonFile
		if err := decoder.Decode(&f); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	want := []jsonFile{
		{File: right, OK: true, Zones: []jsonZone{{Zone: "right.example.", Serial: 1, Records: 3, Names: 2}}, Problems: []jsonProblem{}},
		{File: wrong, Zones: []jsonZone{}, Errors: 1, Warnings: 1, Problems: []jsonProblem{
			{Severity: "warning", Code: diagnostic.OutOfZone, File: wrong, Line: 5, Column: 1,
				Message: "other.test. is outside the zone wrong.example.: the record is left out", Source: "other.test. A 192.0.2.1"},
			{Severity: "error", File: wrong, Line: 6, Column: 7, Message: `A data: expected an IPv4 address, found "\xff"`, Source: "bad A \ufffd"},
		}},
	}
	if diff := cmp.Diff(want, files); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
	if err := (&jsonReport{out: failingWriter{}}); true {
		err.file(&checkedFile{problems: new(diagnostic.List)})
		if err.summary() == nil {
			t.Error("a write that failed is not reported")
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestUnderline: where the caret stands, whatever is in the line.
func TestUnderline(t *testing.T) {
	long := strings.Repeat("x", 100) + " bad " + strings.Repeat("y", 100)
	for _, test := range []struct {
		line        string
		column      int
		about       string
		start, mark string // beginning of the text, and all of the mark
	}{
		{"a A 192.0.2.1", 5, "", "a A 192.0.2.1", "    ^~~~~~~~~"},
		{"@ MX 10 mail.example.com", 1, "mail.example.com.example.com.", "@ MX", "        ^~~~~~~~~~~~~~~~"},
		{"@ MX 10 m", 1, "m.example.com.", "@ MX", "        ^"},
		{"mail MX 10 mail", 1, "mail.example.com.", "mail MX", "           ^~~~"},
		{"x TXT \"a b\" c", 7, "", "x TXT", "      ^~~~~"},
		{"\tbücher\tA x", 11, "", " bücher A x", "         ^"},
		{"\x1b[2J A x", 1, "", "·[2J A x", "^~~~"},
		{"a A", 9, "", "a A", "   ^"},
		{"", 1, "", "", "^"},
		{long, 102, "", "…xxx", strings.Repeat(" ", 61) + "^~~"},
	} {
		text, mark := underline(test.line, test.column, test.about)
		if !strings.HasPrefix(text, test.start) || mark != test.mark {
			t.Errorf("%q, column %d, about %q:\n%s\n%s", test.line, test.column, test.about, text, mark)
		}
	}
}

// FuzzUnderline: any line can be shown, and the mark stays below it.
func FuzzUnderline(f *testing.F) {
	f.Add("@ MX 10 mail.example.com", 1, "mail.example.com.")
	f.Add("\x1b]0;\a\u202e", 3, "")
	f.Fuzz(func(t *testing.T, line string, column int, about string) {
		text, mark := underline(line, column, about)
		if utf8.RuneCountInString(mark) > 1+shownBefore+1+shownAfter+1 {
			t.Errorf("mark of %d runes", utf8.RuneCountInString(mark))
		}
		for _, c := range text {
			if !unicode.IsPrint(c) {
				t.Errorf("%q cannot be shown", text)
			}
		}
	})
}

const smallZone = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
