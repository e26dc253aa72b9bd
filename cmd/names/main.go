// The names command is a DNS server and the tools that go with it.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/names-dns/names/cmd/internal/bench"
	"github.com/names-dns/names/cmd/internal/check"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/journals"
	"github.com/names-dns/names/cmd/internal/keygen"
	"github.com/names-dns/names/cmd/internal/keys"
	"github.com/names-dns/names/cmd/internal/query"
	"github.com/names-dns/names/cmd/internal/serve"
	"github.com/names-dns/names/cmd/internal/sign"
	"github.com/names-dns/names/cmd/internal/transfer"
	"github.com/names-dns/names/cmd/internal/update"
	"github.com/names-dns/names/cmd/internal/verify"
	"github.com/names-dns/names/cmd/internal/verifyzone"
	"github.com/names-dns/names/cmd/internal/zone"
)

const usage = `names is a DNS server in one binary.

Usage:

  names serve       answer queries from zones, a cache, and by asking others
  names check       read zone files and say what is wrong with them
  names query       ask a server, as dig does
  names transfer    get a zone from a server as a zone file
  names verify      prove what a name has with DNSSEC, and show the chain of trust
  names update      change records of zones on their servers, as nsupdate does
  names bench       ask a server many questions and measure how it answers
  names zone        compare and edit zones, and make their digests
  names journal     look at what a server keeps of changes of zones
  names ctl         ask a running server, and tell it what to do
  names keygen      make a key with which servers sign what they tell each other
  names keys        make and list the keys that zones are signed with
  names sign        sign a zone file
  names verify-zone check the signatures and proofs of a signed zone file
  names config      print a schema or an example of the configuration file
  names manual      print a manual page, or write all of them
  names completion  print a script that completes command lines
  names version     print the version

"names COMMAND --help" tells more about each, with examples.
`

const versionHelp = `names version prints the version.

Usage:

  names version
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return cli.ExitUsage
	}
	switch command, rest := args[0], args[1:]; command {
	case "serve":
		return serve.Run(rest, stdout, stderr)
	case "check":
		return check.Run(rest, os.Stdin, stdout, stderr)
	case "query":
		return query.Run(rest, os.Stdin, stdout, stderr)
	case "verify":
		return verify.Run(rest, stdout, stderr)
	case "zone":
		return zone.Run(rest, os.Stdin, stdout, stderr)
	case "update":
		return update.Run(rest, os.Stdin, stdout, stderr)
	case "bench":
		return bench.Run(rest, os.Stdin, stdout, stderr)
	case "journal":
		return journals.Run(rest, stdout, stderr)
	case "ctl":
		return control.Run(rest, stdout, stderr)
	case "keygen":
		return keygen.Run(rest, stdout, stderr)
	case "transfer":
		return transfer.Run(rest, stdout, stderr)
	case "keys":
		return keys.Run(rest, stdout, stderr)
	case "sign":
		return sign.Run(rest, stdout, stderr)
	case "verify-zone":
		return verifyzone.Run(rest, stdout, stderr)
	case "config":
		return config.Run(rest, stdout, stderr)
	case "manual":
		return runManual(rest, stdout, stderr)
	case "completion":
		return runCompletion(rest, stdout, stderr)
	case "version", "--version", "-version":
		return runVersion(rest, stdout, stderr)
	case "help", "--help", "-help", "-h":
		return help(rest, stdout, stderr)
	default:
		return unknown(command, stderr)
	}
}

func runVersion(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("version", flag.ContinueOnError)
	if code, done := cli.ParseFlags(flags, versionHelp, args, stdout, stderr); done {
		return code
	}
	if flags.NArg() > 0 {
		return cli.UsageError(stderr, "version", fmt.Errorf("%q is an argument too many", flags.Arg(0)))
	}
	fmt.Fprintln(stdout, "names", cli.Version())
	return cli.ExitOK
}

// help prints what there is, or what a command does.
func help(args []string, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 0:
		fmt.Fprint(stdout, usage)
	case len(args) > 1:
		return cli.UsageError(stderr, "help", fmt.Errorf("%q is an argument too many", args[1]))
	case helpOf[args[0]] != "":
		fmt.Fprint(stdout, helpOf[args[0]])
	default:
		return unknown(args[0], stderr)
	}
	return cli.ExitOK
}

func unknown(command string, stderr io.Writer) int {
	fmt.Fprintf(stderr, "names: there is no command %q%s\n\"names help\" lists them\n", command, cli.DidYouMean(command, commandsIn(usage)))
	return cli.ExitUsage
}
