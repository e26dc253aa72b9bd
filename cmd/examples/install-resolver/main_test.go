package main

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/examples/internal/exampletest"
)

func TestPackageNetAsksTheChain(t *testing.T) {
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	client := exampletest.Client(t, "host.example. A 192.0.2.1\nintranet.example. A 192.0.2.66\n")
	for _, test := range []struct {
		host           string
		code           int
		stdout, stderr string
	}{
		{"host.example", 0, "192.0.2.1", ""},
		{"intranet.example", 0, "192.0.2.80 2001:db8::80", ""},
		{"none.example", 1, "", "ERROR: lookup none.example"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(client, []string{test.host + "."}, &stdout, &stderr)
		addresses := strings.Fields(stdout.String()) // package net sorts them as it likes
		slices.Sort(addresses)
		if code != test.code || strings.Join(addresses, " ") != test.stdout || !strings.HasPrefix(stderr.String(), test.stderr) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", test.host, code, stdout.String(), stderr.String())
		}
	}
}

func TestUsage(t *testing.T) {
	exampletest.Usage(t, "install-resolver", func(args []string, stdout, stderr io.Writer) int { return run(nil, args, stdout, stderr) })
}
