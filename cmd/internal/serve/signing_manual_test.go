package serve

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// signingMetric is the value of a metric of signing that has one.
func signingMetric(t *testing.T, s *signing, name string) float64 {
	t.Helper()
	for _, m := range s.metrics() {
		if m.Name == name {
			return m.Samples[0].Value
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// TestManualKeys: with manual = true, each step waits until it is approved; keys that
// leaked are replaced, and the metrics count what waits.
func TestManualKeys(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "example.org"), smallZone)
	config := filepath.Join(dir, "names.toml")
	writeFile(t, config, "[listen]\naddress = [\"127.0.0.1:0\"]\n[signing]\nkey-dir = \"keys\"\n[policy.default]\nmanual = true\nds-check = false\n"+
		"[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\nsign = \"default\"\n")
	s, log := startFromFile(t, config)
	signing := s.transfer.signing
	pass := ownClock(t, s, func() {})
	awaiting := func() float64 {
		t.Helper()
		return signingMetric(t, signing, "names_signing_zones_awaiting_operator")
	}
	next := func() string {
		t.Helper()
		reply, err := s.doSigningNext(t.Context(), []string{"example.org"})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(reply)
	}
	if _, err := s.doSigningStep(t.Context(), []string{"example.org"}); err == nil {
		t.Error("approved what was not proposed")
	}
	pass(200 * time.Hour)
	if !strings.Contains(next(), "DS rumoured") || awaiting() != 1 || !strings.Contains(log(), "a step of an exchange of keys waits for an operator") {
		t.Errorf("next: %s; %v; log:\n%s", next(), awaiting(), log())
	}
	if _, err := s.doSigningStep(t.Context(), []string{"example.org"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.doSigningConfirm(t.Context(), []string{"example.org"}); err != nil {
		t.Fatal(err)
	}
	pass(26 * time.Hour)
	if next() != "[]" || awaiting() != 0 {
		t.Error(next(), awaiting())
	}
	for _, args := range [][]string{{"example.org", "x"}, {"example.org", "70000"}} {
		if _, err := s.doSigningCompromised(t.Context(), args); err == nil {
			t.Error(args)
		}
	}
	if _, err := s.doSigningCompromised(t.Context(), []string{"example.org"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		pass(50 * time.Hour)
		if !strings.Contains(next(), "an operator is to approve it") {
			t.Error(next())
		}
		if _, err := s.doSigningStep(t.Context(), []string{"example.org"}); err != nil {
			t.Fatal(err)
		}
		_, _ = s.doSigningConfirm(t.Context(), []string{"example.org"}) // at one of the steps
	}
	pass(50 * time.Hour)
	reply, err := s.doSigningKeys(t.Context(), []string{"example.org"})
	keys := reply.([]signingKeyReply)
	if err != nil || len(keys) != 2 || max(keys[0].State, keys[1].State) != "removed" || min(keys[0].State, keys[1].State) != "active" {
		t.Error(keys, err, next())
	}
}
