// Package bench is the command that loads a server and measures how it answers.
package bench

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/names"
)

// Help is what the command prints about itself.
const Help = `names bench asks a server many questions and says how it answers them.

Usage:

  names bench [options] @SERVER -d FILE
  names bench [options] @SERVER NAME [TYPE]

FILE holds a name and a type in each line, as dnsperf reads them; what begins
with ; or # is a comment. The questions are asked in their order, and again
from the start, with RD set. TYPE is A without one. SERVER is an address or a
name.

Options:

  -d, --queries FILE  where the questions are; -: standard input
  -s, --server SERVER the server, as after the @. It may have a port: 192.0.2.1#54,
                      192.0.2.1:54, [2001:db8::1]:54
  -p, --port N        the server's port (53)
  --transport T       ask over udp, tcp, tls, https (HTTP/2), h3 (HTTP/3) or quic
                      (udp); the port is then 53, 853 or 443. Certificates are
                      not looked at. --tcp: the same as --transport tcp
  --per-connection N  close a connection after N queries and open another
                      (0: never)
  --resume            with TLS sessions that are resumed, not whole handshakes
  --do                ask for DNSSEC records
  --edns SIZE         send EDNS, with SIZE as the largest reply over UDP (none;
                      with --do 1232)

How long:

  -l, --time D        send for this long (10s, without --runs); a number without
                      a unit counts seconds
  --runs N            send each question N times; without --time, give up
                      after ten timeouts without any reply
  --warm-up D         before that, send for this long and count nothing (0s)
  --timeout D         a query without a reply after this long is lost (5s)

How much:

  --window N          closed loop: let each client have N queries outstanding,
                      and send another once one is answered or lost (100)
  -Q, --rate QPS      open loop: send this many queries a second, whatever the
                      server does. Latency is then counted from when a query
                      was due, not from when it was sent
  -c, --clients N     sockets to ask from (1)
  -T, --threads N     threads that serve them (1)

  --json              print the outcome as JSON
  -v, --verbose       tell each second what has happened so far

Ctrl-C ends the run and prints what there is so far.

Exit code: 0 if there was a reply, 1 if there was none or the run could not
begin, 2 for a wrong command line.

Examples:

  names bench @127.0.0.1 -p 10053 www.example.com
  names bench @192.0.2.53 -d queries.txt --rate 50000 --warm-up 2s --time 30s
  names bench -s 192.0.2.53 -p 53 -d queries.txt -l 30 -Q 50000 -c 4 -T 2
  names bench @::1 -d queries.txt --tcp --clients 20 --per-connection 10
  names bench @192.0.2.53 -d queries.txt --runs 1 --do --json
  names bench @9.9.9.9 -d queries.txt --transport tls --clients 4 --window 20
  names check --print example.com | awk '{print $1, $4}' | names bench @::1 -d -
`

// benchOptions is the command line of names bench.
type benchOptions struct {
	server        string
	address       netip.AddrPort // of server
	port          int
	file          string // "": name and kind are asked
	name, kind    string
	transport     string
	tcp           bool
	hasPort       bool // the command line says which
	resume        bool
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

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var o benchOptions
	if code, done := o.parse(args, stdout, stderr); done {
		return code
	}
	// Signals are not taken before there is something to interrupt: a pipe may be
	// waited for as long as it takes.
	questions, err := o.readQuestions(stdin)
	if err == nil {
		ctx, _, stop := cli.WatchSignals()
		defer stop()
		err = bench(ctx, &o, questions, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "names bench: %v\n", err)
		return cli.ExitFailed
	}
	return cli.ExitOK
}

func (o *benchOptions) parse(args []string, stdout, stderr io.Writer) (code int, done bool) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	var server string
	flags.StringVar(&server, "server", "", "")
	flags.StringVar(&o.file, "queries", "", "")
	flags.IntVar(&o.port, "port", 53, "")
	flags.BoolVar(&o.tcp, "tcp", false, "")
	flags.StringVar(&o.transport, "transport", "udp", "")
	flags.BoolVar(&o.resume, "resume", false, "")
	flags.IntVar(&o.perConnection, "per-connection", 0, "")
	flags.BoolVar(&o.do, "do", false, "")
	flags.IntVar(&o.edns, "edns", 0, "")
	flags.Var((*duration)(&o.time), "time", "")
	flags.IntVar(&o.runs, "runs", 0, "")
	flags.DurationVar(&o.warmUp, "warm-up", 0, "")
	flags.DurationVar(&o.timeout, "timeout", 5*time.Second, "")
	flags.IntVar(&o.window, "window", 100, "")
	flags.Float64Var(&o.rate, "rate", 0, "")
	flags.IntVar(&o.clients, "clients", 1, "")
	flags.IntVar(&o.threads, "threads", 1, "")
	flags.BoolVar(&o.json, "json", false, "")
	flags.BoolVar(&o.verbose, "verbose", false, "")
	// dnsperf's letters, for users of dnsperf.
	for letter, name := range map[string]string{
		"s": "server", "p": "port", "d": "queries", "l": "time", "Q": "rate", "c": "clients", "T": "threads", "v": "verbose",
	} {
		cli.Alias(flags, letter, name)
	}
	words, code, done := cli.ParseWords(flags, Help, args, stdout, stderr)
	if done {
		return code, true
	}
	if server != "" {
		words = append(words, "@"+server)
	}
	if err := o.complete(words, cli.Given(flags)); err != nil {
		return cli.UsageError(stderr, "bench", err), true
	}
	return 0, false
}

// complete checks what the command line says, and how it fits together.
func (o *benchOptions) complete(words []string, given map[string]bool) error {
	if err := o.setWords(words, given); err != nil {
		return err
	}
	o.hasPort = o.hasPort || given["port"]
	if err := o.completeTransport(given); err != nil {
		return err
	}
	for _, limit := range []struct {
		option           string
		value, low, high int
	}{
		{"port", o.port, 1, 65535},
		{"per-connection", o.perConnection, 0, 1 << 30},
		{"runs", o.runs, 0, 1 << 30},
		{"window", o.window, 1, maxOutstanding},
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
	case given["per-connection"] && o.transport == "udp":
		return errors.New("--per-connection is for connections: give --tcp or --transport too")
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
func (o *benchOptions) setWords(words []string, given map[string]bool) error {
	for _, word := range words {
		server, isServer := strings.CutPrefix(word, "@")
		switch {
		case isServer && o.server != "":
			return fmt.Errorf("there are two servers, @%s and %s: start one names bench for each", o.server, word)
		case isServer:
			host, port, err := cli.ParseServer(server)
			if err != nil {
				return err
			}
			if port != 0 && given["port"] && int(port) != o.port {
				return fmt.Errorf("%s and --port %d are two ports", word, o.port)
			}
			if o.server = host; port != 0 {
				o.port, o.hasPort = int(port), true
			}
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
func bench(ctx context.Context, o *benchOptions, questions *questionList, stdout, stderr io.Writer) error {
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
		return nil, fmt.Errorf("%s: %w", o.file, cli.WithoutPath(err))
	}
	defer f.Close()
	return readQuestions(f, o.file)
}

// duration is a flag for a time. A number without a unit counts seconds, as
// dnsperf has it.
type duration time.Duration

func (d *duration) String() string { return time.Duration(*d).String() }
func (d *duration) Get() any       { return time.Duration(*d) }

func (d *duration) Set(text string) error {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < 1e9 {
		*d = duration(seconds * float64(time.Second))
		return nil
	}
	t, err := time.ParseDuration(text)
	if err != nil {
		return errors.New("parse error") // which cli.ParseFlags explains
	}
	*d = duration(t)
	return nil
}
