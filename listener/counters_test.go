package listener

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestCountersInLogs: a key and a value for each that counted anything.
func TestCountersInLogs(t *testing.T) {
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("stopped", "counters", Counters{UDPQueries: 3, AcceptErrors: 1})
	if want := "msg=stopped counters.UDPQueries=3 counters.AcceptErrors=1\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("%q does not end in %q", out.String(), want)
	}
}

// TestCountersHaveAllCounts: no count of a tally is left without a name.
func TestCountersHaveAllCounts(t *testing.T) {
	var all tally
	for i := range all {
		all[i] = 1
	}
	if got := len(all.counters().LogValue().Group()); got != len(all) {
		t.Errorf("%d counters for %d counts", got, len(all))
	}
}
