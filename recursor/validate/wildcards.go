package validate

import (
	"bytes"
	"sync"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/ranges"
	"github.com/names-dns/names/wire"
)

// wildcards are RRsets of wildcards that were proved. Other names that a wildcard
// stands for get theirs without a query, if it is proved that they are not there
// themselves (RFC 8198 5.3). An alias is not kept: its target has to be asked for.
type wildcards struct {
	mu   sync.Mutex                // guards sets; nothing else is done under it
	sets map[wildcardKey]*wildcard // guarded by mu; a wildcard does not change
}

type wildcardKey struct {
	name wire.Key
	kind wire.Type
}

type wildcard struct {
	set     RRset
	expires time.Time
}

const (
	// maxWildcards is how many of them are kept.
	maxWildcards = 1024
	// maxWildcard is how many octets of records and signatures one may have.
	maxWildcard = 2048
)

// keep keeps what of a reply, which is secure, comes from wildcards.
func (w *wildcards) keep(reply *Reply, now time.Time) {
	for _, set := range reply.Answer {
		if set.Verdict != Secure || set.Wildcard.IsZero() || set.Type != reply.Question.Type || set.Type == wire.TypeCNAME {
			continue
		}
		kept := wildcard{set: RRset{RRset: set.RRset}, expires: now.Add(time.Duration(set.TTL) * time.Second)}
		size := 0
		kept.set.Name, kept.set.Data = wire.Name{}, nil
		for _, data := range set.Data {
			size += len(data)
			kept.set.Data = append(kept.set.Data, bytes.Clone(data))
		}
		for _, sig := range set.Signatures {
			size += len(sig.Signature) + sig.Signer.Len()
			own := *sig
			own.Signer, own.Signature = sig.Signer.Clone(), bytes.Clone(sig.Signature)
			kept.set.Signatures = append(kept.set.Signatures, &own)
		}
		if size <= maxWildcard {
			w.put(wildcardKey{set.Wildcard.Key(), set.Type}, &kept)
		}
	}
}

func (w *wildcards) put(key wildcardKey, kept *wildcard) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sets == nil {
		w.sets = map[wildcardKey]*wildcard{}
	}
	if _, known := w.sets[key]; !known && len(w.sets) >= maxWildcards {
		for other := range w.sets { // any: they come in random order
			delete(w.sets, other)
			break
		}
	}
	w.sets[key] = kept
}

// find returns the RRset of a wildcard and how long it is valid, in seconds; nil if
// there is none.
func (w *wildcards) find(name wire.Name, t wire.Type, now time.Time) (set *RRset, ttl uint32) {
	key := wildcardKey{name.Key(), t}
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := w.sets[key]
	if kept == nil {
		return nil, 0
	}
	left := kept.expires.Sub(now)
	if left < time.Second {
		delete(w.sets, key)
		return nil, 0
	}
	return &kept.set, uint32(left / time.Second)
}

// forget drops those at and below name.
func (w *wildcards) forget(name wire.Name) {
	suffix := name.Key()
	w.mu.Lock()
	defer w.mu.Unlock()
	for key := range w.sets {
		if key.name.HasSuffix(suffix) {
			delete(w.sets, key)
		}
	}
}

// expand answers x from a wildcard that is known, if it is proved that the name itself
// is not there. It reports whether it did.
func (r *Resolver) expand(x *names.Exchange, q wire.Question) bool {
	var d ranges.Denial
	if !r.finds(q, &d) || d.Wildcard.IsZero() {
		return false
	}
	from, ttl := r.wildcards.find(d.Wildcard, q.Type, time.Now())
	if from == nil {
		return false
	}
	set := *from
	set.Name = q.Name
	start := x.Reply.Mark()
	err := writeSet(x, &set, min(ttl, d.TTL))
	if err == nil {
		x.Reply.SetSection(wire.SectionAuthority)
		err = d.Each(false, x.DO(), func(owner wire.Name, t wire.Type, data []byte) error {
			return x.Reply.Raw(owner, t, wire.ClassIN, d.TTL, data)
		})
	}
	if err != nil {
		x.Reply.Rollback(start)
		return false
	}
	x.RCode, x.Derived = wire.RCodeNoError, true
	if x.DO() || x.Query.Header.Flags.Has(wire.FlagAD) {
		x.Reply.Flags |= wire.FlagAD
	}
	x.AddExtendedError(wire.ExtendedErrorSynthesized, "")
	r.synthesised.Add(1)
	return true
}
