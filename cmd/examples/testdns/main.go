// The testdns command summarises a domain: its addresses, who takes its mail,
// and which name servers it has.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/names-dns/names/cmd/examples/usage"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func main() { os.Exit(run(names.Default, os.Args[1:], os.Stdout, os.Stderr)) }

func run(client *names.Client, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("testdns", flag.ContinueOnError)
	if code, done := usage.Parse(flags, "DOMAIN", args, stdout, stderr); done {
		return code
	}
	domain := flags.Arg(0)
	addresses, errA := summary[wire.A](client, domain, "Addresses")
	exchanges, errMX := summary[wire.MX](client, domain, "Mail exchanges")
	servers, errNS := summary[wire.NS](client, domain, "Name servers")
	if err := errors.Join(errA, errMX, errNS); errors.Is(err, names.ErrNotExist) {
		return usage.Failed(stderr, 1, fmt.Errorf("there is no domain %s", domain))
	} else if err != nil {
		return usage.Failed(stderr, 1, err)
	}
	fmt.Fprint(stdout, addresses, exchanges, servers)
	return 0
}

// summary lists the records of type T that domain has.
func summary[T any, P interface {
	*T
	wire.Rdata
	String() string
}](client *names.Client, domain, title string) (string, error) {
	records, err := names.Lookup[T, P](context.Background(), client, domain)
	if err != nil && !errors.Is(err, names.ErrNoData) {
		return "", err
	}
	text := title + ":\n"
	for i := range records {
		text += "  " + P(&records[i]).String() + "\n"
	}
	return text, nil
}
