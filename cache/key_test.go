package cache

import (
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

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

func TestWhatSplitsAnswers(t *testing.T) {
	asks := []ask{
		{name: "a.test."}, {name: "a.test.", do: true}, {name: "a.test.", flags: wire.FlagCD}, {name: "a.test.", flags: wire.FlagCD, do: true},
		{name: "a.test.", kind: wire.TypeTXT}, {name: "b.test."}, {name: "test."}, {name: "."}, {name: `a\.test.`},
	}
	next := &behind{}
	f := newCache(t, Config{}).Front(next)
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
