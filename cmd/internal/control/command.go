package control

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
)

// Help is what names ctl prints about itself.
const Help = `names ctl asks a running server, and tells it what to do.

Usage:

  names ctl [options] VERB [ARGUMENT]...
  names ctl [options] help           list the verbs of the server
  names ctl [options] VERB... --help the same of those that begin so

Verbs: status, zones, reload, zone ..., trace, cache look, cache flush, cache save, servers,
stats, log, config diff, stop, and more. docs/control.md explains each.

Options:

  --socket PATH  the socket of the server: [control] socket in its configuration.
                 Default: /run/names/control.sock
  --json         print the server's reply as it came, as JSON
  --watch[=TIME] ask again every 2 seconds, or TIME, until interrupted

For a server on another machine, whose configuration has [control] listen:

  --server HOST:PORT  ask this one, over TLS
  --ca FILE           its certificate is signed by one of FILE, in PEM. Default:
                      those that this machine trusts
  --cert FILE         a certificate for us, and its key; in PEM
  --key FILE
  --token-file FILE   or else the token of the server

Exit code: 0 if the server did what it was asked for, 1 if it did not or does not
answer, 2 for a wrong command line.

Examples:

  names ctl status
  names ctl zones example.com
  names ctl cache flush subtree example.com
  names ctl trace www.example.com AAAA
  names ctl --watch stats
  names ctl --json stats | jq .cache.hits
  names ctl --server ns1.example.com:8953 --token-file ~/.names-token status
`

// Run runs names ctl with its arguments and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("ctl", flag.ContinueOnError)
	var r reach
	flags.StringVar(&r.socket, "socket", DefaultSocket, "")
	flags.StringVar(&r.server, "server", "", "")
	flags.StringVar(&r.ca, "ca", "", "")
	flags.StringVar(&r.cert, "cert", "", "")
	flags.StringVar(&r.key, "key", "", "")
	flags.StringVar(&r.token, "token-file", "", "")
	asJSON := flags.Bool("json", false, "")
	var again watchTime
	flags.Var(&again, "watch", "")
	if code, done := cli.ParseFlags(flags, Help, args, stdout, stderr); done {
		return code
	}
	words := flags.Args()
	if n := len(words); n > 0 && words[n-1] == "--json" { // after the verb is where people write it
		*asJSON, words = true, words[:n-1]
	}
	if len(words) == 0 {
		return cli.UsageError(stderr, "ctl", errors.New("say what to do: status, for example"))
	}
	c, err := newClient(r)
	if err == nil {
		defer c.http.CloseIdleConnections()
		err = c.repeat(words, time.Duration(again), func(body []byte) error {
			if *asJSON {
				_, err := stdout.Write(body)
				return err
			}
			return show(stdout, body)
		}, stdout)
	}
	switch {
	case isUsage(err):
		return cli.UsageError(stderr, "ctl", err)
	case err != nil:
		fmt.Fprintf(stderr, "names ctl: %v\n", err)
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// watchTime is a flag for how often to ask: the flag alone means every 2 seconds.
type watchTime time.Duration

func (t *watchTime) String() string   { return time.Duration(*t).String() }
func (t *watchTime) IsBoolFlag() bool { return true }

func (t *watchTime) Set(text string) error {
	if text == "true" {
		*t = watchTime(2 * time.Second)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 100*time.Millisecond {
		return errors.New("is not a time of 100ms or more")
	}
	*t = watchTime(d)
	return nil
}

// repeat does what words say, and prints the reply; again and again if again is
// not 0. Between two replies a terminal is cleared.
func (c *client) repeat(words []string, again time.Duration, print func(body []byte) error, to io.Writer) error {
	for {
		body, err := c.run(words, again != 0)
		if err != nil {
			return err
		}
		if again != 0 && cli.IsTerminal(to) {
			io.WriteString(to, "\x1b[H\x1b[2J")
		}
		if err := print(body); err != nil || again == 0 {
			return err
		}
		time.Sleep(again)
	}
}

func show(to io.Writer, body []byte) error {
	value, err := decode(bytes.TrimSpace(body))
	if err != nil {
		return fmt.Errorf("the reply is not JSON: %w", err)
	}
	return printValue(to, value)
}

// run finds the verb that words begin with, and does it.
func (c *client) run(words []string, isRepeated bool) ([]byte, error) {
	list, err := c.ask(http.MethodGet, "/v1/", nil)
	if err != nil {
		return nil, err
	}
	if words[0] == "help" && len(words) == 1 {
		return list, nil
	}
	var verbs []Verb
	if err := json.Unmarshal(list, &verbs); err != nil {
		return nil, fmt.Errorf("the list of verbs is not JSON: %w", err)
	}
	if n := len(words) - 1; n > 0 && (words[n] == "--help" || words[n] == "-h") {
		return explain(verbs, words[:n])
	}
	verb, args := find(verbs, words)
	if verb == nil {
		return nil, unknown(verbs, words)
	}
	method := http.MethodGet
	if verb.Changes && isRepeated {
		return nil, Usagef("%s changes something: it is not repeated by --watch", verb.Name)
	}
	if verb.Changes {
		method = http.MethodPost
	}
	return c.ask(method, verb.path(), args)
}

// explain lists the verb that words are, and those that begin like them. Words that
// follow a verb are taken for its arguments.
func explain(verbs []Verb, words []string) ([]byte, error) {
	begin := strings.Join(words, " ")
	if verb, _ := find(verbs, words); verb != nil {
		begin = verb.Name
	}
	verbs = slices.DeleteFunc(slices.Clone(verbs), func(v Verb) bool { return v.Name != begin && !strings.HasPrefix(v.Name, begin+" ") })
	if len(verbs) == 0 {
		return nil, Usagef("there is no verb %s", begin)
	}
	return json.Marshal(verbs)
}

// find returns the verb with the most words that words begin with.
func find(verbs []Verb, words []string) (best *Verb, args []string) {
	for i := range verbs {
		parts := strings.Fields(verbs[i].Name)
		if len(parts) <= len(words) && strings.Join(words[:len(parts)], " ") == verbs[i].Name &&
			(best == nil || len(verbs[i].Name) > len(best.Name)) {
			best, args = &verbs[i], words[len(parts):]
		}
	}
	return best, args
}

// unknown says which verbs there are that begin like words, or else what was
// meant.
func unknown(verbs []Verb, words []string) error {
	var longer, known []string
	for _, v := range verbs {
		if strings.HasPrefix(v.Name, words[0]+" ") {
			longer = append(longer, v.usage())
		}
		known = append(known, v.Name)
	}
	if len(longer) > 0 {
		return Usagef("%s: write one of:\n  %s", strings.Join(words, " "), strings.Join(longer, "\n  "))
	}
	return Usagef("there is no verb %s%s", words[0], cli.DidYouMean(words[0], known))
}
