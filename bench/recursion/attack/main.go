// Command attack plays what has been used to turn resolvers against others to
// names, Unbound, Knot Resolver and BIND, and counts the queries that each of
// them sends because of one question of a client. It prints a table: in each
// cell the queries sent to all servers and, after a slash, those to the victim.
//
//	go run ./recursion/attack
//	go run ./recursion/attack -servers "names unbound" -only NXNS -rounds 1
//
// attacks.txt has the internet and the attacks. It is served by package
// authority at all its addresses in a network namespace; every resolver has a
// namespace of its own, is started anew for each attack, and has looked up a
// name of somebody else before, so that it knows the root. There are IPv4 and
// IPv6, and no limits but those the resolvers have by themselves. A query is
// counted when it arrives, over UDP or TCP, also where nobody answers; counting
// ends when the client has its answer and nothing was sent for some seconds.
// The rounds of all resolvers run side by side, for most of the time is spent
// waiting. The greatest number of all rounds counts, and of processor time the least.
//
// With -signed the internet is that of signed.txt, which is signed, and all
// resolvers validate.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

//go:embed attacks.txt
var attacksText string

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "attack:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	servers := flag.String("servers", strings.Join(resolverNames(), " "), "which resolvers")
	flag.StringVar(&o.only, "only", "", "play attacks that have this in their names")
	flag.StringVar(&o.binary, "b", "", "the binary of names; by default built from this checkout")
	flag.StringVar(&o.dir, "o", "", "where logs go; by default a new directory")
	flag.DurationVar(&o.quiet, "quiet", 5*time.Second, "how long nothing may have been sent before counting ends")
	flag.BoolVar(&o.signed, "signed", false, "play the attacks with signed zones instead")
	rounds := flag.Int("rounds", 3, "how many times each attack is played to each resolver")
	flag.Parse()
	if flag.NArg() > 0 {
		return fmt.Errorf("%s: there are no arguments but flags", flag.Arg(0))
	}
	if *rounds < 1 || *rounds > 100 {
		return errors.New("-rounds is from 1 to 100")
	}
	if o.quiet <= 0 || o.quiet > time.Minute {
		return errors.New("-quiet is a time up to 1m")
	}
	file, text := "attacks.txt", attacksText
	if o.signed {
		file, text = "signed.txt", signedText
	}
	net, attacks, err := parse(file, text)
	if err != nil {
		return err
	}
	attacks = slices.DeleteFunc(attacks, func(a attack) bool { return !strings.Contains(a.name, o.only) })
	if len(attacks) == 0 {
		return fmt.Errorf("-only %q: no attack has that in its name", o.only)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if server, ok := os.LookupEnv(inside); ok {
		return playAll(ctx, server, net, attacks, o)
	}

	names := strings.Fields(*servers)
	for _, name := range names {
		if !slices.Contains(resolverNames(), name) {
			return fmt.Errorf("-servers: there is no resolver %s", name)
		}
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "names-attack."); err != nil {
			return err
		}
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	if o.binary == "" && slices.Contains(names, "names") {
		o.binary = filepath.Join(o.dir, "names")
		if err := build(ctx, o.binary); err != nil {
			return err
		}
	}
	results, err := playInNamespaces(ctx, names, *rounds, o)
	writeTable(os.Stdout, names, attacks, results)
	fmt.Fprintln(os.Stderr, "logs are in", o.dir)
	return err
}

// options are what a round is played with.
type options struct {
	only, binary, dir string
	quiet             time.Duration
	signed            bool
}
