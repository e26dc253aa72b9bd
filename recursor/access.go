package recursor

import (
	"context"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Access offers recursion to some clients and to no others (RFC 5358): what they
// ask goes to Next, with RA set in the reply. All others get REFUSED, and so
// do queries that do not ask for recursion.
type Access struct {
	// Allow matches the clients that may use Next. Nil: none may.
	Allow names.PeerMatcher

	// Public is asked first, for every client: zones of one's own, whose answers
	// then carry RA as well where recursion would be had. It may be nil.
	//
	// If a client that may use Next asks with RD, an answer of Public that leads
	// on (see [names.Exchange]) is completed from Next, and from Public again
	// (RFC 1034 4.3.2): an alias is followed wherever it points to, and a name
	// below a zone cut is resolved. So is an answer of Next that leads on.
	Public names.Resolver

	// Next has what is found elsewhere: local names, a cache, a [Forwarder].
	Next names.Resolver

	// IsOwn reports whether a query is one that this process has sent: see
	// [Forwarder.IsOwn]. It is asked here, in front of any cache, so that a
	// query that came back in a loop does not wait for itself. It may be nil.
	IsOwn func(x *names.Exchange) bool
}

// Resolve answers x, or passes if Next does.
func (a *Access) Resolve(ctx context.Context, x *names.Exchange) error {
	allowed := a.offer(x)
	if a.Public != nil {
		if err := a.Public.Resolve(ctx, x); err != names.ErrPass {
			if err != nil || !x.LeadsOn || !a.mayGoOn(x, allowed) {
				return err
			}
			return a.goOn(x, askWaiting{ctx})
		}
	}
	if done, err := a.decide(x, allowed); done {
		return err
	}
	if err := a.Next.Resolve(ctx, x); err != nil || !x.LeadsOn {
		return err
	}
	return a.complete(x, askWaiting{ctx})
}

// TryResolve answers x if that can be done without blocking.
func (a *Access) TryResolve(x *names.Exchange) error {
	allowed := a.offer(x)
	if a.Public != nil {
		if err := names.Try(a.Public, x); err != names.ErrPass {
			if err != nil || !x.LeadsOn || !a.mayGoOn(x, allowed) {
				return err
			}
			return a.goOn(x, askAtOnce{})
		}
	}
	if done, err := a.decide(x, allowed); done {
		return err
	}
	if err := names.Try(a.Next, x); err != nil || !x.LeadsOn {
		return err
	}
	return a.complete(x, askAtOnce{})
}

// WantsBatches reports whether Public or Next wants batches.
func (a *Access) WantsBatches() bool {
	return names.BatchPreparerOf(a.Public) != nil || names.BatchPreparerOf(a.Next) != nil
}

// PrepareBatch passes the queries of all clients to both.
func (a *Access) PrepareBatch(queries []wire.Query) {
	for _, r := range []names.Resolver{a.Public, a.Next} {
		if p := names.BatchPreparerOf(r); p != nil {
			p.PrepareBatch(queries)
		}
	}
}

// offer sets RA if the client may use recursion.
func (a *Access) offer(x *names.Exchange) bool {
	if a.Allow == nil || !a.Allow.Matches(&x.Peer) {
		return false
	}
	x.Reply.Flags |= wire.FlagRA
	return true
}

// decide answers queries that Next must not see.
func (a *Access) decide(x *names.Exchange, allowed bool) (done bool, err error) {
	switch {
	case !allowed:
		return true, refuse(x, wire.ExtendedErrorProhibited, "recursion is not offered to this client")
	case !x.Query.Header.Flags.Has(wire.FlagRD):
		// Neither a zone of ours nor a request to look elsewhere: RFC 8914 4.21.
		return true, refuse(x, wire.ExtendedErrorNotAuthoritative, "the query does not ask for recursion (RD is not set)")
	case a.IsOwn != nil && a.IsOwn(x):
		return true, errLoop
	}
	return false, nil
}

var errLoop = &Failure{Code: wire.ExtendedErrorOther, Text: "the query came back to the server that sent it"}
