package cache

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
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

// saved is what c writes.
func saved(t testing.TB, c *Cache) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := c.Save(&b, "here"); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// loaded is a new cache that has read a dump.
func loaded(t testing.TB, config Config, dump []byte) *Cache {
	t.Helper()
	c := newCache(t, config)
	if _, err := c.Load(bytes.NewReader(dump), "here"); err != nil {
		t.Fatal(err)
	}
	return c
}

// known is what c answers, as text; "" if it has nothing.
func known(t testing.TB, c *Cache, a ask) string {
	t.Helper()
	a.edns = true
	x := a.exchange(t)
	if !c.Get(x) {
		return ""
	}
	m := reply(t, x)
	text := fmt.Sprintln(m.RCode, m.Flags, extendedErrors(m))
	for section := wire.SectionAnswer; section <= wire.SectionAdditional; section++ {
		text += strings.Join(lines(m.Section(section)), "\n") + "\n.\n"
	}
	return text
}

// knownParts is what c has as parts for what, "name TYPE".
func knownParts(t testing.TB, c *Cache, what string) (text string) {
	t.Helper()
	for _, part := range []Part{PartAnswer, PartDelegation} {
		if packet, status, ok := c.FindPart(part, question(what), nil); ok {
			text += fmt.Sprintln(part, status, partText(t, packet))
		}
	}
	return text
}

// TestSaveAndLoad: a cache that was saved and loaded says what the one it was
// saved from still says, to the end of each answer's life.
func TestSaveAndLoad(t *testing.T) {
	blocked := wire.Options{}.Append(&wire.ExtendedError{Code: wire.ExtendedErrorBlocked})
	negative := []string{"test. 300 SOA n.test. m.test. 1 2 3 4 90"}
	answers := []struct {
		ask
		answer
	}{
		{ask{name: "a.test."}, answer{answers: []string{"a.test. 300 A 192.0.2.1", "a.test. 300 A 192.0.2.2"}, additional: []string{"b.a.test. 400 AAAA 2001:db8::1"}}},
		{ask{name: "A.test.", do: true}, answer{flags: wire.FlagAA, answers: []string{"a.test. 300 A 192.0.2.3"}}},
		{ask{name: "a.test.", flags: wire.FlagCD}, answer{answers: []string{"a.test. 20 A 192.0.2.4"}}},
		{ask{name: "alias.test."}, answer{answers: []string{"alias.test. 200 CNAME a.example.", "a.example. 300 A 192.0.2.1"}}},
		{ask{name: "nodata.test."}, answer{authority: negative}},
		{ask{name: "gone.test.", kind: wire.TypeMX}, answer{rcode: wire.RCodeNXDomain, authority: negative}},
		{ask{name: "gone.example."}, answer{rcode: wire.RCodeNXDomain, answers: []string{"gone.example. 300 CNAME gone.test."}, authority: negative}},
		{ask{name: "."}, answer{answers: []string{". 300 A 192.0.2.1"}}},
		{ask{name: "blocked.test."}, answer{options: blocked, answers: []string{"blocked.test. 300 A 192.0.2.1"}}},
		{ask{name: "secure.test.", do: true}, answer{flags: wire.FlagAD | wire.FlagRA, answers: []string{"secure.test. 86400 A 192.0.2.1"}}},
	}
	parts := []struct {
		part   Part
		q      string
		status Security
		answer
	}{
		{PartAnswer, "a.test. A", Secure, answer{flags: wire.FlagAA, answers: []string{"a.test. 120 A 192.0.2.9"}}},
		{PartAnswer, "test. NS", Insecure, answer{flags: wire.FlagAA, answers: []string{"test. 100 NS ns.test."}}},
		{PartDelegation, "test. NS", Secure, answer{authority: []string{"test. 250 NS ns.test."}, additional: []string{"ns.test. 250 A 192.0.2.1"}}},
		{PartDelegation, ". NS", Unchecked, answer{authority: []string{". 3600 NS a.root-servers.net."}}},
		{PartAnswer, "gone.test. A", Bogus, answer{rcode: wire.RCodeNXDomain, authority: negative}},
	}
	for _, config := range []Config{{}, {Size: 64 << 10, Shards: 1}, {Size: 8 << 20, Shards: 16, ServeStale: time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			old := newCache(t, Config{})
			next := &scripted{}
			f := old.Resolver(next)
			defer f.Close()
			for _, a := range answers {
				next.answer = a.answer
				if err := f.TryResolve(a.exchange(t)); err != nil {
					t.Fatal(err)
				}
			}
			for _, p := range parts {
				if err := old.KeepPart(p.part, p.message(t, p.q), p.status); err != nil {
					t.Fatal(err)
				}
			}
			next.answer = answer{rcode: wire.RCodeServFail}
			f.TryResolve(ask{name: "failed.test."}.exchange(t))
			time.Sleep(12_345 * time.Millisecond)

			var dump bytes.Buffer
			if n, err := old.Save(&dump, "here"); err != nil || n != len(answers)+len(parts) {
				t.Fatalf("%d entries saved: %v", n, err)
			}
			time.Sleep(10 * time.Second) // the one with CD has less left than this
			c := newCache(t, config)
			time.Sleep(1234 * time.Millisecond)
			n, err := c.Load(&dump, "here")
			if want := len(answers) + len(parts) - 1; err != nil || n != want && config.ServeStale == 0 {
				t.Fatalf("%d entries loaded, not %d: %v", n, want, err)
			}
			if known(t, c, ask{name: "failed.test."}) != "" {
				t.Error("a failure was saved")
			}
			for second := range 320 {
				for _, a := range answers {
					for _, kind := range []wire.Type{a.kind, wire.TypeTXT} {
						a.kind = kind
						if diff := cmp.Diff(known(t, old, a.ask), known(t, c, a.ask)); diff != "" {
							t.Errorf("after %d s: %s: %s", second, a.name, diff)
						}
					}
				}
				for _, p := range parts {
					if diff := cmp.Diff(knownParts(t, old, p.q), knownParts(t, c, p.q)); diff != "" {
						t.Errorf("after %d s: %s: %s", second, p.q, diff)
					}
				}
				if t.Failed() {
					return
				}
				time.Sleep(time.Second)
			}
			if known(t, c, ask{name: "a.test."}) != "" || known(t, c, ask{name: "secure.test.", do: true}) == "" {
				t.Error("what should be over is not, or the reverse")
			}
			checkIndex(t, c)
		})
	}
}

// TestSavedRandomly is [TestSaveAndLoad] for random answers.
func TestSavedRandomly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(3, 4))
		old := newCache(t, Config{})
		next := &scripted{}
		f := old.Resolver(next)
		defer f.Close()
		asked := func(i int) ask {
			a := ask{name: fmt.Sprintf("%d.example.com.", i), do: i%3 == 0, kind: wire.TypeA}
			if i%2 == 0 {
				a.kind = wire.TypeTXT
			}
			return a
		}
		const count = 3000
		for i := range count {
			next.answer = randomAnswer(random, asked(i))
			f.TryResolve(asked(i).exchange(t))
			if i%100 == 0 {
				time.Sleep(time.Duration(random.IntN(5000)) * time.Millisecond)
			}
		}
		c := loaded(t, Config{}, saved(t, old))
		found := 0
		for range 4 {
			for i := range count {
				want := known(t, old, asked(i))
				if strings.Contains(want, "SERVFAIL") {
					want = ""
				}
				if diff := cmp.Diff(want, known(t, c, asked(i))); diff != "" {
					t.Fatalf("%d: %s", i, diff)
				}
				if want != "" {
					found++
				}
			}
			time.Sleep(90_500 * time.Millisecond)
		}
		if found < count/2 {
			t.Errorf("only %d answers were compared", found)
		}
	})
}

func TestLoadingWhatIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &scripted{answer: answer{answers: []string{"a.test. 100 A 192.0.2.1"}}}
		f := newCache(t, Config{ServeStale: time.Hour}).Resolver(next)
		defer f.Close()
		f.TryResolve(ask{name: "a.test."}.exchange(t))
		part := answer{answers: []string{"a.test. 100 A 192.0.2.1"}}.message(t, "a.test. A")
		if err := f.cache.KeepPart(PartAnswer, part, Unchecked); err != nil {
			t.Fatal(err)
		}
		fresh := saved(t, f.cache)
		time.Sleep(200 * time.Second)
		stale := saved(t, f.cache)
		for _, dump := range [][]byte{fresh, stale} {
			if n := loaded(t, Config{}, dump).Stats().Entries; n != 0 {
				t.Errorf("%d entries past their time are loaded", n)
			}
			g := loaded(t, Config{ServeStale: time.Hour}, dump).Resolver(&scripted{answer: answer{rcode: wire.RCodeServFail}})
			defer g.Close()
			if n := g.cache.Stats().Entries; n != 1 {
				t.Errorf("%d entries, not the stale answer alone", n)
			}
			x := ask{name: "a.test.", edns: true}.exchange(t)
			if err := g.TryResolve(x); err != nil {
				t.Fatal(err)
			}
			m := reply(t, x)
			if len(m.Answers) != 1 || m.Answers[0].TTL != staleTTL || !slices.Equal(extendedErrors(m), []wire.ExtendedErrorCode{wire.ExtendedErrorStaleAnswer}) {
				t.Errorf("instead of the stale answer: %v", m)
			}
			if n := loaded(t, Config{ServeStale: 99 * time.Second}, dump).Stats().Entries; n != 0 {
				t.Errorf("%d entries are loaded that are too stale", n)
			}
		}
	})
}

// TestBoundsOfTheLoader: what is loaded keeps to the configuration of the cache
// that loads it.
func TestBoundsOfTheLoader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newCache(t, Config{})
		keep := func(name string, ttl int) {
			if err := old.Put(answer{answers: []string{fmt.Sprintf("%s %d A 192.0.2.1", name, ttl)}}.message(t, name+" A")); err != nil {
				t.Fatal(err)
			}
		}
		keep("long.test.", 1000)
		keep("short.test.", 50)
		time.Sleep(10 * time.Second)
		c := loaded(t, Config{MaxTTL: 100 * time.Second}, saved(t, old))
		for name, want := range map[string]string{"long.test.": "90", "short.test.": "40"} {
			if got := known(t, c, ask{name: name}); !strings.Contains(got, name+" "+want+" IN A") {
				t.Errorf("%s: not with a TTL of %s: %s", name, want, got)
			}
		}
		var a answer
		for i := range 100 {
			a.answers = append(a.answers, fmt.Sprintf("large.test. 300 TXT this-is-text-number-%d-of-a-large-answer", i))
		}
		if err := old.Put(a.message(t, "large.test. TXT")); err != nil {
			t.Fatal(err)
		}
		c = newCache(t, Config{Size: 64 << 10, Shards: 1})
		if n, err := c.Load(bytes.NewReader(saved(t, old)), "here"); n != 2 || err != nil {
			t.Errorf("%d entries are loaded where one is too large: %v", n, err)
		}
	})
}

// TestWallClockSetBack: nothing lives longer than its TTL says.
func TestWallClockSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		message := answer{answers: []string{"a.test. 300 A 192.0.2.1"}}.message(t, "a.test. A")
		c := loaded(t, Config{}, dumpOf(entryOf(0, 0, 300, time.Now().Add(24*time.Hour), message)))
		time.Sleep(300*time.Second - time.Millisecond)
		if known(t, c, ask{name: "a.test."}) == "" {
			t.Error("it is gone before its time")
		}
		time.Sleep(time.Millisecond)
		if known(t, c, ask{name: "a.test."}) != "" {
			t.Error("it lives for longer than its TTL")
		}
	})
}

func TestRankOfWhatIsLoaded(t *testing.T) {
	old := newCache(t, Config{})
	put := func(c *Cache, flags wire.Flags, address string) error {
		return c.Put(answer{flags: flags, answers: []string{"a.test. 300 A " + address}}.message(t, "a.test. A"))
	}
	if err := put(old, wire.FlagAA, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	c := loaded(t, Config{}, saved(t, old))
	if err := put(c, 0, "192.0.2.2"); err != errRank {
		t.Errorf("a lower rank replaces what was loaded: %v", err)
	}
	// What the cache has stays.
	c = newCache(t, Config{})
	if err := put(c, 0, "192.0.2.3"); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Load(bytes.NewReader(saved(t, old)), "here"); n != 0 || err != nil {
		t.Errorf("%d entries replaced what was there: %v", n, err)
	}
	if got := known(t, c, ask{name: "a.test."}); !strings.Contains(got, "192.0.2.3") {
		t.Errorf("what was there is now %s", got)
	}
}

// TestPopularEntriesStay where the cache that loads is smaller.
func TestPopularEntriesStay(t *testing.T) {
	old := newCache(t, Config{Size: 4 << 20, Shards: 2})
	packet := numbered(t)
	const count, popular = 20_000, 1000
	x := ask{name: "n00000000.example.com."}.exchange(t)
	has := func(c *Cache, n int) bool {
		number(x.Query.Message, n)
		x.Restart()
		return c.Get(x)
	}
	for n := range count {
		number(packet, n)
		if err := old.Put(packet); err != nil {
			t.Fatal(err)
		}
	}
	for n := 0; n < count; n += count / popular {
		for range 3 {
			if !has(old, n) {
				t.Fatal("the first cache is too small for this test")
			}
		}
	}
	c := loaded(t, Config{Size: 512 << 10, Shards: 1}, saved(t, old))
	missing := 0
	for n := 0; n < count; n += count / popular {
		if !has(c, n) {
			missing++
		}
	}
	if s := c.Stats(); missing > popular/100 || s.Entries > count/3 || s.Evicted == 0 {
		t.Errorf("%d of %d popular entries are missing among %d", missing, popular, s.Entries)
	}
	checkIndex(t, c)
}

// TestSavingHoldsUpNobody: it needs no lock, and what others store meanwhile
// is whole or not there.
func TestSavingHoldsUpNobody(t *testing.T) {
	c := newCache(t, Config{Size: 64 << 10, Shards: 1})
	if err := c.Put(telling(t, 1)); err != nil {
		t.Fatal(err)
	}
	c.shards[0].mu.Lock()
	saved(t, c)
	c.shards[0].mu.Unlock()

	const numbers = 600
	packets := make([][]byte, numbers)
	for n := range packets {
		packets[n] = telling(t, n)
	}
	var writers, savers sync.WaitGroup
	var stop atomic.Bool
	var found atomic.Int64
	for w := range 2 {
		x := ask{name: "n00000000.example.com.", kind: wire.TypeTXT}.exchange(t)
		writers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 9))
			for !stop.Load() {
				n := random.IntN(numbers)
				if err := c.Put(packets[n]); err != nil {
					t.Error(err)
					return
				}
				number(x.Query.Message, n) // asked for, so that it moves on
				x.Begin(x.Reply.Buffer(), 4096)
				c.Get(x)
			}
		})
	}
	rounds := 300
	if testing.Short() || race.Enabled {
		rounds = 30
	}
	for range 2 {
		x := ask{name: "n00000000.example.com.", kind: wire.TypeTXT}.exchange(t)
		savers.Go(func() {
			other := newCache(t, Config{Size: 512 << 10, Shards: 1})
			for range rounds {
				var dump bytes.Buffer
				if _, err := c.Save(&dump, "here"); err != nil {
					t.Error(err)
				}
				other.FlushAll()
				if _, err := other.Load(&dump, "here"); err != nil {
					t.Error(err)
				}
				for n := range numbers {
					number(x.Query.Message, n)
					x.Begin(x.Reply.Buffer(), 4096)
					if !other.Get(x) {
						continue
					}
					found.Add(1)
					if err := checkTelling(x, n); err != nil {
						t.Errorf("number %d: %v", n, err)
					}
				}
			}
			checkIndex(t, other)
		})
	}
	savers.Wait()
	stop.Store(true)
	writers.Wait()
	if found.Load() == 0 {
		t.Error("nothing was saved")
	}
}

// dumpOf is a dump, source "here", of one block with these entries.
func dumpOf(entries ...[]byte) []byte {
	var b bytes.Buffer
	d := dumper{w: &b}
	d.begin("here")
	d.block = append(d.block, bytes.Join(entries, nil)...)
	d.end()
	return b.Bytes()
}

// entryOf is an entry of a dump.
func entryOf(s variant, used byte, life uint32, expiry time.Time, message []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(message)))
	b = append(b, byte(s), used, 0, 0)
	b = binary.BigEndian.AppendUint32(b, life)
	b = binary.BigEndian.AppendUint64(b, uint64(expiry.UnixMilli()))
	return append(b, message...)
}

// TestLoadErrors tells what is said of dumps that are none, and where.
func TestLoadErrors(t *testing.T) {
	message := answer{answers: []string{"a.test. 300 A 192.0.2.1"}}.message(t, "a.test. A")
	soon := time.Now().Add(time.Minute)
	good := entryOf(0, 0, 300, soon, message)
	two := dumpOf(good, entryOf(variantDO, 3, 300, soon, message))
	at := len(dumpMagic) + 4 + 32 + 4 // of the first block
	patched := func(at int, with string) []byte {
		return append(append(slices.Clone(two[:at]), with...), two[at+len(with):]...)
	}
	for _, test := range []struct {
		what    string
		dump    []byte
		loaded  int
		want    error
		message string
	}{
		{"sound", two, 2, nil, ""},
		{"of nothing", dumpOf(), 0, nil, ""},
		{"empty", nil, 0, errShort, "octet 0: it ends too early"},
		{"something else", []byte("; a zone file, say\n$ORIGIN example.com."), 0, errNoDump, "octet 0: not a saved cache"},
		{"another version", patched(15, "\x02"), 0, nil, "octet 12: it was saved in version 2 of the format, known is 1"},
		{"a damaged head", patched(20, "\xff\xff"), 0, errChecksum, "octet 16: damaged: the checksum does not match"},
		{"a damaged length", patched(at+3, "\xff"), 0, errShort, fmt.Sprintf("octet %d: it ends too early", len(two))},
		{"a length out of bounds", patched(at, "\xff"), 0, errBlock, fmt.Sprintf("octet %d: block length out of range", at)},
		{"a damaged block", patched(at+40, "\xff"), 0, errChecksum, fmt.Sprintf("octet %d: damaged: the checksum does not match", at+4)},
		{"a damaged end", patched(len(two)-1, "\xff"), 2, errChecksum, fmt.Sprintf("octet %d: damaged: the checksum does not match", len(two)-4)},
		{"cut in a block", two[:at+30], 0, errShort, fmt.Sprintf("octet %d: it ends too early", at+30)},
		{"cut after a block", two[:len(two)-8], 2, errShort, fmt.Sprintf("octet %d: it ends too early", len(two)-8)},
		{"something after the end", append(slices.Clone(two), 0), 2, errTrailing, fmt.Sprintf("octet %d: something follows the end", len(two))},
		{"a hole", append(slices.Clone(two[:at]), make([]byte, len(two)-at)...), 0, errChecksum, fmt.Sprintf("octet %d: damaged: the checksum does not match", at+4)},
		{"an entry cut short", dumpOf(good, good[:len(good)-1]), 1, errEntry, fmt.Sprintf("octet %d: an entry is longer than the rest of its block", at+4+len(good))},
		{"less than an entry", dumpOf(good[:5]), 0, errEntry, fmt.Sprintf("octet %d: an entry is longer than the rest of its block", at+4)},
		{"an unknown kind", dumpOf(entryOf(1<<6, 0, 300, soon, message)), 0, errKind, fmt.Sprintf("octet %d: an entry is of no known kind", at+4)},
		{"two kinds at once", dumpOf(entryOf(variantAnswer|variantDO, 0, 300, soon, message)), 0, errKind, ""},
		{"a failure", dumpOf(entryOf(variantFailure, 0, 300, soon, message)), 0, errKind, ""},
		{"asked for too often", dumpOf(entryOf(0, 4, 300, soon, message)), 0, errKind, ""},
		{"a life too long", dumpOf(entryOf(0, 0, 1<<31, soon, message)), 0, errLife, ""},
		{"over before 1970", dumpOf(entryOf(0, 0, 300, time.Unix(-5, 0), message)), 0, errBefore, fmt.Sprintf("octet %d: an entry is from before 1970", at+4)},
		{"begun before 1970", dumpOf(entryOf(0, 0, 300, time.Unix(200, 0), message)), 0, errBefore, fmt.Sprintf("octet %d: an entry is from before 1970", at+4)},
		{"no message", dumpOf(entryOf(0, 0, 300, soon, nil)), 0, wire.ErrShort, fmt.Sprintf("octet %d: ", at+4)},
		{"half a message", dumpOf(entryOf(0, 0, 300, soon, message[:len(message)-1])), 0, wire.ErrShort, fmt.Sprintf("octet %d: ", at+4)},
		{"messages that are not to be kept", dumpOf(entryOf(variantDelegation, 0, 300, soon, message), entryOf(0, 0, 300, soon, ask{name: "a.test."}.query(t)), good), 1, nil, ""},
	} {
		c := newCache(t, Config{Size: 64 << 10})
		n, err := c.Load(bytes.NewReader(test.dump), "here")
		if n != test.loaded || c.Stats().Entries != int64(n) {
			t.Errorf("%s: %d entries are loaded, not %d", test.what, n, test.loaded)
		}
		if test.want == nil && test.message == "" {
			if err != nil {
				t.Errorf("%s: %v", test.what, err)
			}
			continue
		}
		where := (*LoadError)(nil)
		if !errors.As(err, &where) || test.want != nil && !errors.Is(err, test.want) || !strings.HasPrefix(err.Error(), test.message) {
			t.Errorf("%s: %v", test.what, err)
		}
	}
	c := newCache(t, Config{Size: 64 << 10})
	if n, err := c.Load(bytes.NewReader(two), "elsewhere"); n != 0 || err != ErrOtherSource {
		t.Errorf("from another source: %d entries, %v", n, err)
	}
}

// TestDamagedDumps turns each octet of a dump, and cuts it off there: there is
// an error, not before the damage if it was cut, and what was loaded is sound.
func TestDamagedDumps(t *testing.T) {
	var entries [][]byte
	soon := time.Now().Add(time.Minute)
	for i, s := range []variant{0, variantDO, variantAnswer} {
		message := answer{answers: []string{fmt.Sprintf("a.test. 300 A 192.0.2.%d", i)}}.message(t, "a.test. A")
		entries = append(entries, entryOf(s, 1, 300, soon, message))
	}
	dump := dumpOf(entries...)
	for i := range dump {
		for _, damaged := range [][]byte{dump[:i], append(append(slices.Clone(dump[:i]), dump[i]^byte(1+i%255)), dump[i+1:]...)} {
			c := newCache(t, Config{Size: 64 << 10})
			_, err := c.Load(bytes.NewReader(damaged), "here")
			where := (*LoadError)(nil)
			if !errors.As(err, &where) || where.Offset < 0 || where.Offset > int64(len(dump)) {
				t.Fatalf("octet %d of %d: %v", i, len(dump), err)
			}
			if len(damaged) == i && where.Offset != int64(i) {
				t.Errorf("cut at octet %d: %v", i, err)
			}
			checkIndex(t, c)
		}
	}
}

// failing is a writer and reader that works for so many octets.
type failing struct {
	left int
	data *bytes.Buffer
}

var errDisk = errors.New("no space left on the disk")

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errDisk
	}
	return len(b), nil
}

func (f *failing) Read(b []byte) (int, error) {
	if f.left <= 0 {
		return 0, errDisk
	}
	n, err := f.data.Read(b[:min(len(b), f.left)])
	f.left -= n
	return n, err
}

func TestSavingAndLoadingFail(t *testing.T) {
	c := newCache(t, Config{Size: 1 << 20})
	packet := numbered(t)
	for n := range 3000 {
		number(packet, n)
		if err := c.Put(packet); err != nil {
			t.Fatal(err)
		}
	}
	dump := saved(t, c)
	for _, room := range []int{0, 100, 70_000, len(dump) - 1} {
		if _, err := c.Save(&failing{left: room}, "here"); err != errDisk {
			t.Errorf("a disk with room for %d octets: %v", room, err)
		}
		_, err := newCache(t, Config{Size: 1 << 20}).Load(&failing{room, bytes.NewBuffer(dump)}, "here")
		where := (*LoadError)(nil)
		if !errors.Is(err, errDisk) || !errors.As(err, &where) || where.Offset != int64(room) {
			t.Errorf("a disk that can be read for %d octets: %v", room, err)
		}
	}
	if _, err := c.Save(&failing{left: len(dump)}, "here"); err != nil {
		t.Error(err)
	}
}

// TestFlushWhileLoading: what was flushed does not come back.
func TestFlushWhileLoading(t *testing.T) {
	old := newCache(t, Config{Size: 1 << 20})
	packet := numbered(t)
	for n := range 3000 {
		number(packet, n)
		if err := old.Put(packet); err != nil {
			t.Fatal(err)
		}
	}
	c := newCache(t, Config{Size: 1 << 20})
	dump := saved(t, old)
	r := &flushing{cache: c, data: bytes.NewReader(dump), when: len(dump) / 2}
	if n, err := c.Load(r, "here"); err != nil || n == 0 || n > 2000 {
		t.Errorf("%d entries are loaded: %v", n, err)
	}
	if n := c.Stats().Entries; n != 0 {
		t.Errorf("%d entries are there after a flush", n)
	}
}

// flushing is a reader during which a cache is flushed.
type flushing struct {
	cache *Cache
	data  *bytes.Reader
	when  int // so many octets before the end
}

func (f *flushing) Read(b []byte) (int, error) {
	if f.data.Len() < f.when {
		f.cache.FlushAll()
		f.when = 0
	}
	return f.data.Read(b)
}
