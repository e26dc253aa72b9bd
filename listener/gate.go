package listener

import (
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Gate is a step that queries pass before the resolver is asked, and their
// replies on the way back: access lists, signatures, rate limits. Gates are
// called on the loop that receives packets, by several goroutines at once: they
// must not wait, and should not allocate.
type Gate struct {
	// When says which queries the gate is for; the others do not pass it.
	When Condition

	// Query, unless nil, is called with a query that is going to have a reply,
	// after the reply was begun and before the resolver is asked. x.RCode is
	// what the query deserves by itself, NOERROR if the resolver is to be asked;
	// a gate may set it to something else.
	Query func(x *names.Exchange) Verdict

	// Reply, unless nil, is called with a reply before its OPT record and
	// header are written and before it is signed. It may add options; it
	// returns false for a reply that is not to be sent.
	Reply func(x *names.Exchange) bool
}

// Verdict is what a gate says of a query.
type Verdict uint8

// The verdicts of gates.
const (
	Continue Verdict = iota // to the next gate, and then to the resolver if x.RCode is NOERROR
	Answer                  // the reply is complete: no resolver is asked, nor is another gate
	Drop                    // there is no reply
)

// Condition says which queries and replies a gate is for: those with which all of it
// is true. The zero value is for all.
type Condition uint8

// What may be true of a query or its reply.
const (
	WithOptions Condition = 1 << iota // the query has EDNS options
	Encrypted                         // the transport is
	Connected                         // the transport is TCP or TLS
	WithError                         // x.RCode is not NOERROR nor NXDOMAIN: with Query, the query is malformed
	Signed                            // the query has a TSIG record

	conditions = 1 << iota
)

// conditionsOf is what is true of x now.
func conditionsOf(x *names.Exchange) (c Condition) {
	if len(x.Query.EDNS.Options) != 0 {
		c |= WithOptions
	}
	if t := x.Peer.Transport; t != names.UDP {
		if t.IsEncrypted() {
			c |= Encrypted
		}
		if t <= names.TLS {
			c |= Connected
		}
	}
	if x.RCode != wire.RCodeNoError && x.RCode != wire.RCodeNXDomain {
		c |= WithError
	}
	if x.Query.TSIG != 0 {
		c |= Signed
	}
	return c
}

// gate is a [Gate] that knows the edge and its rules, and counts.
type gate struct {
	when  Condition
	query queryGate
	reply replyGate
}

type (
	queryGate func(e *Edge, r *rules, x *names.Exchange, t *counts) Verdict
	replyGate func(e *Edge, x *names.Exchange) bool
)

// gates are the steps for each combination of conditions: those of most queries
// are none, and cost nothing.
type gates struct {
	query [conditions][]queryGate
	reply [conditions][]replyGate
}

// newGates puts gates in order: queries pass them from the first to the last,
// replies from the last to the first.
func newGates(list []gate) (all gates) {
	for c := range Condition(conditions) {
		for i, g := range list {
			if g.when&^c == 0 && g.query != nil {
				all.query[c] = append(all.query[c], g.query)
			}
			if g := list[len(list)-1-i]; g.when&^c == 0 && g.reply != nil {
				all.reply[c] = append(all.reply[c], g.reply)
			}
		}
	}
	return all
}

// foreign makes a gate of the configuration one of the list.
func foreign(from Gate) (g gate) {
	g.when = from.When
	if from.Query != nil {
		g.query = func(_ *Edge, _ *rules, x *names.Exchange, _ *counts) Verdict { return from.Query(x) }
	}
	if from.Reply != nil {
		g.reply = func(_ *Edge, x *names.Exchange) bool { return from.Reply(x) }
	}
	return g
}

// passQuery asks the gates about a query of which c is true: its own, and then
// those of others. Most queries have none to pass: see rules.askedOfQueries.
func (e *Edge) passQuery(r *rules, c Condition, x *names.Exchange, t *counts) Verdict {
	for _, pass := range r.gates.query[c] {
		if v := pass(e, r, x, t); v != Continue {
			return v
		}
	}
	if len(r.foreign.query[c]) == 0 {
		return Continue
	}
	return e.passForeign(r, r.foreign.query[c], x, t)
}

// passForeign asks the gates of the configuration. If one panics the query is
// dropped: a check that could not be made is not passed.
func (e *Edge) passForeign(r *rules, gates []queryGate, x *names.Exchange, t *counts) (v Verdict) {
	defer func() {
		if p := recover(); p != nil {
			e.caught(p, x, t)
			v = Drop
		}
	}()
	for _, pass := range gates {
		if v := pass(e, r, x, t); v != Continue {
			return v
		}
	}
	return Continue
}

// passed is what passReply returns for a reply that may be sent.
const passed = countEnd

// passReply asks the gates about a reply of which c is true. It returns passed, or
// what a reply that may not be sent is to be counted as. Most replies have no gate
// to pass: see rules.askedOfReplies.
func (e *Edge) passReply(r *rules, c Condition, x *names.Exchange, t *counts) count {
	if len(r.foreign.reply[c]) != 0 {
		if !e.passReplyForeign(r.foreign.reply[c], x, t) {
			return gateDrops
		}
		c = conditionsOf(x) // a gate may have set an RCODE
	}
	for _, pass := range r.gates.reply[c] {
		if !pass(e, x) {
			return errorsLimited // no other gate of ours holds a reply back
		}
	}
	return passed
}

// passReplyForeign is passForeign for a reply.
func (e *Edge) passReplyForeign(gates []replyGate, x *names.Exchange, t *counts) (ok bool) {
	defer func() {
		if p := recover(); p != nil {
			e.caught(p, x, t)
			ok = false
		}
	}()
	for _, pass := range gates {
		if !pass(e, x) {
			return false
		}
	}
	return true
}
