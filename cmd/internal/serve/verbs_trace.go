package serve

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/querylog"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// traceVerbs are those that show how a name is resolved.
func (s *Server) traceVerbs() []control.Verb {
	return []control.Verb{
		{Name: "trace", Arguments: "NAME [TYPE] [messages]", What: "Resolve a name now, and show each step: zones, cache, servers, what each said, and what was believed.", Do: s.doTrace, Reply: traceReply{}},
	}
}

// traceReply is the reply to trace.
type traceReply struct {
	Question string      `json:"question"`
	Outcome  string      `json:"outcome"` // a sentence
	RCode    string      `json:"rcode"`   // that a client gets
	Took     float64     `json:"took_ms"`
	Answer   []string    `json:"answer,omitempty"`
	Steps    []traceStep `json:"steps"`
}

// traceStep is something that happened on the way.
type traceStep struct {
	At      float64 `json:"at_ms"`
	Depth   int     `json:"depth"` // how many questions wait for this one
	Kind    string  `json:"kind"`
	What    string  `json:"what"` // a sentence
	Zone    string  `json:"zone,omitempty"`
	Server  string  `json:"server,omitempty"`
	RTT     float64 `json:"rtt_ms,omitempty"`
	Message string  `json:"message,omitempty"` // the reply of the server
}

// maxTraceSteps bounds a reply.
const maxTraceSteps = 1000

func (s *Server) doTrace(ctx context.Context, args []string) (any, error) {
	name, t, err := nameAndType(args)
	if err != nil {
		return nil, err
	}
	withMessages := len(args) > 2
	if withMessages && args[2] != "messages" {
		return nil, control.Usagef("trace: %q is not messages", args[2])
	}
	return s.trace(ctx, wire.Question{Name: name, Type: t, Class: wire.ClassIN}, withMessages)
}

// tracing is a trace in progress.
type tracing struct {
	reply        traceReply
	began        time.Time
	withMessages bool
}

// add adds a step.
func (t *tracing) add(step traceStep) {
	if len(t.reply.Steps) == maxTraceSteps {
		return
	}
	step.At = querylog.Milliseconds(time.Since(t.began))
	t.reply.Steps = append(t.reply.Steps, step)
}

// trace resolves a question as for a client on this machine, and tells how.
func (s *Server) trace(ctx context.Context, q wire.Question, withMessages bool) (traceReply, error) {
	v := s.current.Load()
	t := &tracing{began: time.Now(), withMessages: withMessages}
	t.reply.Question, t.reply.Steps = q.Name.String()+" "+q.Type.String(), []traceStep{}
	x := new(names.Exchange)
	query := wire.AppendQuery(nil, 0, wire.FlagRD|wire.FlagAD, q, &wire.EDNS{UDPSize: 4096})
	if rcode, err := x.Read(query, names.Peer{Transport: names.TCP, Remote: netip.AddrPortFrom(netip.IPv6Loopback(), 0)}); err != nil || rcode != wire.RCodeNoError {
		return t.reply, control.Usagef("a client that asks for %s gets %v", t.reply.Question, rcode)
	}
	x.Begin(nil, maxReply)
	err := t.resolve(ctx, v, x)
	t.reply.Took = querylog.Milliseconds(time.Since(t.began))
	t.conclude(x, err)
	return t.reply, nil
}

// resolve asks what a query passes, one after the other.
func (t *tracing) resolve(ctx context.Context, v *view, x *names.Exchange) error {
	q := x.Question()
	if err := v.set.TryResolve(x); err != names.ErrPass {
		z := v.set.Closest(q.Name, q.Class)
		step := traceStep{Kind: "zone"}
		if z != nil {
			step.Zone = z.Origin().String()
			step.What = fmt.Sprintf("this server has the zone %s, serial %d", step.Zone, z.Stats().Serial)
		}
		t.add(step)
		if err == nil && x.LeadsOn {
			t.add(traceStep{Kind: "alias", What: "the answer is an alias whose target is not in a zone of this server: trace that name"})
		}
		return err
	}
	t.add(traceStep{Kind: "zone", What: "no zone of this server is for the name"})
	r := &v.settings.Recursion
	if !r.Answers() {
		t.add(traceStep{Kind: "failure", What: "recursion is not offered to any client"})
		return names.ErrPass
	}
	if v.parts.cache != nil {
		text := "the cache has no answer"
		if found, ok := look(v.parts.cache, q.Name, q.Type); ok {
			text = fmt.Sprintf("the cache has an answer, %s with %d records, which is what clients get; the steps below show how it would be found now", found.RCode, len(found.Records))
		}
		t.add(traceStep{Kind: "cache", What: text})
	}
	for _, p := range v.parts.early {
		if err := names.Try(p, x); err != names.ErrPass && err != names.ErrSlow {
			t.add(traceStep{Kind: x.AnsweredBy, What: "the name is one of the hosts file, or local to this machine or network"})
			return err
		}
	}
	switch {
	case v.parts.trace != nil:
		return v.parts.trace(ctx, x, t.step)
	case v.parts.remote != nil:
		t.add(traceStep{Kind: "forward", What: "asking " + strings.Join(through(r), ", ")})
		ctx = validate.WithLinks(ctx, func(l validate.Link) { t.add(traceStep{Kind: recursor.StepLink.String(), What: l.String()}) })
		return v.parts.remote.Resolve(ctx, x)
	}
	return names.ErrPass
}

// step adds a step of the recursor.
func (t *tracing) step(s recursor.Step) {
	step := traceStep{Depth: s.Depth, Kind: s.Kind.String(), What: describeStep(&s), RTT: querylog.Milliseconds(s.RTT)}
	if !s.Zone.IsZero() {
		step.Zone = s.Zone.String()
	}
	if s.Server.IsValid() {
		step.Server = s.Server.String()
	}
	if t.withMessages && s.Reply != nil {
		step.Message = messageText(s.Reply)
	}
	t.add(step)
}

// describeStep says in words what happened.
func describeStep(s *recursor.Step) string {
	question := ""
	if !s.Question.Name.IsZero() {
		question = s.Question.Name.String() + " " + s.Question.Type.String()
	}
	switch s.Kind {
	case recursor.StepStart:
		return "looking for " + question
	case recursor.StepServers:
		return "servers of " + s.Zone.String() + " " + s.Text
	case recursor.StepAsk:
		return "asking " + s.Server.String() + " for " + question
	case recursor.StepReply:
		return s.Server.String() + " says: " + s.Text
	case recursor.StepIgnored:
		return s.Server.String() + " is not used: " + s.Text
	case recursor.StepReferral:
		return "believed: the servers of " + s.Text + " know more"
	case recursor.StepAlias:
		return "believed: it is an alias of " + s.Question.Name.String()
	case recursor.StepValidate:
		return "validated: " + question + ": " + s.Text
	case recursor.StepLookUp:
		return "where is the name server " + s.Question.Name.String() + "?"
	case recursor.StepCache:
		return "known already: " + s.Text + " for " + question
	}
	return s.Text
}

// conclude says what came of it.
func (t *tracing) conclude(x *names.Exchange, err error) {
	q := x.Question()
	t.reply.RCode = x.RCode.String()
	switch {
	case err == names.ErrPass:
		t.reply.RCode, t.reply.Outcome = wire.RCodeRefused.String(), "REFUSED: no zone of this server is for the name, and no other server is asked about it"
		return
	case err != nil:
		t.reply.RCode, t.reply.Outcome = wire.RCodeServFail.String(), "SERVFAIL: "+err.Error()
		if extended, ok := errors.AsType[names.ExtendedErrorer](err); ok {
			if _, text := extended.ExtendedError(); text != "" && !strings.Contains(err.Error(), text) {
				t.reply.Outcome += " (" + text + ")"
			}
		}
		return
	}
	x.Reply.Flags = x.Reply.Flags.WithRCode(x.RCode)
	m, err := wire.ParseMessage(x.Reply.Finish())
	if err != nil {
		t.reply.Outcome = err.Error()
		return
	}
	for _, r := range m.Answers {
		t.reply.Answer = append(t.reply.Answer, strings.ReplaceAll(r.String(), "\t", " ")) // a table has no tabs
	}
	secure := ""
	if x.Reply.Flags.Has(wire.FlagAD) {
		secure = ", which DNSSEC proves"
	}
	switch {
	case x.RCode == wire.RCodeNXDomain:
		t.reply.Outcome = "the name does not exist" + secure
	case x.RCode != wire.RCodeNoError:
		t.reply.Outcome = "the answer is the error " + t.reply.RCode
	case len(m.Answers) == 0:
		t.reply.Outcome = fmt.Sprintf("the name exists and has no record of type %v%s", q.Type, secure)
	default:
		t.reply.Outcome = fmt.Sprintf("there is an answer of %d records%s", len(m.Answers), secure)
	}
}

// messageText is a message as text, or why it has none.
func messageText(b []byte) string {
	m, err := wire.ParseMessage(b)
	if err != nil {
		return err.Error()
	}
	return m.String()
}
