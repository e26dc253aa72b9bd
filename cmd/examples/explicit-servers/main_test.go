package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/examples/internal/exampletest"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// TestServersInTheirOrder: the first refuses, the second knows, the third
// would say something else.
func TestServersInTheirOrder(t *testing.T) {
	refuses := listenertest.Serve(t, names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		x.RCode = wire.RCodeRefused
		return nil
	})).String()
	knows := exampletest.Server(t, "host.example. A 192.0.2.1\n").String()
	other := exampletest.Server(t, "host.example. A 192.0.2.2\n").String()
	for _, test := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"host.example", refuses, knows, other}, 0, "192.0.2.1\n", ""},
		{[]string{"host.example", other, knows}, 0, "192.0.2.2\n", ""},
		{[]string{"host.example", refuses}, 1, "", "ERROR: host.example AAAA: server refused to answer (REFUSED, server " + refuses},
		{[]string{"host.example", "localhost:53"}, 2, "", "ERROR: "},
		{[]string{"host.example", "127.0.0.1:0"}, 2, "", "ERROR: server 127.0.0.1:0 is not an address"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(test.args, &stdout, &stderr)
		if code != test.code || stdout.String() != test.stdout || !strings.HasPrefix(stderr.String(), test.stderr) {
			t.Errorf("%v: exit code %d, stdout %q, stderr %q", test.args, code, stdout.String(), stderr.String())
		}
	}
}

func TestUsage(t *testing.T) { exampletest.Usage(t, "explicit-servers", run) }
