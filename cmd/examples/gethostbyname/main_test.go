package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/examples/internal/exampletest"
)

func TestAddresses(t *testing.T) {
	client := exampletest.Client(t, `
www.example.  CNAME host.example.
host.example. A     192.0.2.1
host.example. AAAA  2001:db8::1
text.example. TXT   "no address"
`)
	for _, test := range []struct {
		host           string
		code           int
		stdout, stderr string
	}{
		{"host.example", 0, "2001:db8::1\n192.0.2.1\n", ""},
		{"www.example", 0, "2001:db8::1\n192.0.2.1\n", ""},
		{"127.0.0.1", 0, "127.0.0.1\n", ""},
		{"none.example", 1, "", "ERROR: none.example A: name does not exist"},
		{"text.example", 1, "", "ERROR: text.example "},
	} {
		var stdout, stderr bytes.Buffer
		code := run(client, []string{test.host}, &stdout, &stderr)
		if code != test.code || stdout.String() != test.stdout || !strings.HasPrefix(stderr.String(), test.stderr) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", test.host, code, stdout.String(), stderr.String())
		}
	}
}

func TestUsage(t *testing.T) {
	exampletest.Usage(t, "gethostbyname", func(args []string, stdout, stderr io.Writer) int { return run(nil, args, stdout, stderr) })
}
