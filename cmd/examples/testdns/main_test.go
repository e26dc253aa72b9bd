package main

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/examples/internal/exampletest"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func TestSummary(t *testing.T) {
	client := exampletest.Client(t, `
domain.example. A   192.0.2.1
domain.example. MX  10 mail.example.
domain.example. MX  20 backup.example.
plain.example.  TXT "nothing else"
`)
	for _, test := range []struct {
		domain         string
		code           int
		stdout, stderr string
	}{
		{"domain.example", 0, "Addresses:\n  192.0.2.1\nMail exchanges:\n  10 mail.example.\n  20 backup.example.\nName servers:\n", ""},
		{"plain.example", 0, "Addresses:\nMail exchanges:\nName servers:\n", ""},
		{".", 0, "Addresses:\nMail exchanges:\nName servers:\n  ns.\n", ""},
		{"none.example", 1, "", "ERROR: there is no domain none.example\n"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(client, []string{test.domain}, &stdout, &stderr)
		if code != test.code || stdout.String() != test.stdout || stderr.String() != test.stderr {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", test.domain, code, stdout.String(), stderr.String())
		}
	}
}

func TestFailureIsNotAbsence(t *testing.T) {
	server := listenertest.Serve(t, names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		x.RCode = wire.RCodeServFail
		return nil
	}))
	client, err := names.NewClient(names.ClientConfig{Servers: []netip.AddrPort{server}, NoHosts: true})
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if code := run(client, []string{"domain.example"}, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "server failed") {
		t.Errorf("exit code %d, stderr %q", code, stderr.String())
	}
}

func TestUsage(t *testing.T) {
	exampletest.Usage(t, "testdns", func(args []string, stdout, stderr io.Writer) int { return run(nil, args, stdout, stderr) })
}
