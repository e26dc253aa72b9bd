package cache

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/names-dns/names/internal/race"
	"github.com/names-dns/names/wire"
)

// partTwin keeps parts as one would on the back of an envelope: in a map, by
// "part name TYPE", the type empty for NXDOMAIN.
type partTwin map[string]partNote

type partNote struct {
	answer
	status Security
	stored time.Time
	life   int // seconds
	shown  int // what the TTLs began with, in seconds
}

func (n *partNote) isFresh() bool { return time.Since(n.stored) < time.Duration(n.life)*time.Second }

func partKey(part Part, name, kind string) string {
	return strings.TrimSpace(fmt.Sprint(part, " ", strings.ToLower(name), " ", kind))
}

// yieldsTo reports whether fresh data may be replaced: never by what is less
// secure, and among equals not by data without AA if it has AA.
func (n *partNote) yieldsTo(o *partNote) bool {
	if n.status == Secure || o.status == Secure || n.status == Bogus || o.status == Bogus {
		if n.status != o.status {
			return o.status == Secure || n.status == Bogus
		}
	}
	return o.flags.Has(wire.FlagAA) || !n.flags.Has(wire.FlagAA)
}

// keep keeps what may be kept, and says whether it did. All records of a
// message have the same TTL in this test.
func (w partTwin) keep(part Part, name, kind string, a answer, status Security, most [2]int) bool {
	key, other := partKey(part, name, kind), partKey(part, name, "")
	if a.rcode == wire.RCodeNXDomain {
		key, other = other, key
	}
	n := partNote{answer: a, status: status, stored: time.Now()}
	isNegative := part == PartAnswer && a.answers == nil
	for _, lines := range [...][]string{a.answers, a.authority, a.additional} {
		for _, line := range lines {
			n.life = int(record(line).TTL)
		}
	}
	if isNegative {
		n.life = min(n.life, 300, most[1])
	}
	n.life = min(n.life, most[0])
	n.shown = n.life
	if status == Bogus {
		n.life = min(n.life, 300)
	}
	if n.life == 0 {
		return false
	}
	for _, k := range []string{key, other} {
		if before, ok := w[k]; ok && before.isFresh() && !before.yieldsTo(&n) {
			return false
		}
	}
	delete(w, other)
	w[key] = n
	return true
}

// find is the text of what is known for the first of these keys, as the reply
// to the question name kind; "" if nothing is.
func (w partTwin) find(name, kind string, keys ...string) string {
	for _, k := range keys {
		n, ok := w[k]
		if !ok || !n.isFresh() {
			continue
		}
		text := n.status.String() + " " + n.rcode.String()
		if n.flags.Has(wire.FlagAA) {
			text += " AA"
		}
		text += "\n" + name + " " + kind + "?\n"
		left := n.shown - int(time.Since(n.stored)/time.Second)
		e := twinAnswer{answer: n.answer}
		for _, section := range e.sections(func(int) int { return left }) {
			for _, line := range section {
				text += line + "\n"
			}
			text += ".\n"
		}
		return strings.ReplaceAll(text, `"`, "")
	}
	return ""
}

// ancestors are name and all above it, the root last.
func ancestors(name string) (all []string) {
	for name != "" {
		all = append(all, name)
		_, name, _ = strings.Cut(name, ".")
	}
	return append(all, ".")
}

func TestPartTwin(t *testing.T) {
	for i, config := range []Config{
		{MaxTTL: time.Hour, MaxNegativeTTL: time.Minute},
		{MaxTTL: 100 * time.Second, MaxNegativeTTL: 20 * time.Second, ServeStale: time.Hour, Shards: 8, Size: 4 << 20},
	} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(i, "/", seed), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { compareParts(t, config, seed) })
			})
		}
	}
}

func compareParts(t *testing.T, config Config, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	c, w := newCache(t, config), partTwin{}
	most := [2]int{int(config.MaxTTL / time.Second), int(config.MaxNegativeTTL / time.Second)}
	names := []string{".", "com.", "example.com.", "a.example.com.", "b.a.example.com.", "B.c.example.com.", "www.B.c.example.com."}
	counts := map[string]int{}
	steps := 6000
	if race.Enabled {
		steps = 1000
	}
	for step := range steps {
		name := names[random.IntN(len(names))]
		kind := []string{"A", "NS", "CNAME"}[random.IntN(3)]
		part := Part(random.IntN(2))
		q := question(name + " " + kind)
		check := func(what, want string, packet []byte, status Security, ok bool) {
			t.Helper()
			got := ""
			if ok {
				got = strings.ToLower(status.String() + " " + partText(t, packet))
			}
			if diff := cmp.Diff(strings.ToLower(want), got); diff != "" {
				t.Fatalf("step %d: %s %s %s: %s", step, what, name, kind, diff)
			}
			counts[fmt.Sprint(what, " ", ok)]++
		}
		switch n := random.IntN(100); {
		case n < 30:
			a := randomPart(random, part, name, &kind)
			status := Security(random.IntN(4))
			err := c.KeepPart(part, a.message(t, name+" "+kind), status)
			if kept := w.keep(part, name, kind, a, status, most); kept != (err == nil) {
				t.Fatalf("step %d: part %d of %s %s: %v, the twin keeps it: %v", step, part, name, kind, err, kept)
			}
			counts[fmt.Sprint("keep ", err)]++
		case n < 50:
			keys := []string{partKey(part, name, kind)}
			if part == PartAnswer {
				keys = append(keys, partKey(part, name, ""))
			}
			packet, status, ok := c.FindPart(part, q, nil)
			check("part", w.find(name, kind, keys...), packet, status, ok)
		case n < 65:
			_, packet, status, ok := c.FindDelegation(q.Name, wire.ClassIN, nil)
			want := ""
			for _, zone := range ancestors(name) {
				if want == "" {
					want = w.find(zone, "NS", partKey(PartDelegation, zone, "NS"))
				}
			}
			check("delegation", want, packet, status, ok)
		case n < 75:
			_, packet, status, ok := c.FindDenied(q.Name, wire.ClassIN, nil)
			want := ""
			for _, above := range ancestors(name) {
				if want == "" && above != "." {
					want = w.find(above, "A", partKey(PartAnswer, above, ""))
				}
			}
			check("denied", want, packet, status, ok)
		case n < 78:
			c.ForgetPart(part, q)
			delete(w, partKey(part, name, kind))
			if part == PartAnswer {
				delete(w, partKey(part, name, ""))
			}
		case n == 78:
			c.Flush(q.Name)
			for k := range w {
				if strings.Fields(k)[1] == strings.ToLower(name) {
					delete(w, k)
				}
			}
		case n < 98:
			time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
		default:
			time.Sleep(time.Duration(random.IntN(60000)) * time.Millisecond)
		}
	}
	for _, outcome := range []string{"keep <nil>", "keep " + errRank.Error(), "keep " + errNoTTL.Error(),
		"part true", "part false", "delegation true", "delegation false", "denied true", "denied false"} {
		if counts[outcome] == 0 {
			t.Errorf("%s never happened", outcome)
		}
	}
	checkIndex(t, c)
}

func randomPart(random *rand.Rand, part Part, name string, kind *string) (a answer) {
	ttl := []int{0, 2, 30, 99, 200, 5000}[random.IntN(6)]
	if random.IntN(3) == 0 {
		a.flags |= wire.FlagAA
	}
	negative := []string{fmt.Sprintf(". %d SOA ns.test. admin.test. 1 3600 900 604800 300", ttl)}
	data := map[string]string{"A": "A 192.0.2.1", "NS": "NS ns.example.", "CNAME": "CNAME elsewhere.example."}
	switch {
	case part == PartDelegation:
		*kind = "NS"
		a.authority = []string{fmt.Sprintf("%s %d NS ns1.test.", name, ttl), fmt.Sprintf("%s %d NS ns2.test.", name, ttl)}
		a.additional = []string{fmt.Sprintf("ns1.test. %d A 192.0.2.%d", ttl, random.IntN(256))}
	case random.IntN(4) == 0:
		a.rcode, a.authority = wire.RCodeNXDomain, negative
	case random.IntN(4) == 0:
		a.authority = negative
	default:
		a.answers = []string{fmt.Sprintf("%s %d %s", name, ttl, data[*kind])}
	}
	return a
}

// TestReadersNeverSeeTornParts has readers look for parts that are written
// over, moved, forgotten and flushed all the time.
func TestReadersNeverSeeTornParts(t *testing.T) {
	c := newCache(t, Config{Size: 64 << 10, Shards: 1})
	const numbers = 400
	packets := make([][]byte, numbers)
	for n := range packets {
		var a answer
		for i := range 1 + n%13 {
			a.authority = append(a.authority, fmt.Sprintf("n00000000.example.com. 1000 NS ns%d-%d.test.", n, i))
		}
		packets[n] = a.message(t, "n00000000.example.com. NS")
		number(packets[n], n)
	}
	zone := answer{authority: []string{"example.com. 1000 NS ns.example."}}.message(t, "example.com. NS")
	var writers, readers sync.WaitGroup
	var stop atomic.Bool
	var found, foundAbove atomic.Int64
	isEnough := func() bool { return found.Load() > 100 && foundAbove.Load() > 100 }
	rounds := 30_000
	if testing.Short() || race.Enabled {
		rounds = 4000
	}
	for w := range 2 {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 7))
			// Readers may get no processor for as long as the rounds take.
			for i := 0; i < rounds || !isEnough() && i < 1000*rounds; i++ {
				n := int(float64(numbers) * random.Float64() * random.Float64())
				var err error
				switch {
				case i%1000 == 999:
					c.FlushSubtree(wire.MustParseName("example.com."))
				case i%100 == 0:
					c.ForgetPart(PartDelegation, questionOf(packets[n]))
				case i%10 == 0:
					err = c.KeepPart(PartDelegation, zone, Unchecked)
				default:
					err = c.KeepPart(PartDelegation, packets[n], Unchecked)
					c.FindPart(PartDelegation, questionOf(packets[n]), nil) // so that it moves on
				}
				if err != nil && err != errFlushed {
					t.Error(err)
					return
				}
			}
		})
	}
	for r := range 3 {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(r), 8))
			query := packets[0][:len(packets[0]):len(packets[0])]
			query = append([]byte(nil), query...)
			buf := make([]byte, 0, 2048)
			for !stop.Load() {
				n := int(float64(numbers) * random.Float64() * random.Float64())
				number(query, n)
				q := questionOf(query)
				zone, packet, _, ok := c.FindDelegation(q.Name, q.Class, buf)
				switch {
				case !ok:
					runtime.Gosched()
				case zone == q.Name:
					found.Add(1)
					if err := checkServers(packet, n); err != nil {
						t.Errorf("number %d: %v", n, err)
						return
					}
				default:
					foundAbove.Add(1)
					if zone.String() != "example.com." {
						t.Errorf("number %d: found %s", n, zone)
						return
					}
				}
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
	if s := c.Stats(); !isEnough() || s.Evicted == 0 {
		t.Errorf("too little happened: %d and %d found, %+v", found.Load(), foundAbove.Load(), s)
	}
	checkIndex(t, c)
}

// questionOf is the question of a message, borrowed.
func questionOf(message []byte) wire.Question {
	var q wire.Query
	q.Parse(message)
	return q.Question
}

func checkServers(packet []byte, n int) error {
	m, err := wire.ParseMessage(packet)
	if err != nil {
		return err
	}
	if len(m.Authority) != 1+n%13 {
		return fmt.Errorf("%d servers", len(m.Authority))
	}
	for i, r := range m.Authority {
		if want := fmt.Sprintf("ns%d-%d", n, i); string(r.Data[1:1+r.Data[0]]) != want || !r.Name.Equal(m.Questions[0].Name) {
			return fmt.Errorf("server %d is %v", i, r)
		}
	}
	return nil
}
