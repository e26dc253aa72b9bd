package listener

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"
	"testing/synctest"

	"github.com/names-dns/names/wire"
)

// batch is a packetIO without a socket that has one batch, of these queries.
type batch struct {
	loop
	queries [][]byte
	replies [][]byte
}

func (b *batch) receive(w batchServer) error {
	for i, query := range b.queries {
		s := &b.slots[i]
		s.data = append(s.buf[:0], query...)
		s.from = path{remote: client.Remote}
	}
	w.serve(len(b.queries))
	return net.ErrClosed
}

func (b *batch) send(n int) int {
	for i := range n {
		b.replies = append(b.replies, bytes.Clone(b.slots[i].reply))
	}
	return 0
}

// ahead is an Echo that is told of batches.
type ahead struct {
	Echo
	wants func() bool
	told  func([]wire.Query)
}

func (a ahead) Anticipates() bool { return a.wants() }

func (a ahead) Anticipate(queries []wire.Query) { a.told(queries) }

// everyKind are queries of every kind that is answered at once, or not at all.
func everyKind() [][]byte {
	queries := [][]byte{
		plain, modern, plain[:14], plain[:5], nil,
		append([]byte{0, 0, 0x80}, plain[3:]...),
		append(plain[:len(plain):len(plain)], 0),
		Question(1, "www.example.", &wire.EDNS{Version: 1}),
		Question(2, "www.example.", &wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionCookie, []byte("12345678"))}),
		Question(3, "www.example.", &wire.EDNS{Options: wire.Options{}.AppendOption(wire.OptionCookie, []byte("1234567"))}),
		append([]byte{0, 0, byte(wire.OpcodeNotify) << 3}, plain[3:]...),
		append(Question(4, "www.example.", nil), make([]byte, 4080)...),
	}
	for _, word := range []string{"panic", "error", "pass", "drop", "full"} {
		queries = append(queries, Question(5, word+".example.", nil))
	}
	return queries
}

// serveBatch answers the queries as one batch.
func serveBatch(t *testing.T, c Config, queries [][]byte) (replies [][]byte, counted tally) {
	p := newPure(t, c)
	w := &worker{edge: p.edge, slots: newSlots(batchSize, 1232), pool: &slowPool{edge: p.edge, context: context.Background()}}
	b := &batch{loop: loop{slots: w.slots}, queries: queries}
	w.io = b
	w.run()
	w.ledger.sum(&counted)
	return b.replies, counted
}

// TestBatchesAreAnsweredAlike: being told of a batch, or panicking over it,
// changes no reply.
func TestBatchesAreAnsweredAlike(t *testing.T) {
	synctest.Test(t, answerAlike) // cookies tell the time
}

func answerAlike(t *testing.T) {
	queries := everyKind()
	secrets := [][16]byte{{1}}
	want, counted := serveBatch(t, Config{CookieSecrets: secrets}, queries)
	yes := func() bool { return true }
	told := 0
	for _, test := range []struct {
		name   string
		ahead  ahead
		panics uint64
	}{
		{"told", ahead{wants: yes, told: func(q []wire.Query) { told += len(q) }}, 0},
		{"not told", ahead{wants: func() bool { return false }, told: func([]wire.Query) { panic("told") }}, 0},
		{"panics when told", ahead{wants: yes, told: func([]wire.Query) { panic("told") }}, 1},
		{"panics when asked", ahead{wants: func() bool { panic("asked") }}, 1},
	} {
		got, n := serveBatch(t, Config{CookieSecrets: secrets, Resolver: test.ahead}, queries)
		n[panics] -= test.panics
		if n != counted {
			t.Errorf("%s: counted %v, not %v", test.name, n, counted)
		}
		if fmt.Sprintf("%x", got) != fmt.Sprintf("%x", want) {
			t.Errorf("%s: replies\n%x, not\n%x", test.name, got, want)
		}
	}
	if told != len(queries) {
		t.Errorf("told of %d queries, not %d", told, len(queries))
	}
}

// A query that comes alone is not announced: it is asked next anyway.
func TestOneQueryIsNotAnnounced(t *testing.T) {
	a := ahead{wants: func() bool { panic("asked") }}
	replies, counted := serveBatch(t, Config{Resolver: a}, [][]byte{plain})
	if len(replies) != 1 || replies[0] == nil || counted[panics] != 0 {
		t.Errorf("replies %x, %d panics", replies, counted[panics])
	}
}
