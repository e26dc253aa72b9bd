package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestQueryTrace: the steps are shown, then the answer.
func TestQueryTrace(t *testing.T) {
	root := startUpstream(t, smallZone+"alias CNAME ns\n").String()
	code, stdout, stderr := runQueryText("--trace", "--stub", "up.example="+root, "alias.up.example", "+short")
	if code != exitOK || stderr != "" {
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
	if code != exitOK || stderr != "" {
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
	if code != exitFailed || !strings.Contains(stderr, "127.0.0.1:1") || !strings.Contains(stdout, "is of no use") {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}
