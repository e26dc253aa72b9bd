// The explicit-servers command asks servers of the caller's choice for the
// addresses of a host: in their order, 1 s each at first, then 3 s. What
// resolv.conf and the hosts file say does not matter.
//
//	explicit-servers www.example.com 9.9.9.9:53 [2620:fe::fe]:53
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"time"

	"github.com/names-dns/names/cmd/examples/usage"
	"github.com/names-dns/names/names"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("explicit-servers", flag.ContinueOnError)
	if code, done := usage.Parse(flags, "HOST ADDRESS:PORT...", args, stdout, stderr); done {
		return code
	}
	config := names.ClientConfig{NoHosts: true, Timeouts: []time.Duration{time.Second, 3 * time.Second}}
	for _, text := range flags.Args()[1:] {
		server, err := netip.ParseAddrPort(text)
		if err != nil {
			return usage.Failed(stderr, 2, err)
		}
		config.Servers = append(config.Servers, server)
	}
	client, err := names.NewClient(config)
	if err != nil {
		return usage.Failed(stderr, 2, err)
	}
	addresses, err := client.LookupNetIP(context.Background(), "ip", flags.Arg(0))
	if err != nil {
		return usage.Failed(stderr, 1, err)
	}
	for _, a := range addresses {
		fmt.Fprintln(stdout, a)
	}
	return 0
}
