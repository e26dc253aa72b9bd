package names

import (
	"testing"

	"github.com/names-dns/names/wire"
)

// listens is a resolver that wants to be told of queries, or does not.
type listens struct {
	says
	wants bool
	told  int // queries
}

func (l *listens) Anticipates() bool { return l.wants }

func (l *listens) Anticipate(queries []wire.Query) { l.told += len(queries) }

func TestChainTellsThoseWhoWantToKnow(t *testing.T) {
	wants, declines := &listens{wants: true}, &listens{}
	for _, test := range []struct {
		name  string
		chain Chain
		want  bool
	}{
		{"empty", Chain{}, false},
		{"nobody can", Chain{&says{}}, false},
		{"nobody wants", Chain{&says{}, declines}, false},
		{"one wants", Chain{declines, &says{}, wants}, true},
		{"in a chain of its own", Chain{&says{}, Chain{wants}}, true},
	} {
		wants.told = 0
		if Anticipates(test.chain) != test.want {
			t.Errorf("%s: anticipates: %v", test.name, !test.want)
		}
		Anticipate(test.chain, make([]wire.Query, 3))
		if told := wants.told == 3; told != test.want {
			t.Errorf("%s: told of %d queries", test.name, wants.told)
		}
	}
	if declines.told > 0 {
		t.Error("who does not want to know was told")
	}
}

func TestReadParsed(t *testing.T) {
	name := wire.MustParseName("www.example.")
	good := wire.AppendQuery(nil, 7, wire.FlagRD, wire.Question{Name: name, Type: wire.TypeA, Class: wire.ClassIN}, &wire.EDNS{UDPSize: 1232})
	for what, message := range map[string][]byte{
		"query": good, "short": good[:9], "cut": good[:20], "trailing": append(good[:len(good):len(good)], 0),
		"response": append([]byte{0, 7, 0x80}, good[3:]...), "empty": nil,
	} {
		var x, y Exchange
		rcode, err := x.Read(message, Peer{})
		var q wire.Query
		parsing := q.Parse(message)
		if r, e := y.ReadParsed(&q, parsing); r != rcode || e != err || y.CheckMessage() != x.CheckMessage() {
			t.Errorf("%s: %v, %v read, and %v, %v parsed before", what, rcode, err, r, e)
		}
		if y.Question() != x.Question() {
			t.Errorf("%s: question %v read, %v parsed before", what, x.Question(), y.Question())
		}
	}
}
