package validate

import (
	"context"
	"net/netip"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Elsewhere is a resolver that has several servers, and can ask others if what one
// says has turned out bogus (RFC 4035 4.9.3, RFC 9520 3.3).
type Elsewhere interface {
	names.Resolver
	// ResolveExcept is Resolve with servers other than those tried, to which it adds
	// the one whose answer it is. It passes if there are none.
	ResolveExcept(ctx context.Context, x *names.Exchange, tried *[]netip.AddrPort) error
	// HasServersBelow reports whether name is in a zone below the one given that
	// has servers of its own.
	HasServersBelow(zone, name wire.Name) bool
}

// source is where a reply is from.
type source struct {
	tried  []netip.AddrPort
	isLast bool // there is nowhere else to ask
}

// ask asks the next resolver with DO and CD.
func (r *Resolver) ask(ctx context.Context, q wire.Question, peer names.Peer, from *source) (*Reply, error) {
	if r.elsewhere == nil {
		from.isLast = true
		return r.exchange(ctx, r.next, Query(q), peer, from)
	}
	next := names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
		return r.elsewhere.ResolveExcept(ctx, x, &from.tried)
	})
	return r.exchange(ctx, next, Query(q), peer, from)
}

// askAgain asks for what else there is, after what from has said is bogus: what
// another server says, or, if there is none, what a server says that validates by
// itself, and may have asked several (RFC 6840 5.9).
func (r *Resolver) askAgain(ctx context.Context, q wire.Question, peer names.Peer, from *source) (*Reply, error) {
	if from.isLast {
		return nil, names.ErrPass
	}
	reply, err := r.ask(ctx, q, peer, from)
	if err != names.ErrPass {
		return reply, err
	}
	from.isLast = true
	query := Query(q)
	query.Flags &^= wire.FlagCD
	return r.exchange(ctx, r.next, query, peer, from)
}

func (r *Resolver) exchange(ctx context.Context, next names.Resolver, query *wire.Message, peer names.Peer, from *source) (*Reply, error) {
	m, leadsOn, err := exchange(ctx, next, query, peer)
	if err != nil {
		return nil, err
	}
	reply, err := ReplyFromMessage(m)
	if err != nil {
		return nil, err
	}
	reply.Partial, reply.Source = leadsOn, from
	return reply, nil
}
