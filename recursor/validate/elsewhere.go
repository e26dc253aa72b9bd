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
	// TrustsAD reports whether one of the servers for q is believed when it says that
	// an answer is authentic. AD of other servers is not in replies.
	TrustsAD(q wire.Question) bool
}

// source is where a reply is from.
type source struct {
	tried  []netip.AddrPort
	isLast bool // there is nowhere else to ask

	trustsAD    bool // the reply counts as proved if it has AD
	isAuthentic bool // and it has
}

// ask asks the next resolver with DO and CD. If the AD bit counts, it is asked without
// CD: a server need not validate what it is asked with it (RFC 6840 5.9).
func (r *Resolver) ask(ctx context.Context, q wire.Question, peer names.Peer, from *source) (*Reply, error) {
	query := Query(q)
	if from.trustsAD {
		query.Flags = query.Flags&^wire.FlagCD | wire.FlagAD
	}
	if r.elsewhere == nil {
		from.isLast = true
		return r.exchange(ctx, r.next, query, peer, from)
	}
	next := names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
		return r.elsewhere.ResolveExcept(ctx, x, &from.tried)
	})
	return r.exchange(ctx, next, query, peer, from)
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
	from.isAuthentic = from.trustsAD && m.Flags.Has(wire.FlagAD)
	return reply, nil
}

// judge is what is to be made of a reply: that of a server that is believed is secure
// if it says so, without proofs; all others have to have them.
func (r *Resolver) judge(ctx context.Context, reply *Reply, from *source, budget *Budget) Result {
	if !from.isAuthentic {
		return r.validator.Check(ctx, reply, budget)
	}
	result := Result{Verdict: Secure, TTL: maxReplyTTL}
	for _, section := range [][]*RRset{reply.Answer, reply.Authority} {
		for _, set := range section {
			set.Verdict = Secure
			result.TTL = min(result.TTL, set.TTL)
		}
	}
	return result
}
