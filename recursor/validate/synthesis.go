package validate

import (
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/ranges"
	"github.com/names-dns/names/wire"
)

// KeepRanges keeps what denies other names as well of a reply that is secure
// (aggressive use, RFC 8198).
func KeepRanges(store *ranges.Store, reply *Reply) {
	add := func(set *RRset) {
		s := ranges.Set{Owner: set.Name, Type: set.Type, TTL: set.TTL, Data: set.Data[0]}
		for _, sig := range set.Signatures {
			s.Signatures = append(s.Signatures, sig.AppendTo(nil, nil))
		}
		store.Add(set.Zone, &s)
	}
	isUsable := func(set *RRset) bool {
		return set.Verdict == Secure && set.Wildcard.IsZero() && len(set.Data) == 1
	}
	for _, set := range reply.Authority { // first, for it bounds the others
		if set.Type == wire.TypeSOA && isUsable(set) && set.Name.Equal(set.Zone) {
			add(set)
		}
	}
	for _, set := range reply.Authority {
		if (set.Type == wire.TypeNSEC || set.Type == wire.TypeNSEC3) && isUsable(set) {
			add(set)
		}
	}
}

// WriteDenial answers x with what is proved not to be there. If that has no room
// it is names.ErrSlow, and the reply is as it was.
func WriteDenial(x *names.Exchange, d *ranges.Denial) error {
	start := x.Reply.Mark()
	x.Reply.SetSection(wire.SectionAuthority)
	err := d.Each(true, x.DO(), func(owner wire.Name, t wire.Type, data []byte) error {
		return x.Reply.Raw(owner, t, wire.ClassIN, d.TTL, data)
	})
	if err != nil {
		x.Reply.Rollback(start)
		return names.ErrSlow
	}
	x.RCode, x.Derived = d.RCode, true
	if x.DO() || x.Query.Header.Flags.Has(wire.FlagAD) {
		x.Reply.Flags |= wire.FlagAD
	}
	x.AddExtendedError(wire.ExtendedErrorSynthesized, "")
	return nil
}

// finds finds what denies q, unless an anchor or other servers are nearer than the zone
// that does.
func (r *Resolver) finds(q wire.Question, d *ranges.Denial) bool {
	return r.ranges != nil && r.ranges.Find(q.Name, q.Type, d) && r.validator.Reaches(d.Zone, q.Name) &&
		(r.elsewhere == nil || !r.elsewhere.HasServersBelow(d.Zone, q.Name))
}

// TryResolve answers x if it is proved that what is asked for does not exist.
// Otherwise the next resolver has to be asked.
func (r *Resolver) TryResolve(x *names.Exchange) error {
	q := x.Query.Question
	var d ranges.Denial
	if q.Class != wire.ClassIN || !r.finds(q, &d) || !d.Wildcard.IsZero() {
		return names.ErrSlow
	}
	err := WriteDenial(x, &d)
	if err == nil {
		r.synthesised.Add(1)
	}
	return err
}

// Synthesised is how many answers were made from proofs of others.
func (r *Resolver) Synthesised() uint64 { return r.synthesised.Load() }

// Forget drops what was found out about zones at and below name, and what denies
// names there.
func (r *Resolver) Forget(name wire.Name) {
	if r.ranges != nil {
		r.ranges.Flush(name)
	}
	r.wildcards.forget(name)
	r.validator.Forget(name)
}
