package validate

import (
	"errors"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// verify looks for a signature of set that a key of zone z made. On success it
// sets the zone and the wildcard of set and lowers its TTL (RFC 4035 5.3.3). A zone that
// needs several kinds of algorithms needs a signature of each.
func (c *check) verify(set *RRset, z *zone) judgement {
	t := trial{check: c, set: set}
	var held dnssec.Kinds
	var first *wire.RRSIG
	for i, sig := range set.Signatures {
		if i == c.budget.limits.Signatures {
			t.note(bogus(wire.ExtendedErrorBogus, "%s has more than %d signatures, and none of the first holds", set.what(), i))
			break
		}
		kind := dnssec.KindOf(sig.Algorithm)
		switch {
		case !sig.Signer.Equal(z.name), z.needs != 0 && kind&z.needs&^held == 0:
			continue
		case first != nil && sig.Labels != first.Labels:
			t.note(bogus(wire.ExtendedErrorBogus, "signatures of %s do not agree on whether it comes from a wildcard", set.what()))
			continue
		}
		if t.by(sig, z.keys, z.name) {
			if held |= kind; held&z.needs == z.needs {
				return secure
			}
			first = sig
		}
		if exhausted, ok := c.budget.exhausted(); ok {
			return exhausted
		}
	}
	if z.needs != 0 && t.worst.reason.Text == "" {
		t.note(bogus(wire.ExtendedErrorRRSIGsMissing, "%s is not signed with all that the DS records of %s name: %s", set.what(), plain(z.name), missing[z.needs&^held]))
	}
	t.worst.isTried = t.isTried
	return t.worst
}

// missing says which signatures of a zone with a post-quantum algorithm are.
var missing = map[dnssec.Kinds]string{
	dnssec.PostQuantum: "that of a post-quantum algorithm is missing", dnssec.Classical: "that of a classical algorithm is missing",
	dnssec.PostQuantum | dnssec.Classical: "all are missing",
}

// trial is the search for a signature that holds. It remembers the failure
// that says most.
type trial struct {
	*check
	set     *RRset
	worst   judgement
	isTried bool
	hasForm bool
}

// note keeps the first failure of a kind that is about a signature itself, for
// want of one any other.
func (t *trial) note(j judgement) {
	isWeak := func(j judgement) bool { return j.reason.Text == "" || j.reason.Code == wire.ExtendedErrorDNSKEYMissing }
	if isWeak(t.worst) {
		t.worst = j
	}
}

// by tries one signature with the keys of its zone.
func (t *trial) by(sig *wire.RRSIG, keys []*zoneKey, zone wire.Name) bool {
	b := t.budget
	if err := dnssec.CheckRRSIG(sig, &t.set.RRset); err != nil {
		b.take(Failures, 1)
		t.note(bogus(wire.ExtendedErrorBogus, "signature of %s by key %d: %v", t.set.what(), sig.KeyTag, err))
		return false
	}
	if !t.algorithms.Has(sig.Algorithm) {
		// The DS records asked for an algorithm that counts: that there is a
		// signature of another one does not make the zone insecure.
		t.note(bogus(wire.ExtendedErrorRRSIGsMissing, "signature of %s is of algorithm %v only, which is not supported", t.set.what(), sig.Algorithm))
		return false
	}
	if err := dnssec.CheckTime(sig, t.time, t.minSkew, t.maxSkew); err != nil {
		b.take(Failures, 1) // what is out of its time is not free
		t.isTried = true
		t.note(timeFailure(t.set, sig, err))
		return false
	}
	tried := 0
	for _, k := range keys {
		if !b.take(Comparisons, 1) {
			return false
		}
		if k.tag != sig.KeyTag || k.algorithm != sig.Algorithm {
			continue
		}
		if tried++; tried > b.limits.KeysPerTag {
			b.take(Failures, 1)
			t.note(bogus(wire.ExtendedErrorBogus, "%s has more than %d keys with tag %d", plain(zone), b.limits.KeysPerTag, k.tag))
			return false
		}
		if t.with(sig, k, zone) {
			return true
		}
		if _, ok := b.exhausted(); ok {
			return false
		}
	}
	if tried == 0 {
		t.note(bogus(wire.ExtendedErrorDNSKEYMissing, "%s is signed with key %d, which %s does not have", t.set.what(), sig.KeyTag, plain(zone)))
	}
	return false
}

// with tries one signature with one key.
func (t *trial) with(sig *wire.RRSIG, k *zoneKey, zone wire.Name) bool {
	t.isTried = true
	key, j := k.parse(t.check, zone)
	if key == nil {
		// A key that cannot be used costs as much as one that fails
		// (CVE-2025-8677).
		t.budget.take(Failures, 1)
		t.note(j)
		return false
	}
	if !t.hasForm {
		t.form.Set(&t.set.RRset)
		t.hasForm = true
	}
	var err error
	if t.signed, err = t.form.AppendSigned(t.signed[:0], sig); err != nil {
		t.note(bogus(wire.ExtendedErrorBogus, "signature of %s: %v", t.set.what(), err))
		return false
	}
	if !t.budget.take(Octets, len(t.signed)) {
		return false
	}
	isGood, ok := t.verifySignature(k, sig, key.Verify)
	if !ok {
		return false
	}
	if !isGood {
		t.budget.take(Failures, 1)
		t.note(bogus(wire.ExtendedErrorBogus, "signature of %s is wrong, key %d of %s", t.set.what(), sig.KeyTag, plain(zone)))
		return false
	}
	t.accept(sig, zone)
	return true
}

// accept records what a good signature says about its RRset.
func (t *trial) accept(sig *wire.RRSIG, zone wire.Name) {
	set := t.set
	set.Zone, set.signedBy = zone, sig
	t.link(Link{Kind: LinkSignature, Name: set.Name, Type: set.Type, Zone: zone, Tag: sig.KeyTag, Algorithm: sig.Algorithm, Until: sig.Expiration.Time(t.time)})
	if int(sig.Labels) < dnssec.LabelCount(set.Name) {
		set.Wildcard, _ = set.Name.Ancestor(int(sig.Labels)).Prepend("*") // the owner was longer
	}
	left := sig.Expiration.Time(t.time).Sub(t.time) / time.Second
	set.TTL = min(set.TTL, sig.OriginalTTL, uint32(max(left, 0)))
}

// timeFailure is the judgement about a signature out of its time.
func timeFailure(set *RRset, sig *wire.RRSIG, err error) judgement {
	code := wire.ExtendedErrorSignatureExpiredBeforeValid
	if at := (*dnssec.TimeError)(nil); errors.As(err, &at) {
		code = wire.ExtendedErrorSignatureNotYetValid
		if at.Expired {
			code = wire.ExtendedErrorSignatureExpired
		}
		return bogus(code, "signature of %s %v, key %d", set.what(), err, sig.KeyTag)
	}
	return bogus(code, "signature of %s by key %d: %v", set.what(), sig.KeyTag, err)
}
