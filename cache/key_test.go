package cache

import (
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

func TestLongestNames(t *testing.T) {
	label := strings.Repeat("A", 63)
	longest := label + "." + label + "." + label + "." + label[:61] + "."
	f := newCache(t, Config{}).Resolver(&scripted{answer: answer{answers: []string{longest + " 300 CNAME " + "b" + longest[1:]}}})
	defer f.Close()
	if err := f.TryResolve(ask{name: longest}.exchange(t)); err != nil {
		t.Fatal(err)
	}
	x := ask{name: strings.ToLower(longest)}.exchange(t)
	if !f.cache.Get(x) || len(reply(t, x).Answers) != 1 {
		t.Error("not kept")
	}
}

func TestWhatSplitsAnswers(t *testing.T) {
	asks := []ask{
		{name: "a.test."}, {name: "a.test.", do: true}, {name: "a.test.", flags: wire.FlagCD}, {name: "a.test.", flags: wire.FlagCD, do: true},
		{name: "a.test.", kind: wire.TypeTXT}, {name: "b.test."}, {name: "test."}, {name: "."}, {name: `a\.test.`},
	}
	next := &tableResolver{}
	f := newCache(t, Config{}).Resolver(next)
	defer f.Close()
	for i, a := range asks {
		kind := "A 192.0.2.1"
		if a.kind == wire.TypeTXT {
			kind = "TXT text"
		}
		next.table = map[string]*answer{a.name + " " + strings.Fields(kind)[0]: {answers: []string{a.name + " 300 " + kind}}}
		if err := f.TryResolve(a.exchange(t)); err != nil {
			t.Fatal(err)
		}
		if len(next.takeAsked()) != 1 {
			t.Errorf("question %d was answered with the answer to another", i)
		}
	}
	for i, a := range asks {
		if !f.cache.Get(a.exchange(t)) {
			t.Errorf("question %d is not answered", i)
		}
	}
}
