package names

import (
	"testing"

	"github.com/names-dns/names/wire"
)

// preparer is a resolver that wants batches, or does not.
type preparer struct {
	says
	wants    bool
	prepared int // queries
}

func (p *preparer) WantsBatches() bool { return p.wants }

func (p *preparer) PrepareBatch(queries []wire.Query) { p.prepared += len(queries) }

func TestChainPassesBatches(t *testing.T) {
	wants, declines := &preparer{wants: true}, &preparer{}
	for _, test := range []struct {
		name  string
		chain Chain
		want  bool
	}{
		{"empty", Chain{}, false},
		{"no preparer", Chain{&says{}}, false},
		{"none wants", Chain{&says{}, declines}, false},
		{"one wants", Chain{declines, &says{}, wants}, true},
		{"in a chain of its own", Chain{&says{}, Chain{wants}}, true},
	} {
		wants.prepared = 0
		if (BatchPreparerOf(test.chain) != nil) != test.want {
			t.Errorf("%s: wants batches: %v", test.name, !test.want)
		}
		test.chain.PrepareBatch(make([]wire.Query, 3))
		if prepared := wants.prepared == 3; prepared != test.want {
			t.Errorf("%s: prepared %d queries", test.name, wants.prepared)
		}
	}
	if declines.prepared > 0 {
		t.Error("a resolver that wants no batches was given one")
	}
}

func TestOpen(t *testing.T) {
	name := wire.MustParseName("www.example.")
	good := wire.AppendQuery(nil, 7, wire.FlagRD, wire.Question{Name: name, Type: wire.TypeA, Class: wire.ClassIN}, &wire.EDNS{UDPSize: 1232})
	for what, message := range map[string][]byte{
		"query": good, "short": good[:9], "cut": good[:20], "trailing": append(good[:len(good):len(good)], 0),
		"response": append([]byte{0, 7, 0x80}, good[3:]...), "empty": nil,
	} {
		var x, y Exchange
		rcode, err := x.Read(message, Peer{})
		y.Query.Parse(message)
		y.Peer.CookieValid, y.Peer.Key = true, name
		if r, e := y.Open(); r != rcode || e != err || y.CheckMessage() != x.CheckMessage() {
			t.Errorf("%s: %v, %v read, and %v, %v parsed before", what, rcode, err, r, e)
		}
		if y.Peer.CookieValid || !y.Peer.Key.IsZero() {
			t.Errorf("%s: what the query before proved is kept: %+v", what, y.Peer)
		}
		if y.Question() != x.Question() {
			t.Errorf("%s: question %v read, %v parsed before", what, x.Question(), y.Question())
		}
	}
}
