package recursor

import (
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

func TestReportName(t *testing.T) {
	long := strings.Repeat("a.", 110) + "example."
	for _, c := range []struct{ name, agent, want string }{
		{"www.example.", "agent.test.", "_er.1.www.example.6._er.agent.test."},
		{".", "agent.test.", "_er.1.6._er.agent.test."},
		{"_er.1.www.example.6._er.agent.test.", "agent.test.", ""}, // a report that has failed
		{long, "agent.test.", "_er.1." + long + "6._er.agent.test."},
		{long, "agent.with.a.long.name.test.", ""},
	} {
		q := wire.Question{Name: wire.MustParseName(c.name), Type: wire.TypeA, Class: wire.ClassIN}
		name, ok := reportName(q, wire.ExtendedErrorBogus, wire.MustParseName(c.agent))
		if ok != (c.want != "") || ok && name.String() != c.want {
			t.Errorf("%s to %s: %v", c.name, c.agent, name)
		}
	}
	if _, ok := reportName(wire.Question{Name: wire.Root}, wire.ExtendedErrorBogus, wire.Name{}); ok {
		t.Error("there is no agent")
	}
}

// TestReportsAreFew: a zone is reported once for a reason and a time, few reports are
// under way, and few are remembered.
func TestReportsAreFew(t *testing.T) {
	var r reports
	now := time.Unix(0, 0)
	key := reportKey{"example", wire.ExtendedErrorBogus}
	if !r.start(key, now) || r.start(key, now) || !r.start(reportKey{"example", wire.ExtendedErrorSignatureExpired}, now) {
		t.Error("once for each reason")
	}
	r.end()
	r.end()
	if later := now.Add(reportInterval); !r.start(key, later) || r.start(key, later) {
		t.Error("again later")
	}
	r.end()
	started := 0
	for i := range 3 * maxReported {
		if r.start(reportKey{"zone", wire.ExtendedErrorCode(i)}, now) {
			started++
		}
		if i >= maxReports {
			r.end()
		}
	}
	if len(r.made) > maxReported || started > maxReported {
		t.Errorf("%d are remembered, %d were started", len(r.made), started)
	}
	r = reports{}
	for i := range 3 * maxReports {
		if r.start(reportKey{"zone", wire.ExtendedErrorCode(i)}, now) != (i < maxReports) {
			t.Errorf("report %d at once", i+1)
		}
	}
}
