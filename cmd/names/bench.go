package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/names-dns/names/names"
)

const benchHelp = `names bench asks a server many questions and says how it answers them.

Usage:

  names bench [options] @SERVER -d FILE
  names bench [options] @SERVER NAME [TYPE]

FILE holds a name and a type in each line, as dnsperf reads them; what begins
with ; or # is a comment. The questions are asked in their order, and again
from the start, with RD set. TYPE is A without one. SERVER is an address or a
name.

Options:

  -d, --queries FILE  where the questions are; -: standard input
  -p, --port N        the server's port (53)
  --tcp               ask over TCP, otherwise over UDP
  --per-connection N  close a TCP connection after N queries and open another
                      (0: never)
  --do                ask for DNSSEC records
  --edns SIZE         send EDNS, with SIZE as the largest reply over UDP (none;
                      with --do 1232)

How long:

  --time D            send for this long (10s, without --runs)
  --runs N            send each question N times; without --time, give up
                      after ten timeouts without any reply
  --warm-up D         before that, send for this long and count nothing (0s)
  --timeout D         a query without a reply after this long is lost (5s)

How much:

  --window N          closed loop: let each client have N queries outstanding,
                      and send another once one is answered or lost (100)
  --rate QPS          open loop: send this many queries a second, whatever the
                      server does. Latency is then counted from when a query
                      was due, not from when it was sent
  --clients N         sockets to ask from (1)
  --threads N         threads that serve them (1)

  --json              print the outcome as JSON
  -v, --verbose       tell each second what has happened so far

Ctrl-C ends the run and prints what there is so far.

Exit code: 0 if there was a reply, 1 if there was none or the run could not
begin, 2 for a wrong command line.

Examples:

  names bench @127.0.0.1 -p 10053 www.example.com
  names bench @192.0.2.53 -d queries.txt --rate 50000 --warm-up 2s --time 30s
  names bench @::1 -d queries.txt --tcp --clients 20 --per-connection 10
  names bench @192.0.2.53 -d queries.txt --runs 1 --do --json
  names check --print example.com | awk '{print $1, $4}' | names bench @::1 -d -
`

// benchOptions is the command line of names bench.
type benchOptions struct {
	server        string
	address       netip.AddrPort // of server
	port          int
	file          string // "": name and kind are asked
	name, kind    string
	tcp           bool
	perConnection int // 0: no limit
	do            bool
	edns          int // 0: none
	time          time.Duration
	runs          int
	warmUp        time.Duration
	timeout       time.Duration
	window        int
	rate          float64 // 0: as the window allows
	clients       int
	threads       int
	json          bool
	verbose       bool
}

func runBench(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var o benchOptions
	if code, done := o.parse(args, stdout, stderr); done {
		return code
	}
	ctx, _, stop := watchSignals()
	defer stop()
	if err := bench(ctx, &o, stdin, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "names bench: %v\n", err)
		return exitFailed
	}
	return exitOK
}

func (o *benchOptions) parse(args []string, stdout, stderr io.Writer) (code int, done bool) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	for _, name := range []string{"d", "queries"} {
		flags.StringVar(&o.file, name, "", "")
	}
	for _, name := range []string{"p", "port"} {
		flags.IntVar(&o.port, name, 53, "")
	}
	flags.BoolVar(&o.tcp, "tcp", false, "")
	flags.IntVar(&o.perConnection, "per-connection", 0, "")
	flags.BoolVar(&o.do, "do", false, "")
	flags.IntVar(&o.edns, "edns", 0, "")
	flags.DurationVar(&o.time, "time", 0, "")
	flags.IntVar(&o.runs, "runs", 0, "")
	flags.DurationVar(&o.warmUp, "warm-up", 0, "")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Second, "")
	flags.IntVar(&o.window, "window", 100, "")
	flags.Float64Var(&o.rate, "rate", 0, "")
	flags.IntVar(&o.clients, "clients", 1, "")
	flags.IntVar(&o.threads, "threads", 1, "")
	flags.BoolVar(&o.json, "json", false, "")
	for _, name := range []string{"v", "verbose"} {
		flags.BoolVar(&o.verbose, name, false, "")
	}
	var words []string // may stand between options
	for {
		if code, done := parseFlags(flags, benchHelp, args, stdout, stderr); done {
			return code, true
		}
		if flags.NArg() == 0 {
			break
		}
		words = append(words, flags.Arg(0))
		args = flags.Args()[1:]
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if err := o.complete(words, given); err != nil {
		return usageError(stderr, "bench", err), true
	}
	return 0, false
}

// complete checks what the command line says, and how it fits together.
func (o *benchOptions) complete(words []string, given map[string]bool) error {
	if err := o.setWords(words); err != nil {
		return err
	}
	for _, limit := range []struct {
		option           string
		value, low, high int
	}{
		{"port", o.port, 1, 65535},
		{"per-connection", o.perConnection, 0, 1 << 30},
		{"runs", o.runs, 0, 1 << 30},
		{"window", o.window, 1, maxFlight},
		{"clients", o.clients, 1, 1024},
		{"threads", o.threads, 1, 256},
	} {
		if limit.value < limit.low || limit.value > limit.high {
			return fmt.Errorf("--%s %d is not between %d and %d", limit.option, limit.value, limit.low, limit.high)
		}
	}
	for _, limit := range []struct {
		option           string
		value, low, high time.Duration
	}{
		{"time", o.time, 0, 1000 * time.Hour},
		{"warm-up", o.warmUp, 0, 1000 * time.Hour},
		{"timeout", o.timeout, time.Millisecond, time.Minute},
	} {
		if limit.value < limit.low || limit.value > limit.high {
			return fmt.Errorf("--%s %v is not between %v and %v", limit.option, limit.value, limit.low, limit.high)
		}
	}
	switch {
	case o.file == "" && o.name == "":
		return errors.New("what to ask? name a query file, as in -d queries.txt, or give a name")
	case o.file != "" && o.name != "":
		return fmt.Errorf("what is asked is in %s or it is %s: give one of them", o.file, o.name)
	case given["time"] && o.time == 0:
		return errors.New("--time 0s leaves no time to ask")
	case given["runs"] && o.runs == 0:
		return errors.New("--runs 0 asks nothing")
	case given["rate"] && !(o.rate >= 0.001 && o.rate <= 1e8):
		return fmt.Errorf("--rate %v is not between 0.001 and 100000000 queries a second", o.rate)
	case given["rate"] && given["window"]:
		return errors.New("--rate and --window exclude each other: at a fixed rate the server's answers limit nothing")
	case given["per-connection"] && !o.tcp:
		return errors.New("--per-connection is for connections: give --tcp too")
	case o.threads > o.clients:
		return fmt.Errorf("--threads %d leaves threads without a client: give --clients %d or more", o.threads, o.threads)
	case o.edns != 0 && (o.edns < 512 || o.edns > 65535):
		return fmt.Errorf("--edns %d is not between 512 and 65535", o.edns)
	}
	if o.do && o.edns == 0 {
		o.edns = 1232
	}
	if o.time == 0 && o.runs == 0 {
		o.time = 10 * time.Second
	}
	return nil
}

// setWords takes what stands between the options: the server, and perhaps a
// name and a type.
func (o *benchOptions) setWords(words []string) error {
	for _, word := range words {
		server, isServer := strings.CutPrefix(word, "@")
		switch {
		case isServer && o.server != "":
			return fmt.Errorf("there are two servers, @%s and %s: start one names bench for each", o.server, word)
		case isServer:
			o.server = server
		case o.name == "":
			o.name = word
		case o.kind == "":
			o.kind = word
		default:
			return fmt.Errorf("what is %q? there is a name already, %s, and its type, %s", word, o.name, o.kind)
		}
	}
	if o.server == "" {
		return errors.New("whom to ask? name a server, as in @127.0.0.1")
	}
	return nil
}

// bench runs the load and prints its outcome.
func bench(ctx context.Context, o *benchOptions, stdin io.Reader, stdout, stderr io.Writer) error {
	questions, err := o.readQuestions(stdin)
	if err != nil {
		return err
	}
	if err := o.resolve(ctx); err != nil {
		return err
	}
	if !o.verbose {
		stderr = io.Discard
	}
	report, err := newLoad(o, questions).run(ctx, stderr)
	if err != nil {
		return err
	}
	write := report.writeText
	if o.json {
		write = report.writeJSON
	}
	if err := write(stdout); err != nil {
		return err
	}
	if report.Answered == 0 {
		return fmt.Errorf("%v did not answer%s", o.address, because(report.FirstError))
	}
	return nil
}

func because(reason string) string {
	if reason == "" {
		return ": does a server listen there?"
	}
	return ": " + reason
}

// resolve finds the address of the server.
func (o *benchOptions) resolve(ctx context.Context) error {
	addr, err := netip.ParseAddr(o.server)
	if err != nil {
		addrs, err := names.Default.LookupNetIP(ctx, "ip", o.server)
		if err != nil {
			return fmt.Errorf("server %w", err)
		}
		addr = addrs[0]
	}
	o.address = netip.AddrPortFrom(addr.Unmap(), uint16(o.port))
	return nil
}

// readQuestions returns what is to be asked.
func (o *benchOptions) readQuestions(stdin io.Reader) (*questionList, error) {
	switch o.file {
	case "":
		return oneQuestion(o.name, cmp.Or(o.kind, "A"))
	case "-":
		return readQuestions(stdin, "standard input")
	}
	f, err := os.Open(o.file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.file, withoutPath(err))
	}
	defer f.Close()
	return readQuestions(f, o.file)
}
