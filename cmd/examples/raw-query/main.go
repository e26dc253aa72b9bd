// The raw-query command sends one query over UDP and prints the reply: the
// octets as they came, then what they say. There is no resolver in it, no
// retry, and no TCP.
//
//	raw-query 127.0.0.1:10053 www.example.com AAAA
package main

import (
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"time"

	"github.com/names-dns/names/cmd/examples/usage"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("raw-query", flag.ContinueOnError)
	if code, done := usage.Parse(flags, "ADDRESS:PORT NAME TYPE", args, stdout, stderr); done {
		return code
	}
	server, err := netip.ParseAddrPort(flags.Arg(0))
	if err != nil {
		return usage.Failed(stderr, 2, err)
	}
	name, err := wire.ParseName(flags.Arg(1))
	if err != nil {
		return usage.Failed(stderr, 2, err)
	}
	kind, err := wire.ParseType(flags.Arg(2))
	if err != nil {
		return usage.Failed(stderr, 2, err)
	}
	question := wire.Question{Name: name, Type: kind, Class: wire.ClassIN}
	query := wire.AppendQuery(nil, uint16(rand.Uint32()), wire.FlagRD, question, &wire.EDNS{UDPSize: 1232})
	querier := names.Querier{Timeouts: []time.Duration{5 * time.Second}, KeepTruncated: true}
	reply, err := querier.Query(context.Background(), query, server)
	if err != nil {
		return usage.Failed(stderr, 1, err)
	}
	fmt.Fprint(stdout, hex.Dump(reply.Message))
	message, err := wire.ParseMessage(reply.Message)
	if err != nil {
		return usage.Failed(stderr, 1, err)
	}
	fmt.Fprintln(stdout, message)
	return 0
}
