package sign

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

func ksk(t testing.TB) *Key {
	return key(t, wire.AlgorithmECDSAP256SHA256, wire.FlagZoneKey|wire.FlagSecureEntry)
}

// parent is a parent zone with several servers, each of which publishes what the
// zone asks for in its own time.
type parent struct {
	takes []time.Duration // of each server; negative: never
	has   [][]*Key        // that server
	since time.Time       // when what is asked for changed
	asked []*Key
}

// run lets the parent do what it does at now, and returns what its servers have.
func (p *parent) run(t *testing.T, s *KeySet, now time.Time) []Sighting {
	t.Helper()
	var asked []*Key
	for _, k := range s.Keys {
		if k.Progress != nil && k.Progress.shows(PartDS) {
			asked = append(asked, k)
		}
	}
	if !isSameKeys(asked, p.asked) {
		p.asked, p.since = asked, now
	}
	if p.has == nil {
		p.has = make([][]*Key, len(p.takes))
	}
	var all []Sighting
	for i, takes := range p.takes {
		if takes >= 0 && !now.Before(p.since.Add(takes)) {
			p.has[i] = p.asked
		}
		sighting := Sighting{Server: fmt.Sprint(i)}
		for _, k := range p.has[i] {
			ds, err := k.DS(s.Zone, digestSHA256)
			if err != nil {
				t.Fatal(err)
			}
			sighting.DS = append(sighting.DS, *ds)
		}
		all = append(all, sighting)
	}
	return all
}

// isSameKeys compares keys by what is in their records: a set that was read again
// has others.
func isSameKeys(a, b []*Key) bool {
	return slices.EqualFunc(a, b, func(a, b *Key) bool { return string(a.Data()) == string(b.Data()) })
}

// life is a zone with keys that goes through time.
type life struct {
	t      *testing.T
	dir    string
	set    *KeySet
	parent *parent
	now    time.Time
	kills  bool // the process is killed at every transition, in different moments
	killed int

	// What resolvers can have, by the data of keys.
	ds, keys, zone []memory
	events         []string
}

// memory is a version that was published, and when it was replaced.
type memory struct {
	keys, signers map[string]wire.Algorithm
	until         time.Time
}

func newLife(t *testing.T, policy KeyPolicy, p *parent) *life {
	t.Helper()
	l := &life{t: t, dir: t.TempDir(), parent: p, now: start}
	l.open()
	l.set.Policy = policy
	return l
}

func (l *life) open() {
	l.t.Helper()
	set, err := OpenKeySet(l.dir, wire.MustParseName("example."), l.now)
	if err != nil {
		l.t.Fatal(err)
	}
	l.set = set
}

// kill makes the process begin again with what is on disk.
func (l *life) kill() {
	policy := l.set.Policy
	l.open()
	l.set.Resume(l.now)
	l.set.Policy = policy
	l.killed++
}

// hour lets an hour pass.
func (l *life) hour() {
	l.t.Helper()
	s := l.set
	seen := l.parent.run(l.t, s, l.now)
	s.Observe(l.now, seen)
	done, err := s.Advance(l.now)
	if err != nil {
		l.t.Fatal(err)
	}
	for _, d := range done {
		l.events = append(l.events, fmt.Sprintf("%s %s", l.now.Format("0102T15"), d))
	}
	if len(done) > 0 {
		if l.kills && l.killed%2 == 0 { // before it is saved
			l.kill()
			l.killed++
			if _, err := l.set.Advance(l.now); err != nil {
				l.t.Fatal(err)
			}
		}
		if err := l.set.Save(l.dir, l.now); err != nil {
			l.t.Fatal(err)
		}
		if l.kills { // before the zone is signed
			l.kill()
		}
		l.set.Published(l.now)
		if err := l.set.Save(l.dir, l.now); err != nil {
			l.t.Fatal(err)
		}
	}
	l.set.Published(l.now)
	l.look(seen)
	l.now = l.now.Add(time.Hour)
}

// look remembers what is published, and checks every combination that a resolver
// can have: a slow twin of the rule that the states follow.
func (l *life) look(seen []Sighting) {
	l.t.Helper()
	timing := l.set.Policy.Timing
	forget := func(all []memory, after time.Duration) []memory {
		return slices.DeleteFunc(all, func(m memory) bool { return !m.until.IsZero() && !m.until.Add(after).After(l.now) })
	}
	l.ds, l.keys, l.zone = forget(l.ds, timing.DS), forget(l.keys, timing.Propagation+timing.KeyTTL), forget(l.zone, timing.Propagation+timing.MaxTTL)
	// What is there in this hour is there until the next, or it is replaced then.
	r, err := rolesAt(l.set.Keys, l.now)
	if err != nil {
		l.t.Fatal(err)
	}
	data := func(keys []*Key) map[string]wire.Algorithm {
		m := map[string]wire.Algorithm{}
		for _, k := range keys {
			m[string(k.Data())] = k.Record.Algorithm
		}
		return m
	}
	until := l.now.Add(time.Hour)
	l.keys = remember(l.keys, memory{data(r.published), data(r.keySigners), until})
	l.zone = remember(l.zone, memory{nil, data(r.zoneSigners), until})
	for _, server := range seen {
		has := map[string]wire.Algorithm{}
		for _, k := range l.set.Keys {
			if l.set.isIn(k, server.DS) {
				has[string(k.Data())] = k.Record.Algorithm
			}
		}
		if len(has) < len(server.DS) {
			l.t.Fatalf("%s: the parent has DS records of keys that are gone", l.now)
		}
		if len(has) > 0 {
			l.ds = remember(l.ds, memory{has, nil, until})
		}
	}
	for _, ds := range l.ds {
		for _, keys := range l.keys {
			for _, a := range ds.keys { // each algorithm of the DS records
				if !anyOf(a, ds.keys, keys.keys, keys.signers) {
					l.fail("DS", ds, keys)
				}
			}
			for _, zone := range l.zone {
				for _, a := range keys.keys {
					if !anyOf(a, keys.keys, zone.signers) || !anyOf(a, keys.keys, keys.signers) {
						l.fail("signature", keys, zone)
					}
				}
			}
		}
	}
}

// remember adds a version, once.
func remember(all []memory, m memory) []memory {
	for i := range all {
		if maps.Equal(all[i].keys, m.keys) && maps.Equal(all[i].signers, m.signers) {
			all[i].until = m.until
			return all
		}
	}
	return append(all, m)
}

// anyOf reports whether a key of an algorithm is in all of these.
func anyOf(a wire.Algorithm, in map[string]wire.Algorithm, all ...map[string]wire.Algorithm) bool {
	for k, of := range in {
		if of == a && !slices.ContainsFunc(all, func(m map[string]wire.Algorithm) bool { return m[k] != a }) {
			return true
		}
	}
	return false
}

func (l *life) fail(what string, a, b memory) {
	l.t.Helper()
	l.t.Fatalf("%s: %s: a resolver with what was there until %s cannot validate with what was there until %s\n%s",
		l.now, what, a.until, b.until, strings.Join(l.events, "\n"))
}

func (l *life) days(n int) {
	l.t.Helper()
	for range 24 * n {
		l.hour()
	}
}

// inUse are the keys that are to be in the zone, of all.
func (l *life) inUse() (keys []*Key) {
	for _, k := range l.set.Keys {
		if k.Progress != nil && k.Progress.Goal == Omnipresent {
			keys = append(keys, k)
		}
	}
	return keys
}

func prompt() *parent { return &parent{takes: []time.Duration{0, 3 * time.Hour}} }

const day = 24 * time.Hour

// TestYears: each kind of exchange, hour by hour through a year, with a process
// that is killed at every transition or not.
func TestYears(t *testing.T) {
	for name, test := range map[string]struct {
		policy KeyPolicy
		// change is what the policy becomes after a hundred days.
		change func(p *KeyPolicy)
		most   int // days until the keys that go are gone
		keys   int // that were made in all, at least
	}{
		"zone keys":                {KeyPolicy{TwoKeys: true, ZoneLifetime: 30 * day}, nil, 5, 12},
		"keys the parent knows":    {KeyPolicy{TwoKeys: true, KeysLifetime: 60 * day}, nil, 8, 6},
		"one key":                  {KeyPolicy{KeysLifetime: 60 * day}, nil, 8, 6},
		"two DS records":           {KeyPolicy{DoubleDS: true, TwoKeys: true, KeysLifetime: 60 * day, ZoneLifetime: 40 * day}, nil, 8, 14},
		"two DS records, one key":  {KeyPolicy{DoubleDS: true, KeysLifetime: 60 * day}, nil, 8, 6},
		"both":                     {KeyPolicy{TwoKeys: true, KeysLifetime: 50 * day, ZoneLifetime: 20 * day}, nil, 8, 20},
		"algorithm of one key":     {KeyPolicy{}, func(p *KeyPolicy) { p.Algorithm = wire.AlgorithmED25519 }, 10, 2},
		"algorithm to Ed448":       {KeyPolicy{TwoKeys: true}, func(p *KeyPolicy) { p.Algorithm = wire.AlgorithmED448 }, 10, 4},
		"algorithm of two keys":    {KeyPolicy{TwoKeys: true}, func(p *KeyPolicy) { p.Algorithm = wire.AlgorithmECDSAP384SHA384 }, 10, 4},
		"algorithm, two DS":        {KeyPolicy{DoubleDS: true}, func(p *KeyPolicy) { p.Algorithm = wire.AlgorithmED25519 }, 10, 2},
		"one key to two, two DS":   {KeyPolicy{DoubleDS: true}, func(p *KeyPolicy) { p.TwoKeys = true }, 10, 3},
		"two keys to one, two DS":  {KeyPolicy{DoubleDS: true, TwoKeys: true}, func(p *KeyPolicy) { p.TwoKeys = false }, 10, 3},
		"one key to two":           {KeyPolicy{}, func(p *KeyPolicy) { p.TwoKeys = true }, 10, 3},
		"two keys to one":          {KeyPolicy{TwoKeys: true}, func(p *KeyPolicy) { p.TwoKeys = false }, 10, 3},
		"algorithm and two to one": {KeyPolicy{TwoKeys: true}, func(p *KeyPolicy) { p.TwoKeys, p.Algorithm = false, wire.AlgorithmED25519 }, 10, 3},
	} {
		for _, kills := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s kills=%v", name, kills), func(t *testing.T) {
				if testing.Short() && (!kills || test.change == nil && test.keys < 20) {
					t.Skip("a year of each kind: in the long run only")
				}
				l := newLife(t, test.policy, prompt())
				l.kills = kills
				l.days(100)
				if test.change != nil {
					test.change(&l.set.Policy)
				}
				l.days(265)
				if len(l.set.Keys) < test.keys {
					t.Errorf("%d keys in a year", len(l.set.Keys))
				}
				if n := len(l.inUse()); n != len(l.set.Policy.roles()) {
					t.Errorf("%d keys in use", n)
				}
				for _, k := range l.set.Keys {
					if p := k.Progress; p.Goal == Hidden && !p.IsGone() && test.change != nil {
						t.Errorf("%s is %s at the end", k, p.Summary())
					}
				}
			})
		}
	}
}

// TestParents: a parent that publishes late, not at all, or at some servers only.
func TestParents(t *testing.T) {
	for name, test := range map[string]struct {
		takes    []time.Duration
		finished bool
	}{
		"late":                 {[]time.Duration{40 * day, 41 * day}, true},
		"not at all":           {[]time.Duration{-1, -1}, false},
		"at some servers only": {[]time.Duration{0, -1}, false},
	} {
		for _, policy := range []KeyPolicy{{}, {TwoKeys: true}, {DoubleDS: true}, {DoubleDS: true, TwoKeys: true}} {
			t.Run(fmt.Sprintf("%s %v %v", name, policy.TwoKeys, policy.DoubleDS), func(t *testing.T) {
				p := prompt()
				l := newLife(t, policy, p)
				l.days(20)
				p.takes = test.takes
				for _, k := range l.inUse() {
					k.Progress.Retire = true
				}
				l.days(100)
				for _, k := range l.set.Keys {
					if k.Progress.Role == RoleZone || k.Progress.Goal == Omnipresent {
						continue
					}
					if k.Progress.IsGone() != test.finished {
						t.Errorf("%s is %s", k, k.Progress.Summary())
					}
				}
				waits := l.set.Waits(l.now)
				if isWaiting := slices.ContainsFunc(waits, func(w Wait) bool { return w.NotBefore.IsZero() }); isWaiting == test.finished {
					t.Errorf("waits for %v", waits)
				}
			})
		}
	}
}

// TestAlgorithmOrder: signatures before keys before DS records, and back in the
// other order (RFC 6781 4.1.4).
func TestAlgorithmOrder(t *testing.T) {
	l := newLife(t, KeyPolicy{TwoKeys: true}, prompt())
	l.days(10)
	l.set.Policy.Algorithm = wire.AlgorithmED25519
	l.events = nil
	l.days(20)
	var got []string
	for _, e := range l.events {
		if strings.Contains(e, " rumoured") || strings.Contains(e, " unretentive") {
			_, after, _ := strings.Cut(e, ": ")
			after, _, _ = strings.Cut(after, ":")
			got = append(got, after)
		}
	}
	want := []string{
		"zone signatures rumoured", "DNSKEY rumoured", "key signature rumoured", "DNSKEY rumoured", "DS rumoured", "DS unretentive",
		"DNSKEY unretentive", "key signature unretentive", "DNSKEY unretentive", "zone signatures unretentive",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\n%s", got, strings.Join(l.events, "\n"))
	}
}

// TestCalendar: what the calendar says is what happens, and the states it starts
// from stay as they are.
func TestCalendar(t *testing.T) {
	p := &parent{takes: []time.Duration{time.Hour}} // and is looked at an hour later
	l := newLife(t, KeyPolicy{TwoKeys: true, ZoneLifetime: 30 * day, KeysLifetime: 90 * day}, p)
	l.days(10)
	planned, err := l.set.Calendar(l.now, l.now.Add(200*day-time.Hour), 2*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	l.events = nil
	l.days(200)
	if len(l.events) != len(planned) {
		t.Errorf("%d things happened, %d were planned", len(l.events), len(planned))
	}
	for i := range min(len(planned), len(l.events)) {
		at, rest, _ := strings.Cut(l.events[i], " ")
		_, rest, _ = strings.Cut(rest, ": ")
		_, want, _ := strings.Cut(planned[i].String(), ": ")
		if at != planned[i].At.Format("0102T15") || rest != want {
			t.Errorf("%s, but planned: %s %s", l.events[i], planned[i].At, planned[i])
			break
		}
	}
	if _, err := l.set.Calendar(l.now, l.now.Add(2*365*day), day); err != nil {
		t.Error(err)
	}
}

// TestCalendarFindsFaults: states that were changed by hand.
func TestCalendarFindsFaults(t *testing.T) {
	for name, change := range map[string]func(old, next *Progress){
		"the key goes while the parent has its DS record": func(old, _ *Progress) {
			old.Goal, old.Parts[PartDNSKEY], old.Parts[PartKeySignature] = Hidden, PartState{State: Hidden}, PartState{State: Hidden}
		},
		"signatures by a key that no resolver has yet": func(old, next *Progress) {
			old.Parts[PartZoneSignature] = PartState{State: Hidden}
			*next = Progress{Goal: Omnipresent, Parts: [parts]PartState{{State: Rumoured, Since: start}, {State: Rumoured, Since: start}, {State: Omnipresent}, {State: Hidden}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			old, next := ksk(t), ksk(t)
			old.Progress = &Progress{Goal: Omnipresent, Parts: [parts]PartState{{State: Omnipresent}, {State: Omnipresent}, {State: Omnipresent}, {State: Omnipresent}}}
			next.Progress = &Progress{Goal: Omnipresent}
			change(old.Progress, next.Progress)
			s := &KeySet{Zone: wire.MustParseName("example."), Keys: []*Key{old, next}}
			if _, err := s.Calendar(start, start.Add(day), 0); err == nil {
				t.Error("not found")
			}
		})
	}
}

// TestUnsign: the DS records go first.
func TestUnsign(t *testing.T) {
	l := newLife(t, KeyPolicy{}, prompt())
	l.days(10)
	l.set.Policy.Unsign = true
	l.days(1)
	if l.set.Keys[0].state(PartDS) != Unretentive || l.set.IsInsecure() {
		t.Error(l.set.Keys[0].Progress.Parts)
	}
	s, err := New(Policy{CDS: true}, l.set.Keys, func() time.Time { return l.now })
	if err != nil {
		t.Fatal(err)
	}
	if text := text(signed(t, s, parse(t, zoneText)).Snapshot()); !strings.Contains(text, "CDS\t0 0 0 00\n") || !strings.Contains(text, "CDNSKEY\t0 3 0 AA==\n") {
		t.Errorf("the parent is not asked to take out its DS records (RFC 8078 4):\n%s", text)
	}
	l.days(3)
	if !l.set.IsInsecure() {
		t.Error(l.set.Keys[0].Progress.Parts)
	}
}

// TestDowntime: what secondaries had no time to fetch waits longer.
func TestDowntime(t *testing.T) {
	l := newLife(t, KeyPolicy{TwoKeys: true}, prompt())
	l.days(10)
	for _, k := range l.inUse() {
		k.Progress.Retire = k.Progress.Role == RoleZone
	}
	l.hour() // the next key is published
	l.now = l.now.Add(5 * day)
	l.kill()
	done, err := l.set.Advance(l.now)
	if err != nil || len(done) != 0 {
		t.Errorf("%v, %v: no secondary can have fetched the key", done, err)
	}
}

// TestLongerTTL: times get shorter only when nothing waits for caches.
func TestLongerTTL(t *testing.T) {
	l := newLife(t, KeyPolicy{Timing: Timing{MaxTTL: 5 * day}}, prompt())
	l.hour()
	l.set.SetPolicy(KeyPolicy{})
	if l.set.Policy.MaxTTL != 5*day {
		t.Errorf("%v while signatures are rumoured", l.set.Policy.MaxTTL)
	}
	l.days(15)
	l.set.SetPolicy(KeyPolicy{})
	if l.set.Policy.MaxTTL != day {
		t.Errorf("%v at the end", l.set.Policy.MaxTTL)
	}
}

// TestAdoption: keys that were used before, with times as BIND has them.
func TestAdoption(t *testing.T) {
	old, fresh := ksk(t), ksk(t)
	old.Publish, old.Activate = start.Add(-100*day), start.Add(-100*day)
	for name, test := range map[string]struct {
		key  *Key
		want [parts]State
	}{
		"in use for long": {old, [parts]State{Omnipresent, Omnipresent, Omnipresent, Rumoured}},
		"just made":       {fresh, [parts]State{Rumoured, Rumoured, Rumoured, Hidden}},
	} {
		s := &KeySet{Zone: wire.MustParseName("example."), Keys: []*Key{test.key}}
		s.adopt(start)
		for part := range parts {
			if got := test.key.state(part); got != test.want[part] {
				t.Errorf("%s: %s is %s", name, part, got)
			}
		}
	}
}

func TestNoSuccessor(t *testing.T) {
	s := &KeySet{Zone: wire.MustParseName("example.")}
	if _, err := s.Advance(start); !errors.Is(err, errNoSuccessor) {
		t.Error(err)
	}
}

// TestSignedWhileExchanged: the zone itself, through an exchange of everything.
func TestSignedWhileExchanged(t *testing.T) {
	l := newLife(t, KeyPolicy{TwoKeys: true}, prompt())
	if _, err := l.set.Advance(l.now); err != nil {
		t.Fatal(err)
	}
	l.set.Published(l.now)
	s, err := New(Policy{CDS: true}, l.set.Keys, func() time.Time { return l.now })
	if err != nil {
		t.Fatal(err)
	}
	z := signed(t, s, parse(t, zoneText))
	for i := range 40 * 24 {
		if i == 10*24 {
			l.set.Policy.Algorithm = wire.AlgorithmED25519
		}
		before := len(l.events)
		l.hour()
		if len(l.events) == before {
			continue
		}
		s.SetKeys(l.set.Keys)
		if _, err := s.Refresh(z); err != nil {
			t.Fatal(err)
		}
		verify(t, z.Snapshot(), l.now)
	}
	for r := range z.Snapshot().RecordsOf(z.Origin()) {
		if d, err := r.Rdata(); err == nil {
			if sig, ok := d.(*wire.RRSIG); ok && sig.Algorithm != wire.AlgorithmED25519 {
				t.Errorf("at the end: %s", sig)
			}
		}
	}
}
