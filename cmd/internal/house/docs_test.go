package house

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
)

// documents are the pages whose code is checked.
func documents(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	return append(pages, filepath.Join(root, "README.md"))
}

// block is a fenced block of a page.
type block struct {
	language string
	line     int // of its first line
	lines    []string
}

func blocks(t *testing.T, page string) (all []block) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var open *block
	for i, line := range strings.Split(string(text), "\n") {
		language, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &block{language: language, line: i + 2}
		case isFence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.lines = append(open.lines, line)
		}
	}
	if open != nil {
		t.Errorf("%s:%d: block is not closed", page, open.line)
	}
	return all
}

// TestSnippetsAreCompiled: each block of Go in the documents stands, line for
// line, in a file that is compiled: an example, a test of one, or the package
// that the block quotes.
func TestSnippetsAreCompiled(t *testing.T) {
	var sources []string
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		name, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case e.IsDir() && name != "." && strings.HasPrefix(e.Name(), "."):
			return filepath.SkipDir
		case strings.HasSuffix(name, "example_test.go"), name == filepath.FromSlash("names/resolver.go"),
			strings.HasPrefix(filepath.ToSlash(name), "cmd/examples/") && strings.HasSuffix(name, ".go"):
			text, err := os.ReadFile(path)
			sources = append(sources, flush(strings.Split(string(text), "\n")))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, page := range documents(t) {
		for _, b := range blocks(t, page) {
			if b.language != "go" {
				continue
			}
			checked++
			if !slices.ContainsFunc(sources, func(s string) bool { return strings.Contains(s, flush(b.lines)) }) {
				t.Errorf("%s:%d: this is in no example that is compiled:\n%s", page, b.line, strings.Join(b.lines, "\n"))
			}
		}
	}
	if checked < 10 {
		t.Errorf("found only %d blocks of Go", checked)
	}
}

// flush joins lines without what they are indented by.
func flush(lines []string) string {
	var b strings.Builder
	b.WriteByte('\n')
	for _, line := range lines {
		b.WriteString(strings.TrimSpace(line))
		b.WriteByte('\n')
	}
	return b.String()
}

// TestLinksLeadSomewhere: links from the documents to files of the repository.
func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for _, page := range documents(t) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		prose := regexp.MustCompile("(?ms)^```.*?^```").ReplaceAllString(string(text), "")
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: link to %s: %v", page, m[1], err)
			}
		}
	}
}

// TestReadmeCommandsRun types what the README shows and expects what it shows,
// the first block as a whole, with these differences: it is done at other ports; our own query is in dig's
// place; each block begins with the server of "make run"; and the servers of
// resolv.conf are one that serves example.com.
func TestReadmeCommandsRun(t *testing.T) {
	dir := t.TempDir()
	tools := filepath.Join(dir, "bin")
	if out, err := exec.Command("go", "build", "-o", filepath.Join(tools, "names"), root+"/cmd/names").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dig := "#!/bin/sh\nexec names query \"$@\"\n"
	if err := os.WriteFile(filepath.Join(tools, "dig"), []byte(dig), 0o755); err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs(filepath.Join(root, "cmd"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(here, filepath.Join(dir, "cmd")); err != nil {
		t.Skipf("no symbolic links: %v", err)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	makeRun := recipe(t, string(makefile), "run")
	upstream := &shell{t: t, dir: dir, tools: tools, port: fmt.Sprint(freeport.Loopback(t).Port())}
	upstream.serve("the upstream", makeRun)
	defer upstream.stopServer()
	if err := os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte("nameserver 127.0.0.1:"+upstream.port+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &shell{t: t, dir: dir, tools: tools, port: fmt.Sprint(freeport.Loopback(t).Port())}
	defer s.stopServer()
	s.pasteFirst(filepath.Join(root, "README.md"))
	ran := 0
	for _, b := range blocks(t, filepath.Join(root, "README.md")) {
		if b.language != "console" {
			continue
		}
		s.serve("make run", makeRun)
		for _, d := range dialogues(b.lines) {
			where := fmt.Sprintf("README.md, block of line %d", b.line)
			command, _, _ := strings.Cut(d.command, " #")
			command = strings.TrimSpace(strings.TrimSuffix(command, "&"))
			if target, isMake := strings.CutPrefix(command, "make "); isMake {
				if command = recipe(t, string(makefile), strings.Fields(target)[0]); strings.HasPrefix(command, "go ") {
					continue // the tests we are among
				}
			}
			ran++
			if strings.HasPrefix(command, "names serve ") {
				s.serve(where, command)
			} else {
				s.run(where, command, d.output)
			}
		}
	}
	if ran < 8 {
		t.Errorf("ran only %d commands", ran)
	}
}

// pasteFirst pastes the first block of the README as a whole. Its build is the
// one that is tested.
func (s *shell) pasteFirst(readme string) {
	s.t.Helper()
	all := blocks(s.t, readme)
	if all[0].language != "sh" || all[1].language != "" {
		s.t.Fatal("README.md does not begin with a block of commands and one with what they print")
	}
	if err := os.Symlink(s.tools, filepath.Join(s.dir, "build")); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.tools, "make"), []byte("#!/bin/sh\ntest $1 = build\n"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := s.command(ctx, "set -e\n"+strings.Join(all[0].lines, "\n")+"\nwait\n").Output()
	if printed := words(strings.Split(string(out), "\n")); err != nil || !slices.Equal(printed, words(all[1].lines)) {
		s.t.Errorf("README.md, first block: %v, it prints\n%s", err, out)
	}
}

// dialogue is a command and what it prints.
type dialogue struct {
	command string
	output  []string
}

// dialogues takes a block of console apart. What a here-document holds belongs
// to its command.
func dialogues(lines []string) (all []dialogue) {
	end := "" // of the here-document we are in
	for _, line := range lines {
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case end != "":
			d := &all[len(all)-1]
			d.command += "\n" + line
			if line == end {
				end = ""
			}
		case isCommand:
			all = append(all, dialogue{command: command})
			_, end, _ = strings.Cut(command, "<<")
		case len(all) > 0:
			d := &all[len(all)-1]
			d.output = append(d.output, line)
		}
	}
	return all
}

// recipe is the last line of a target's recipe, its variables put in.
func recipe(t *testing.T, makefile, target string) string {
	t.Helper()
	_, rest, ok := strings.Cut("\n"+makefile, "\n"+target+":")
	if !ok {
		t.Fatalf("Makefile has no target %q", target)
	}
	rest, _, _ = strings.Cut(rest, "\n\n")
	lines := strings.Split(strings.TrimSpace(rest), "\n\t")
	command := lines[1]
	for _, m := range regexp.MustCompile(`(?m)^(\w+) [:?]?= (.*)$`).FindAllStringSubmatch(makefile, -1) {
		command = strings.ReplaceAll(command, "$("+m[1]+")", m[2])
	}
	return strings.Replace(command, "build/names", "names", 1)
}

// shell types commands. At most one server runs at a time: each takes the
// place of the one before.
type shell struct {
	t          *testing.T
	dir, tools string
	port       string // instead of 10053, and of 53
	server     *exec.Cmd
	log        bytes.Buffer
}

// serve starts a server and waits until it takes connections.
func (s *shell) serve(where, command string) {
	s.t.Helper()
	s.stopServer()
	s.log.Reset()
	if !strings.Contains(command, " -p ") && !strings.Contains(command, " --config ") {
		command += " -i 127.0.0.1 -p 10053"
	}
	if strings.Contains(command, " -r") || strings.Contains(command, " --recursive") {
		command += " --resolv-conf resolv.conf"
	}
	s.server = s.command(context.Background(), "exec "+command) // the shell becomes the server
	s.server.Stdout, s.server.Stderr = &s.log, &s.log
	if err := s.server.Start(); err != nil {
		s.t.Fatalf("%s: %s: %v", where, command, err)
	}
	s.waitForServer(where + ": " + command)
}

// run runs a command and compares what it prints, where anything is expected;
// a dig that nothing is said about has to bring an answer.
func (s *shell) run(where, command string, output []string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if strings.HasPrefix(command, "dig ") && !strings.Contains(command, " -p ") {
		command += " -p 10053"
	}
	out, err := s.command(ctx, command).CombinedOutput()
	if err != nil {
		s.t.Errorf("%s: %s: %v\n%s", where, command, err, out)
		return
	}
	printed, expected := words(strings.Split(string(out), "\n")), words(output)
	switch {
	case len(expected) > 0 && !slices.Equal(printed, expected):
		s.t.Errorf("%s: %s prints\n%s\nand not\n%s", where, command, strings.Join(printed, "\n"), strings.Join(expected, "\n"))
	case len(expected) == 0 && strings.HasPrefix(command, "dig ") && !strings.Contains(string(out), "ANSWER SECTION"):
		s.t.Errorf("%s: %s brings no answer:\n%s", where, command, out)
	}
}

// command is a command as the shell takes it.
func (s *shell) command(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", strings.ReplaceAll(command, "10053", s.port))
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PATH="+s.tools+string(os.PathListSeparator)+os.Getenv("PATH"))
	return cmd
}

// waitForServer waits until the server takes connections.
func (s *shell) waitForServer(where string) {
	s.t.Helper()
	err := eventually.Try(nil, func() error {
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			conn.Close()
		}
		return err
	})
	if err != nil {
		s.stopServer()
		s.t.Fatalf("%s: the server does not answer: %v\n%s", where, err, s.log.String())
	}
}

func (s *shell) stopServer() {
	if s.server != nil {
		s.server.Process.Signal(os.Interrupt)
		s.server.Wait()
		s.server = nil
	}
}

// words returns the lines that say something, a space between their words.
func words(lines []string) (said []string) {
	for _, line := range lines {
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			said = append(said, line)
		}
	}
	return said
}

// TestExamplesBuildOutside copies each example into a module of its own, to
// begin a program with.
func TestExamplesBuildOutside(t *testing.T) {
	if testing.Short() {
		t.Skip("builds all examples: not with -short")
	}
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	_, ours, _ := strings.Cut(read("go.mod"), "\n")
	write("go.mod", "module outside.example\n"+ours+"\nrequire github.com/names-dns/names v0.0.0\nreplace github.com/names-dns/names => "+here+"\n")
	write("go.sum", read("go.sum"))
	examples, err := filepath.Glob(filepath.Join(root, "cmd/examples/*/main.go"))
	if err != nil || len(examples) < 8 {
		t.Fatalf("found %d examples: %v", len(examples), err)
	}
	for _, e := range examples {
		name := filepath.Base(filepath.Dir(e))
		write(name+"/main.go", read("cmd/examples/"+name+"/main.go"))
	}
	build := exec.Command("go", "build", "-mod=mod", "-o", t.TempDir(), "./...")
	build.Dir = dir
	build.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
