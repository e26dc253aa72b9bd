package cache

import (
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func TestBadConfig(t *testing.T) {
	for _, test := range []struct {
		config Config
		want   string // in the error
	}{
		{Config{Size: -1}, "Size is -1"},
		{Config{Size: 1000}, "Size is 1000 octets, not between 65536 and"},
		{Config{Shards: -1}, "Shards is -1"},
		{Config{Shards: 3}, "Shards is 3, no power of two"},
		{Config{Size: 1 << 20, Shards: 32}, "for each of 32 shards"},
		{Config{Size: 1 << 40, Shards: 1}, "for each of 1 shards"},
		{Config{MinTTL: -time.Second}, "MinTTL is -1s"},
		{Config{MaxTTL: 1 << 62}, "MaxTTL is"},
		{Config{MinTTL: time.Hour, MaxTTL: time.Minute}, "MinTTL is above MaxTTL"},
		{Config{MinTTL: 48 * time.Hour}, "MinTTL is above MaxTTL"}, // the default
		{Config{MinNegativeTTL: time.Hour, MaxNegativeTTL: time.Minute}, "MinNegativeTTL is above MaxNegativeTTL"},
		{Config{FailureTTL: time.Millisecond}, "FailureTTL is 1ms"},
		{Config{FailureTTL: time.Hour}, "FailureTTL is 1h0m0s"},
		{Config{ServeStale: -1}, "ServeStale is -1ns"},
		{Config{Timeout: -1}, "Timeout is -1ns"},
		{Config{MaxFlights: -1}, "MaxFlights is -1"},
		{Config{MaxPrefetch: -1}, "MaxPrefetch is -1"},
		{Config{MaxWaiting: -1}, "MaxWaiting is -1"},
	} {
		_, err := New(test.config)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v does not say %q", test.config, err, test.want)
		}
	}
}

func TestFlush(t *testing.T) {
	all := []string{"test. A", "a.test. A", "a.test. TXT", "b.a.test. A", "aa.test. A", "gone.test. A", "bad.test. A", ". A"}
	fill := func() *Front {
		f := newCache(t, Config{}).Front(nil)
		for _, what := range all {
			name, kind, _ := strings.Cut(what, " ")
			a := answer{answers: []string{name + " 300 " + kind + " 192.0.2.1"}}
			switch name {
			case "gone.test.":
				a = answer{rcode: wire.RCodeNXDomain, authority: []string{soa}}
			case "bad.test.":
				a = answer{rcode: wire.RCodeServFail}
			}
			f.next = &scripted{answer: a}
			if err := f.TryResolve(asking(what).exchange(t)); err != nil {
				t.Fatal(err)
			}
		}
		return f
	}
	for _, test := range []struct {
		what  string
		flush func(c *Cache) int
		gone  []string
	}{
		{"a name", func(c *Cache) int { return c.Flush(wire.MustParseName("A.test.")) }, []string{"a.test. A", "a.test. TXT"}},
		{"a name that does not exist", func(c *Cache) int { return c.Flush(wire.MustParseName("gone.test.")) }, []string{"gone.test. A"}},
		{"a name that failed", func(c *Cache) int { return c.Flush(wire.MustParseName("bad.test.")) }, []string{"bad.test. A"}},
		{"a name not there", func(c *Cache) int { return c.Flush(wire.MustParseName("c.test.")) }, nil},
		{"a type", func(c *Cache) int { return c.FlushType(wire.MustParseName("a.TEST."), wire.TypeTXT) }, []string{"a.test. TXT"}},
		{"any type of a name that does not exist", func(c *Cache) int { return c.FlushType(wire.MustParseName("gone.test."), wire.TypeMX) }, []string{"gone.test. A"}},
		{"a subtree", func(c *Cache) int { return c.FlushSubtree(wire.MustParseName("a.TEST.")) }, []string{"a.test. A", "a.test. TXT", "b.a.test. A"}},
		{"from the root", func(c *Cache) int { return c.FlushSubtree(wire.Root) }, all},
		{"all", (*Cache).FlushAll, all},
	} {
		f := fill()
		if n := test.flush(f.cache); n != len(test.gone) {
			t.Errorf("%s: %d entries, not %d", test.what, n, len(test.gone))
		}
		gone := strings.Join(test.gone, ", ")
		for _, what := range all {
			if got := f.cache.Get(asking(what).exchange(t)); got == strings.Contains(", "+gone+", ", ", "+what+", ") {
				t.Errorf("%s: %s is there: %v", test.what, what, got)
			}
		}
		checkIndex(t, f.cache)
	}
}

// asking reads "name TYPE".
func asking(what string) ask {
	name, kind, _ := strings.Cut(what, " ")
	t, err := wire.ParseType(kind)
	if err != nil {
		panic(err)
	}
	return ask{name: name, kind: t}
}

func TestEvents(t *testing.T) {
	var heard []string
	f := newCache(t, Config{Events: Events{
		Hit:  func(q wire.Question) { heard = append(heard, "hit "+q.Name.String()) },
		Miss: func(q wire.Question) { heard = append(heard, "miss "+q.Name.String()) },
		Stored: func(q wire.Question, life time.Duration) {
			heard = append(heard, "stored "+q.Name.String()+" "+life.String())
		},
	}}).Front(&scripted{answer: oneAddress})
	defer f.Close()
	for range 2 {
		if err := f.TryResolve(ask{name: "a.test."}.exchange(t)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := strings.Join(heard, ", "), "miss a.test., stored a.test. 5m0s, hit a.test."; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// TestFoldWord compares the folding of eight octets with that of one.
func TestFoldWord(t *testing.T) {
	for c := range 256 {
		for place := range 8 {
			word := uint64(c) << (8 * place)
			filler := uint64(0x4161405B7A7BC0DE) &^ (0xFF << (8 * place))
			var want uint64
			for i := range 8 {
				want |= uint64(wire.FoldByte(byte((word|filler)>>(8*i)))) << (8 * i)
			}
			if got := foldWord(word | filler); got != want {
				t.Fatalf("%#x folds to %#x, not %#x", word|filler, got, want)
			}
		}
	}
}

func TestLongestNames(t *testing.T) {
	label := strings.Repeat("A", 63)
	longest := label + "." + label + "." + label + "." + label[:61] + "."
	f := newCache(t, Config{}).Front(&scripted{answer: answer{answers: []string{longest + " 300 CNAME " + "b" + longest[1:]}}})
	defer f.Close()
	if err := f.TryResolve(ask{name: longest}.exchange(t)); err != nil {
		t.Fatal(err)
	}
	x := ask{name: strings.ToLower(longest)}.exchange(t)
	if !f.cache.Get(x) || len(reply(t, x).Answers) != 1 {
		t.Error("not kept")
	}
}

// TestReplyBehindOtherOctets is about replies that start in the middle of a
// buffer, as over TCP.
func TestReplyBehindOtherOctets(t *testing.T) {
	f := filled(t)
	defer f.Close()
	for _, room := range []int{0, 40, 60, 2000} {
		x := ask{name: "www.example.com."}.exchange(t)
		x.Reply.MoveTo(append(make([]byte, 0, 2+room), 0, 0))
		if err := f.TryResolve(x); err != nil {
			t.Fatal(err)
		}
		if m := reply(t, x); len(m.Answers) != 1 || !m.Answers[0].Name.Equal(x.Question().Name) {
			t.Errorf("room for %d octets: %v", room, m)
		}
	}
}

var _ names.TryResolver = (*scripted)(nil)
