// The multi-reverse-lookup command asks for the names of many addresses, IPv4
// and IPv6, all at once, and sums up what it has after one second.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/names-dns/names/cmd/examples/usage"
	"github.com/names-dns/names/names"
)

func main() { os.Exit(run(names.Default, os.Args[1:], os.Stdout, os.Stderr)) }

func run(client *names.Client, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("multi-reverse-lookup", flag.ContinueOnError)
	if code, done := usage.Parse(flags, "ADDRESS...", args, stdout, stderr); done {
		return code
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var lookups sync.WaitGroup
	found, errs := make([][]string, flags.NArg()), make([]error, flags.NArg())
	for i, address := range flags.Args() {
		lookups.Go(func() { found[i], errs[i] = client.LookupAddr(ctx, address) })
	}
	lookups.Wait()
	named := 0
	for i, address := range flags.Args() {
		if errs[i] != nil {
			usage.Failed(stderr, 1, errs[i])
			continue
		}
		named++
		fmt.Fprintf(stdout, "%s is %s\n", address, strings.Join(found[i], " and "))
	}
	fmt.Fprintf(stdout, "%d of %d addresses have a name\n", named, flags.NArg())
	return min(1, flags.NArg()-named)
}
