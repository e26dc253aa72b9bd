package recursor

import (
	"context"
	"encoding/json"
	"net/netip"
	"sync"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Step is something that happened while a question was resolved.
type Step struct {
	// At is when, counted from the start.
	At time.Duration
	// Depth is how many questions wait for this one: 0 for the one traced, 1
	// for that of where a name server is, and so on.
	Depth int
	Kind  StepKind
	// Question is what is looked for or was asked.
	Question wire.Question
	// Zone is the zone whose servers are concerned.
	Zone wire.Name
	// Server is the server that was asked; the zero value if none was.
	Server netip.AddrPort
	// RTT is how long the reply took; 0 if it is not known.
	RTT time.Duration
	// Text says more, in words: what was believed, or why not.
	Text string
	// Reply is what the server sent, in wire form; nil if it did not.
	Reply []byte
}

// StepKind is what sort of step it is.
type StepKind uint8

// The kinds of steps.
const (
	StepStart    StepKind = iota // a name is looked for
	StepCache                    // something was known already
	StepServers                  // the zone whose servers are to be asked
	StepAsk                      // a question was sent
	StepReply                    // a reply came that can be used
	StepIgnored                  // a reply came that cannot, or none did
	StepReferral                 // servers of a zone below are said to know more
	StepAlias                    // another name is looked for from here on
	StepValidate                 // DNSSEC: what came of checking a part of an answer
	StepLink                     // DNSSEC: which key has signed what, what came of a zone
	StepLookUp                   // the address of a name server is looked for
	StepAnswer                   // the end: an answer
	StepFailure                  // the end: none
)

var stepKindTexts = [...]string{"start", "cache", "servers", "ask", "reply", "ignored", "referral", "alias", "validate", "link", "look up", "answer", "failure"}

func (k StepKind) String() string { return stepKindTexts[k] }

// MarshalJSON writes the step as one object: times in microseconds, names and
// types in presentation format.
func (s Step) MarshalJSON() ([]byte, error) {
	o := struct {
		At       int64  `json:"at_us"`
		Depth    int    `json:"depth"`
		Kind     string `json:"kind"`
		Name     string `json:"name,omitempty"`
		Type     string `json:"type,omitempty"`
		Zone     string `json:"zone,omitempty"`
		Server   string `json:"server,omitempty"`
		RTT      int64  `json:"rtt_us,omitempty"`
		Text     string `json:"text,omitempty"`
		Response string `json:"reply,omitempty"`
	}{At: s.At.Microseconds(), Depth: s.Depth, Kind: s.Kind.String(), RTT: s.RTT.Microseconds(), Text: s.Text}
	if !s.Question.Name.IsZero() {
		o.Name, o.Type = s.Question.Name.String(), s.Question.Type.String()
	}
	if !s.Zone.IsZero() {
		o.Zone = s.Zone.String()
	}
	if s.Server.IsValid() {
		o.Server = s.Server.String()
	}
	if s.Reply != nil {
		if m, err := wire.ParseMessage(s.Reply); err == nil {
			o.Response = m.String()
		}
	}
	return json.Marshal(o)
}

// Trace answers x as [Recursor.Resolve] does, and calls emit with each step, one
// after the other. No other query is waited for, so that all of it is
// seen; the cache is used as always.
func (r *Recursor) Trace(ctx context.Context, x *names.Exchange, emit func(Step)) error {
	q := x.Question()
	q.Name = q.Name.Clone()
	f := &fetch{
		key: r.clientKey(x), question: q, waiters: 1, abandoned: make(chan struct{}), over: make(chan struct{}),
		deadline: time.Now().Add(r.config.Timeout), trace: &tracer{start: time.Now(), to: emit},
	}
	f.budget = f.own.begin(&r.counts)
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return errClosed
	}
	r.add(f)
	r.done.Add(1)
	r.mu.Unlock()
	defer r.done.Done()
	defer context.AfterFunc(ctx, func() { r.leave(f) })()
	r.resolve(f)
	if f.err != nil {
		return f.err
	}
	return f.answer.writeFor(x)
}

// tracer passes on the steps of one query and of all those it needs.
type tracer struct {
	start time.Time
	mu    sync.Mutex
	to    func(Step)
}

func (t *tracer) emit(s Step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.At = time.Since(t.start)
	t.to(s)
}
