package check

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/bound"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/control"
)

// TestCheckConfiguration: everything that a server reads before it listens is
// checked: the file, its zones under the names they have there, other files.
func TestCheckConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "names.toml")
	writeFile(t, filepath.Join(dir, "zone"), smallZone)
	writeFile(t, filepath.Join(dir, "wrong"), smallZone+"x A 1.2.3\n")
	for _, test := range []struct {
		text           string
		code           int
		stdout, stderr string
	}{
		{"[[zone]]\nname = \"right.example\"\nfile = \"zone\"\n", cli.ExitOK, "zone right.example. serial 1", ""},
		{"[[zone]]\nname = \"wrong.example\"\nfile = \"wrong\"\n", cli.ExitFailed, "", "wrong:5:5"},
		{"[[zone]]\nname = \"missing.example\"\nfile = \"missing\"\n", cli.ExitFailed, "", "no such file"},
		{"[listen]\nprt = 53\n", cli.ExitFailed, "", "names.toml:2:1: there is no option prt"},
		{"[recursion]\nhosts-file = \"no-hosts\"\n", cli.ExitFailed, "", "no-hosts"},
		{"[recursion]\nresolv-conf = \"zone\"\n", cli.ExitFailed, "", "127.0.0.1:53 is this server itself"},
		{"[recursion]\nfrom-root = true\nroot-hints = \"names.toml\"\n", cli.ExitFailed, "", "root hints"},
	} {
		writeFile(t, file, test.text)
		var stdout, stderr bytes.Buffer
		if code := Run([]string{"--config", file}, nil, &stdout, &stderr); code != test.code {
			t.Errorf("%s: exit code %d", test.text, code)
		}
		if !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("%s: stdout %q, stderr %q", test.text, stdout.String(), stderr.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if code := Run([]string{"--config", file, "zone"}, nil, &stdout, &stderr); code != cli.ExitUsage {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
}

// TestCompareWithServer: what a server that runs says of the file is printed.
func TestCompareWithServer(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "names.toml"), filepath.Join(dir, "s")
	writeFile(t, filepath.Join(dir, "zone"), smallZone)
	writeFile(t, file, "[[zone]]\nname = \"right.example\"\nfile = \"zone\"\n[control]\nsocket = \"s\"\n")
	check := func(want, not string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		code := Run([]string{"--config", file}, nil, &stdout, &stderr)
		if code != cli.ExitOK || !strings.Contains(stdout.String(), want) || strings.Contains(stdout.String(), not) {
			t.Errorf("%d %s%s", code, stdout.String(), stderr.String())
		}
	}
	check("the configuration is right", "that runs")
	reply := any([]struct {
		Setting string `json:"setting"`
		Restart bool   `json:"needs_restart"`
	}{{"cache.size", false}})
	asked := ""
	log := slog.New(slog.DiscardHandler)
	verbs := []control.Verb{{Name: "config diff", Arguments: "[FILE]", Do: func(_ context.Context, args []string) (any, error) {
		asked = strings.Join(args, " ")
		return reply, nil
	}}}
	s, err := bound.Serve(log, control.AtSocket(socket, control.Handler(verbs, log), log))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	check("in the server that runs, this would change:\nSETTING     NEEDS RESTART\ncache.size  false\n", "it is that")
	if asked != file {
		t.Errorf("the server is asked about %q", asked)
	}
	reply = []string{}
	check("it is that of the server that runs", "would change")
}
