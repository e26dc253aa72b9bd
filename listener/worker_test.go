package listener

import (
	"bytes"
	"context"
	"fmt"
	"math/bits"
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

func (b *batch) receive(yield func(n int) bool) {
	for i, query := range b.queries {
		s := &b.slots[i]
		s.data = append(s.buf[:0], query...)
		s.from = path{remote: client.Remote}
	}
	yield(len(b.queries))
}

func (b *batch) send(n int) int {
	for i := range n {
		b.replies = append(b.replies, bytes.Clone(b.slots[i].reply))
	}
	return 0
}

// preparer is an Echo that prepares batches.
type preparer struct {
	Echo
	wants   func() bool
	prepare func([]wire.Query)
}

func (p preparer) WantsBatches() bool { return p.wants() }

func (p preparer) PrepareBatch(queries []wire.Query) { p.prepare(queries) }

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
func serveBatch(t *testing.T, c Config, queries [][]byte) (replies [][]byte, counted counts) {
	p := newPure(t, c)
	w := &worker{edge: p.edge, slots: newSlots(batchSize, 1232), pool: &slowPool{edge: p.edge, context: context.Background()}}
	b := &batch{loop: loop{slots: w.slots}, queries: queries}
	w.io = b
	w.run()
	w.sharedCounts.sum(&counted)
	return b.replies, counted
}

// TestBatchesAreAnsweredAlike: preparing a batch, or panicking over it, changes
// no reply.
func TestBatchesAreAnsweredAlike(t *testing.T) {
	synctest.Test(t, answerAlike) // cookies tell the time
}

func answerAlike(t *testing.T) {
	queries := everyKind()
	secrets := [][16]byte{{1}}
	want, counted := serveBatch(t, Config{CookieSecrets: secrets}, queries)
	yes := func() bool { return true }
	prepared := 0
	for _, test := range []struct {
		name     string
		preparer preparer
		panics   uint64
	}{
		{"prepared", preparer{wants: yes, prepare: func(q []wire.Query) { prepared += len(q) }}, 0},
		{"not prepared", preparer{wants: func() bool { return false }, prepare: func([]wire.Query) { panic("prepare") }}, 0},
		{"PrepareBatch panics", preparer{wants: yes, prepare: func([]wire.Query) { panic("prepare") }}, 1},
		{"WantsBatches panics", preparer{wants: func() bool { panic("wants") }}, 1},
	} {
		got, n := serveBatch(t, Config{CookieSecrets: secrets, Resolver: test.preparer}, queries)
		n[panics] -= test.panics
		if n != counted {
			t.Errorf("%s: counted %v, not %v", test.name, n, counted)
		}
		if fmt.Sprintf("%x", got) != fmt.Sprintf("%x", want) {
			t.Errorf("%s: replies\n%x, not\n%x", test.name, got, want)
		}
	}
	if prepared != len(queries) {
		t.Errorf("prepared %d queries, not %d", prepared, len(queries))
	}
}

// TestPanicTakesOneQuery: a query over which the resolver panics has its reply, and
// so has each of the others of its batch, in whatever order they come.
func TestPanicTakesOneQuery(t *testing.T) {
	broken := Question(7, "panic.example.", nil)
	alone := func(query []byte) string {
		replies, _ := serveBatch(t, Config{}, [][]byte{query})
		return fmt.Sprintf("%x", replies)
	}
	for order := range 1 << 4 {
		var queries [][]byte
		var want string
		for i := range 4 {
			query := plain
			if order>>i&1 != 0 {
				query = broken
			}
			queries, want = append(queries, query), want+alone(query)
		}
		replies, counted := serveBatch(t, Config{}, queries)
		got := ""
		for _, reply := range replies {
			got += fmt.Sprintf("[%x]", reply)
		}
		if got != want || counted[panics] != uint64(bits.OnesCount(uint(order))) {
			t.Errorf("order %04b: %d panics, replies\n%s, not\n%s", order, counted[panics], got, want)
		}
	}
}

// A query that comes alone is not prepared: it is resolved next anyway.
func TestOneQueryIsNotPrepared(t *testing.T) {
	p := preparer{wants: func() bool { panic("wants") }}
	replies, counted := serveBatch(t, Config{Resolver: p}, [][]byte{plain})
	if len(replies) != 1 || replies[0] == nil || counted[panics] != 0 {
		t.Errorf("replies %x, %d panics", replies, counted[panics])
	}
}
