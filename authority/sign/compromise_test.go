package sign

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

// TestCompromise: at any moment of the life of a key, others take the places of all that
// there are, no resolver fails to validate meanwhile, and they do not come back.
func TestCompromise(t *testing.T) {
	for name, policy := range map[string]KeyPolicy{
		"one key": {}, "two keys": {TwoKeys: true}, "manual": {Manual: true},
	} {
		for _, after := range []time.Duration{0, 2 * time.Hour, 3 * time.Hour, 30 * time.Hour, 10 * day, 10*day + 2*time.Hour, 11 * day} {
			t.Run(fmt.Sprintf("%s after %v", name, after), func(t *testing.T) {
				if testing.Short() && name != "manual" {
					t.Skip("each moment of each policy: in the long run only")
				}
				l := newLife(t, policy, prompt())
				l.hour()
				unused, err := GenerateAnother(l.set.Keys, wire.AlgorithmECDSAP256SHA256, policy.roles()[0].flags(), 0, l.now)
				if err != nil {
					t.Fatal(err)
				}
				if err := unused.Write(l.dir, l.set.Zone); err != nil {
					t.Fatal(err)
				}
				l.kill()
				approve := func() {
					if policy.Manual && len(l.set.Proposals(l.now)) > 0 {
						if err := l.set.Approve(l.now); err != nil {
							t.Fatal(err)
						}
					}
				}
				for range int(after / time.Hour) {
					approve()
					l.hour()
					if len(l.events) > 0 && l.now.Equal(start.Add(10*day)) {
						if err := l.set.Roll(policy.roles()...); err != nil {
							t.Fatal(err)
						}
					}
				}
				known := map[uint16]bool{}
				for _, k := range l.set.Keys {
					known[k.Tag] = true
				}
				before := shown(l.set)
				if err := l.set.Compromise(); err != nil {
					t.Fatal(err)
				}
				l.hour()
				if shown(l.set) == before {
					t.Error("nothing has happened")
				}
				for range 14 * 24 {
					approve()
					l.hour()
				}
				for _, k := range l.set.Keys {
					if known[k.Tag] != k.Progress.IsGone() || known[k.Tag] != k.Progress.Compromised {
						t.Errorf("%s is %s\n%s", k, k.Progress.Summary(), strings.Join(l.events, "\n"))
					}
				}
				l.kill()
				for _, k := range l.set.Keys {
					if known[k.Tag] != k.Progress.Compromised {
						t.Errorf("%s: compromised is %v after a restart", k, k.Progress.Compromised)
					}
				}
			})
		}
	}
}

// TestCompromisedTag: only the key that is named goes, and one that is not there is an
// error that changes nothing.
func TestCompromisedTag(t *testing.T) {
	l := newLife(t, KeyPolicy{TwoKeys: true}, prompt())
	l.days(10)
	gone := l.set.Keys[1].Tag
	if err := l.set.Compromise(gone, gone+1); !errors.Is(err, ErrNoSuchKey) || l.set.Keys[1].Progress.Compromised {
		t.Error(err)
	}
	if err := l.set.Compromise(gone); err != nil {
		t.Fatal(err)
	}
	l.days(10)
	if len(l.set.Keys) != 3 {
		t.Fatalf("%d keys", len(l.set.Keys))
	}
	for _, k := range l.set.Keys {
		if k.Progress.IsGone() != (k.Tag == gone) {
			t.Errorf("%s is %s", k, k.Progress.Summary())
		}
	}
	if err := l.set.Compromise(gone); !errors.Is(err, ErrNoSuchKey) {
		t.Error(err)
	}
}

// TestCompromiseWithoutParent: a key whose DS record the parent was asked for, and never
// took, does not wait for it.
func TestCompromiseWithoutParent(t *testing.T) {
	l := newLife(t, KeyPolicy{}, &parent{takes: []time.Duration{-1}})
	l.days(10)
	old := l.set.Keys[0]
	if old.state(PartDS) != Rumoured {
		t.Fatal(old.Progress.Summary())
	}
	if err := l.set.Compromise(); err != nil {
		t.Fatal(err)
	}
	l.days(5)
	l.parent.takes = []time.Duration{0}
	l.days(10)
	if !l.set.Keys[0].Progress.IsGone() || l.set.Keys[1].Progress.Summary() != "active" {
		t.Errorf("%s, %s\n%s", l.set.Keys[0].Progress.Summary(), l.set.Keys[1].Progress.Summary(), strings.Join(l.events, "\n"))
	}
}
