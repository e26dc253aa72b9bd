package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// queryTrace is the part of the command line of names query about resolving
// from the root, instead of asking a server to.
type queryTrace struct {
	isOn    bool
	json    bool
	recurse recursionOptions
}

// option takes the options that begin with two dashes. value gets the word
// behind one.
func (t *queryTrace) option(word string, value func() (string, error)) error {
	switch word {
	case "--trace":
		t.isOn = true
	case "--json":
		t.json = true
	case "--no-qname-min":
		t.recurse.root.wholeNames = true
	case "--query-localhost":
		t.recurse.root.queryLocalhost = true
	case "--root-hints", "--stub":
		text, err := value()
		if err != nil {
			return err
		}
		if word == "--root-hints" {
			t.recurse.root.hintsFile = text
			return nil
		}
		name, server, err := parseZoneServer(text)
		if err != nil {
			return fmt.Errorf("--stub: %w", err)
		}
		t.recurse.root.stubs = addZoneServer(t.recurse.root.stubs, name, server)
	default:
		return fmt.Errorf("there is no option %s", word)
	}
	return nil
}

// complete refuses options that would mean nothing.
func (t *queryTrace) complete(server string) error {
	r := &t.recurse.root
	switch {
	case t.isOn && server != "":
		return errors.New("--trace asks the servers of the name itself, from the root down: leave @SERVER out")
	case !t.isOn && (t.json || r.wholeNames || r.queryLocalhost || r.hintsFile != "" || len(r.stubs) > 0):
		return errors.New("--json, --root-hints, --stub, --no-qname-min and --query-localhost go with --trace")
	}
	return nil
}

// trace resolves the question from the root, and prints each step as it
// happens, then the answer.
func trace(ctx context.Context, o *queryOptions, stdout io.Writer) error {
	config, err := o.trace.recurse.recursorConfig()
	if err != nil {
		return err
	}
	if config.Cache, err = cache.New(cache.Config{Size: 4 << 20}); err != nil {
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

// exchangeFor makes of the question what a server makes of a query.
func exchangeFor(o *queryOptions) (*names.Exchange, error) {
	packet, err := o.message(0).AppendTo(nil)
	if err != nil {
		return nil, fmt.Errorf("query cannot be sent: %w", err)
	}
	x := new(names.Exchange)
	peer := names.Peer{Transport: names.TCP, Remote: netip.AddrPortFrom(netip.IPv6Loopback(), 0)}
	if rcode, err := x.Read(packet, peer); err != nil || rcode != wire.RCodeNoError {
		return nil, fmt.Errorf("the question cannot be resolved: a server would answer %v", rcode)
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
		what = fmt.Sprintf("  %v is of no use: %s", s.Server, s.Text)
	case recursor.StepReferral:
		what = "  believed: the servers of " + s.Text + " know more"
	case recursor.StepAlias:
		what = "  believed: it is an alias of " + s.Question.Name.String()
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
