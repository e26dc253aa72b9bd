package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/wire"
)

// benchReport is the outcome of a run. Its JSON is documented in
// docs/bench.md.
type benchReport struct {
	Server    string  `json:"server"`
	Transport string  `json:"transport"`
	Clients   int     `json:"clients"`
	Threads   int     `json:"threads"`
	Window    int     `json:"window,omitempty"`
	Rate      float64 `json:"rate,omitempty"`
	Questions int     `json:"questions"`
	Ended     string  `json:"ended,omitempty"` // why, if before its time
	Seconds   float64 `json:"seconds"`

	Sent       int64            `json:"sent"`
	Answered   int64            `json:"answered"`
	Lost       int64            `json:"lost"`
	Unfinished int64            `json:"unfinished"`
	Unexpected int64            `json:"unexpected"`
	Truncated  int64            `json:"truncated"`
	RCodes     map[string]int64 `json:"rcodes"`
	QPS        float64          `json:"qps"`
	QuerySize  float64          `json:"query_octets"`
	ReplySize  float64          `json:"reply_octets"`
	Latency    latencies        `json:"latency_us"`

	Late        *lateness    `json:"late_us,omitempty"`
	Connections *connections `json:"connections,omitempty"`
	Failures    int64        `json:"failures"`
	FirstError  string       `json:"first_failure,omitempty"`
	CPU         float64      `json:"generator_cpu_us_per_query"`
}

// latencies are in microseconds.
type latencies struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

// lateness is how much later than due queries were sent, in microseconds.
type lateness struct {
	Mean float64 `json:"mean"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// connections is what became of the connections; their times are in
// microseconds.
type connections struct {
	Opened   int64   `json:"opened"`
	CutShort int64   `json:"cut_short"`
	Mean     float64 `json:"mean_us"`
	Max      float64 `json:"max_us"`
}

// newBenchReport sums up a run, which took some processor time.
func newBenchReport(l *load, t *tally, cpu time.Duration) *benchReport {
	seconds := l.took(t.lastReply).Seconds()
	r := &benchReport{
		Server: l.address.String(), Transport: l.transport, Clients: l.clients, Threads: l.threads,
		Rate: l.rate, Questions: l.questions.len(), Seconds: seconds,
		Sent: t.sent, Answered: t.answered, Lost: t.lost, Unfinished: t.unfinished,
		Unexpected: t.unexpected, Truncated: t.truncated, RCodes: map[string]int64{},
		QPS:       ratio(float64(t.answered), seconds),
		QuerySize: ratio(float64(t.sentOctets), float64(t.sent)),
		ReplySize: ratio(float64(t.octets), float64(t.answered)),
		Latency: latencies{
			Min: micros(t.latency.least), Mean: micros(t.latency.mean()), Max: micros(t.latency.max),
			P50: micros(t.latency.quantile(0.5)), P90: micros(t.latency.quantile(0.9)),
			P99: micros(t.latency.quantile(0.99)), P999: micros(t.latency.quantile(0.999)),
		},
		Failures: t.failures, CPU: ratio(micros(cpu), float64(t.sent)),
	}
	switch {
	case l.interrupted.Load():
		r.Ended = "interrupted"
	case l.gaveUp.Load():
		r.Ended = "gave up"
	}
	for i, n := range t.rcodes {
		if n > 0 {
			r.RCodes[wire.RCode(i).String()] = n
		}
	}
	if l.rate > 0 {
		r.Late = &lateness{Mean: micros(t.late.mean()), P99: micros(t.late.quantile(0.99)), Max: micros(t.late.max)}
	} else {
		r.Window = l.window
	}
	if l.transport != "udp" {
		r.Connections = &connections{
			Opened: t.connecting.count, CutShort: t.cutShort,
			Mean: micros(t.connecting.mean()), Max: micros(t.connecting.max),
		}
	}
	if t.firstFailure != nil {
		r.FirstError = t.firstFailure.Error()
	}
	return r
}

func (r *benchReport) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// writeText writes the report for people, a subject a line.
func (r *benchReport) writeText(w io.Writer) error {
	var b strings.Builder
	line := func(subject, format string, values ...any) {
		fmt.Fprintf(&b, "%-12s%s\n", subject, fmt.Sprintf(format, values...))
	}
	how := fmt.Sprintf("window %d", r.Window)
	if r.Rate > 0 {
		how = fmt.Sprintf("%g queries a second", r.Rate)
	}
	line("server", "%s over %s: %s, %s, %s", r.Server, strings.ToUpper(r.Transport),
		cli.Count(r.Clients, "client"), cli.Count(r.Threads, "thread"), how)
	ended := ""
	if r.Ended != "" {
		ended = ", " + r.Ended
	}
	line("time", "%.3f s%s; %s", r.Seconds, ended, cli.Count(r.Questions, "question"))
	line("sent", "%d", r.Sent)
	line("answered", "%d%s", r.Answered, share(r.Answered, r.Sent))
	line("lost", "%d%s", r.Lost, share(r.Lost, r.Sent))
	if r.Unfinished > 0 {
		line("unfinished", "%d%s", r.Unfinished, share(r.Unfinished, r.Sent))
	}
	line("unexpected", "%d", r.Unexpected)
	var codes []string
	for i := range 16 {
		name := wire.RCode(i).String()
		if n := r.RCodes[name]; n > 0 {
			codes = append(codes, fmt.Sprintf("%s %d%s", name, n, share(n, r.Answered)))
		}
	}
	if r.Truncated > 0 {
		codes = append(codes, fmt.Sprintf("truncated %d%s", r.Truncated, share(r.Truncated, r.Answered)))
	}
	if len(codes) > 0 {
		line("replies", "%s", strings.Join(codes, ", "))
	}
	if r.Answered > 0 {
		line("queries/s", "%.0f", r.QPS)
		line("octets", "query %.1f, reply %.1f on average", r.QuerySize, r.ReplySize)
		l := &r.Latency
		line("latency", "min %s  mean %s  p50 %s  p90 %s  p99 %s  p99.9 %s  max %s", readable(l.Min), readable(l.Mean),
			readable(l.P50), readable(l.P90), readable(l.P99), readable(l.P999), readable(l.Max))
	}
	if r.Late != nil && r.Sent > 0 {
		line("sent late", "mean %s  p99 %s  max %s", readable(r.Late.Mean), readable(r.Late.P99), readable(r.Late.Max))
	}
	if c := r.Connections; c != nil && c.Opened > 0 {
		line("connections", "%d in mean %s, max %s; %d cut short", c.Opened, readable(c.Mean), readable(c.Max), c.CutShort)
	}
	if r.Failures > 0 {
		line("failures", "%d, the first: %s", r.Failures, r.FirstError)
	}
	if r.Sent > 0 {
		line("generator", "%.2f us of processor time a query", r.CPU)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// share is a part of a whole in percent, in parentheses.
func share(part, whole int64) string {
	if whole == 0 {
		return ""
	}
	return fmt.Sprintf(" (%.2f %%)", 100*float64(part)/float64(whole))
}

// readable is a number of microseconds with a unit that suits it.
func readable(us float64) string {
	switch {
	case us < 1000:
		return fmt.Sprintf("%.1f us", us)
	case us < 1e6:
		return fmt.Sprintf("%.2f ms", us/1e3)
	}
	return fmt.Sprintf("%.3f s", us/1e6)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// ratio is 0 if there is nothing to divide by.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
