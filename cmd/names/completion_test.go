package main

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/cli"
)

// TestCompletion sources the script and asks bash what it completes.
func TestCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash to try the script with")
	}
	for _, test := range []struct{ words, want string }{
		{"names se", "serve"},
		{"names check --str", "--strict"},
		{"names serve --bindz", "--bindzone"},
		{"names serve --allow-r", "--allow-recursion"},
		{"names query +dns", "+dnssec"},
		{"names serve --bindzone completion.g", "completion.go"},
		{"names bench --per-c", "--per-connection"},
		{"names bench -d completion.g", "completion.go"},
		{"names serve --cache-file completion.g", "completion.go"},
		{"names serve --nonsense", ""},
	} {
		words := strings.Fields(test.words)
		script := bashCompletion() + "COMP_WORDS=(" + test.words + ") COMP_CWORD=" + string(rune('0'+len(words)-1)) + "\n_names\necho \"${COMPREPLY[*]}\"\n"
		out, err := exec.Command(bash, "-c", script).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", test.words, err, out)
		}
		if got := strings.TrimSpace(string(out)); got != test.want {
			t.Errorf("%q completes to %q, want %q", test.words, got, test.want)
		}
	}
}

func TestCompletionCommandLine(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := run([]string{"completion", "bash"}, &stdout, &stderr); code != cli.ExitOK || !strings.Contains(stdout.String(), "complete -o filenames -F _names names") {
		t.Errorf("exit code %d: %s%s", code, stdout.String(), stderr.String())
	}
	for _, args := range [][]string{{"completion"}, {"completion", "tcsh"}} {
		if code := run(args, &stdout, &stderr); code != cli.ExitUsage {
			t.Errorf("names %v: exit code %d", args, code)
		}
	}
}
