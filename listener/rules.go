package listener

import (
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// rules are what a configuration says of queries and replies. They never change:
// an edge that is configured anew has other ones, and each query is begun by one
// of the two.
type rules struct {
	resolver names.Resolver
	tryer    names.TryResolver   // resolver, if it can answer at once
	preparer names.BatchPreparer // resolver, if it can prepare batches
	opcodes  [opcodeCount]bool   // which opcodes the resolver answers in addition to QUERY
	gates    gates               // those that every server has
	foreign  gates               // those of the configuration

	// A bit for each combination of conditions with which there is a gate at all.
	askedOfQueries, askedOfReplies uint32

	proxies *names.PeerSet // nil: there are none
	maxUDP  int
	timeout time.Duration
	nsid    []byte
	cookies cookieMaker
	signer  func(x *names.Exchange) Verdict
}

// newRules returns the rules of c, which is complete. before has those that they
// replace, if there are any.
func (e *Edge) newRules(c *Config, before *rules) *rules {
	r := &rules{
		resolver: c.Resolver,
		proxies:  c.Proxies,
		maxUDP:   c.MaxUDPSize,
		timeout:  c.QueryTimeout,
		nsid:     []byte(c.NSID),
		cookies:  newCookieMaker(c.CookieSecrets),
		signer:   verifySignature(c.TSIGKeys),
	}
	if before != nil {
		r.cookies.succeed(&before.cookies, len(c.CookieSecrets) > 0)
	}
	if len(c.Opcodes) > 0 {
		r.resolver = newByOpcode(c.Resolver, c.Opcodes)
		for opcode := range c.Opcodes {
			r.opcodes[opcode] = true
		}
	}
	r.tryer, _ = r.resolver.(names.TryResolver)
	r.preparer, _ = c.Resolver.(names.BatchPreparer)
	r.gates = newGates(ownGates)
	var configured []gate
	for _, g := range c.Gates {
		configured = append(configured, foreign(g))
	}
	r.foreign = newGates(configured)
	for c := range conditions {
		if len(r.gates.query[c])+len(r.foreign.query[c]) > 0 {
			r.askedOfQueries |= 1 << c
		}
		if len(r.gates.reply[c])+len(r.foreign.reply[c]) > 0 {
			r.askedOfReplies |= 1 << c
		}
	}
	return r
}

// Configure makes e answer as c says from the next query on. Queries that wait for
// their answers are answered by the gates and limits of c. Clients keep the cookies
// that they have: those made with a secret that c no longer has are good for the
// hour that cookies are good for, and no new ones are made with it. Endpoints,
// workers, what concerns connections, events and the log are left out of account.
func (e *Edge) Configure(c Config) error {
	if err := c.complete(); err != nil {
		return err
	}
	e.configure(&c)
	return nil
}

func (e *Edge) configure(c *Config) {
	e.configuring.Lock()
	defer e.configuring.Unlock()
	e.errorLimit.set(c.ErrorsPerSecond)
	e.waiting.set(c.MaxSlow)
	e.streaming.set(c.MaxStreams)
	e.rules.Store(e.newRules(c, e.rules.Load()))
}

// ownGates are those that every server has. Replies are padded last, when all
// else is in them.
var ownGates = []gate{
	{when: Encrypted | WithOptions, reply: func(_ *Edge, x *names.Exchange) bool { pad(x); return true }},
	{when: WithError, reply: func(e *Edge, x *names.Exchange) bool { return e.errorLimit.pass(x) }},
	{when: Signed, query: func(_ *Edge, r *rules, x *names.Exchange, _ *counts) Verdict { return r.signer(x) }},
	{when: WithOptions, query: (*Edge).answerOptions},
}

// answerOptions is the gate for queries with options: DNS Cookies, NSID (RFC 5001
// 2.2) and, over connections, keepalive.
func (e *Edge) answerOptions(r *rules, x *names.Exchange, t *counts) (v Verdict) {
	var cookie []byte
	var hasCookie, wantsNSID, wantsTime bool
	for rest := x.Query.EDNS.Options; ; {
		code, data, next, ok := rest.Next()
		if !ok {
			break
		}
		rest = next
		switch code {
		case wire.OptionCookie:
			if !hasCookie { // the first counts: RFC 7873 5.2
				cookie, hasCookie = data, true
			}
		case wire.OptionNSID:
			wantsNSID = len(r.nsid) > 0
		case wire.OptionKeepalive:
			wantsTime = x.Peer.Transport != names.UDP && x.Peer.Transport <= names.TLS
		}
	}
	if hasCookie {
		v = r.cookies.pass(x, cookie, t)
	}
	if v != Continue {
		return v
	}
	if wantsNSID {
		x.AddOption(wire.OptionNSID, r.nsid)
	}
	if wantsTime {
		e.promiseTime(x)
	}
	return Continue
}
