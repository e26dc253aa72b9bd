package ranges

import (
	"unsafe"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Denial is what is proved about a question, and by what.
type Denial struct {
	// RCode is NXDOMAIN, or NOERROR if the name is there without that type.
	RCode wire.RCode
	// Zone has signed it all. The name is borrowed from the store.
	Zone wire.Name
	// Wildcard: the name is not there, but this one is, and may have what is asked for.
	// RCode does not count, and the proof is that the name itself is not there.
	Wildcard wire.Name
	// TTL is how long that holds, in seconds.
	TTL    uint32
	soa    *record
	proofs [4]*record
	count  int
}

// note adds a record to the proof, once.
func (d *Denial) note(r *record) {
	for _, known := range d.proofs[:d.count] {
		if known == r {
			return
		}
	}
	d.proofs[d.count] = r
	d.count++
}

// question is what is looked for.
type question struct {
	name wire.Name
	kind wire.Type
	key  string // octets of wire.Key, on the stack of the caller
	now  int64
}

// Find fills in d with what denies the records of type t of name, or the name. It
// reports whether there is such a proof. ANY and RRSIG are never denied.
//
// It takes no lock and does not allocate.
func (s *Store) Find(name wire.Name, t wire.Type, d *Denial) bool {
	if t.IsQuestionOnly() || t == wire.TypeRRSIG || t == wire.TypeNXNAME {
		return false
	}
	var buf [2*wire.MaxNameLen + 1]byte
	key := name.AppendKey(buf[:0])
	end := len(key)
	if t == wire.TypeDS && end > 1 {
		end = parentLen(key) // the zone above says what there is (RFC 4035 3.1.4.1)
	}
	for ; end > 0; end = parentLen(key[:end]) {
		z := s.find(key[:end])
		if z == nil {
			continue
		}
		q := question{name, t, unsafe.String(&key[0], len(key)), s.seconds()}
		return d.find(z, &q)
	}
	return false
}

// parentLen is how many octets of a key are those of the parent's; 0 for the root.
func parentLen(key []byte) int {
	for i := len(key) - 2; i >= 0; i-- {
		if key[i] == 0 {
			return i + 1
		}
	}
	return 0
}

func (d *Denial) find(z *zone, q *question) bool {
	*d = Denial{Zone: z.name}
	soa := z.soa.Load()
	if soa == nil || q.now >= soa.expires {
		return false
	}
	d.soa = soa
	nsec, nsec3 := z.nsec.Load(), z.nsec3.Load()
	if !(nsec != nil && d.byNSEC(z, nsec, q)) {
		d.count = 0
		if !(nsec3 != nil && d.byNSEC3(z, nsec3, q)) {
			return false
		}
	}
	until := soa.expires
	touch(soa)
	for _, r := range d.proofs[:d.count] {
		until = min(until, r.expires)
		touch(r)
	}
	d.TTL = uint32(until - q.now)
	return true
}

func touch(r *record) {
	if !r.used.Load() {
		r.used.Store(true)
	}
}

// covers reports whether key is in the range of r.
func (r *record) covers(key string) bool {
	if r.key < r.next {
		return r.key < key && key < r.next
	}
	return key > r.key || key < r.next && key != r.key // the last one leads around to the first
}

// isBelow reports whether key is below another one, or that.
func isBelow(key, other string) bool { return len(key) >= len(other) && key[:len(other)] == other }

// isCut reports whether types are those of a delegation or a DNAME record: what is
// below is not for this zone to deny (RFC 6840 4.1, RFC 6672 5.3.4).
func isCut(types wire.TypeBitmap) bool {
	return types.Has(wire.TypeDNAME) || types.Has(wire.TypeNS) && !types.Has(wire.TypeSOA)
}

// lacks reports whether types, of a name in the zone, say that there is neither t nor
// an alias (RFC 6840 4.3, 4.4).
func lacks(types wire.TypeBitmap, t wire.Type) bool {
	if types.Has(t) || types.Has(wire.TypeCNAME) || types.Has(wire.TypeNXNAME) {
		return false
	}
	isApex := types.Has(wire.TypeSOA)
	if t == wire.TypeDS {
		return !isApex
	}
	return isApex || !types.Has(wire.TypeNS)
}

// at returns the record whose key is that, or in whose range it is.
func (c *chain) at(key string, now int64) (r *record, isOwner bool) {
	r = c.before(key)
	switch {
	case now >= r.expires:
		return nil, false
	case r.key == key:
		return r, true
	case !r.covers(key):
		return nil, false
	}
	return r, false
}

// byNSEC finds a proof among NSEC records (RFC 4035 5.4).
func (d *Denial) byNSEC(z *zone, c *chain, q *question) bool {
	r, isOwner := c.at(q.key, q.now)
	switch {
	case r == nil:
		return false
	case isOwner:
		d.note(r)
		return lacks(r.types, q.kind) || q.kind == wire.TypeDS && q.key == "\x00" && lacksAtRoot(r.types)
	case isBelow(q.key, r.key) && isCut(r.types):
		return false
	}
	d.note(r)
	if isBelow(r.next, q.key) {
		return true // an empty non-terminal
	}
	encloser := max(common(q.key, r.key), common(q.key, r.next))
	var room [2*wire.MaxNameLen + 4]byte
	wildcard := append(append(room[:0], q.key[:encloser]...), '*', 0)
	key := unsafe.String(&wildcard[0], len(wildcard))
	w, isOwner := c.at(key, q.now)
	switch {
	case w == nil:
		return false
	case isOwner:
		return d.byWildcard(w, q, encloser)
	case isBelow(key, w.key) && isCut(w.types):
		return false
	}
	d.note(w)
	if !isBelow(w.next, key) { // else it is an empty non-terminal
		d.RCode = wire.RCodeNXDomain
	}
	return true
}

// lacksAtRoot: the root has no zone above that could have DS records.
func lacksAtRoot(types wire.TypeBitmap) bool { return !types.Has(wire.TypeDS) }

// byWildcard: there is a wildcard for the name, at the record w.
func (d *Denial) byWildcard(w *record, q *question, encloser int) bool {
	switch {
	case lacks(w.types, q.kind):
		d.note(w)
		return true
	case isCut(w.types):
		return false
	}
	d.Wildcard, _ = q.name.Ancestor(labelsIn(q.key[:encloser])).Prepend("*")
	return !d.Wildcard.IsZero()
}

// common is how many octets of the keys a and b are those of labels that they share.
func common(a, b string) (n int) {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			break
		}
		if a[i] == 0 {
			n = i + 1
		}
	}
	return n
}

// labelsIn is how many labels a key has, without the root's.
func labelsIn(key string) (n int) {
	for i := range len(key) {
		if key[i] == 0 {
			n++
		}
	}
	return n - 1
}

// maxHashing is how many hashes may be computed for one question, iterations
// included: those of four names in a zone with as many iterations as are done.
const maxHashing = 4 * (dnssec.MaxIterations + 1)

// hashing hashes names for one question.
type hashing struct {
	chain *chain
	left  int // of maxHashing
}

func (h *hashing) of(name wire.Name) (sum dnssec.Hash, ok bool) {
	c := h.chain
	if h.left -= int(c.iterations) + 1; h.left < 0 {
		return sum, false
	}
	var room [255]byte
	sum, err := dnssec.HashName(name, c.iterations, append(room[:0], c.salt...))
	return sum, err == nil
}

// byNSEC3 finds a proof among NSEC3 records (RFC 5155 8.4 to 8.7). It goes down from
// the apex, whose hash is known: names that clients make up are mostly denied by
// the first label, however many they have.
func (d *Denial) byNSEC3(z *zone, c *chain, q *question) bool {
	h := hashing{c, maxHashing}
	apex, labels := labelsIn(z.key), labelsIn(q.key)
	var above *record // of the name one label above; nil if it is not known
	for n := apex; n <= labels; n++ {
		sum, ok := c.apex, true
		if n > apex {
			sum, ok = h.of(q.name.Ancestor(n))
		}
		if !ok {
			return false
		}
		r, isOwner := c.at(unsafe.String(&sum[0], len(sum)), q.now)
		switch {
		case r == nil:
		case !isOwner:
			return above != nil && d.below3(&h, q, n-1, n-1 == apex, above, r)
		case n == labels:
			d.note(r)
			return lacks(r.types, q.kind)
		case isCut(r.types):
			return false
		}
		above = r
	}
	return false
}

// below3 goes on with the closest encloser, which has so many labels, the record that
// matches it, and the one that covers the next closer name.
func (d *Denial) below3(h *hashing, q *question, labels int, isApex bool, match, nextCloser *record) bool {
	var room [wire.MaxNameLen + 2]byte
	text := append(room[:0], 1, '*')
	text = q.name.Ancestor(labels).AppendTo(text)
	wildcard, _, err := wire.BorrowName(text)
	if err != nil {
		return false
	}
	sum, ok := h.chain.wildcard, true
	if !isApex {
		sum, ok = h.of(wildcard)
	}
	if !ok {
		return false
	}
	w, isOwner := h.chain.at(unsafe.String(&sum[0], len(sum)), q.now)
	switch {
	case w == nil:
		return false
	case isOwner && lacks(w.types, q.kind):
		d.note(match)
	case isOwner && isCut(w.types):
		return false
	case isOwner:
		d.note(nextCloser)
		d.Wildcard = wildcard.Clone()
		return true
	default:
		d.note(match)
		d.RCode = wire.RCodeNXDomain
	}
	d.note(nextCloser)
	d.note(w)
	return true
}

// Each calls yield with the records of the proof, the SOA record first if withSOA is
// set, each followed by its signatures if withProofs is set, which adds the proofs
// too. It ends with the first error.
func (d *Denial) Each(withSOA, withProofs bool, yield func(owner wire.Name, t wire.Type, data []byte) error) error {
	if withSOA {
		if err := d.soa.each(withProofs, yield); err != nil {
			return err
		}
	}
	if !withProofs {
		return nil
	}
	for _, r := range d.proofs[:d.count] {
		if err := r.each(true, yield); err != nil {
			return err
		}
	}
	return nil
}

func (r *record) each(withSignatures bool, yield func(owner wire.Name, t wire.Type, data []byte) error) error {
	if err := yield(r.owner, r.kind, r.data); err != nil || !withSignatures {
		return err
	}
	for _, sig := range r.signatures {
		if err := yield(r.owner, wire.TypeRRSIG, sig); err != nil {
			return err
		}
	}
	return nil
}
