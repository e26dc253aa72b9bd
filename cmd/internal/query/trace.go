package query

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/cmd/internal/algorithms"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// queryTrace is the part of the command line of names query about resolving
// from the root, instead of asking a server to.
type queryTrace struct {
	isOn    bool
	json    bool
	anchors []string         // files
	clock   func() time.Time // nil: the time
	recurse settings.Recursion
}

// option takes the options that begin with two dashes. value gets the word
// after one.
func (t *queryTrace) option(word string, value func() (string, error)) error {
	switch word {
	case "--trace":
		t.isOn = true
	case "--json":
		t.json = true
	case "--no-qname-min":
		t.recurse.Iteration.FullNames = true
	case "--query-localhost":
		t.recurse.Iteration.QueryLoopback = true
	case "--root-hints", "--stub", "--trust-anchor", "--now":
		text, err := value()
		if err != nil {
			return err
		}
		if word == "--now" {
			now, err := cli.ParseNow(text)
			t.clock = cli.ClockFrom(now)
			return err
		}
		if word == "--trust-anchor" {
			t.anchors = append(t.anchors, text)
			return nil
		}
		if word == "--root-hints" {
			t.recurse.Iteration.RootHints = text
			return nil
		}
		name, server, err := settings.ParseZoneServer(text)
		if err != nil {
			return fmt.Errorf("--stub: %w", err)
		}
		t.recurse.Iteration.Stubs = settings.AddZoneServer(t.recurse.Iteration.Stubs, name, server)
	default:
		return noOption(word)
	}
	return nil
}

// complete refuses options that would mean nothing.
func (t *queryTrace) complete(server string) error {
	r := &t.recurse.Iteration
	switch {
	case t.isOn && server != "":
		return errors.New("--trace asks the servers of the name itself, from the root down: leave @SERVER out")
	case !t.isOn && (t.json || len(t.anchors) > 0 || t.clock != nil || r.FullNames || r.QueryLoopback || r.RootHints != "" || len(r.Stubs) > 0):
		return errors.New("--json, --root-hints, --stub, --trust-anchor, --now, --no-qname-min and --query-localhost go with --trace")
	}
	return nil
}

// trace resolves the question from the root, and prints each step as it
// happens, then the answer.
func trace(ctx context.Context, o *queryOptions, stdout io.Writer) error {
	config, err := o.trace.recurse.Config()
	if err != nil {
		return err
	}
	if config.Cache, err = cache.New(cache.Config{Size: 4 << 20}); err != nil {
		return err
	}
	if config.Validation, err = o.trace.validation(); err != nil {
		return err
	}
	r, err := recursor.New(config)
	if err != nil {
		return err
	}
	defer r.Close()
	x, err := exchangeFor(o)
	if err != nil {
		return err
	}
	show := showStep
	if o.trace.json {
		show = showStepJSON
	}
	var writeErr error
	err = r.Trace(ctx, x, func(s recursor.Step) {
		if err := show(stdout, s); err != nil {
			writeErr = err
		}
	})
	switch {
	case errors.Is(err, names.ErrPass):
		return fmt.Errorf("class %v is not resolved from the root", o.question.Class)
	case err != nil:
		return err
	case writeErr != nil || o.trace.json:
		return writeErr
	}
	m, err := wire.ParseMessage(x.Finish())
	if err != nil {
		return err
	}
	out := queryPrinter{display: o.show}
	if o.show.short {
		out.short(m)
	} else {
		out.printf("\n")
		out.message(m)
	}
	_, err = stdout.Write(out.text)
	return err
}

// validation is how the answer is proved: with the root's keys, or those in files. With
// servers of the user's own, and without keys, it is not.
func (t *queryTrace) validation() (*validate.Config, error) {
	c := &validate.Config{Algorithms: algorithms.Validated(), Now: t.clock}
	if c.Now == nil {
		c.Now = time.Now
	}
	switch {
	case len(t.anchors) > 0:
		c.Anchors = new(validate.Anchors)
	case t.recurse.Iteration.RootHints != "" || len(t.recurse.Iteration.Stubs) > 0:
		return nil, nil
	}
	for _, path := range t.anchors {
		text, err := files.Read(path, validate.MaxAnchorFile)
		if err != nil {
			return nil, err
		}
		if err := c.Anchors.ParseAnchors(path, text, c.Now()); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// exchangeFor makes of the question what a server makes of a query.
func exchangeFor(o *queryOptions) (*names.Exchange, error) {
	packet, err := o.message(0).AppendTo(nil)
	if err != nil {
		return nil, fmt.Errorf("query cannot be sent: %w", err)
	}
	x := new(names.Exchange)
	peer := names.Peer{Transport: names.TCP, Remote: netip.AddrPortFrom(netip.IPv6Loopback(), 0)}
	if rcode, err := x.Read(packet, peer); err != nil || rcode != wire.RCodeNoError {
		return nil, fmt.Errorf("the query cannot be resolved: a server would answer %v", rcode)
	}
	x.Begin(nil, 65535)
	x.Reply.Flags |= wire.FlagRA
	return x, nil
}

// showStep prints a step as a line: when, deeper steps further to the right,
// and what happened.
func showStep(w io.Writer, s recursor.Step) error {
	indent := strings.Repeat("    ", s.Depth)
	question := ""
	if !s.Question.Name.IsZero() {
		question = s.Question.Name.String() + " " + s.Question.Type.String()
	}
	var what string
	switch s.Kind {
	case recursor.StepStart:
		what = "looking for " + question
	case recursor.StepServers:
		what = "  servers of " + s.Zone.String() + " " + s.Text
	case recursor.StepAsk:
		what = "  asking " + s.Server.String() + " for " + question
	case recursor.StepReply:
		what = fmt.Sprintf("  %v says: %s", s.Server, s.Text)
	case recursor.StepIgnored:
		what = fmt.Sprintf("  %v is not used: %s", s.Server, s.Text)
	case recursor.StepReferral:
		what = "  believed: the servers of " + s.Text + " know more"
	case recursor.StepAlias:
		what = "  believed: it is an alias of " + s.Question.Name.String()
	case recursor.StepValidate:
		what = "  validated: " + question + ": " + s.Text
	case recursor.StepLink:
		what = "    " + s.Text
	case recursor.StepLookUp:
		what = "  where is the name server " + s.Question.Name.String() + "?"
	case recursor.StepCache:
		what = "  known already: " + s.Text + " for " + question
	default:
		what = s.Kind.String() + ": " + s.Text
	}
	rtt := ""
	if s.RTT > 0 {
		rtt = fmt.Sprintf(" (%.1f ms)", float64(s.RTT.Microseconds())/1000)
	}
	_, err := fmt.Fprintf(w, "%8.1f ms  %s%s%s\n", float64(s.At.Microseconds())/1000, indent, what, rtt)
	return err
}

// showStepJSON prints a step as one line of JSON.
func showStepJSON(w io.Writer, s recursor.Step) error {
	return json.NewEncoder(w).Encode(s)
}
