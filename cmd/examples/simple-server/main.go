// The simple-server command forwards every question to the servers of
// resolv.conf, over UDP and TCP, for this machine and its private networks.
//
//	simple-server &
//	dig -p 10053 @127.0.0.1 example.com SOA +short
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/names-dns/names/cmd/examples/usage"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("simple-server", flag.ContinueOnError)
	address := netip.MustParseAddrPort("127.0.0.1:10053")
	flags.TextVar(&address, "listen", address, "answer at this `address`")
	resolvConf := flags.String("resolv-conf", "/etc/resolv.conf", "ask the servers in this `file`")
	if code, done := usage.Parse(flags, "", args, stdout, stderr); done {
		return code
	}
	client, err := names.NewClient(names.ClientConfig{ResolvConf: *resolvConf})
	if err != nil {
		return usage.Failed(stderr, 1, err)
	}
	server, err := listener.Listen(listener.Config{
		Endpoints: listener.Plain(address),
		Resolver:  &recursor.Access{Allow: names.PrivatePeers(), Next: client},
	})
	if err != nil {
		return usage.Failed(stderr, 1, err)
	}
	fmt.Fprintln(stdout, "listening on", server.Addresses()[0])
	if err := server.Serve(ctx); err != nil {
		return usage.Failed(stderr, 1, err)
	}
	return 0
}
