package sign

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

// steps are what was begun, without the keys and the reasons.
func (l *life) steps() (all []string) {
	for _, e := range l.events {
		if strings.Contains(e, " rumoured") || strings.Contains(e, " unretentive") {
			at, after, _ := strings.Cut(e, " ")
			_, after, _ = strings.Cut(after, ": ")
			after, _, _ = strings.Cut(after, ":")
			all = append(all, at+" "+after)
		}
	}
	return all
}

// withoutTimes is steps in their order, those of one moment in one string.
func withoutTimes(steps []string) (all []string) {
	last := ""
	for _, s := range steps {
		at, what, _ := strings.Cut(s, " ")
		if at == last {
			all[len(all)-1] += ", " + what
		} else {
			all = append(all, what)
		}
		last = at
	}
	return all
}

// TestDoubleDSOrder: the parent has both DS records before the DNSKEY RRset has the new key,
// and until every cache has that (RFC 7583 3.3.2).
func TestDoubleDSOrder(t *testing.T) {
	const swap = "DNSKEY rumoured, key signature rumoured, DNSKEY unretentive, key signature unretentive"
	for name, test := range map[string]struct {
		policy KeyPolicy
		want   []string
	}{
		"two keys": {KeyPolicy{DoubleDS: true, TwoKeys: true}, []string{"DS rumoured", swap, "DS unretentive"}},
		"one key": {KeyPolicy{DoubleDS: true}, []string{
			"DS rumoured", "DNSKEY rumoured, key signature rumoured", "zone signatures rumoured, zone signatures unretentive, DS unretentive",
			"DNSKEY unretentive, key signature unretentive",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t, test.policy, prompt())
			l.days(10)
			if err := l.set.Roll(RoleAll, RoleKeys); err != nil {
				t.Fatal(err)
			}
			l.events = nil
			l.days(20)
			if got := withoutTimes(l.steps()); !slices.Equal(got, test.want) {
				t.Errorf("%q\n%s", got, strings.Join(l.events, "\n"))
			}
			if len(l.inUse()) != len(l.set.Policy.roles()) {
				t.Errorf("%d keys in use", len(l.inUse()))
			}
		})
	}
}

// TestDoubleDSIsAsked: the CDS records have both keys while the DNSKEY records have the old
// one alone.
func TestDoubleDSIsAsked(t *testing.T) {
	l := newLife(t, KeyPolicy{DoubleDS: true, TwoKeys: true}, &parent{takes: []time.Duration{0}})
	l.days(10)
	s, err := New(Policy{CDS: true}, l.set.Keys, func() time.Time { return l.now })
	if err != nil {
		t.Fatal(err)
	}
	z := signed(t, s, parse(t, zoneText))
	l.parent.takes = []time.Duration{-1} // it does nothing from now on
	if err := l.set.Roll(RoleKeys); err != nil {
		t.Fatal(err)
	}
	count := func() string {
		s.SetKeys(l.set.Keys)
		if _, err := s.Refresh(z); err != nil {
			t.Fatal(err)
		}
		verify(t, z.Snapshot(), l.now)
		n := map[wire.Type]int{}
		for r := range z.Snapshot().RecordsOf(z.Origin()) {
			n[r.Type]++
		}
		return fmt.Sprint(n[wire.TypeDNSKEY], n[wire.TypeCDS], n[wire.TypeCDNSKEY])
	}
	l.days(30)
	if got := count(); got != "2 2 2" {
		t.Errorf("while the parent does nothing: %s DNSKEY, CDS and CDNSKEY records", got)
	}
	var asked []string
	for _, w := range l.set.Waits(l.now) {
		asked = append(asked, w.String())
	}
	if !slices.ContainsFunc(asked, func(w string) bool {
		return strings.Contains(w, "DS omnipresent: all servers of the parent are to have it")
	}) {
		t.Errorf("waits for %q", asked)
	}
	l.parent.takes = []time.Duration{0}
	l.days(10)
	if got := count(); got != "2 1 1" {
		t.Errorf("at the end: %s DNSKEY, CDS and CDNSKEY records", got)
	}
}

// TestDoubleDSInterrupted: whatever else is decided while the parent has both DS records, or
// is to have them, every resolver validates, and in the end nothing is left of it.
func TestDoubleDSInterrupted(t *testing.T) {
	for name, change := range map[string]func(s *KeySet){
		"the algorithm changes":     func(s *KeySet) { s.Policy.Algorithm = wire.AlgorithmED25519 },
		"the policy changes":        func(s *KeySet) { s.Policy.DoubleDS = false },
		"one key becomes two":       func(s *KeySet) { s.Policy.TwoKeys = true },
		"it is to be unsigned":      func(s *KeySet) { s.Policy.Unsign = true },
		"all keys are compromised":  func(s *KeySet) { s.Compromise() },
		"the old one is":            func(s *KeySet) { s.Compromise(s.Keys[0].Tag) },
		"the new one is":            func(s *KeySet) { s.Compromise(s.Keys[1].Tag) },
		"nothing, with two servers": func(*KeySet) {},
	} {
		for _, after := range []int{1, 30, 40} { // hours
			t.Run(fmt.Sprintf("%s after %d hours", name, after), func(t *testing.T) {
				l := newLife(t, KeyPolicy{DoubleDS: true}, prompt())
				l.days(10)
				if err := l.set.Roll(RoleAll); err != nil {
					t.Fatal(err)
				}
				for range after {
					l.hour()
				}
				change(l.set)
				l.days(40)
				for _, k := range l.set.Keys {
					if p := k.Progress; p.Goal == Hidden && !p.IsGone() {
						t.Errorf("%s is %s: %v\n%s", k, p.Summary(), l.set.Waits(l.now), strings.Join(l.events, "\n"))
					}
				}
			})
		}
	}
}

// TestDoubleDSCalendar: two years are planned, and valid; a parent that replaces the DS record
// instead of adding one is noticed.
func TestDoubleDSCalendar(t *testing.T) {
	l := newLife(t, KeyPolicy{DoubleDS: true, TwoKeys: true, KeysLifetime: 90 * day}, prompt())
	l.days(10)
	planned, err := l.set.Calendar(l.now, l.now.Add(2*365*day), 12*time.Hour)
	if err != nil || len(planned) < 40 {
		t.Errorf("%d steps, %v", len(planned), err)
	}
	if err := l.set.Roll(RoleKeys); err != nil {
		t.Fatal(err)
	}
	l.hour()
	var next *Key
	for _, k := range l.set.Keys {
		if k.state(PartDS) == Rumoured {
			next = k
		}
	}
	ds, err := next.DS(l.set.Zone, digestSHA256)
	if err != nil {
		t.Fatal(err)
	}
	if missing := l.set.Missing([]Sighting{{Server: "a", DS: []wire.DS{*ds}}}); !slices.Equal(missing, []string{"a"}) {
		t.Errorf("the parent has only the new DS record: %v", missing)
	}
}
