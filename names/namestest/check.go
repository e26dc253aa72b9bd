package namestest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// CheckResolver asks r each question in many ways and reports where it breaks
// what [names.Resolver] and [names.TryResolver] promise:
//
//   - a word other than nil leaves nothing that counts: after ErrPass and
//     ErrSlow the reply is as it was;
//   - TryResolve says what Resolve says, or ErrSlow;
//   - replies can be read, fit their limit, and keep ID and question; the query
//     is only read;
//   - nothing lent is kept: scribbling over queries and replies that are done
//     with changes no later answer;
//   - many goroutines may ask at once, and get the same replies;
//   - Resolve returns soon once its context is done.
//
// The answers must not change by themselves meanwhile.
func CheckResolver(t testing.TB, r names.Resolver, questions ...wire.Question) {
	t.Helper()
	for _, violation := range check(r, questions) {
		t.Error(violation)
	}
}

// patience is how long a resolver may take to notice that its context is done
// before it counts as hanging.
const patience = 10 * time.Second

// enough is how many violations are reported: one cause has many.
const enough = 10

// checker collects what is wrong with a resolver.
type checker struct {
	resolver   names.Resolver
	mu         sync.Mutex
	violations []string
}

// outcome is what a resolver said to a query.
type outcome struct {
	reply []byte // nil unless err is
	err   error
}

func check(r names.Resolver, questions []wire.Question) []string {
	c := &checker{resolver: r}
	var queries []query
	for _, question := range questions {
		for _, edns := range []*wire.EDNS{nil, {UDPSize: 1232}, {UDPSize: 512, Flags: wire.FlagDO}, {UDPSize: 4096, Flags: wire.FlagDO}} {
			for _, transport := range []names.Transport{names.UDP, names.TCP} {
				queries = append(queries, query{question: question, flags: wire.FlagRD, edns: edns, transport: transport})
			}
		}
	}
	first := make([]outcome, len(queries))
	for i := range queries {
		first[i] = c.once(&queries[i])
	}
	for i := range queries { // all that was lent before is scribbled over by now
		c.same(&queries[i], "asked again", first[i], c.once(&queries[i]))
	}
	if _, ok := r.(names.TryResolver); ok {
		for i := range queries {
			c.try(&queries[i], first[i])
		}
	}
	var asking sync.WaitGroup
	for range 4 {
		asking.Go(func() {
			for i := range queries {
				c.same(&queries[i], "asked by many at once", first[i], c.once(&queries[i]))
			}
		})
	}
	asking.Wait()
	for i := range queries {
		if !c.cancelled(&queries[i]) {
			break // it would take patience each time
		}
	}
	return c.violations
}

func (c *checker) report(q *query, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.violations) == enough {
		return
	}
	edns := "no EDNS"
	if q.edns != nil {
		edns = fmt.Sprintf("EDNS %d, DO %t", q.edns.UDPSize, q.edns.DO())
	}
	c.violations = append(c.violations, fmt.Sprintf("%v %v %v (%v, %s): %s",
		q.question.Name, q.question.Class, q.question.Type, q.transport, edns, fmt.Sprintf(format, args...)))
}

// once asks q in buffers of its own and scribbles over them afterwards.
func (c *checker) once(q *query) outcome {
	o := c.in(q, func(x *names.Exchange) error { return c.resolver.Resolve(context.Background(), x) })
	if o.err == names.ErrSlow {
		c.report(q, "Resolve says %q, a word of TryResolve", names.ErrSlow)
	}
	return o
}

func (c *checker) in(q *query, resolve func(*names.Exchange) error) outcome {
	message := q.message()
	var x names.Exchange
	buf := make([]byte, 0, min(q.limit(), ednsLimit)+wire.WriterSlack) // grows for the few that are longer
	q.begin(&x, message, buf)
	o := outcome{err: resolve(&x)}
	if !bytes.Equal(message, q.message()) {
		c.report(q, "the query was written to")
	}
	switch {
	case o.err == nil:
		o.reply = bytes.Clone(x.Finish())
		c.readable(q, o.reply)
	case (o.err == names.ErrPass || o.err == names.ErrSlow) && !x.Untouched():
		c.report(q, "%q, but the reply was changed", o.err)
	}
	scribble(message)
	scribble(buf[:cap(buf)])
	scribble(x.Reply.Buffer())
	x = names.Exchange{}
	return o
}

// scribble overwrites b, by copying: the race detector looks at each octet
// written otherwise.
func scribble(b []byte) {
	const pattern = "\xdb\xdb\xdb\xdb\xdb\xdb\xdb\xdb\xdb\xdb\xdb\xdb\xdb\xdb\xdb\xdb"
	for n := copy(b, pattern); n > 0 && n < len(b); n *= 2 {
		copy(b[n:], b[:n])
	}
}

// readable checks what holds for every reply.
func (c *checker) readable(q *query, reply []byte) {
	if len(reply) > q.limit() {
		c.report(q, "reply has %d octets, the limit is %d", len(reply), q.limit())
	}
	m, err := wire.ParseMessage(reply)
	if err != nil {
		c.report(q, "reply cannot be read: %v", err)
		return
	}
	switch {
	case m.ID != 4711:
		c.report(q, "reply has the ID %d", m.ID)
	case len(m.Questions) != 1 || m.Questions[0] != q.question:
		c.report(q, "reply does not repeat the question as it was: %v", m.Questions)
	case !m.Flags.Has(wire.FlagQR|wire.FlagRD) || m.Flags.Opcode() != wire.OpcodeQuery:
		c.report(q, "reply has the flags %016b", uint16(m.Flags))
	case (m.EDNS != nil) != (q.edns != nil):
		c.report(q, "EDNS in the query: %t, in the reply: %t", q.edns != nil, m.EDNS != nil)
	case q.transport == names.TCP && m.Flags.Has(wire.FlagTC):
		c.report(q, "reply over TCP is truncated")
	}
}

// same checks that q was answered as before.
func (c *checker) same(q *query, when string, want, got outcome) {
	switch {
	case (want.err == nil) != (got.err == nil), isWord(want.err) && want.err != got.err:
		c.report(q, "%s it says %s, before it was %s", when, said(got.err), said(want.err))
	case !bytes.Equal(want.reply, got.reply):
		c.report(q, "%s the reply is %x, before it was %x", when, got.reply, want.reply)
	}
}

// isWord reports whether err is one of the words of the contract.
func isWord(err error) bool {
	return err == names.ErrPass || err == names.ErrDrop || err == names.ErrSlow
}

func said(err error) string {
	if err == nil {
		return "nil"
	}
	return fmt.Sprintf("%q", err)
}

// try checks TryResolve against what Resolve said.
func (c *checker) try(q *query, want outcome) {
	got := c.in(q, func(x *names.Exchange) error { return names.Try(c.resolver, x) })
	if got.err != names.ErrSlow {
		c.same(q, "by TryResolve", want, got)
	}
}

// cancelled checks that a context that is over ends Resolve. It returns false
// if it does not.
func (c *checker) cancelled(q *query) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		var x names.Exchange
		q.begin(&x, q.message(), nil)
		c.resolver.Resolve(ctx, &x)
	}()
	hanging := time.NewTimer(patience)
	defer hanging.Stop()
	select {
	case <-returned:
		return true
	case <-hanging.C:
		c.report(q, "Resolve has not returned %v after its context was done", patience)
		return false
	}
}
