package ratelimit

import (
	"hash/maphash"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/limitlog"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// ReplyConfig says how many replies a network gets over UDP. A network is a /24 of
// IPv4, a /56 of IPv6.
type ReplyConfig struct {
	// Same is how many replies a second a network gets that are of one kind and
	// about one name: answers about the name that was asked for, or from one wildcard, NXDOMAIN of one
	// zone whatever the name, referrals to one zone, NODATA in one zone, errors. As
	// many may come at once. 0: no limit.
	Same int

	// All is how many replies a second a network gets, whatever they are. It bounds
	// what many names are good for. 0: no limit.
	All int

	// Slip says which of the replies above a limit are sent after all, empty and
	// with TC, so that a client that is there asks again over TCP: 1 all, 2 every
	// second, 0 none.
	Slip int

	// Exempt holds clients without a limit.
	Exempt *names.PeerSet

	// LogOnly counts and logs what would be held back, and sends it.
	LogOnly bool

	// Views have other rates for some clients: the first counts that matches.
	Views []ReplyView
}

// ReplyView is the rates of some clients in the place of those of [ReplyConfig].
type ReplyView struct {
	Clients   names.PeerMatcher
	Same, All int
}

// ReplyStats counts what [Replies] has done.
type ReplyStats struct {
	Dropped   uint64 // replies held back, or that would have been with LogOnly
	Truncated uint64 // replies sent empty in place of such, with TC or BADCOOKIE
	Begun     uint64 // how often a limit began to be reached by a network, for one kind of reply
}

// Replies limits the replies that networks get. Those over transports that
// know their client's address are not counted, nor those to clients with a valid
// cookie or a TSIG key, nor those to clients that recursion is offered to (RA): for
// these there is [Recursion].
type Replies struct {
	rules   atomic.Pointer[replyRules]
	seed    maphash.Seed
	buckets buckets
	reached *limitlog.Log

	dropped, truncated atomic.Uint64
}

// replyRules is a configuration, made ready.
type replyRules struct {
	ReplyConfig
	rates // of clients without a view
	views []rates
}

// rates are intervals, and what keeps the networks of different views apart.
type rates struct {
	same, all int64
	salt      uint64
}

func ratesOf(view, same, all int) rates {
	return rates{intervalOf(same), intervalOf(all), uint64(view) * 0x9e3779b97f4a7c15}
}

// of returns the rates of a client.
func (r *replyRules) of(p *names.Peer) *rates {
	for i := range r.Views {
		if r.Views[i].Clients.Matches(p) {
			return &r.views[i]
		}
	}
	return &r.rates
}

// NewReplies returns limits. log receives a line when one begins to be reached, and
// one when it no longer is. It may be nil.
func NewReplies(c ReplyConfig, log *slog.Logger) *Replies {
	r := &Replies{seed: maphash.MakeSeed(), reached: newLog(log)}
	r.buckets.began = time.Now()
	r.Set(c)
	return r
}

func newLog(log *slog.Logger) *limitlog.Log { return limitlog.New(log, slog.LevelWarn, "rate limit") }

// Close ends the log of limits that are reached.
func (r *Replies) Close() { r.reached.Close() }

// Set changes the configuration. What networks have had already still counts.
func (r *Replies) Set(c ReplyConfig) {
	rules := &replyRules{ReplyConfig: c, rates: ratesOf(0, c.Same, c.All)}
	for i, v := range c.Views {
		rules.views = append(rules.views, ratesOf(1+i, v.Same, v.All))
	}
	r.rules.Store(rules)
}

// Stats returns what was counted so far.
func (r *Replies) Stats() ReplyStats {
	return ReplyStats{Dropped: r.dropped.Load(), Truncated: r.truncated.Load(), Begun: r.reached.Begun()}
}

// Gate returns the gate that applies the limits.
func (r *Replies) Gate() listener.Gate { return listener.Gate{Reply: r.pass} }

// pass reports whether a reply may be sent, and may truncate it.
func (r *Replies) pass(x *names.Exchange) bool {
	if x.Peer.Transport != names.UDP || x.Reply.Flags.Has(wire.FlagRA) || x.Peer.CookieValid || !x.Peer.Key.IsZero() {
		return true
	}
	rules := r.rules.Load()
	rates := rules.of(&x.Peer)
	client := x.Peer.Remote.Addr()
	if rates.same|rates.all == 0 || client.IsLoopback() {
		return true
	}
	// What is held back as one of many that are the same does not count for all.
	var room [keyLen]byte
	network := appendNetwork(room[:0], client)
	key, what := network, everything
	allowed := true
	if rates.same != 0 {
		key, what = appendKind(network, x)
		allowed = r.buckets.allow(maphash.Bytes(r.seed, key)^rates.salt, rates.same)
	}
	if allowed && rates.all != 0 {
		key, what = network, everything
		allowed = r.buckets.allow(maphash.Bytes(r.seed, key)^rates.salt, rates.all)
	}
	if allowed || rules.Exempt.Contains(client) {
		return true
	}
	return r.holdBack(x, rules, maphash.Bytes(r.seed, key)^rates.salt, what)
}

// holdBack is pass for a reply above a limit.
func (r *Replies) holdBack(x *names.Exchange, rules *replyRules, key uint64, what kind) bool {
	n := r.reached.Reached(key, func() []any {
		return []any{"network", networkOf(x.Peer.Remote.Addr()).String(), "replies", what.String(), "name", x.Question().Name.String()}
	})
	switch {
	case rules.LogOnly:
		r.dropped.Add(1)
		return true
	case rules.Slip > 0 && n%uint64(rules.Slip) == 0:
		r.slip(x)
		return true
	}
	r.dropped.Add(1)
	return false
}

// slip makes a short reply of x, by which a client that did ask gets on: over TCP or,
// if it knows cookies and has none of ours yet, with the one in the reply (RFC 7873 5.2.3).
func (r *Replies) slip(x *names.Exchange) {
	r.truncated.Add(1)
	if _, ok := x.Query.EDNS.Options.Find(wire.OptionCookie); ok {
		x.Restart()
		x.RCode = wire.RCodeBadCookie
		return
	}
	x.Truncate()
}

// kind is what a reply says: one question asked again and again gets the same.
type kind uint8

const (
	everything kind = iota
	answers
	nameErrors
	withoutData // NODATA and referrals
	errors
	wildcards
)

var kindTexts = [...]string{"all", "answers", "NXDOMAIN", "referrals and NODATA", "errors", "answers from a wildcard"}

func (k kind) String() string { return kindTexts[k] }

// networkLen is the room for a network, and keyLen that for a key: a network, a kind
// and a name.
const (
	networkLen = 8
	keyLen     = networkLen + 1 + wire.MaxNameLen
)

// appendNetwork appends the network of a client: 24 bits of an IPv4 address, 56 of
// an IPv6 address.
func appendNetwork(b []byte, client netip.Addr) []byte {
	if client.Is4() {
		a := client.As4()
		return append(b, 4, a[0], a[1], a[2], 0, 0, 0, 0)
	}
	a := client.As16()
	return append(append(b, 6), a[:7]...)
}

// networkOf is that network, for people.
func networkOf(client netip.Addr) netip.Prefix {
	bits := 56
	if client.Is4() {
		bits = 24
	}
	p, _ := client.Prefix(bits)
	return p
}

// appendKind appends of what kind the reply of x is, and the name that it is about:
// of what does not exist that is the zone, since names that do not exist are without
// number.
func appendKind(b []byte, x *names.Exchange) ([]byte, kind) {
	what := answers
	switch {
	case x.RCode == wire.RCodeNXDomain:
		what = nameErrors
	case x.RCode != wire.RCodeNoError:
		return append(b, byte(errors)), errors
	case x.Reply.Count(wire.SectionAnswer) == 0:
		what = withoutData
	}
	b = append(b, byte(what))
	start := len(b)
	name := x.Question().Name
	b = name.AppendFolded(b)
	if what == answers && x.Wildcard > 0 && x.Wildcard < name.Len() {
		b[start-1] = byte(wildcards)
		return append(b[:start], b[len(b)-x.Wildcard:]...), wildcards
	}
	if what == answers || x.Reply.Count(wire.SectionAnswer) > 0 {
		return b, what // an alias to a name that does not exist is about the alias
	}
	if x.Reply.Count(wire.SectionAuthority) == 0 {
		return b[:start], what
	}
	// The first record follows the question, and is that of the zone: its owner
	// is a pointer to the end of the question's name, or the root.
	message := x.Reply.Buffer()
	message = message[len(message)-x.Reply.Len():]
	const pointer = 0xC0
	at := wire.HeaderLen + name.Len() + 4
	switch {
	case at+2 > len(message):
		return b[:start], what
	case message[at] == 0:
		return append(b[:start], 0), what
	case message[at] >= pointer:
		suffix := int(message[at]&^pointer)<<8 | int(message[at+1]) - wire.HeaderLen
		if suffix >= 0 && suffix < name.Len() {
			return append(b[:start], b[start+suffix:]...), what
		}
	}
	return b[:start], what
}
