package query

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/listener/listenertest"
)

// TestQueryTrace: the steps are shown, then the answer.
func TestQueryTrace(t *testing.T) {
	root := startUpstream(t, smallZone+"alias CNAME ns\n").String()
	code, stdout, stderr := runQueryText("--trace", "--stub", "up.example="+root, "alias.up.example", "+short")
	if code != cli.ExitOK || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	at := 0
	for _, want := range []string{
		"looking for alias.up.example. A", "servers of up.example. as configured", "asking " + root + " for alias.up.example. A",
		root + " says: answer", "answer: NOERROR", "ns.up.example.\n192.0.2.1\n",
	} {
		next := strings.Index(stdout[at:], want)
		if next < 0 {
			t.Fatalf("%q does not come next in\n%s", want, stdout)
		}
		at += next
	}
}

func TestQueryTraceJSON(t *testing.T) {
	root := startUpstream(t, smallZone).String()
	code, stdout, stderr := runQueryText("--trace", "--json", "--stub", "up.example="+root, "nothing.up.example")
	if code != cli.ExitOK || stderr != "" {
		t.Fatalf("exit code %d, stderr %q", code, stderr)
	}
	var kinds []string
	for line := range strings.Lines(stdout) {
		var step struct {
			Kind, Server, Reply string
		}
		if err := json.Unmarshal([]byte(line), &step); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if step.Kind == "ask" && kinds[len(kinds)-1] == "ask" {
			continue // the machine is busy, and the question is sent again
		}
		kinds = append(kinds, step.Kind)
		if step.Kind == "reply" && (step.Server != root || !strings.Contains(step.Reply, "status: NXDOMAIN")) {
			t.Errorf("reply of %s: %s", step.Server, step.Reply)
		}
	}
	if got, want := strings.Join(kinds, " "), "start servers ask reply answer"; got != want {
		t.Errorf("steps %q, want %q", got, want)
	}
}

// TestQueryTraceFails: a failure says why, and is one.
func TestQueryTraceFails(t *testing.T) {
	code, stdout, stderr := runQueryText("--trace", "--stub", "up.example=127.0.0.1:1", "www.up.example")
	if code != cli.ExitFailed || !strings.Contains(stderr, "127.0.0.1:1") || !strings.Contains(stdout, "is not used") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

const smallZone = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"

// startUpstream serves the zone up.example.
func startUpstream(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	zone := filepath.Join(t.TempDir(), "up.example")
	if err := os.WriteFile(zone, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	snapshot, err := authority.File{Path: zone}.Load(new(diagnostic.List))
	if err != nil {
		t.Fatal(err)
	}
	set := new(authority.Set)
	if err := set.SetZones([]*authority.Zone{authority.NewZone(snapshot)}); err != nil {
		t.Fatal(err)
	}
	return listenertest.Serve(t, set)
}

// TestTraceAtAnotherTime: what is traced is validated by the time of --now.
func TestTraceAtAnotherTime(t *testing.T) {
	var q queryTrace
	if err := q.option("--now", func() (string, error) { return "2100-06-01T00:00:00Z", nil }); err != nil {
		t.Fatal(err)
	}
	c, err := q.validation()
	if err != nil || c.Now().Year() != 2100 {
		t.Errorf("%v, at %v", err, c.Now())
	}
}
