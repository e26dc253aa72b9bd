// The gethostbyname command prints the addresses of a host.
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
	flags := flag.NewFlagSet("gethostbyname", flag.ContinueOnError)
	if code, done := usage.Parse(flags, "HOST", args, stdout, stderr); done {
		return code
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
