// The dns-service command prints who offers a service of a domain, in the
// order in which to try them.
//
//	dns-service xmpp-client tcp jabber.org
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/names-dns/names/cmd/examples/usage"
	"github.com/names-dns/names/names"
)

func main() { os.Exit(run(names.Default, os.Args[1:], os.Stdout, os.Stderr)) }

func run(client *names.Client, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dns-service", flag.ContinueOnError)
	if code, done := usage.Parse(flags, "SERVICE PROTOCOL DOMAIN", args, stdout, stderr); done {
		return code
	}
	_, servers, err := client.LookupSRV(context.Background(), flags.Arg(0), flags.Arg(1), flags.Arg(2))
	if err != nil {
		return usage.Failed(stderr, 1, err)
	}
	for _, s := range servers {
		fmt.Fprintf(stdout, "%s port %d (priority %d, weight %d)\n", s.Target, s.Port, s.Priority, s.Weight)
	}
	return 0
}
