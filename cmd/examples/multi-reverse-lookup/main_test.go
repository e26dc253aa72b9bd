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
)

const records = `
1.2.0.192.in-addr.arpa. PTR one.example.
2.2.0.192.in-addr.arpa. PTR two.example.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR six.example.
`

func TestManyNames(t *testing.T) {
	client := exampletest.Client(t, records)
	var stdout, stderr bytes.Buffer
	code := run(client, []string{"192.0.2.1", "2001:db8::1", "192.0.2.2"}, &stdout, &stderr)
	want := "192.0.2.1 is one.example.\n2001:db8::1 is six.example.\n192.0.2.2 is two.example.\n3 of 3 addresses have a name\n"
	if code != 0 || stdout.String() != want || stderr.Len() > 0 {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
	stdout.Reset()
	code = run(client, []string{"192.0.2.3", "192.0.2.1", "nonsense"}, &stdout, &stderr)
	want = "192.0.2.1 is one.example.\n1 of 3 addresses have a name\n"
	if code != 1 || stdout.String() != want || strings.Count(stderr.String(), "ERROR: ") != 2 {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}

// TestOneTimeoutForAll: the server says nothing at all.
func TestOneTimeoutForAll(t *testing.T) {
	silent := listenertest.Serve(t, names.ResolverFunc(func(context.Context, *names.Exchange) error { return names.ErrDrop }))
	client, err := names.NewClient(names.ClientConfig{Servers: []netip.AddrPort{silent}, NoHosts: true})
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(client, []string{"192.0.2.1", "192.0.2.2"}, &stdout, &stderr)
	if code != 1 || stdout.String() != "0 of 2 addresses have a name\n" || strings.Count(stderr.String(), "deadline exceeded") != 2 {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}

func TestUsage(t *testing.T) {
	exampletest.Usage(t, "multi-reverse-lookup", func(args []string, stdout, stderr io.Writer) int { return run(nil, args, stdout, stderr) })
}
