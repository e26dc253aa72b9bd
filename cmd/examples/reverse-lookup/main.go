// The reverse-lookup command prints the name that an address has: it makes the
// name under in-addr.arpa or ip6.arpa and asks for its PTR record.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"

	"github.com/names-dns/names/cmd/examples/usage"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func main() { os.Exit(run(names.Default, os.Args[1:], os.Stdout, os.Stderr)) }

func run(client *names.Client, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("reverse-lookup", flag.ContinueOnError)
	if code, done := usage.Parse(flags, "ADDRESS", args, stdout, stderr); done {
		return code
	}
	address, err := netip.ParseAddr(flags.Arg(0))
	if err != nil {
		return usage.Failed(stderr, 2, err)
	}
	name := wire.ReverseName(address)
	pointers, err := names.Lookup[wire.PTR](context.Background(), client, name.String())
	if err != nil {
		return usage.Failed(stderr, 1, err)
	}
	fmt.Fprintf(stdout, "%v is %v\n", name, pointers[0].Target)
	return 0
}
