package exchanges

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
	"github.com/names-dns/names/wire/dnssec/ed448"
)

// fetcher is the cache of a resolver: it has the keys of one version.
type fetcher struct{ of *Combination }

func (f fetcher) Fetch(_ context.Context, name wire.Name, t wire.Type) (*validate.Reply, error) {
	if !name.Equal(Zone) || t != wire.TypeDNSKEY {
		return nil, fmt.Errorf("%v %v is not cached", name, t)
	}
	return &validate.Reply{
		Question: wire.Question{Name: name, Type: t, Class: wire.ClassIN},
		Answer:   []*validate.RRset{RRset(f.of.Keys, Zone, wire.TypeDNSKEY)},
	}, nil
}

func init() { sign.AddAlgorithms(ed448.Scheme()) }

// judge asks our validator about a name that is there, and about a type that is not.
func judge(t *testing.T, c *Combination, now time.Time) error {
	t.Helper()
	anchors := new(validate.Anchors)
	for i := range c.DS {
		anchors.AddDS(Zone, &c.DS[i])
	}
	v := validate.New(validate.Config{
		Fetcher: fetcher{c}, Anchors: anchors, Now: func() time.Time { return now }, MinSkew: time.Nanosecond, MaxSkew: time.Nanosecond,
		MaxZones: 8, MaxSignatures: 64, Algorithms: dnssec.NewAlgorithms(dnssec.Policy{}, ed448.Scheme()),
	})
	for _, reply := range []*validate.Reply{
		{Question: wire.Question{Name: Host, Type: wire.TypeA, Class: wire.ClassIN}, Answer: []*validate.RRset{RRset(c.Records, Host, wire.TypeA)}},
		{
			Question:  wire.Question{Name: Host, Type: wire.TypeAAAA, Class: wire.ClassIN},
			Authority: []*validate.RRset{RRset(c.Records, Zone, wire.TypeSOA), RRset(c.Records, Host, wire.TypeNSEC)},
		},
	} {
		if r := v.Check(t.Context(), reply, nil); r.Verdict != validate.Secure {
			return fmt.Errorf("%v is %v: %v", reply.Question, r.Verdict, r.Reason)
		}
	}
	return nil
}

const day = 24 * time.Hour

// TestValidatorThroughExchanges: whatever a resolver has in its cache, at any moment of a
// year with exchanges of each kind, our validator finds it secure. The rule that the
// states follow is not asked.
func TestValidatorThroughExchanges(t *testing.T) {
	for name, test := range map[string]struct {
		keys   sign.KeyPolicy
		change func(s *sign.KeySet) error // after 100 days
		made   int                        // keys that there were at the end, at least
	}{
		"one key":         {keys: sign.KeyPolicy{KeysLifetime: 60 * day}, made: 6},
		"two keys":        {keys: sign.KeyPolicy{TwoKeys: true, KeysLifetime: 70 * day, ZoneLifetime: 25 * day}, made: 15},
		"two DS records":  {keys: sign.KeyPolicy{DoubleDS: true, TwoKeys: true, KeysLifetime: 70 * day, ZoneLifetime: 40 * day}, made: 10},
		"two DS, one key": {keys: sign.KeyPolicy{DoubleDS: true, KeysLifetime: 60 * day}, made: 6},
		"two DS, at once": {keys: sign.KeyPolicy{DoubleDS: true, TwoKeys: true}, change: func(s *sign.KeySet) error { return s.Roll(sign.RoleKeys) }, made: 3},
		"two DS, leaked":  {keys: sign.KeyPolicy{DoubleDS: true, KeysLifetime: 100*day + time.Hour}, change: func(s *sign.KeySet) error { return s.Compromise() }, made: 3},
		"algorithm":       {change: func(s *sign.KeySet) error { s.Policy.Algorithm = wire.AlgorithmED25519; return nil }, made: 2},
		"to Ed448":        {change: func(s *sign.KeySet) error { s.Policy.Algorithm = wire.AlgorithmED448; return nil }, made: 2},
		"algorithm and two": {change: func(s *sign.KeySet) error {
			s.Policy.Algorithm, s.Policy.TwoKeys = wire.AlgorithmED25519, true
			return nil
		}, made: 3},
		"one key from two":   {keys: sign.KeyPolicy{TwoKeys: true}, change: func(s *sign.KeySet) error { s.Policy.TwoKeys = false; return nil }, made: 3},
		"keys that leaked":   {keys: sign.KeyPolicy{TwoKeys: true}, change: func(s *sign.KeySet) error { return s.Compromise() }, made: 4},
		"leaked in exchange": {keys: sign.KeyPolicy{TwoKeys: true, ZoneLifetime: 100*day + time.Hour}, change: func(s *sign.KeySet) error { return s.Compromise() }, made: 5},
	} {
		t.Run(name, func(t *testing.T) {
			days := 365
			if testing.Short() {
				if test.change == nil {
					t.Skip("a year of keys with lifetimes: in the long run only")
				}
				days = 115
			}
			start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
			l, err := New(Config{Dir: t.TempDir(), Start: start, Keys: test.keys, Parent: []time.Duration{3 * time.Hour, 31 * time.Hour}})
			if err != nil {
				t.Fatal(err)
			}
			var first *Combination
			moments, most, isChanged := 0, 0, test.change == nil
			for l.Now.Before(start.Add(time.Duration(days) * day)) {
				if !isChanged && !l.Now.Before(start.Add(100*day)) {
					if err := test.change(l.Set); err != nil {
						t.Fatal(err)
					}
					isChanged = true
				}
				if err := l.Step(12 * time.Hour); err != nil {
					t.Fatal(err)
				}
				all := l.Combinations()
				for i := range all {
					if err := judge(t, &all[i], l.Now); err != nil {
						t.Fatalf("%s: %v, with\n%v", l.Now, err, &all[i])
					}
				}
				if moments, most = moments+len(all), max(most, len(all)); first == nil && len(all) > 0 {
					first = &all[0]
				}
			}
			if len(l.Set.Keys) < test.made && !testing.Short() || most < 4 {
				t.Errorf("%d keys, %d combinations at once", len(l.Set.Keys), most)
			}
			t.Logf("%d combinations, at most %d at once", moments, most)

			// What no cache can have together is not secure: the test can fail.
			all := l.Combinations()
			old := Combination{DS: first.DS, Keys: all[0].Keys, Records: all[0].Records}
			if judge(t, &old, l.Now) == nil {
				t.Error("keys of the end are secure with DS records of the beginning")
			}
			old = Combination{DS: all[0].DS, Keys: all[0].Keys, Records: first.Records}
			if judge(t, &old, l.Now) == nil {
				t.Error("signatures of the beginning are secure at the end")
			}
		})
	}
}
