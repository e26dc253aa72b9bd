package recursor

import (
	"net/netip"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/ranges"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// What was proved not to exist is not asked for: NSEC and NSEC3 records that were
// validated deny all names and types in their range (aggressive use, RFC 8198). So
// a flood of random names in a signed zone costs its servers nothing after the
// first few.

// keepRanges keeps what denies other names as well of a reply that is secure, and
// the RRset of a wildcard, from which other names get theirs.
func (r *Recursor) keepRanges(reply *validate.Reply) {
	if r.ranges == nil {
		return
	}
	validate.KeepRanges(r.ranges, reply)
	for _, set := range reply.Answer {
		if set.Verdict == validate.Secure && !set.Wildcard.IsZero() {
			wildcard := *set
			wildcard.Name = set.Wildcard
			r.storePart(&part{
				question: wire.Question{Name: set.Wildcard, Type: set.Type, Class: wire.ClassIN}, isAuthoritative: true,
				answer: provedIn([]*validate.RRset{&wildcard}), security: cache.Secure,
			})
		}
	}
}

// deny finds what denies q. It does not if an anchor or configured servers are
// nearer than the zone that does.
func (r *Recursor) deny(q wire.Question, d *ranges.Denial) bool {
	if r.ranges == nil || !r.ranges.Find(q.Name, q.Type, d) || !r.prover.validator.Reaches(d.Zone, q.Name) {
		return false
	}
	configured := r.configuredFor(q.Name)
	return configured == nil || configured.zone.Len() <= d.Zone.Len()
}

// synthesise answers the present question from what was proved, if that can be.
func (t *resolution) synthesise(q wire.Question) (a *answer, ok bool) {
	var d ranges.Denial
	if t.fetch.key.again != "" || !t.r.deny(q, &d) {
		return nil, false
	}
	a = &answer{
		rcode: d.RCode, security: cache.Secure, isSecure: true, isDerived: true,
		extended: &wire.ExtendedError{Code: wire.ExtendedErrorSynthesized},
	}
	if !d.Wildcard.IsZero() && !t.expand(a, q, &d) {
		return nil, false
	}
	err := d.Each(d.Wildcard.IsZero(), true, func(owner wire.Name, kind wire.Type, data []byte) error {
		a.authority = append(a.authority, wire.Record{Name: owner, Type: kind, Class: wire.ClassIN, TTL: d.TTL, Data: data})
		return nil
	})
	return a, err == nil
}

// expand gives a the records of the wildcard of d, as those of the name asked for
// (RFC 8198 5.3).
func (t *resolution) expand(a *answer, q wire.Question, d *ranges.Denial) bool {
	for _, kind := range []wire.Type{q.Type, wire.TypeCNAME} {
		from, ok := t.r.known(wire.Question{Name: d.Wildcard, Type: kind, Class: wire.ClassIN})
		if !ok || from.security != cache.Secure || len(from.answers) == 0 {
			continue
		}
		for _, r := range from.answers {
			if !r.Name.Equal(d.Wildcard) || coveredType(&r) != kind {
				return false
			}
			r.Name, r.TTL = q.Name, min(r.TTL, d.TTL)
			a.answers = append(a.answers, r)
		}
		return true
	}
	return false
}

// TryResolve answers x if it is proved that what is asked for does not exist, and
// fails if its zone is known to be bogus. Otherwise servers may have to be asked.
func (r *Recursor) TryResolve(x *names.Exchange) error {
	q := x.Query.Question
	if q.Class != wire.ClassIN || q.Type.IsQuestionOnly() {
		return names.ErrSlow
	}
	var d ranges.Denial
	if r.deny(q, &d) && d.Wildcard.IsZero() {
		return r.denyAtOnce(x, &d)
	}
	if q.Type == wire.TypeDS || x.Query.Header.Flags.Has(wire.FlagCD) {
		return names.ErrSlow
	}
	failure := r.zoneFailure(q.Name)
	if failure == nil || r.mayHave(q) || r.client.IsOwn(x) {
		return names.ErrSlow
	}
	if _, _, ok := r.deniedAbove(q.Name); ok {
		return names.ErrSlow
	}
	x.MarkAnswered("recursor")
	return r.counts.ended(q, failure)
}

// mayHave reports whether the cache has something on q, which may be newer than what was
// proved of other names, or than what was found out about the zone.
func (r *Recursor) mayHave(q wire.Question) bool {
	alias := wire.Question{Name: q.Name, Type: wire.TypeCNAME, Class: wire.ClassIN}
	return r.cache.HasPart(cache.PartAnswer, q) || r.cache.HasPart(cache.PartAnswer, alias)
}

// denyAtOnce answers x with d, unless the cache may have an answer.
func (r *Recursor) denyAtOnce(x *names.Exchange, d *ranges.Denial) error {
	if r.client.IsOwn(x) || r.mayHave(x.Query.Question) {
		return names.ErrSlow
	}
	if err := validate.WriteDenial(x, d); err != nil {
		return err
	}
	r.counts.synthesisedAtOnce.Add(1)
	return nil
}

// takeSynthesised goes on with what synthesise has found.
func (t *resolution) takeSynthesised(q wire.Question, a *answer) (state, error) {
	t.record(StepCache, q, netip.AddrPort{}, "proved by other denials", nil, 0)
	t.r.counts.synthesised.Add(1)
	if target, ok := aliasIn(a, q.Name); ok && q.Type != wire.TypeCNAME {
		t.addLink(a)
		t.out.authority = append(t.out.authority, a.authority...)
		if err := t.follow(target); err != nil {
			return nil, err
		}
		return lookInCache, nil
	}
	t.finish(a)
	t.out.isDerived = len(t.seen) == 0
	return nil, nil
}

// Forget drops what was found out about zones at and below name, and what denies
// names there; what the cache has is left to [cache.Cache].
func (r *Recursor) Forget(name wire.Name) {
	if r.ranges != nil {
		r.ranges.Flush(name)
	}
	if r.prover != nil {
		r.prover.validator.Forget(name)
	}
}

// RangeStats is what is kept to answer for names that were not asked for.
func (r *Recursor) RangeStats() ranges.Stats {
	if r.ranges == nil {
		return ranges.Stats{}
	}
	return r.ranges.Stats()
}
