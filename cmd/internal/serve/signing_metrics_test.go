package serve

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

// TestSigningMetrics: the metrics say what the zones and their keys are: how many, of which
// state, which wait, and when the first signature of all zones ends.
func TestSigningMetrics(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"example.org", "example.net"} {
		writeFile(t, filepath.Join(dir, name), smallZone)
	}
	config := filepath.Join(dir, "names.toml")
	writeFile(t, config, "[listen]\naddress = [\"127.0.0.1:0\"]\n[signing]\nkey-dir = \"keys\"\n[policy.default]\nds-check = false\n"+
		"[policy.short]\nds-check = false\nkeys = \"two\"\nvalidity = \"72h\"\nrefresh = \"24h\"\n"+
		"[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\nsign = \"default\"\n"+
		"[[zone]]\nname = \"example.net\"\nfile = \"example.net\"\nsign = \"short\"\n")
	s, _ := startFromFile(t, config)
	signing := s.transfer.signing
	pass := ownClock(t, s, func() {})
	keys := func() map[string]float64 {
		t.Helper()
		got := map[string]float64{}
		for _, m := range signing.metrics() {
			if m.Name != "names_signing_keys" {
				continue
			}
			for _, sample := range m.Samples {
				got[sample.Labels[1]] = sample.Value
			}
		}
		return got
	}
	check := func(what string, awaiting float64, states map[string]float64) {
		t.Helper()
		for name, want := range map[string]float64{
			"names_signing_zones": 2, "names_signing_zones_awaiting_parent": awaiting, "names_signing_zones_missing_ds": 0,
			"names_signing_zones_failed": 0, "names_signing_zones_awaiting_operator": 0,
		} {
			if got := signingMetric(t, signing, name); got != want {
				t.Errorf("%s: %s is %v, not %v", what, name, got, want)
			}
		}
		var first time.Time
		for _, zone := range s.set.Zones() {
			for r := range zone.Snapshot().All() {
				var sig wire.RRSIG
				if c := wire.CursorOver(r.Data); r.Type == wire.TypeRRSIG && sig.Parse(&c) == nil {
					if ends := sig.Expiration.Time(time.Now()); first.IsZero() || ends.Before(first) {
						first = ends
					}
				}
			}
		}
		if got := signingMetric(t, signing, "names_signing_first_end_timestamp_seconds"); got != float64(first.Unix()) {
			t.Errorf("%s: the first signature ends at %v, not %v", what, first.Unix(), got)
		}
		for state, got := range keys() {
			if got != states[state] {
				t.Errorf("%s: %v keys are %s, not %v", what, got, state, states[state])
			}
		}
	}
	check("at first", 0, map[string]float64{"published": 2, "active": 1})
	pass(27 * time.Hour) // all caches have signed records
	check("before the parent", 2, map[string]float64{"ready": 2, "active": 1})
	for _, name := range []string{"example.org", "example.net"} {
		if _, err := s.doSigningConfirm(t.Context(), []string{name}); err != nil {
			t.Fatal(err)
		}
	}
	pass(26 * time.Hour)
	check("in use", 0, map[string]float64{"active": 3})
	if _, err := s.doSigningRoll(t.Context(), []string{"example.org", "keys"}); err != nil {
		t.Fatal(err)
	}
	pass(time.Second)
	check("being exchanged", 0, map[string]float64{"active": 2, "retiring": 1, "published": 1})
}
