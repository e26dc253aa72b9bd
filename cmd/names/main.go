// The names command is a DNS server and the tools that go with it.
package main

import (
	"fmt"
	"io"
	"os"
)

// Exit codes of every subcommand.
const (
	exitOK     = 0
	exitFailed = 1 // what was asked for could not be done
	exitUsage  = 2 // the command line was wrong
)

const usage = `names is a DNS server in one binary.

Usage:

  names serve       answer queries from zones, a cache, and by asking others
  names check       read zone files and say what is wrong with them
  names query       ask a server, as dig does
  names bench       ask a server many questions and measure how it answers
  names completion  print a script that completes command lines
  names version     print the version

"names COMMAND --help" tells more about each, with examples.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	switch command, rest := args[0], args[1:]; command {
	case "serve":
		return runServe(rest, stdout, stderr)
	case "check":
		return runCheck(rest, stdout, stderr)
	case "query":
		return runQuery(rest, stdout, stderr)
	case "bench":
		return runBench(rest, os.Stdin, stdout, stderr)
	case "completion":
		return runCompletion(rest, stdout, stderr)
	case "version", "--version", "-version":
		fmt.Fprintln(stdout, "names", version())
		return exitOK
	case "help", "--help", "-help", "-h":
		fmt.Fprint(stdout, usage)
		return exitOK
	default:
		fmt.Fprintf(stderr, "names: there is no command %q; \"names help\" lists them\n", command)
		return exitUsage
	}
}
