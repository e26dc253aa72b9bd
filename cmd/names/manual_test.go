package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/cli"
)

// TestManualPages: there is one for each command and the file, with what it says,
// and mandoc has nothing to say against it.
func TestManualPages(t *testing.T) {
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	if code := run([]string{"manual", "--into", dir}, &stdout, &stderr); code != cli.ExitOK {
		t.Fatal(stderr.String())
	}
	for path, wants := range map[string][]string{
		"man1/names.1":       {".SH SYNOPSIS", `names \- a DNS server in one binary`, "names serve"},
		"man1/names-serve.1": {`names\-serve \- answers DNS queries`, `\-\-bindzone`, ".SH EXAMPLES", ".BR names.toml (5)"},
		"man1/names-ctl.1":   {`\-\-watch`},
		"man5/names.toml.5":  {".SH [listen]", ".B max\\-udp\\-size", ".SH [query\\-log]"},
	} {
		text, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s has no %q:\n%.600s", path, want, text)
			}
		}
	}
	for _, c := range commandsIn(usage) {
		if helpOf[c] == "" {
			t.Errorf("names %s has no manual page", c)
		}
	}
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("mandoc is not installed")
	}
	pages, _ := filepath.Glob(dir + "/man?/*")
	if out, _ := exec.Command(mandoc, append([]string{"-T", "lint", "-W", "error"}, pages...)...).CombinedOutput(); len(out) > 0 {
		t.Errorf("mandoc:\n%s", out)
	}
}

// TestCompletionOfOtherShells: zsh and fish take their scripts, and fish completes.
func TestCompletionOfOtherShells(t *testing.T) {
	dir := t.TempDir()
	for _, shell := range []string{"zsh", "fish"} {
		var stdout, stderr bytes.Buffer
		if code := run([]string{"completion", shell}, &stdout, &stderr); code != cli.ExitOK {
			t.Fatal(stderr.String())
		}
		for _, c := range commandsIn(usage) {
			if !regexp.MustCompile("[ (]" + c + "[ )]").Match(stdout.Bytes()) {
				t.Errorf("%s completes no names %s", shell, c)
			}
		}
		path, err := exec.LookPath(shell)
		if err != nil {
			t.Logf("%s is not installed: its script is not tried", shell)
			continue
		}
		script := filepath.Join(dir, shell)
		if err := os.WriteFile(script, stdout.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		c := exec.Command(path, "-n", script)
		c.Env = append(os.Environ(), "HOME="+dir)
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", shell, err, out)
		}
		if shell != "fish" {
			continue
		}
		c = exec.Command(path, "-c", "source "+script+"; complete -C 'names se'; complete -C 'names serve --bindz'")
		c.Env = append(os.Environ(), "HOME="+dir)
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "serve\t") || !strings.Contains(string(out), "--bindzone") {
			t.Errorf("fish completes %v\n%s", err, out)
		}
	}
}
