package recursor

import (
	"context"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// Servers may name an agent that wants to know if their zones cannot be validated. A
// report is a query for a name of the agent's that says which question failed and why
// (RFC 9567). A report costs a resolution, so there are few.
const (
	// reportInterval is how long a zone is not reported again for the same reason.
	reportInterval = 10 * time.Minute
	// maxReports is how many reports are on their way at once, and maxReported how many
	// are remembered: if there are more, they are not made.
	maxReports  = 8
	maxReported = 1024
)

// reports remembers what was reported.
type reports struct {
	mu      sync.Mutex
	made    map[reportKey]time.Time
	running int
}

type reportKey struct {
	zone string
	code wire.ExtendedErrorCode
}

// agentIn returns the agent that a reply names; no name if there is none.
func (r *Recursor) agentIn(reply *upstream.Reply) wire.Name {
	var channel wire.ReportChannel
	data, ok := reply.Options.Find(wire.OptionReportChannel)
	if !ok || !r.config.ReportErrors || channel.Parse(data) != nil || channel.Agent.IsRoot() {
		return wire.Name{}
	}
	return channel.Agent.Clone()
}

// report tells the agent of the response's servers why it is bogus.
func (t *resolution) report(p *response) {
	name, ok := reportName(p.question, p.failure.Code, p.agent)
	r := t.r
	if !ok || !r.reports.start(reportKey{t.cutKey, p.failure.Code}, time.Now()) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.done.Add(1)
	r.workers.Do(func() {
		defer r.done.Done()
		defer r.reports.end()
		ctx, cancel := context.WithTimeout(context.Background(), r.config.Timeout)
		defer cancel()
		q := wire.Question{Name: name, Type: wire.TypeTXT, Class: wire.ClassIN}
		r.fetchAnswer(ctx, fetchKeyOf(q), q, netip.Addr{}) // what comes of it is the agent's
	})
}

// reportLabel is the first label of a report, and the one that ends what it says.
const reportLabel = "_er"

// reportName is the name that reports a failure (RFC 9567 6.1.1). ok is false if there
// is no agent, if a report itself has failed, or if the name would be too long.
func reportName(q wire.Question, code wire.ExtendedErrorCode, agent wire.Name) (name wire.Name, ok bool) {
	if agent.IsZero() || q.Name.FirstLabel() == reportLabel {
		return name, false
	}
	label := func(b []byte, text string) []byte { return append(append(b, byte(len(text))), text...) }
	b := label(nil, reportLabel)
	b = label(b, strconv.Itoa(int(q.Type)))
	b = q.Name.AppendTo(b)
	b = label(b[:len(b)-1], strconv.Itoa(int(code)))
	b = agent.AppendTo(label(b, reportLabel))
	name, _, err := wire.NameFromWire(b)
	return name, err == nil
}

// start reports whether a report may be made now.
func (r *reports) start(key reportKey, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if made, ok := r.made[key]; r.running == maxReports || ok && now.Sub(made) < reportInterval {
		return false
	}
	if len(r.made) >= maxReported {
		for old, made := range r.made {
			if now.Sub(made) >= reportInterval {
				delete(r.made, old)
			}
		}
		if len(r.made) >= maxReported {
			return false
		}
	}
	if r.made == nil {
		r.made = map[reportKey]time.Time{}
	}
	r.made[key] = now
	r.running++
	return true
}

func (r *reports) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running--
}
