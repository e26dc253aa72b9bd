package listener

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/throttledlog"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Edge stands between packets and a resolver: it answers what no resolver
// should see, lets queries and replies through the gates, fills in what is the
// server's in every reply (EDNS, the size allowed), and turns a resolver's words
// into an RCODE. It counts what it does and limits what may wait. It is safe for
// use by many goroutines.
type Edge struct {
	rules       atomic.Pointer[rules]
	configuring sync.Mutex           // one change of rules at a time
	idleTimeout func() time.Duration // what TCP clients get to know (RFC 7828)

	errorLimit   *errorLimit
	waiting      places       // of queries that wait for answers
	streaming    places       // of those whose replies are of many messages
	sharedCounts sharedCounts // of what has none of its own

	events   Events
	failures *throttledlog.Log
	panics   *throttledlog.Log
	headers  refusedHeaders
	observer atomic.Pointer[Observer] // nil: none
}

// NewEdge returns the edge of a server as c describes it; endpoints and what
// concerns connections are left out of account.
func NewEdge(c Config) (*Edge, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	return newEdge(&c), nil
}

func newEdge(c *Config) *Edge {
	idle := c.IdleTimeout
	e := &Edge{
		idleTimeout: func() time.Duration { return idle },
		waiting:     newPlaces(c.MaxSlow),
		streaming:   newPlaces(c.MaxStreams),
		events:      c.Events,
		failures:    throttledlog.New(c.Log, slog.LevelError, "resolver failed"),
		panics:      throttledlog.New(c.Log, slog.LevelError, "resolver panicked"),
		headers:     newRefusedHeaders(c.Log),
	}
	e.errorLimit = newErrorLimit(c.ErrorsPerSecond, &e.events)
	e.configure(c)
	return e
}

// Answer returns the reply to query, appended to nothing: it is in buf if that
// has the room, and is lent until buf is used again. It is nil if there is
// nothing to say. x is the caller's to use again. Answer waits for slow
// resolvers, at most for the query timeout; if too many queries do, the reply is
// SERVFAIL.
func (e *Edge) Answer(ctx context.Context, x *names.Exchange, query []byte, peer names.Peer, buf []byte) []byte {
	return e.AnswerEach(ctx, x, query, peer, buf, nil)
}

// AnswerEach is [Edge.Answer] for transports that can carry a reply of many
// messages: send is called with each of them but the last, and borrows it. It
// waits until the client has taken enough; an error of it ends the reply.
func (e *Edge) AnswerEach(ctx context.Context, x *names.Exchange, query []byte, peer names.Peer, buf []byte, send func(message []byte) error) []byte {
	t := spareCounts.Get().(*counts)
	began := monotonic()
	defer e.count(t, began)
	t[queriesBy[peer.Transport%transports]]++
	x.Peer = peer
	x.Query.Parse(query)
	reply, isSlow := e.try(x, buf, t)
	if !isSlow {
		return reply
	}
	return e.answerSlow(ctx, x, t, send)
}

// answerSlow answers what try found slow, unless too many queries wait. send may be nil.
func (e *Edge) answerSlow(ctx context.Context, x *names.Exchange, t *counts, send func(message []byte) error) []byte {
	share, ok := e.waiting.take(x.Peer.Remote.Addr())
	if !ok {
		return e.shed(x, t)
	}
	defer e.waiting.giveBack(share)
	ctx, cancel := context.WithTimeout(ctx, e.rules.Load().timeout)
	defer cancel()
	if send == nil {
		return e.wait(ctx, x, t)
	}
	s := messageSender{edge: e, counts: t, next: sendFunc(send)}
	defer s.end()
	x.SetSender(&s)
	return e.wait(ctx, x, t)
}

// spareCounts are for queries that no goroutine of the server counts.
var spareCounts = sync.Pool{New: func() any { return new(counts) }}

// Stats returns what was done by [Edge.Answer] and [Edge.AnswerEach] so far; that
// of a server is in [Server.Stats].
func (e *Edge) Stats() Stats {
	var t counts
	e.sharedCounts.sum(&t)
	return t.stats()
}

// try answers the query in x.Query, parsed, which came from x.Peer, without
// waiting. If the resolver would have to wait it returns true, and x is ready
// for Edge.wait or Edge.shed.
func (e *Edge) try(x *names.Exchange, buf []byte, t *counts) (reply []byte, isSlow bool) {
	defer func() {
		if t[asking] != 0 {
			reply = e.panicked(recover(), x, t)
		}
	}()
	return e.tryUnguarded(x, buf, t)
}

// tryUnguarded is try for callers that catch the panics of the resolver: one
// guard is enough for many queries. If t[asking] is set when it is left, the
// resolver has panicked, and Edge.panicked has the reply.
func (e *Edge) tryUnguarded(x *names.Exchange, buf []byte, t *counts) (reply []byte, isSlow bool) {
	r := e.rules.Load()
	rcode, err := x.Open()
	if err != nil {
		t[notQueries]++
		return nil, false
	}
	if rcode == wire.RCodeNotImp && r.opcodes[x.Query.Header.Flags.Opcode()%opcodeCount] {
		rcode = x.CheckMessage()
	}
	e.note(x)
	t.received(x)
	r.begin(x, buf)
	x.RCode = rcode
	if c := conditionsOf(x); r.askedOfQueries>>(c%conditions)&1 != 0 {
		switch e.passQuery(r, c, x, t) {
		case Drop:
			t[gateDrops]++
			e.observe(x, nil, names.ErrDrop, t)
			return nil, false
		case Answer:
			return e.finish(x, nil, t), false
		}
	}
	if x.RCode != wire.RCodeNoError {
		return e.reject(x, t), false
	}
	err = names.ErrSlow
	if r.tryer != nil {
		t[asking] = 1
		err = r.tryer.TryResolve(x)
		t[asking] = 0
	}
	if err == names.ErrSlow {
		t[slow]++
		return nil, true
	}
	return e.conclude(x, err, t), false
}

// panicked returns the reply to the query that x holds, over which the resolver
// has panicked with p while it was tried.
func (e *Edge) panicked(p any, x *names.Exchange, t *counts) []byte {
	t[asking] = 0
	if p == nil {
		return nil // it has ended its goroutine
	}
	return e.conclude(x, e.caught(p, x, t), t)
}

// wait answers the query that x holds, however long it takes, as long as ctx
// lasts.
func (e *Edge) wait(ctx context.Context, x *names.Exchange, t *counts) []byte {
	return e.conclude(x, e.askResolver(ctx, x, t), t)
}

// begin starts the reply, as large as the client and the transport allow.
func (r *rules) begin(x *names.Exchange, buf []byte) {
	q := &x.Query
	limit := 65535
	if x.Peer.Transport == names.UDP {
		limit = minUDPSize
		if q.HasEDNS {
			limit = min(max(limit, int(q.EDNS.UDPSize)), r.maxUDP)
		}
	}
	if q.HasEDNS {
		x.ReplyEDNS.UDPSize = uint16(r.maxUDP)
		x.ReplyEDNS.Flags = q.EDNS.Flags & wire.FlagDO // RFC 3225 3
	}
	x.Begin(buf, limit)
}

// promiseTime tells a client how long an idle connection is kept (RFC 7828 3.2.1,
// RFC 9250 5.5.2).
func (e *Edge) promiseTime(x *names.Exchange) {
	var timeout [2]byte // in units of 100 ms
	binary.BigEndian.PutUint16(timeout[:], uint16(min(e.idleTimeout()/(100*time.Millisecond), 65535)))
	x.AddOption(wire.OptionKeepalive, timeout[:])
}

// reject answers a query that no resolver should see.
func (e *Edge) reject(x *names.Exchange, t *counts) []byte {
	switch x.RCode {
	case wire.RCodeNotImp:
		t[notImp]++
	case wire.RCodeBadVers:
		t[badVers]++
	case wire.RCodeFormErr:
		t[malformed]++
	default:
		t[rejected]++
	}
	return e.finish(x, nil, t)
}

// askResolver asks the resolver, which may take its time.
func (e *Edge) askResolver(ctx context.Context, x *names.Exchange, t *counts) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = e.caught(p, x, t)
		}
	}()
	return e.rules.Load().resolver.Resolve(ctx, x)
}

var errPanic = errors.New("resolver panicked")

// caught makes an error of a panic: one broken resolver must not end the
// service of the others.
func (e *Edge) caught(p any, x *names.Exchange, t *counts) error {
	t[panics]++
	e.panics.Say(func() []any {
		return append(describe(x), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	})
	return errPanic
}

// caughtInBatch is caught for a panic while a batch was prepared, which is still
// answered.
func (e *Edge) caughtInBatch(p any, t *counts) {
	t[panics]++
	e.panics.Say(func() []any { return []any{"panic", fmt.Sprint(p), "stack", string(debug.Stack())} })
}

// conclude turns what a resolver said into the reply. It is the only place
// where errors become RCODEs, and are counted and logged.
func (e *Edge) conclude(x *names.Exchange, err error, t *counts) []byte {
	switch {
	case err == nil:
	case err == names.ErrPass:
		t[refused]++
		x.Restart()
		x.RCode = wire.RCodeRefused
		x.AddExtendedError(wire.ExtendedErrorNotAuthoritative, "")
	case err == names.ErrDrop, errors.Is(err, names.ErrGone):
		t[resolverDrops]++
		e.observe(x, nil, err, t)
		return nil
	case errors.Is(err, wire.ErrNoSpace) && x.Peer.Transport == names.UDP:
		x.Truncate()
	default:
		e.fail(x, err, t)
	}
	return e.finish(x, err, t)
}

// fail makes the reply SERVFAIL and tells the operator why.
func (e *Edge) fail(x *names.Exchange, err error, t *counts) {
	t[failed]++
	x.Restart()
	x.RCode = wire.RCodeServFail
	var extended names.ExtendedErrorer
	switch {
	case errors.As(err, &extended):
		code, text := extended.ExtendedError()
		x.AddExtendedError(wire.ExtendedErrorCode(code), text)
	case errors.Is(err, context.DeadlineExceeded):
		x.AddExtendedError(wire.ExtendedErrorOther, "no answer in time")
	default:
		x.AddExtendedError(wire.ExtendedErrorOther, "")
	}
	if e.events.Failed != nil {
		e.events.Failed(x, err)
	}
	if err != errPanic { // that was told with its stack
		e.failures.Say(func() []any { return append(describe(x), "error", err) })
	}
}

// shed answers a query that would have had to wait, when too many do.
func (e *Edge) shed(x *names.Exchange, t *counts) []byte {
	t[shed]++
	e.events.limited(LimitSlow)
	x.Restart()
	x.RCode = wire.RCodeServFail
	x.AddExtendedError(wire.ExtendedErrorOther, "too many queries are waiting")
	return e.finish(x, errShed, t)
}

var errShed = errors.New("too many queries are waiting")

// finish lets the reply through the gates, counts it and returns its octets. err
// is that of the resolver.
func (e *Edge) finish(x *names.Exchange, err error, t *counts) []byte {
	if r, c := e.rules.Load(), conditionsOf(x); r.askedOfReplies>>(c%conditions)&1 != 0 {
		if reason := e.passReply(r, c, x, t); reason != passed {
			t[reason]++
			e.observe(x, nil, err, t)
			return nil
		}
	}
	t[replies]++
	if x.Reply.Flags.Has(wire.FlagTC) {
		t[truncated]++
	}
	reply := x.Finish()
	t.replied(x)
	e.observe(x, reply, err, t)
	return reply
}

// describe says which query a line of the log is about.
func describe(x *names.Exchange) []any {
	q := x.Question()
	return []any{
		slog.String("name", q.Name.String()), slog.String("type", q.Type.String()), slog.String("class", q.Class.String()),
		slog.String("client", x.Peer.Remote.String()), slog.String("transport", x.Peer.Transport.String()),
	}
}

// withoutZone is the address as resolvers and access lists see it: a zone
// says how to get there, not who it is.
func withoutZone(a netip.AddrPort) netip.AddrPort {
	if a.Addr().Is4() {
		return a // nearly all
	}
	return withoutZone6(a)
}

func withoutZone6(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
