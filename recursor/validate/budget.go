package validate

import (
	"sync/atomic"

	"github.com/names-dns/names/wire"
)

// Limits is what one query of a client may cost. Zero fields have the default
// of [DefaultLimits]. A limit that is reached makes the verdict indeterminate.
type Limits struct {
	Verifications int // signatures that are verified
	Failures      int // signatures that do not hold, those out of their time and those of unusable keys included
	Comparisons   int // of a signature or a DS record with a key: eight new zones with four keys each take 115
	KeysPerTag    int // keys of one tag and algorithm that are tried for one signature or DS record
	Hashes        int // names hashed for NSEC3
	Proofs        int // NSEC and NSEC3 RRsets looked at
	Signatures    int // of one RRset that are looked at
	DS            int // records of one zone that are looked at
	Keys          int // DNSKEY records of one zone that are looked at
	Fetches       int // DS and DNSKEY RRsets asked for
	Octets        int // that signatures are over
	Zones         int // new zones that turn out secure, each of which adds to the others what it takes
}

// DefaultLimits are limits that signed zones in use do not reach, far below
// what makes validation expensive (KeyTrap: CVE-2023-50387; NSEC3:
// CVE-2023-50868; comparisons without verification: CVE-2026-19668).
var DefaultLimits = Limits{
	Verifications: 32, Failures: 4, Comparisons: 256, KeysPerTag: 2, Hashes: 64, Proofs: 32,
	Signatures: 8, DS: 8, Keys: 32, Fetches: 32, Octets: 4 << 20, Zones: 32,
}

// zoneWork is what a zone adds to the limits of a query once it has turned out secure:
// its DS and DNSKEY records fetched and verified, with four keys. A chain of trust may
// be as long as honest zones make it, and what does not end in a secure zone adds
// nothing: signatures that do not hold, hashes, proofs.
var zoneWork = [workKinds]int{Verifications: 2, Fetches: 2, Comparisons: 16}

// withDefaults fills in zero fields.
func (l Limits) withDefaults() Limits {
	set := func(n *int, otherwise int) {
		if *n <= 0 {
			*n = otherwise
		}
	}
	d := DefaultLimits
	set(&l.Verifications, d.Verifications)
	set(&l.Failures, d.Failures)
	set(&l.Comparisons, d.Comparisons)
	set(&l.KeysPerTag, d.KeysPerTag)
	set(&l.Hashes, d.Hashes)
	set(&l.Proofs, d.Proofs)
	set(&l.Signatures, d.Signatures)
	set(&l.DS, d.DS)
	set(&l.Keys, d.Keys)
	set(&l.Fetches, d.Fetches)
	set(&l.Octets, d.Octets)
	set(&l.Zones, d.Zones)
	return l
}

// Budget is what is left of the limits of one query. Everything that is done
// for the query takes from the same budget: sub-queries, restarts, retries with
// other servers. It may be used by several goroutines.
type Budget struct {
	limits Limits
	left   [workKinds]atomic.Int64
	zones  atomic.Int64 // that may yet add to left
	hit    atomic.Int32 // the work that was used up first, plus one
}

// Work is a kind of work that is counted over the whole query.
type Work int

// The kinds of work, each limited by the field of [Limits] with its name.
const (
	Verifications Work = iota
	Failures
	Comparisons
	Hashes
	Proofs
	Fetches
	Octets
	workKinds
)

var workTexts = [workKinds]string{
	"signatures verified", "signatures that do not hold", "keys compared", "names hashed for NSEC3",
	"NSEC and NSEC3 RRsets", "DS and DNSKEY RRsets fetched", "octets signed",
}

func (w Work) String() string { return workTexts[w] }

// NewBudget returns the budget of one query.
func (v *Validator) NewBudget() *Budget {
	b := &Budget{limits: v.limits}
	for w, n := range v.limits.totals() {
		b.left[w].Store(int64(n))
	}
	b.zones.Store(int64(v.limits.Zones))
	return b
}

// extend adds what a zone takes that has turned out secure.
func (b *Budget) extend() {
	if b.zones.Add(-1) < 0 {
		return
	}
	for w, n := range zoneWork {
		b.left[w].Add(int64(n))
	}
}

// totals are the limits that hold for the whole query.
func (l Limits) totals() [workKinds]int {
	return [workKinds]int{
		Verifications: l.Verifications, Failures: l.Failures, Comparisons: l.Comparisons, Hashes: l.Hashes,
		Proofs: l.Proofs, Fetches: l.Fetches, Octets: l.Octets,
	}
}

// take takes n of a kind of work, and reports whether they were left. Once
// something is used up, nothing is left of anything.
func (b *Budget) take(w Work, n int) bool {
	if b.hit.Load() != 0 {
		return false
	}
	if b.left[w].Add(int64(-n)) >= 0 {
		return true
	}
	b.hit.CompareAndSwap(0, int32(w)+1)
	return false
}

// isFresh reports whether at least half of every kind of work is left.
func (b *Budget) isFresh() bool {
	for w, n := range b.limits.totals() {
		if b.left[w].Load() < int64(n/2) {
			return false
		}
	}
	return true
}

// Exhausted returns the limit that was reached first; ok is false if none was.
func (b *Budget) Exhausted() (w Work, ok bool) {
	hit := b.hit.Load()
	return Work(hit - 1), hit != 0
}

// exhausted returns the judgement about what could not be afforded, and
// whether there is anything like that.
func (b *Budget) exhausted() (judgement, bool) {
	if w, ok := b.Exhausted(); ok {
		return indeterminate(wire.ExtendedErrorIndeterminate, "query needs too much validation: limit of %s reached", w), true
	}
	return judgement{}, false
}
