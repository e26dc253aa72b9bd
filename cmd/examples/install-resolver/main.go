// The install-resolver command points a whole program at a chain of resolvers:
// whatever in it looks names up with package net - here net.LookupHost, it
// might be an HTTP client in a library written by others - asks the chain.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/names-dns/names/cmd/examples/usage"
	"github.com/names-dns/names/names"
)

// ours are names that no other server knows.
var ours = names.ParseHosts(`
192.0.2.80   intranet.example
2001:db8::80 intranet.example
`)

func main() { os.Exit(run(names.Default, os.Args[1:], os.Stdout, os.Stderr)) }

func run(client *names.Client, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("install-resolver", flag.ContinueOnError)
	if code, done := usage.Parse(flags, "HOST", args, stdout, stderr); done {
		return code
	}
	net.DefaultResolver = names.NetResolver(names.Chain{ours, client})

	addresses, err := net.DefaultResolver.LookupHost(context.Background(), flags.Arg(0))
	if err != nil {
		return usage.Failed(stderr, 1, err)
	}
	for _, a := range addresses {
		fmt.Fprintln(stdout, a)
	}
	return 0
}
