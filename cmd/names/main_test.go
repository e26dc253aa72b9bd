package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/cli"
)

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"serve", "--help"}, {"check", "-h"}, {"query", "--help"}, {"help", "serve"}, {"help", "version"}, {"version", "--help"}} {
		var stdout, stderr bytes.Buffer
		if code := run(args, &stdout, &stderr); code != cli.ExitOK || stderr.Len() > 0 {
			t.Errorf("names %v: exit code %d, stderr %q", args, code, stderr.String())
		}
		if !strings.Contains(stdout.String(), "names ") || !strings.Contains(stdout.String(), "Usage") {
			t.Errorf("names %v prints no usage: %q", args, stdout.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(nil, &stdout, &stderr); code != cli.ExitUsage {
		t.Errorf("no command: exit code %d", code)
	}
}

// TestHelpHasExamples, as names help says, and they have no option that the help does
// not list.
func TestHelpHasExamples(t *testing.T) {
	option := regexp.MustCompile(`(?:^|\s)((?:--|\+)[a-z][a-z0-9-]*|-[a-zA-Z])\b`)
	for command, help := range helpOf {
		if command == "version" {
			continue
		}
		before, examples, ok := strings.Cut(help, "\nExamples:\n\n")
		if !ok {
			t.Errorf("names %s --help has no examples", command)
			continue
		}
		for line := range strings.Lines(examples) {
			of, isThere := before, false
			for part := range strings.SplitSeq(line, "|") { // each of a pipe has its own options
				_, args, ok := strings.Cut(part, "names ")
				if !ok {
					continue
				}
				isThere = true
				name, args, _ := strings.Cut(strings.TrimSpace(args), " ")
				if name != command {
					of = helpOf[name]
				}
				for _, m := range option.FindAllStringSubmatch(args, -1) {
					word := strings.Replace(m[1], "+no", "+", 1) // the help says so once for all
					if !strings.Contains(of, m[1]) && !strings.Contains(of, word) {
						t.Errorf("names %s --help has the example %q, and names %s --help nothing of %s", command, strings.TrimSpace(line), name, m[1])
					}
				}
				of = before
			}
			if !isThere {
				t.Errorf("names %s --help has the example %q, which does not run names", command, strings.TrimSpace(line))
			}
		}
	}
}

// TestWrongWords: a word that is not understood is refused, and never left unread.
func TestWrongWords(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"srve"}, `there is no command "srve"; did you mean serve?`},
		{[]string{"help", "srve"}, `there is no command "srve"; did you mean serve?`},
		{[]string{"help", "serve", "check"}, `"check" is an argument too many`},
		{[]string{"version", "extra"}, `"extra" is an argument too many`},
		{[]string{"--version", "--foo"}, `there is no option --foo`},
		{[]string{"config", "schema", "--foo"}, `there is no option --foo`},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(test.args, &stdout, &stderr); code != cli.ExitUsage || !strings.Contains(stderr.String(), test.want) || stdout.Len() > 0 {
			t.Errorf("names %v: exit code %d, %q, want %q", test.args, code, stderr.String(), test.want)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run([]string{"help", "serve"}, &stdout, &stderr); code != cli.ExitOK || stdout.String() != helpOf["serve"] {
		t.Errorf("names help serve: exit code %d, %.60q", code, stdout.String())
	}
}
