package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/examples/internal/exampletest"
)

func TestNames(t *testing.T) {
	client := exampletest.Client(t, `
1.2.0.192.in-addr.arpa. PTR host.example.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six.example.
`)
	for _, test := range []struct {
		address        string
		code           int
		stdout, stderr string
	}{
		{"192.0.2.1", 0, "1.2.0.192.in-addr.arpa. is host.example.\n", ""},
		{"2001:db8::1", 0, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. is six.example.\n", ""},
		{"192.0.2.2", 1, "", "ERROR: 2.2.0.192.in-addr.arpa. PTR: name does not exist"},
		{"192.0.2", 2, "", "ERROR: "},
	} {
		var stdout, stderr bytes.Buffer
		code := run(client, []string{test.address}, &stdout, &stderr)
		if code != test.code || stdout.String() != test.stdout || !strings.HasPrefix(stderr.String(), test.stderr) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", test.address, code, stdout.String(), stderr.String())
		}
	}
}

func TestUsage(t *testing.T) {
	exampletest.Usage(t, "reverse-lookup", func(args []string, stdout, stderr io.Writer) int { return run(nil, args, stdout, stderr) })
}
