package sign

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// shown is what a zone and its parent are to have of each key.
func shown(s *KeySet) string {
	var b strings.Builder
	for _, k := range s.Keys {
		if k.Progress == nil {
			continue
		}
		for part := range parts {
			if k.Progress.shows(part) {
				fmt.Fprintf(&b, "%d %v\n", k.Tag, part)
			}
		}
	}
	return b.String()
}

// TestManual: nothing that others see changes before an operator lets it, however long
// that takes, and every step that is proposed can wait.
func TestManual(t *testing.T) {
	for _, policy := range []KeyPolicy{{KeysLifetime: 60 * day}, {TwoKeys: true, KeysLifetime: 60 * day, ZoneLifetime: 30 * day}} {
		t.Run(fmt.Sprintf("two keys=%v", policy.TwoKeys), func(t *testing.T) {
			policy.Manual = true
			l := newLife(t, policy, prompt())
			l.kills = true
			l.hour()
			if !l.set.isSigned() {
				t.Fatal("the first key waits for an operator: the zone cannot be served")
			}
			steps := 0
			for i := range 110 {
				before := shown(l.set)
				l.days(1)
				if after := shown(l.set); after != before {
					t.Fatalf("without an operator:\n%s\nfrom\n%s", after, before)
				}
				waits := l.set.Waits(l.now)
				if next := l.set.NextChange(l.now); !next.IsZero() && !next.After(l.now.Add(-time.Hour)) {
					t.Fatalf("the next change is at %s, now is %s: %v", next, l.now, waits)
				}
				if i%2 != 0 {
					continue
				}
				switch err := l.set.Approve(l.now); {
				case errors.Is(err, ErrNoProposal):
					if len(waits) > 0 && waits[0].Why == whyManual {
						t.Fatal(waits)
					}
				case err != nil:
					t.Fatal(err)
				default:
					if waits[0].Why != whyManual {
						t.Fatalf("%v is approved, but not proposed", waits)
					}
					if err := l.set.Save(l.dir, l.now); err != nil {
						t.Fatal(err)
					}
					l.kill() // before the step
					l.hour()
					if shown(l.set) == before {
						t.Fatalf("nothing has happened after %v", waits)
					}
					steps++
				}
			}
			if steps < 4 {
				t.Errorf("%d steps\n%s", steps, strings.Join(l.events, "\n"))
			}
			if _, err := l.set.Calendar(l.now, l.now.Add(365*day), day); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestManualRoll: what an operator begins is proposed at once.
func TestManualRoll(t *testing.T) {
	l := newLife(t, KeyPolicy{}, prompt())
	l.days(10)
	l.set.Policy.Manual = true
	if got := l.set.Proposals(l.now); len(got) != 0 {
		t.Error(got)
	}
	if err := l.set.Roll(RoleAll); err != nil {
		t.Fatal(err)
	}
	if got := l.set.Proposals(l.now); len(got) != 3 || got[0].What != "make a key" || got[1].What != "new key 1: DNSKEY rumoured" {
		t.Error(got)
	}
}
