package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/examples/internal/exampletest"
)

func TestPrintsTheReply(t *testing.T) {
	server := exampletest.Server(t, "host.example. A 192.0.2.1\nlong.example. TXT "+strings.Repeat(strings.Repeat("x", 250)+" ", 10)+"\n").String()
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{server + " host.example A", 0, "c0 00 02 01", ""},
		{server + " host.example A", 0, "192.0.2.1", ""},
		{server + " none.example A", 0, "NXDOMAIN", ""},
		{server + " long.example TXT", 0, "tc", ""},
		{server + " host.example B", 2, "", "ERROR: "},
		{server + " host..example A", 2, "", "ERROR: "},
		{"nowhere host.example A", 2, "", "ERROR: "},
	} {
		var stdout, stderr bytes.Buffer
		code := run(strings.Fields(test.args), &stdout, &stderr)
		if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.HasPrefix(stderr.String(), test.stderr) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", test.args, code, stdout.String(), stderr.String())
		}
	}
}

func TestUsage(t *testing.T) { exampletest.Usage(t, "raw-query", run) }
