package validate

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

// keyNamed returns a key of the root. "x!" is the key x, revoked.
func keyNamed(name string) *wire.DNSKEY {
	plain, isRevoked := strings.CutSuffix(name, "!")
	k := &wire.DNSKEY{Flags: wire.FlagZoneKey | wire.FlagSecureEntry, Protocol: 3, Algorithm: toy, PublicKey: []byte(strings.Repeat(plain, 32)[:32])}
	if isRevoked {
		k.Flags |= wire.FlagRevoked
	}
	return k
}

// seenKeys returns what a zone has: names of keys as keyNamed has them, those that are
// revoked have signed, unless they end in "!?".
func seenKeys(names string) *SeenKeys {
	s := &SeenKeys{TTL: 48 * time.Hour, Expires: now.Add(365 * day)}
	for name := range strings.FieldsSeq(names) {
		plain, isUnsigned := strings.CutSuffix(name, "?")
		s.Keys = append(s.Keys, SeenKey{Key: keyNamed(plain), IsSelfSigned: !isUnsigned})
	}
	return s
}

// states is "a=valid b=pending" in the order of names.
func states(z *TrackedZone, names ...string) string {
	var all []string
	for _, name := range names {
		for i := range z.Keys {
			if k := &z.Keys[i]; k.isSame(z.Zone, keyNamed(name)) {
				all = append(all, name+"="+k.Status.String())
			}
		}
	}
	return strings.Join(all, " ")
}

// TestStatesOfKeys is RFC 5011 4.2, transition by transition. Each step is what the
// zone has so many days after the step before, and what the keys are then.
func TestStatesOfKeys(t *testing.T) {
	type step struct {
		days int
		seen string
		want string
	}
	for title, steps := range map[string][]step{
		"new key":                  {{0, "a", "a=valid"}, {1, "a b", "a=valid b=pending"}, {29, "a b", "a=valid b=pending"}, {1, "a b", "a=valid b=valid"}},
		"key that goes":            {{0, "a b", "a=valid b=pending"}, {20, "a", "a=valid"}, {1, "a b", "a=valid b=pending"}, {29, "a b", "a=valid b=pending"}, {1, "a b", "a=valid b=valid"}},
		"missing and back":         {{0, "a", "a=valid"}, {1, "b", "a=missing b=pending"}, {100, "b", "a=missing b=valid"}, {1, "a b", "a=valid b=valid"}},
		"revoked":                  {{0, "a b", "a=valid b=pending"}, {30, "a b", "a=valid b=valid"}, {1, "a! b", "a=revoked b=valid"}, {29, "b", "a=revoked b=valid"}, {1, "b", "a=removed b=valid"}, {1, "a b", "a=removed b=valid"}},
		"revoked while missing":    {{0, "a b", "a=valid b=pending"}, {30, "a b", "a=valid b=valid"}, {1, "b", "a=missing b=valid"}, {1, "a! b", "a=revoked b=valid"}},
		"revoked while pending":    {{0, "a b", "a=valid b=pending"}, {1, "a b!", "a=valid b=revoked"}, {40, "a b", "a=valid b=removed"}},
		"revoked by others":        {{0, "a", "a=valid"}, {1, "a!? b", "a=valid b=pending"}},
		"revoked, never seen":      {{0, "a c!", "a=valid"}, {1, "a c", "a=valid c=pending"}},
		"back without REVOKE":      {{0, "a b", "a=valid b=pending"}, {30, "a b", "a=valid b=valid"}, {1, "a! b", "a=revoked b=valid"}, {1, "a b", "a=revoked b=valid"}},
		"seen late":                {{0, "a b", "a=valid b=pending"}, {300, "a b", "a=valid b=valid"}},
		"all revoked":              {{0, "a", "a=valid"}, {1, "a!", "a=revoked"}},
		"the clock goes backwards": {{0, "a b", "a=valid b=pending"}, {-10, "a b", "a=valid b=pending"}, {39, "a b", "a=valid b=pending"}, {1, "a b", "a=valid b=valid"}},
	} {
		z := &TrackedZone{Zone: wire.Root}
		digest := &TrackedZone{Zone: wire.Root, Keys: []TrackedKey{{Status: KeyValid, Key: keyNamed("a")}}}
		z.Configure(now, digest.Trusted())
		at := now
		for i, s := range steps {
			at = at.Add(time.Duration(s.days) * day)
			z.Update(at, seenKeys(s.seen))
			if got := states(z, "a", "b", "c"); got != s.want {
				t.Errorf("%s, step %d: %s, want %s", title, i+1, got, s.want)
			}
			// What is written and read again is the same.
			again, err := ParseState("state", AppendState(nil, []*TrackedZone{z}))
			if err != nil || len(again) != 1 || string(AppendState(nil, again)) != string(AppendState(nil, []*TrackedZone{z})) {
				t.Fatalf("%s, step %d: %v", title, i+1, err)
			}
			z = again[0]
		}
		if trusted := z.Trusted(); title == "all revoked" && len(trusted) != 0 {
			t.Errorf("%s: %v is trusted", title, trusted)
		}
	}
}

// TestConfiguredKeys: a key that was revoked stays so although it is configured, and a
// new one that is configured is trusted at once.
func TestConfiguredKeys(t *testing.T) {
	z := &TrackedZone{Zone: wire.Root, Keys: []TrackedKey{{Status: KeyRevoked, Since: now, Key: keyNamed("a")}}}
	configured := &TrackedZone{Zone: wire.Root, Keys: []TrackedKey{{Status: KeyValid, Key: keyNamed("a")}, {Status: KeyValid, Key: keyNamed("b")}}}
	for range 2 {
		z.Configure(now, configured.Trusted())
		if trusted := z.Trusted(); len(trusted) != 1 || len(z.Keys) != 2 || states(z, "a", "b") != "a=revoked b=valid" {
			t.Errorf("%s, %v", states(z, "a", "b"), trusted)
		}
	}
}

// TestIntervals are those of RFC 5011 2.3.
func TestIntervals(t *testing.T) {
	for _, c := range []struct{ ttl, expires, want time.Duration }{
		{48 * time.Hour, 365 * day, 24 * time.Hour},
		{time.Minute, 365 * day, time.Hour},
		{100 * day, 365 * day, 15 * day},
		{100 * day, 10 * day, 5 * day},
		{100 * day, -day, time.Hour},
	} {
		z := &TrackedZone{Zone: wire.Root}
		z.Update(now, &SeenKeys{TTL: c.ttl, Expires: now.Add(c.expires)})
		if got := z.Next.Sub(now); got != c.want {
			t.Errorf("TTL %v, signature for %v: %v, want %v", c.ttl, c.expires, got, c.want)
		}
	}
	z := new(TrackedZone)
	if z.Failed(now); z.Next.Sub(now) != time.Hour {
		t.Errorf("after a failure: %v", z.Next.Sub(now))
	}
}

// TestDamagedState: no part of a file is used that is not whole.
func TestDamagedState(t *testing.T) {
	z := &TrackedZone{Zone: wire.Root, Checked: now, Next: now.Add(day), Keys: []TrackedKey{{Status: KeyValid, Since: now, Key: keyNamed("a")}}}
	good := AppendState(nil, []*TrackedZone{z})
	if _, err := ParseState("f", good); err != nil {
		t.Fatal(err)
	}
	for cut := range good {
		if _, err := ParseState("f", good[:cut]); !errors.Is(err, ErrState) {
			t.Errorf("the first %d octets: %v", cut, err)
		}
	}
	for i := range good {
		bad := []byte(string(good))
		bad[i] ^= 0x01
		if _, err := ParseState("f", bad); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), "f:") {
			t.Errorf("octet %d is another: %v", i, err)
		}
	}
	for text, want := range map[string]string{
		"":                              "f:1: the file ends early",
		"key valid\n":                   "f:2: the file ends early",
		strings.Repeat("x", MaxState+1): "f:1: 1048577 octets",
	} {
		if _, err := ParseState("f", []byte(text)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "restore the file, or remove it") {
			t.Errorf("%.20q: %v does not say %q", text, err, want)
		}
	}
}

// TestFollowerKeepsItsState: it is there after a restart, a damaged file stops the
// start, and a file that cannot be written is reported.
func TestFollowerKeepsItsState(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	var failures []string
	config := FollowConfig{
		Path: path, Algorithms: algorithms, Now: func() time.Time { return now }, Anchors: RootAnchors(),
		Ask:    func(context.Context, wire.Question) (*wire.Message, error) { return nil, errors.New("no servers") },
		Failed: func(zone wire.Name, err error) { failures = append(failures, fmt.Sprint(zone, " ", err)) },
	}
	f, err := NewFollower(config)
	if err != nil {
		t.Fatal(err)
	}
	f.Check(t.Context(), f.zones[0])
	if len(failures) != 1 || failures[0] != ". no servers" || f.zones[0].Next.Sub(now) != time.Hour {
		t.Errorf("%q, next %v", failures, f.zones[0].Next)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a state was written, and nothing was seen")
	}
	f.zones[0].Update(now, seenKeys("a"))
	if err := f.save(); err != nil {
		t.Fatal(err)
	}
	config.Anchors = RootAnchors()
	again, err := NewFollower(config)
	if err != nil || states(again.zones[0], "a") != "a=pending" || len(config.Anchors.All()) != 2 {
		t.Errorf("%v, %s, anchors %v", err, states(again.zones[0], "a"), config.Anchors.All())
	}
	if runtime.GOOS != "windows" { // whose files have no such bits
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := NewFollower(config); err == nil || !strings.Contains(err.Error(), "users other than its owner may write to it") {
			t.Errorf("a file that all may write to: %v", err)
		}
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte("names trust anchors 1\nzone . checked"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewFollower(config); !errors.Is(err, ErrState) || !strings.Contains(err.Error(), path) {
		t.Errorf("a damaged file: %v", err)
	}
	f.Path = filepath.Join(dir, "none", "state")
	if err := f.save(); err == nil {
		t.Error("a state was written where there is no directory")
	}
}

func TestSignalName(t *testing.T) {
	for _, c := range []struct{ zone, want string }{{".", "_ta-4f66-9728."}, {"example.", "_ta-4f66-9728.example."}} {
		var trusted []*wire.DS
		for _, a := range RootAnchors().All() {
			trusted = append(trusted, &a.DS)
		}
		if got := SignalName(wire.MustParseName(c.zone), trusted); got.String() != c.want {
			t.Errorf("%v, want %s", got, c.want)
		}
	}
	if got := SignalName(wire.Root, nil); !got.IsZero() {
		t.Errorf("without keys: %v", got)
	}
}

func TestSentinel(t *testing.T) {
	v := New(Config{})
	for _, c := range []struct {
		question string
		isError  bool
	}{
		{"root-key-sentinel-is-ta-20326.example. A", false},
		{"root-key-sentinel-is-ta-38696.example. AAAA", false},
		{"root-key-sentinel-is-ta-11111.example. A", true},
		{"root-key-sentinel-not-ta-11111.example. A", false},
		{"root-key-sentinel-not-ta-20326.example. A", true},
		{"Root-Key-Sentinel-NOT-ta-20326.example. A", true},
		{"root-key-sentinel-not-ta-20326.example. TXT", false},
		{"root-key-sentinel-is-ta-2032.example. A", false},
		{"root-key-sentinel-is-ta-99999.example. A", false},
		{"root-key-sentinel-is-ta-.example. A", false},
		{"x.root-key-sentinel-is-ta-11111.example. A", false},
		{"root-key-sentinel-may-ta-11111.example. A", false},
	} {
		if err := v.Sentinel(question(t, c.question)); (err != nil) != c.isError {
			t.Errorf("%s: %v", c.question, err)
		}
	}
}

func FuzzParseState(f *testing.F) {
	z := &TrackedZone{Zone: wire.Root, Checked: now, Next: now.Add(day), Keys: []TrackedKey{{Status: KeyValid, Since: now, Key: keyNamed("a")}}}
	f.Add(AppendState(nil, []*TrackedZone{z}))
	f.Add([]byte("names trust anchors 1\nzone . checked never next never\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if _, err := ParseState("f", text); err != nil {
			sum := sha256.Sum256(text)
			text = fmt.Appendf(text, "end %x\n", sum)
		}
		zones, err := ParseState("f", text)
		if err != nil {
			return
		}
		written := AppendState(nil, zones)
		again, err := ParseState("f", written)
		if err != nil || string(AppendState(nil, again)) != string(written) {
			t.Errorf("%q is written as %q: %v", text, written, err)
		}
	})
}
