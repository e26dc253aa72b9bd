// Package verify is the command that proves what a name has, and shows the chain of
// trust link by link.
package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/names-dns/names/cmd/internal/algorithms"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// Help is what the command prints about itself.
const Help = `names verify proves with DNSSEC what a name has, and shows how.

Usage:

  names verify [OPTION]... NAME [TYPE] [@SERVER[:PORT]]

It asks SERVER, or one of /etc/resolv.conf, for TYPE (A) of NAME and for all keys and
DS records on the way, and checks them itself, whatever the server says about them:
which key signed what, which proof says no, and what is wrong. The server has to
pass on signatures; it need not validate.

  --trust-anchor FILE       begin with the keys in FILE, not with those of the root;
                            may be repeated
  --insecure ZONE           do not validate ZONE; may be repeated
  --now TIME                as if it were TIME (2026-12-24T18:00:00Z)
  --json                    print one JSON object
  -q, --quiet               print nothing: the exit code tells

Exit code: 0 if it is secure, 3 if it is insecure, 4 if it is bogus, 5 if that could
not be found out, 1 if there is no reply, 2 for a wrong command line.

Examples:

  names verify example.com
  names verify _443._tcp.example.com TLSA @9.9.9.9 && echo trusted
  names verify --json example.com MX
`

// Exit codes besides those of all commands.
const (
	exitInsecure      = 3
	exitBogus         = 4
	exitIndeterminate = 5
)

var exitCodes = map[validate.Verdict]int{
	validate.Secure: cli.ExitOK, validate.Insecure: exitInsecure, validate.Bogus: exitBogus, validate.Indeterminate: exitIndeterminate,
}

type options struct {
	question        wire.Question
	server          netip.AddrPort // not valid: that of resolv.conf
	anchors         cli.List
	insecure        cli.List
	now             string
	isJSON, isQuiet bool
}

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	var o options
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.Var(&o.anchors, "trust-anchor", "")
	flags.Var(&o.insecure, "insecure", "")
	flags.StringVar(&o.now, "now", "", "")
	flags.BoolVar(&o.isJSON, "json", false, "")
	flags.BoolVar(&o.isQuiet, "quiet", false, "")
	flags.BoolVar(&o.isQuiet, "q", false, "")
	words, code, done := cli.ParseWords(flags, Help, args, stdout, stderr)
	if done {
		return code
	}
	if err := o.read(words); err != nil {
		return cli.UsageError(stderr, "verify", err)
	}
	config, err := o.config()
	if err != nil {
		return cli.UsageError(stderr, "verify", err)
	}
	r, err := o.verify(context.Background(), config)
	if err != nil {
		fmt.Fprintf(stderr, "names verify: %v\n", err)
		return cli.ExitFailed
	}
	switch {
	case o.isQuiet:
	case o.isJSON:
		err = r.writeJSON(stdout)
	default:
		err = r.write(stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "names verify: %v\n", err)
		return cli.ExitFailed
	}
	return exitCodes[r.result.Verdict]
}

// read takes the words that are not options.
func (o *options) read(words []string) (err error) {
	o.question = wire.Question{Type: wire.TypeA, Class: wire.ClassIN}
	hasType := false
	for _, word := range words {
		server, isServer := strings.CutPrefix(word, "@")
		switch {
		case isServer && o.server.IsValid():
			return errors.New("there are two servers")
		case isServer:
			if o.server, err = cli.ParseAddress(server, 53); err != nil {
				return err
			}
		case o.question.Name.IsZero():
			if o.question.Name, err = wire.ParseName(word); err != nil {
				return fmt.Errorf("%q is not a domain name: %w", word, err)
			}
		case !hasType:
			if o.question.Type, err = wire.ParseType(word); err != nil {
				return err
			}
			hasType = true
		default:
			return fmt.Errorf("%q is too much: give a name, a type and a server", word)
		}
	}
	if o.question.Name.IsZero() {
		return errors.New("give a name")
	}
	return nil
}

// config is how to validate.
func (o *options) config() (c validate.Config, err error) {
	c = validate.Config{Algorithms: algorithms.Validated(), Anchors: validate.RootAnchors()}
	if o.now != "" {
		now, err := cli.ParseNow(o.now)
		if err != nil {
			return c, err
		}
		c.Now = func() time.Time { return now }
	}
	if len(o.anchors) > 0 {
		c.Anchors = new(validate.Anchors)
	}
	for _, path := range o.anchors {
		text, err := files.Read(path, validate.MaxAnchorFile)
		if err != nil {
			return c, err
		}
		now := time.Now()
		if c.Now != nil {
			now = c.Now()
		}
		if err := c.Anchors.ParseAnchors(path, text, now); err != nil {
			return c, err
		}
	}
	for _, text := range o.insecure {
		zone, err := wire.ParseName(text)
		if err != nil {
			return c, fmt.Errorf("--insecure: %q is not a domain name: %w", text, err)
		}
		c.Anchors.SetNegative(zone, time.Time{})
	}
	return c, nil
}

// report is what was found out.
type report struct {
	question wire.Question
	reply    *validate.Reply
	links    []validate.Link
	result   validate.Result
}

func (o *options) verify(ctx context.Context, config validate.Config) (*report, error) {
	var settings names.ClientConfig
	if o.server.IsValid() {
		settings.Servers = []netip.AddrPort{o.server}
	}
	client, err := names.NewClient(settings)
	if err != nil {
		return nil, err
	}
	config.Fetcher = validate.FetchFrom(client)
	m, err := client.Exchange(ctx, validate.Query(o.question))
	if err != nil {
		return nil, err
	}
	r := &report{question: o.question, links: []validate.Link{}}
	if r.reply, err = validate.ReplyFromMessage(m); err != nil {
		return nil, err
	}
	ctx = validate.WithLinks(ctx, func(l validate.Link) { r.links = append(r.links, l) })
	r.result = validate.New(config).Check(ctx, r.reply, nil)
	return r, nil
}

func (r *report) write(w io.Writer) error {
	var b strings.Builder
	for _, l := range r.links {
		fmt.Fprintf(&b, "%v\n", l)
	}
	if len(r.links) > 0 {
		b.WriteString("\n")
	}
	for _, set := range r.reply.Answer {
		for _, data := range set.Data {
			record := wire.Record{Name: set.Name, Type: set.Type, Class: set.Class, TTL: set.TTL, Data: data}
			fmt.Fprintf(&b, "%-8v  %v\n", set.Verdict, &record)
		}
	}
	if len(r.reply.Answer) > 0 {
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "%v %v: %v, %v", r.question.Name, r.question.Type, r.reply.RCode, r.result.Verdict)
	if text := r.result.Reason.Text; text != "" {
		fmt.Fprintf(&b, ": %s", text)
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *report) writeJSON(w io.Writer) error {
	type set struct {
		Name     string   `json:"name"`
		Type     string   `json:"type"`
		Data     []string `json:"data"`
		TTL      uint32   `json:"ttl"`
		Verdict  string   `json:"verdict"`
		Wildcard string   `json:"wildcard,omitempty"`
	}
	o := struct {
		Name    string          `json:"name"`
		Type    string          `json:"type"`
		RCode   string          `json:"rcode"`
		Verdict string          `json:"verdict"`
		Reason  string          `json:"reason,omitempty"`
		Code    uint16          `json:"code,omitempty"`
		Answer  []set           `json:"answer"`
		Links   []validate.Link `json:"links"`
	}{
		Name: r.question.Name.String(), Type: r.question.Type.String(), RCode: r.reply.RCode.String(), Verdict: r.result.Verdict.String(),
		Reason: r.result.Reason.Text, Code: uint16(r.result.Reason.Code), Answer: []set{}, Links: r.links,
	}
	for _, s := range r.reply.Answer {
		out := set{Name: s.Name.String(), Type: s.Type.String(), TTL: s.TTL, Verdict: s.Verdict.String()}
		if !s.Wildcard.IsZero() {
			out.Wildcard = s.Wildcard.String()
		}
		for _, data := range s.Data {
			record := wire.Record{Name: s.Name, Type: s.Type, Class: s.Class, TTL: s.TTL, Data: data}
			out.Data = append(out.Data, cmp.Or(rdataText(&record), "?"))
		}
		o.Answer = append(o.Answer, out)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(o)
}

// rdataText is the data of a record in presentation format.
func rdataText(r *wire.Record) string {
	data, err := r.Rdata()
	if err != nil {
		return ""
	}
	return fmt.Sprint(data)
}
