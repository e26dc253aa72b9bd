package cache

import (
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

func TestFlush(t *testing.T) {
	all := []string{"test. A", "a.test. A", "a.test. TXT", "b.a.test. A", "aa.test. A", "gone.test. A", "bad.test. A", ". A"}
	fill := func() *Resolver {
		f := newCache(t, Config{}).Resolver(nil)
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
