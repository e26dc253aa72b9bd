package main

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/examples/internal/exampletest"
)

func TestServers(t *testing.T) {
	client := exampletest.Client(t, `
_imap._tcp.example.org. SRV 20 0 1143 second.example.org.
_imap._tcp.example.org. SRV 10 5 143  first.example.org.
`)
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"imap tcp example.org", 0, "first.example.org. port 143 (priority 10, weight 5)\nsecond.example.org. port 1143 (priority 20, weight 0)\n", ""},
		{"imap udp example.org", 1, "", "ERROR: _imap._udp.example.org SRV: name does not exist"},
		{"imap tcp", 2, "", "usage: dns-service [options] SERVICE PROTOCOL DOMAIN\nERROR: DOMAIN is missing\n"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(client, strings.Fields(test.args), &stdout, &stderr)
		if code != test.code || stdout.String() != test.stdout || !strings.HasPrefix(stderr.String(), test.stderr) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", test.args, code, stdout.String(), stderr.String())
		}
	}
}

func TestUsage(t *testing.T) {
	exampletest.Usage(t, "dns-service", func(args []string, stdout, stderr io.Writer) int { return run(nil, args, stdout, stderr) })
}
