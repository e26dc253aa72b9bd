package main

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/examples/internal/exampletest"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// TestForwards is the dialogue of Twisted Names' how-to.
func TestForwards(t *testing.T) {
	upstream := listenertest.Serve(t, names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		q := x.Question()
		if q.Type != wire.TypeSOA || !q.Name.Equal(wire.MustParseName("example.com.")) {
			x.RCode = wire.RCodeNXDomain
			return nil
		}
		return x.Reply.Record(q.Name, wire.ClassIN, 3600, &wire.SOA{
			Primary: wire.MustParseName("sns.dns.icann.org."), Mailbox: wire.MustParseName("noc.dns.icann.org."),
			Serial: 2013102791, Refresh: 7200, Retry: 3600, Expire: 1209600, Minimum: 3600,
		})
	}))
	server := exampletest.Start(t, func(ctx context.Context, stdout, stderr io.Writer) int {
		return run(ctx, []string{"-listen", "127.0.0.1:0", "-resolv-conf", exampletest.ResolvConf(t, upstream)}, stdout, stderr)
	})
	for _, overTCP := range []bool{false, true} {
		want := "example.com. 3600 IN SOA sns.dns.icann.org. noc.dns.icann.org. 2013102791 7200 3600 1209600 3600"
		if got := exampletest.Answers(t, server, overTCP, "example.com", wire.TypeSOA); got != want {
			t.Errorf("TCP %t: %q, want %q", overTCP, got, want)
		}
		if got := exampletest.Answers(t, server, overTCP, "missing.example", wire.TypeA); !strings.Contains(got, "name does not exist") {
			t.Errorf("TCP %t: %q", overTCP, got)
		}
	}
}

func TestUsage(t *testing.T) {
	exampletest.Usage(t, "simple-server", func(args []string, stdout, stderr io.Writer) int {
		return run(context.Background(), args, stdout, stderr)
	})
}
