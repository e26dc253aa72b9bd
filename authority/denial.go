package authority

import (
	"crypto/sha1"

	"github.com/names-dns/names/wire"
)

// Proofs that a name or a type does not exist, in zones with NSEC (RFC 4035
// 3.1.3) or NSEC3 records (RFC 5155 7.2). A zone that has neither, or no
// signatures, proves nothing; if a chain has a gap, the record that is missing
// there is left out of the reply.

// proveNoData proves that the name of w, or the wildcard that matches it, has no
// record of the type.
func (a *answer) proveNoData(w *walk) error {
	switch {
	case a.zone.hasNSEC3():
		if w.outcome == wildcard { // RFC 5155 7.2.5
			if err := a.proveEncloser(w.enclosing); err != nil {
				return err
			}
			return a.appendNSEC3(w.node.denial())
		}
		if d := w.node.denial(); d != 0 {
			return a.appendNSEC3(d) // RFC 5155 7.2.3
		}
		return a.proveEncloser(0) // RFC 5155 7.2.4: an insecure delegation, opted out
	case !a.zone.hasNSEC():
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
	return a.appendCovering(a.asked.name) // an empty non-terminal: the NSEC record of the name before covers it
}

// proveNameError proves that neither the name nor a wildcard for it exists.
func (a *answer) proveNameError(w *walk) error {
	if a.zone.hasNSEC3() { // RFC 5155 7.2.2
		if err := a.proveEncloser(w.enclosing); err != nil {
			return err
		}
		var buf [wire.MaxNameLen + 2]byte
		encloser := a.asked.suffix(a.provable(w.enclosing))
		return a.appendCoveringNSEC3(a.zone.nsec3Chain.hash(append(append(buf[:0], 1, '*'), encloser...)))
	}
	if !a.zone.hasNSEC() {
		return nil
	}
	// RFC 4035 3.1.3.2
	if err := a.appendCovering(a.asked.name); err != nil {
		return err
	}
	var buf [wire.MaxNameLen + 2]byte
	star, _, err := wire.BorrowName(append(append(buf[:0], 1, '*'), a.asked.suffix(w.enclosing)...))
	if err != nil {
		return nil // the name would be too long to exist: nothing to prove
	}
	return a.appendCovering(star)
}

// expanded records that the answer section has records from the wildcard of w.
// The proof that no closer name exists (RFC 4035 3.1.3.3, RFC 5155 7.2.6) is
// appended by proveExpansions, because the answer section continues after a CNAME.
func (a *answer) expanded(w *walk) {
	if w.outcome != wildcard || !a.do {
		return
	}
	var proof node
	switch {
	case a.zone.hasNSEC3():
		e, _ := a.zone.nsec3Chain.atOrBefore(a.zone.nsec3Chain.hash(a.asked.suffix(w.enclosing - 1)))
		proof = a.zone.at(e.ref)
	case a.zone.hasNSEC():
		proof = a.zone.covering(a.asked.name)
	default:
		return
	}
	a.expansions = append(a.expansions, proof)
}

// proveExpansions appends the proofs that expanded noted.
func (a *answer) proveExpansions() error {
	for _, n := range a.expansions {
		if err := a.appendProof(n); err != nil {
			return err
		}
	}
	a.expansions = a.expansions[:0]
	return nil
}

// proveNoDS proves that a delegation is insecure (RFC 4035 3.1.4, RFC 5155 7.2.7).
func (a *answer) proveNoDS(w *walk) error {
	cutLabel := a.asked.labels - w.node.name().LabelCount()
	switch {
	case a.zone.hasNSEC3():
		if d := w.node.denial(); d != 0 {
			return a.appendNSEC3(d)
		}
		return a.proveEncloser(cutLabel)
	case a.zone.hasNSEC():
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

func (s *Snapshot) hasNSEC3() bool { return s.nsec3Chain.entries.Len() > 0 }

func (s *Snapshot) hasNSEC() bool { return s.nsecOrder.Len() > 0 }

// provable returns the first label, from label on, at which a suffix of the query
// name has an NSEC3 record. Insecure delegations may have none (RFC 5155 6:
// opt-out).
func (a *answer) provable(label int) int {
	for ; label < a.asked.labels; label++ {
		if n, ok := a.zone.find(&a.asked, label); ok && n.denial() != 0 {
			return label
		}
	}
	return label
}

// proveEncloser proves which name is the closest encloser, from label on, and
// that the name one label longer does not exist (RFC 5155 7.2.1).
func (a *answer) proveEncloser(label int) error {
	label = a.provable(label)
	n, ok := a.zone.find(&a.asked, label)
	if !ok || n.denial() == 0 {
		return nil // the chain lacks the apex
	}
	if err := a.appendNSEC3(n.denial()); err != nil {
		return err
	}
	if label == 0 {
		return nil
	}
	return a.appendCoveringNSEC3(a.zone.nsec3Chain.hash(a.asked.suffix(label - 1)))
}

// appendNSEC3 appends the NSEC3 record with number denial (see node).
func (a *answer) appendNSEC3(denial uint32) error {
	if denial == 0 {
		return nil
	}
	return a.appendProof(a.zone.node(denial))
}

// appendCoveringNSEC3 appends the NSEC3 record whose interval covers sum.
func (a *answer) appendCoveringNSEC3(sum [sha1.Size]byte) error {
	e, _ := a.zone.nsec3Chain.atOrBefore(sum)
	return a.appendProof(a.zone.at(e.ref))
}

// firstProof reports whether the reply does not have n's record yet.
func (a *answer) firstProof(n node) bool {
	for _, p := range a.proofs {
		if &p[0] == &n[0] {
			return false
		}
	}
	if len(a.proofs) < maxProofs {
		a.proofs = append(a.proofs, n)
	}
	return true
}
