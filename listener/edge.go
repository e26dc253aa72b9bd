package listener

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Edge stands between packets and a resolver: it answers what no resolver
// should see, fills in what is the server's in every reply (EDNS, the size
// allowed), and turns a resolver's words into an RCODE. It is safe for use by
// many goroutines.
type Edge struct {
	resolver    names.Resolver
	atOnce      names.TryResolver // resolver, if it can answer at once
	ahead       names.Anticipator // resolver, if it wants to hear of batches
	knows       [opcodes]bool     // which opcodes the resolver answers beside QUERY
	maxUDP      int
	nsid        []byte
	cookies     cookieMaker
	timeout     time.Duration
	idleTimeout func() time.Duration // what a TCP client is told (RFC 7828)

	failures complaint
	panics   complaint
}

// NewEdge returns the edge of a server as c describes it; addresses and what
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
		resolver:    c.Resolver,
		maxUDP:      c.MaxUDPSize,
		nsid:        []byte(c.NSID),
		cookies:     newCookieMaker(c.CookieSecrets),
		timeout:     c.QueryTimeout,
		idleTimeout: func() time.Duration { return idle },
		failures:    complaint{log: c.Log, text: "resolver failed"},
		panics:      complaint{log: c.Log, text: "resolver panicked"},
	}
	if len(c.Opcodes) > 0 {
		e.resolver = newByOpcode(c.Resolver, c.Opcodes)
		for opcode := range c.Opcodes {
			e.knows[opcode] = true
		}
	}
	e.atOnce, _ = e.resolver.(names.TryResolver)
	e.ahead, _ = c.Resolver.(names.Anticipator)
	return e
}

// Answer returns the reply to query, appended to nothing: it stands in buf
// where that has the room, and is lent until buf is used again. It is nil where
// there is nothing to say. x is the caller's to use again. Answer waits for
// slow resolvers, at most for the query timeout.
func (e *Edge) Answer(ctx context.Context, x *names.Exchange, query []byte, peer names.Peer, buf []byte) []byte {
	var t tally
	x.Peer = peer
	reply, isSlow := e.try(x, query, buf, &t)
	if isSlow {
		ctx, cancel := context.WithTimeout(ctx, e.timeout)
		defer cancel()
		reply = e.wait(ctx, x, &t)
	}
	return reply
}

// try answers query, which came from x.Peer, without waiting. Where the resolver
// would have to wait it returns true, and x is ready for Edge.wait or Edge.shed.
func (e *Edge) try(x *names.Exchange, query []byte, buf []byte, t *tally) (reply []byte, isSlow bool) {
	rcode, err := x.ReadQuery(query)
	return e.tryRead(x, rcode, err, buf, t)
}

// tryRead is try for a query that x holds already. rcode and err are what its
// reading said.
func (e *Edge) tryRead(x *names.Exchange, rcode wire.RCode, err error, buf []byte, t *tally) (reply []byte, isSlow bool) {
	if err != nil {
		t[silent]++
		return nil, false
	}
	if rcode == wire.RCodeNotImp && e.knows[x.Query.Header.Flags.Opcode()%opcodes] {
		rcode = x.CheckMessage()
	}
	if len(x.Query.Message) > maxQuery && rcode == wire.RCodeNoError && x.Peer.Transport == names.UDP {
		rcode = wire.RCodeFormErr // the kernel may have cut it off where it still looks whole
	}
	cookie := e.begin(x, buf, t)
	if rcode == wire.RCodeNoError && cookie == cookieMalformed {
		rcode = wire.RCodeFormErr // RFC 7873 5.2.2
	}
	if rcode == wire.RCodeFormErr && cookie >= cookieClient && asksForCookie(&x.Query) {
		if cookie == cookieBad {
			x.RCode = wire.RCodeBadCookie // RFC 7873 5.4
		}
		return e.finish(x, t), false
	}
	if rcode != wire.RCodeNoError {
		return e.reject(x, rcode, t), false
	}
	err = e.tryResolver(x, t)
	if err == names.ErrSlow {
		t[slow]++
		return nil, true
	}
	return e.conclude(x, err, t), false
}

// wait answers the query that x holds, however long it takes, as long as ctx
// lasts.
func (e *Edge) wait(ctx context.Context, x *names.Exchange, t *tally) []byte {
	return e.conclude(x, e.askResolver(ctx, x, t), t)
}

// begin starts the reply, as large as the asker and the transport allow. It
// returns what cookies the query has.
func (e *Edge) begin(x *names.Exchange, buf []byte, t *tally) cookieState {
	q := &x.Query
	limit := 65535
	if x.Peer.Transport == names.UDP {
		limit = minUDPSize
		if q.HasEDNS {
			limit = min(max(limit, int(q.EDNS.UDPSize)), e.maxUDP)
		}
	}
	if !q.HasEDNS {
		x.Begin(buf, limit)
		return cookieNone
	}
	x.ReplyEDNS.UDPSize = uint16(e.maxUDP)
	x.ReplyEDNS.Flags = q.EDNS.Flags & wire.FlagDO // RFC 3225 3
	x.Begin(buf, limit)
	if len(q.EDNS.Options) == 0 {
		return cookieNone
	}
	return e.answerOptions(x, t)
}

// answerOptions adds to the reply what the options of the query ask for, and
// returns what cookies are among them.
func (e *Edge) answerOptions(x *names.Exchange, t *tally) cookieState {
	cookie := e.cookies.answer(x)
	switch cookie {
	case cookieGood:
		t[cookiesGood]++
		x.Peer.CookieValid = true
	case cookieBad:
		t[cookiesBad]++
	}
	if len(e.nsid) != 0 { // RFC 5001 2.2
		if _, asked := x.Query.EDNS.Options.Find(wire.OptionNSID); asked {
			x.AddOption(wire.OptionNSID, e.nsid)
		}
	}
	if t := x.Peer.Transport; t == names.TCP || t == names.TLS { // RFC 7828 3.2.1, RFC 9250 5.5.2
		if _, asked := x.Query.EDNS.Options.Find(wire.OptionKeepalive); asked {
			var timeout [2]byte // in units of 100 ms
			binary.BigEndian.PutUint16(timeout[:], uint16(min(e.idleTimeout()/(100*time.Millisecond), 65535)))
			x.AddOption(wire.OptionKeepalive, timeout[:])
		}
	}
	return cookie
}

// reject answers a query that no resolver should see.
func (e *Edge) reject(x *names.Exchange, rcode wire.RCode, t *tally) []byte {
	switch rcode {
	case wire.RCodeNotImp:
		t[notImp]++
	case wire.RCodeBadVers:
		t[badVers]++
	default:
		t[malformed]++
	}
	x.RCode = rcode
	return e.finish(x, t)
}

// tryResolver asks the resolver what it can say at once.
func (e *Edge) tryResolver(x *names.Exchange, t *tally) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = e.caught(p, x, t)
		}
	}()
	if e.atOnce == nil {
		return names.ErrSlow
	}
	return e.atOnce.TryResolve(x)
}

// askResolver asks the resolver, which may take its time.
func (e *Edge) askResolver(ctx context.Context, x *names.Exchange, t *tally) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = e.caught(p, x, t)
		}
	}()
	return e.resolver.Resolve(ctx, x)
}

var errPanic = errors.New("resolver panicked")

// caught makes an error of a panic: one broken resolver must not end the
// service of the others.
func (e *Edge) caught(p any, x *names.Exchange, t *tally) error {
	t[panics]++
	e.panics.say(func() []any {
		return append(describe(x), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	})
	return errPanic
}

// caughtAhead is caught for a panic over a batch, which then is answered all
// the same.
func (e *Edge) caughtAhead(p any, t *tally) {
	t[panics]++
	e.panics.say(func() []any { return []any{"panic", fmt.Sprint(p), "stack", string(debug.Stack())} })
}

// conclude turns what a resolver said into the reply. It is the only place
// where errors become RCODEs, and are counted and logged.
func (e *Edge) conclude(x *names.Exchange, err error, t *tally) []byte {
	switch {
	case err == nil:
	case err == names.ErrPass:
		t[refused]++
		x.Restart()
		x.RCode = wire.RCodeRefused
		addExtendedError(x, wire.ExtendedErrorNotAuthoritative, "")
	case err == names.ErrDrop:
		t[silent]++
		return nil
	case errors.Is(err, wire.ErrNoSpace) && x.Peer.Transport == names.UDP:
		x.Truncate()
	default:
		e.fail(x, err, t)
	}
	return e.finish(x, t)
}

// fail makes the reply SERVFAIL and tells the operator why.
func (e *Edge) fail(x *names.Exchange, err error, t *tally) {
	t[failed]++
	x.Restart()
	x.RCode = wire.RCodeServFail
	var extended interface { // what an error may say to the asker; see Config.Resolver
		ExtendedError() (code uint16, text string)
	}
	switch {
	case errors.As(err, &extended):
		code, text := extended.ExtendedError()
		addExtendedError(x, wire.ExtendedErrorCode(code), text)
	case errors.Is(err, context.DeadlineExceeded):
		addExtendedError(x, wire.ExtendedErrorOther, "no answer in time")
	default:
		addExtendedError(x, wire.ExtendedErrorOther, "")
	}
	if err != errPanic { // that was told with its stack
		e.failures.say(func() []any { return append(describe(x), "error", err) })
	}
}

// shed answers a query that would have had to wait where too many do.
func (e *Edge) shed(x *names.Exchange, t *tally) []byte {
	t[shed]++
	x.Restart()
	x.RCode = wire.RCodeServFail
	addExtendedError(x, wire.ExtendedErrorOther, "too many queries are waiting")
	return e.finish(x, t)
}

// finish counts the reply and returns its octets.
func (e *Edge) finish(x *names.Exchange, t *tally) []byte {
	t[replies]++
	if x.Reply.Flags.Has(wire.FlagTC) {
		t[truncated]++
	}
	if x.Peer.Transport.IsEncrypted() {
		pad(x)
	}
	return x.Finish()
}

// describe says which query a line of the log is about.
func describe(x *names.Exchange) []any {
	q := x.Question()
	return []any{
		slog.String("name", q.Name.String()), slog.String("type", q.Type.String()), slog.String("class", q.Class.String()),
		slog.String("client", x.Peer.Remote.String()), slog.String("transport", x.Peer.Transport.String()),
	}
}

// addExtendedError adds an extended error if the asker understands it. The
// text is cut where it is longer than anybody reads.
func addExtendedError(x *names.Exchange, code wire.ExtendedErrorCode, text string) {
	var data [2 + maxExtendedText]byte
	binary.BigEndian.PutUint16(data[:], uint16(code))
	n := copy(data[2:], text)
	x.AddOption(wire.OptionExtendedError, data[:2+n])
}

const maxExtendedText = 120

// withoutZone is the address as resolvers and access lists see it: a zone
// says how to get there, not who it is.
func withoutZone(a netip.AddrPort) netip.AddrPort {
	if a.Addr().Is4() {
		return a // nearly all
	}
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}
