package recursor

import (
	"context"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Access offers recursion to some and to nobody else (RFC 5358): what they
// ask goes to Next, with RA set in the reply. All others get REFUSED, and so
// do queries that do not ask for recursion.
type Access struct {
	// Allow holds those who may use Next. A nil set: nobody may.
	Allow *names.PeerSet

	// Public is asked first, whoever asks: zones of one's own, whose answers
	// then carry RA as well where recursion would be had. It may be nil.
	Public names.Resolver

	// Next has what is found elsewhere: local names, a cache, a [Forwarder].
	Next names.Resolver

	// IsOwn reports whether a query is one that this process has sent: see
	// [Forwarder.IsOwn]. It is asked here, in front of any cache, lest a query
	// that came round in a circle waits for itself. It may be nil.
	IsOwn func(x *names.Exchange) bool
}

// Resolve answers x or passes where Next does.
func (a *Access) Resolve(ctx context.Context, x *names.Exchange) error {
	allowed := a.offer(x)
	if a.Public != nil {
		if err := a.Public.Resolve(ctx, x); err != names.ErrPass {
			return err
		}
	}
	if done, err := a.decide(x, allowed); done {
		return err
	}
	return a.Next.Resolve(ctx, x)
}

// TryResolve answers x where that takes no waiting.
func (a *Access) TryResolve(x *names.Exchange) error {
	allowed := a.offer(x)
	if a.Public != nil {
		if err := names.Try(a.Public, x); err != names.ErrPass {
			return err
		}
	}
	if done, err := a.decide(x, allowed); done {
		return err
	}
	return names.Try(a.Next, x)
}

// Anticipates reports whether Public or Next want to be told of queries.
func (a *Access) Anticipates() bool {
	return a.Public != nil && names.Anticipates(a.Public) || names.Anticipates(a.Next)
}

// Anticipate tells those that do, whoever asks.
func (a *Access) Anticipate(queries []wire.Query) {
	if a.Public != nil {
		names.Anticipate(a.Public, queries)
	}
	names.Anticipate(a.Next, queries)
}

// offer sets RA where recursion is to be had.
func (a *Access) offer(x *names.Exchange) bool {
	if !a.Allow.Contains(x.Peer.Remote.Addr()) {
		return false
	}
	x.Reply.Flags |= wire.FlagRA
	return true
}

// decide answers what Next must not see.
func (a *Access) decide(x *names.Exchange, allowed bool) (done bool, err error) {
	switch {
	case !allowed:
		return true, refuse(x, wire.ExtendedErrorProhibited, "recursion is not offered to this address")
	case !x.Query.Header.Flags.Has(wire.FlagRD):
		// Neither a zone of ours nor a request to look elsewhere: RFC 8914 4.21.
		return true, refuse(x, wire.ExtendedErrorNotAuthoritative, "recursion was not asked for")
	case a.IsOwn != nil && a.IsOwn(x):
		return true, errLoop
	}
	return false, nil
}

var errLoop = &Failure{Code: wire.ExtendedErrorOther, Text: "the query came back to the server that sent it"}
