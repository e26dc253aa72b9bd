package authority

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"slices"

	"github.com/names-dns/names/wire"
)

// Proofs that something is not there, in zones that came with NSEC (RFC 4035
// 3.1.3) or NSEC3 records (RFC 5155 7.2). A zone that has neither, or no
// signatures, proves nothing; where a chain has a hole, the record that should
// be there is left out.

// hashedDenial is the NSEC3 chain of a zone, sorted by hash.
type hashedDenial struct {
	iterations int
	salt       []byte
	parameters []byte // those of the NSEC3PARAM record that says so
	entries    sorted[hashedEntry]
}

type hashedEntry struct {
	hash [sha1.Size]byte
	ref  uint32
}

// compare is for searches in the chain.
func (h hashedEntry) compare(e hashedEntry) int { return bytes.Compare(e.hash[:], h.hash[:]) }

// hash is that of RFC 5155 5, of a name in lower case.
func (h *hashedDenial) hash(folded []byte) [sha1.Size]byte {
	var buf [wire.MaxNameLen + 255]byte
	sum := sha1.Sum(append(append(buf[:0], folded...), h.salt...))
	for range h.iterations {
		sum = sha1.Sum(append(append(buf[:0], sum[:]...), h.salt...))
	}
	return sum
}

// atOrBefore returns the last entry whose hash is not after sum; the chain is a
// circle. exact says whether it is sum itself.
func (h *hashedDenial) atOrBefore(sum [sha1.Size]byte) (e hashedEntry, exact bool) {
	return h.entries.atOrBefore(hashedEntry{hash: sum}.compare)
}

// linkDenial sorts the chain of a signed zone and notes for each name of the
// zone which record of an NSEC3 chain is its own.
func (f *freezer) linkDenial() error {
	s := f.snapshot
	if !s.isSigned() {
		return nil // what nobody signed proves nothing; NSEC records are answered where they are asked for
	}
	if parameters, ok := s.node(apexID).find(wire.TypeNSEC3PARAM); ok {
		for data := range parameters.all() {
			if f.linkHashed(data) {
				return nil
			}
		}
	}
	var order []orderedName
	for n := range s.nodes() {
		if n.provesInOrder() {
			order = append(order, s.newOrderedName(n.name(), n.id()))
		}
	}
	slices.SortFunc(order, func(a, b orderedName) int {
		if c := a.compare(b); c != 0 {
			return c
		}
		return s.node(a.id).name().Compare(s.node(b.id).name())
	})
	s.order = makeSorted(order)
	return nil
}

// isSigned reports whether the zone is signed: its SOA record is.
func (s *Snapshot) isSigned() bool {
	soa := s.soa()
	_, signed := soa.signatures()
	return signed
}

// isAuthoritative reports whether n is a name of the zone that is not below a
// zone cut: one that absence is proved of.
func (n node) isAuthoritative() bool {
	cut := n.cut()
	return !n.has(flagHashedOwner|flagAbsent) && (cut == 0 || cut == n.id())
}

// provesInOrder reports whether n is one of those that prove with NSEC.
func (n node) provesInOrder() bool {
	_, ok := n.find(wire.TypeNSEC)
	return ok && n.isAuthoritative()
}

// linkHashed makes the NSEC3 records made with these parameters of NSEC3PARAM
// (RFC 5155 7.3) the ones that prove. It reports whether there are any.
func (f *freezer) linkHashed(parameters []byte) bool {
	s := f.snapshot
	var entries []hashedEntry
	for n, ref := range s.nodes() {
		if !n.has(flagHashedOwner) {
			continue
		}
		if hash, ok := s.entryOf(n.name(), n.dataOf(wire.TypeNSEC3), parameters); ok {
			entries = append(entries, hashedEntry{hash, ref})
		}
	}
	if len(entries) == 0 {
		return false
	}
	slices.SortFunc(entries, func(a, b hashedEntry) int { return b.compare(a) })
	s.hashed = hashedDenial{
		iterations: int(binary.BigEndian.Uint16(parameters[2:])),
		salt:       bytes.Clone(parameters[5:]),
		parameters: bytes.Clone(parameters),
		entries:    makeSorted(entries),
	}
	for n := range s.nodes() {
		if !n.isAuthoritative() {
			continue
		}
		f.asked.set(n.name())
		if e, exact := s.hashed.atOrBefore(s.hashed.hash(f.asked.suffix(0))); exact {
			owner := s.at(e.ref)
			n.setDenial(owner.id())
			owner.setDenial(n.id())
		}
	}
	return true
}

// usesParameters reports whether one of the NSEC3 records, if there are any, is
// made with the algorithm, the iterations and the salt of parameters.
func usesParameters(records [][]byte, parameters []byte) bool {
	const sha1Only = 1
	if parameters[0] != sha1Only || parameters[1] != 0 { // RFC 5155 4.1.2: other flags than 0 are for later versions
		return false
	}
	return slices.ContainsFunc(records, func(data []byte) bool {
		return data[0] == parameters[0] && bytes.HasPrefix(data[2:], parameters[2:])
	})
}

// entryOf returns the hash that an owner of NSEC3 records stands for, if it is
// one made with these parameters. It is in the first label, right below the
// apex: 32 digits of base32 with the extended hex alphabet (RFC 5155 3.3).
func (s *Snapshot) entryOf(name wire.Name, records [][]byte, parameters []byte) (hash [sha1.Size]byte, ok bool) {
	const digits = 32
	owner := name.Wire()
	if !usesParameters(records, parameters) || owner[0] != digits || len(owner) != 1+digits+s.origin.Len() {
		return hash, false
	}
	bits, count, at := uint32(0), 0, 0
	for _, c := range []byte(owner[1 : 1+digits]) {
		switch c = wire.FoldByte(c); {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'v':
			c -= 'a' - 10
		default:
			return hash, false
		}
		bits, count = bits<<5|uint32(c), count+5
		if count >= 8 {
			count -= 8
			hash[at] = byte(bits >> count)
			at++
		}
	}
	return hash, true
}

// proveNoData proves that the name of w, or the wildcard it stands for, has
// no record of the type.
func (a *answer) proveNoData(w *walk) error {
	switch {
	case a.zone.isHashed():
		if w.outcome == wildcard { // RFC 5155 7.2.5
			if err := a.proveEncloser(w.enclosing); err != nil {
				return err
			}
			return a.appendHashed(w.node.denial())
		}
		if d := w.node.denial(); d != 0 {
			return a.appendHashed(d) // RFC 5155 7.2.3
		}
		return a.proveEncloser(0) // RFC 5155 7.2.4: an insecure delegation, opted out
	case !a.zone.isOrdered():
		return nil
	case w.outcome == wildcard: // RFC 4035 3.1.3.4
		if err := a.appendProof(w.node); err != nil {
			return err
		}
		return a.appendCovering(a.asked.name)
	}
	if _, ok := w.node.find(wire.TypeNSEC); ok {
		return a.appendProof(w.node) // RFC 4035 3.1.3.1
	}
	return a.appendCovering(a.asked.name) // an empty non-terminal: the name before it leads past it
}

// proveNameError proves that neither the name nor a wildcard for it is there.
func (a *answer) proveNameError(w *walk) error {
	if a.zone.isHashed() { // RFC 5155 7.2.2
		if err := a.proveEncloser(w.enclosing); err != nil {
			return err
		}
		var buf [wire.MaxNameLen + 2]byte
		encloser := a.asked.suffix(a.provable(w.enclosing))
		return a.appendCoveringHash(a.zone.hashed.hash(append(append(buf[:0], 1, '*'), encloser...)))
	}
	if !a.zone.isOrdered() {
		return nil
	}
	// RFC 4035 3.1.3.2
	if err := a.appendCovering(a.asked.name); err != nil {
		return err
	}
	var buf [wire.MaxNameLen + 2]byte
	star, _, err := wire.BorrowName(append(append(buf[:0], 1, '*'), a.asked.suffix(w.enclosing)...))
	if err != nil {
		return nil // no such name can be: nothing to prove
	}
	return a.appendCovering(star)
}

// expanded notes that the answer section has records from the wildcard of w.
// What proves that no name closer to the one asked is there (RFC 4035 3.1.3.3,
// RFC 5155 7.2.6) is appended by proveExpansions: behind a CNAME the answer
// section goes on.
func (a *answer) expanded(w *walk) {
	if w.outcome != wildcard || !a.do {
		return
	}
	var proof node
	switch {
	case a.zone.isHashed():
		e, _ := a.zone.hashed.atOrBefore(a.zone.hashed.hash(a.asked.suffix(w.enclosing - 1)))
		proof = a.zone.at(e.ref)
	case a.zone.isOrdered():
		proof = a.zone.covering(a.asked.name)
	default:
		return
	}
	a.expansions[a.expansionCount] = proof
	a.expansionCount++
}

// proveExpansions appends the proofs that expanded noted.
func (a *answer) proveExpansions() error {
	for _, n := range a.expansions[:a.expansionCount] {
		if err := a.appendProof(n); err != nil {
			return err
		}
	}
	a.expansionCount = 0
	return nil
}

// proveNoDS proves that a delegation is insecure (RFC 4035 3.1.4, RFC 5155 7.2.7).
func (a *answer) proveNoDS(w *walk) error {
	cutLabel := a.asked.labels - w.node.name().LabelCount()
	switch {
	case a.zone.isHashed():
		if d := w.node.denial(); d != 0 {
			return a.appendHashed(d)
		}
		return a.proveEncloser(cutLabel)
	case a.zone.isOrdered():
		return a.appendProof(w.node)
	}
	return nil
}

// appendProof appends the NSEC or NSEC3 record of a node, if it has one and
// the reply does not have it yet: one record often proves two things.
func (a *answer) appendProof(n node) error {
	set, ok := n.find(wire.TypeNSEC3)
	if !ok {
		set, ok = n.find(wire.TypeNSEC)
	}
	if !ok || !a.firstProof(n) {
		return nil
	}
	return a.append(wire.SectionAuthority, n.name(), 0, set, set.ttl(), nil)
}

// appendCovering appends the NSEC record of the last name before name.
func (a *answer) appendCovering(name wire.Name) error { return a.appendProof(a.zone.covering(name)) }

func (s *Snapshot) isHashed() bool { return s.hashed.entries.count > 0 }

func (s *Snapshot) isOrdered() bool { return s.order.count > 0 }

// provable returns the label from which the name asked is the closest encloser
// that has an NSEC3 record, label onwards. Those of insecure delegations may
// have none (RFC 5155 6: opt-out).
func (a *answer) provable(label int) int {
	for ; label < a.asked.labels; label++ {
		if n, ok := a.zone.find(&a.asked, label); ok && n.denial() != 0 {
			return label
		}
	}
	return label
}

// proveEncloser proves which name is the closest encloser, from label on, and
// that the name one label longer is not there (RFC 5155 7.2.1).
func (a *answer) proveEncloser(label int) error {
	label = a.provable(label)
	n, ok := a.zone.find(&a.asked, label)
	if !ok || n.denial() == 0 {
		return nil // the chain lacks its own apex
	}
	if err := a.appendHashed(n.denial()); err != nil {
		return err
	}
	if label == 0 {
		return nil
	}
	return a.appendCoveringHash(a.zone.hashed.hash(a.asked.suffix(label - 1)))
}

// appendHashed appends the NSEC3 record that denial (see node) stands for.
func (a *answer) appendHashed(denial uint32) error {
	if denial == 0 {
		return nil
	}
	return a.appendProof(a.zone.node(denial))
}

// appendCoveringHash appends the NSEC3 record whose interval has sum in it.
func (a *answer) appendCoveringHash(sum [sha1.Size]byte) error {
	e, _ := a.zone.hashed.atOrBefore(sum)
	return a.appendProof(a.zone.at(e.ref))
}

// firstProof reports whether the reply does not have n's record yet.
func (a *answer) firstProof(n node) bool {
	for _, p := range a.proofs[:a.proofCount] {
		if &p[0] == &n[0] {
			return false
		}
	}
	if a.proofCount < maxProofs {
		a.proofs[a.proofCount] = n
		a.proofCount++
	}
	return true
}
