package cache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/names-dns/names/internal/race"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// twin is the cache as one would write it on the back of an envelope: a map, a
// lock, and the rules in the order of the RFCs. It never has to make room.
type twin struct {
	mu      sync.Mutex
	config  Config
	answers map[twinKey]twinAnswer
	failed  map[twinKey]twinFailure
}

// twinKey has an empty type for "whatever the type".
type twinKey struct{ name, kind, variant string }

type twinAnswer struct {
	answer
	stored time.Time
	life   int // seconds
}

type twinFailure struct {
	at   time.Time
	life int // seconds
}

func keyOf(a ask) twinKey {
	return twinKey{strings.ToLower(a.name), a.kind.String(), fmt.Sprint(a.do, a.flags.Has(wire.FlagCD))}
}

func (k twinKey) allTypes() twinKey { k.kind = ""; return k }

// get says what the cache should answer: the three sections and the RCODE;
// ok is false if it has to ask.
func (w *twin) get(a ask, failedNow bool) (sections [3][]string, rcode wire.RCode, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := keyOf(a)
	for _, k := range []twinKey{k, k.allTypes()} {
		if e, there := w.answers[k]; there && time.Since(e.stored) < time.Duration(e.life)*time.Second {
			age := int(time.Since(e.stored) / time.Second)
			return e.sections(func(ttl int) int { return ttl - age }), e.rcode, true
		}
	}
	f, there := w.failed[k]
	failed := there && time.Since(f.at) < time.Duration(f.life)*time.Second
	if !failed && !failedNow {
		return sections, 0, false
	}
	for _, k := range []twinKey{k, k.allTypes()} {
		if e, there := w.answers[k]; there && time.Since(e.stored) < time.Duration(e.life)*time.Second+w.config.ServeStale {
			return e.sections(func(int) int { return 30 }), e.rcode, true
		}
	}
	return sections, wire.RCodeServFail, failed
}

// sections are the records as text, their TTLs as ttl says.
func (e *twinAnswer) sections(ttl func(int) int) (sections [3][]string) {
	for i, records := range [...][]string{e.answers, e.authority, e.additional} {
		for _, line := range records {
			r := record(line)
			r.TTL = uint32(ttl(int(r.TTL)))
			sections[i] = append(sections[i], lines([]wire.Record{r})...)
		}
	}
	return sections
}

// put stores what was answered, if it may be. The answers of this test have one
// TTL for all records.
func (w *twin) put(a ask, got answer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	k := keyOf(a)
	if got.rcode == wire.RCodeServFail {
		f, there := w.failed[k]
		life := int(w.config.FailureTTL / time.Second)
		if there && time.Since(f.at) < 2*time.Duration(f.life)*time.Second {
			life = min(2*f.life, 300)
		}
		for _, k := range []twinKey{k, k.allTypes()} {
			if e, there := w.answers[k]; there && time.Since(e.stored) < time.Duration(e.life)*time.Second+w.config.ServeStale {
				life = max(life, 30)
			}
		}
		w.failed[k] = twinFailure{time.Now(), life}
		return
	}
	isNegative := got.answers == nil
	least, most := w.config.MinTTL, w.config.MaxTTL
	if isNegative {
		least, most = w.config.MinNegativeTTL, w.config.MaxNegativeTTL
	}
	e := twinAnswer{answer: got, stored: time.Now(), life: maxTTL}
	for _, records := range [...][]string{e.answers, e.authority, e.additional} {
		for i, line := range records {
			r := record(line)
			if r.Type == wire.TypeSOA { // 300 is MINIMUM
				r.TTL = min(r.TTL, 300)
			}
			if r.TTL == 0 {
				return
			}
			r.TTL = min(max(r.TTL, uint32(least/time.Second)), uint32(most/time.Second))
			e.life = min(e.life, int(r.TTL))
			fields := strings.Fields(line)
			fields[1] = fmt.Sprint(r.TTL)
			records[i] = strings.Join(fields, " ")
		}
	}
	if got.rcode == wire.RCodeNXDomain {
		k = k.allTypes()
	}
	if !w.mayReplace(k, e) {
		return
	}
	delete(w.answers, keyOf(a))
	delete(w.answers, k.allTypes())
	delete(w.failed, keyOf(a))
	w.answers[k] = e
}

func (w *twin) mayReplace(k twinKey, e twinAnswer) bool {
	old, there := w.answers[k]
	isFresh := there && time.Since(old.stored) < time.Duration(old.life)*time.Second
	return !isFresh || e.flags.Has(wire.FlagAA) || !old.flags.Has(wire.FlagAA)
}

func (w *twin) flush(matches func(k twinKey) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k := range w.answers {
		if matches(k) {
			delete(w.answers, k)
		}
	}
	for k := range w.failed {
		if matches(k) {
			delete(w.failed, k)
		}
	}
}

func TestTwin(t *testing.T) {
	configs := []Config{
		{FailureTTL: 5 * time.Second, MaxTTL: 24 * time.Hour, MaxNegativeTTL: 3 * time.Hour},
		{FailureTTL: 2 * time.Second, MaxTTL: 100 * time.Second, MaxNegativeTTL: 20 * time.Second, MinTTL: 10 * time.Second, MinNegativeTTL: 4 * time.Second, ServeStale: time.Minute},
		{FailureTTL: time.Second, MaxTTL: time.Hour, MaxNegativeTTL: 30 * time.Second, ServeStale: 10 * time.Second, Shards: 4, Size: 2 << 20},
	}
	for i, config := range configs {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(i, "/", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { compare(t, config, seed) })
			})
		}
	}
}

// compare does the same to the cache and its twin, at random.
func compare(t *testing.T, config Config, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	w := &twin{config: config, answers: map[twinKey]twinAnswer{}, failed: map[twinKey]twinFailure{}}
	config.Prefetch = false
	c := newCache(t, config)
	next := &scripted{}
	f := c.Resolver(next)
	defer f.Close()
	counts := map[string]int{}
	steps := 3000
	if race.Enabled {
		steps = 500
	}
	for step := range steps {
		labels := []string{"a", "b", "c", "d.c", "e.c"}
		a := ask{name: labels[random.IntN(len(labels))] + ".example.com.", kind: wire.TypeA, edns: true}
		if random.IntN(2) == 0 {
			a.kind = wire.TypeTXT
		}
		a.do = random.IntN(8) == 0
		if random.IntN(8) == 0 {
			a.flags |= wire.FlagCD
		}
		name := wire.MustParseName(a.name)
		switch n := random.IntN(100); {
		case n == 0:
			c.Flush(name)
			w.flush(func(k twinKey) bool { return k.name == a.name })
		case n == 1:
			c.FlushSubtree(name)
			w.flush(func(k twinKey) bool { return wire.MustParseName(k.name).HasSuffix(name) })
		case n == 2:
			c.FlushType(name, a.kind)
			w.flush(func(k twinKey) bool { return k.name == a.name && (k.kind == a.kind.String() || k.kind == "") })
		case n == 3 && random.IntN(20) == 0:
			c.FlushAll()
			w.flush(func(twinKey) bool { return true })
		case n < 40:
			time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
		case n < 42:
			time.Sleep(time.Duration(random.IntN(100000)) * time.Millisecond)
		}
		next.answer = randomAnswer(random, a)
		mixed := a
		if random.IntN(2) == 0 {
			mixed.name = strings.ToUpper(a.name)
		}
		wantSections, wantRCode, wantHit := w.get(a, false)
		if !wantHit {
			w.put(a, cloned(next.answer))
			if next.answer.rcode == wire.RCodeServFail {
				if s, rcode, ok := w.get(a, true); ok {
					wantSections, wantRCode = s, rcode
				}
			} else {
				e := twinAnswer{answer: next.answer}
				wantSections, wantRCode = e.sections(func(ttl int) int { return ttl }), next.answer.rcode
			}
		}
		next.asked = 0
		x := mixed.exchange(t)
		if err := f.TryResolve(x); err != nil {
			t.Fatal(step, err)
		}
		if wantHit != (next.asked == 0) {
			t.Fatalf("step %d: %s %s: the cache asked %d times, its twin has the answer: %v", step, a.name, a.kind, next.asked, wantHit)
		}
		m := reply(t, x)
		if m.RCode != wantRCode {
			t.Fatalf("step %d: %s %s: RCODE %v, want %v", step, a.name, a.kind, m.RCode, wantRCode)
		}
		for i, want := range wantSections {
			got := lines(m.Section(wire.SectionAnswer + wire.Section(i)))
			for j := range got {
				got[j] = strings.ToLower(got[j])
			}
			for j := range want {
				want[j] = strings.ToLower(want[j])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("step %d: %s %s, section %d: %s", step, a.name, a.kind, i, diff)
			}
		}
		counts[fmt.Sprint(wantHit, " ", wantRCode)]++
	}
	// What was compared must have been worth it.
	for _, outcome := range []string{"true NOERROR", "true NXDOMAIN", "true SERVFAIL", "false NOERROR", "false NXDOMAIN", "false SERVFAIL"} {
		if counts[outcome] == 0 {
			t.Errorf("%s never happened", outcome)
		}
	}
}

// scripted answers with what it was given last.
type scripted struct {
	answer answer
	asked  int
}

func (s *scripted) Resolve(_ context.Context, x *names.Exchange) error { return s.TryResolve(x) }

func (s *scripted) TryResolve(x *names.Exchange) error {
	s.asked++
	return s.answer.to(x)
}

func randomAnswer(random *rand.Rand, a ask) (got answer) {
	ttls := []int{0, 1, 2, 5, 30, 200, 299, 1000, 1 << 20}
	ttl := ttls[random.IntN(len(ttls))]
	if random.IntN(3) == 0 {
		got.flags |= wire.FlagAA
	}
	other := fmt.Sprintf("other.example.com. %d A 192.0.2.%d", ttl, random.IntN(256))
	switch random.IntN(5) {
	case 0:
		got.rcode = wire.RCodeNXDomain
		got.authority = []string{fmt.Sprintf("example.com. %d SOA ns.example.com. admin.example.com. 1 3600 900 604800 300", ttl)}
	case 1:
		got.authority = []string{fmt.Sprintf("example.com. %d SOA ns.example.com. admin.example.com. 1 3600 900 604800 300", ttl)}
	case 2:
		return answer{rcode: wire.RCodeServFail}
	case 3:
		got.answers = []string{fmt.Sprintf("%s %d CNAME other.example.com.", a.name, ttl), other}
	default:
		data := "A 192.0.2.7"
		if a.kind == wire.TypeTXT {
			data = "TXT text-of-some-length"
		}
		got.answers = []string{fmt.Sprintf("%s %d %s", a.name, ttl, data)}
		got.additional = []string{other}
	}
	return got
}

func cloned(a answer) answer {
	a.answers, a.authority, a.additional = slices.Clone(a.answers), slices.Clone(a.authority), slices.Clone(a.additional)
	return a
}
