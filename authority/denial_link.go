package authority

import (
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"slices"

	"github.com/names-dns/names/authority/internal/cow"
	"github.com/names-dns/names/wire"
)

// The NSEC and NSEC3 chains of a zone, linked when it is loaded.

// nsec3Chain is the NSEC3 chain of a zone, sorted by hash.
type nsec3Chain struct {
	iterations int
	salt       []byte
	parameters []byte // data of the chain's NSEC3PARAM record
	entries    cow.Sorted[nsec3Entry]
}

type nsec3Entry struct {
	hash [sha1.Size]byte
	ref  uint32
}

// compare is for searches in the chain.
func (h nsec3Entry) compare(e nsec3Entry) int { return bytes.Compare(e.hash[:], h.hash[:]) }

// hash returns the hash (RFC 5155 5) of a name in lower case.
func (h *nsec3Chain) hash(folded []byte) [sha1.Size]byte {
	var buf [wire.MaxNameLen + 255]byte
	sum := sha1.Sum(append(append(buf[:0], folded...), h.salt...))
	for range h.iterations {
		sum = sha1.Sum(append(append(buf[:0], sum[:]...), h.salt...))
	}
	return sum
}

// atOrBefore returns the last entry whose hash is not after sum; the chain is a
// ring. exact reports whether its hash is sum.
func (h *nsec3Chain) atOrBefore(sum [sha1.Size]byte) (e nsec3Entry, exact bool) {
	return h.entries.AtOrBefore(nsec3Entry{hash: sum}.compare)
}

// linkDenial sorts the chain of a signed zone and links each name of the zone to
// its own record in an NSEC3 chain.
func (f *freezer) linkDenial() error {
	s := f.snapshot
	if !s.isSigned() {
		return nil // unsigned records prove nothing; NSEC records are still served as answers
	}
	if parameters, ok := s.node(apexID).find(wire.TypeNSEC3PARAM); ok {
		for data := range parameters.all() {
			if f.linkNSEC3(data) {
				return nil
			}
		}
	}
	var order []orderedName
	for n := range s.nodes() {
		if n.provesWithNSEC() {
			order = append(order, s.newOrderedName(n.name(), n.id()))
		}
	}
	slices.SortFunc(order, func(a, b orderedName) int {
		if c := a.compare(b); c != 0 {
			return c
		}
		return s.node(a.id).name().Compare(s.node(b.id).name())
	})
	f.checkOrder(order)
	s.nsecOrder = cow.MakeSorted(order)
	return nil
}

// isSigned reports whether the zone is signed: its SOA record is.
func (s *Snapshot) isSigned() bool {
	soa := s.soa()
	_, signed := soa.signatures()
	return signed
}

// isAuthoritative reports whether n is a name of the zone that is not below a
// zone cut, so that the zone proves what does not exist there.
func (n node) isAuthoritative() bool {
	cut := n.cut()
	return !n.has(flagNSEC3Owner|flagAbsent) && (cut == 0 || cut == n.id())
}

// provesWithNSEC reports whether n has an NSEC record that is used in proofs.
func (n node) provesWithNSEC() bool {
	_, ok := n.find(wire.TypeNSEC)
	return ok && n.isAuthoritative()
}

// linkNSEC3 chooses the NSEC3 records with these parameters of NSEC3PARAM (RFC
// 5155 7.3) for proofs. It reports whether there are any.
func (f *freezer) linkNSEC3(parameters []byte) bool {
	s := f.snapshot
	var entries []nsec3Entry
	for n, ref := range s.nodes() {
		if !n.has(flagNSEC3Owner) {
			continue
		}
		if hash, ok := s.matchOwner(n.name(), n.dataOf(wire.TypeNSEC3), parameters); ok {
			entries = append(entries, nsec3Entry{hash, ref})
		}
	}
	if len(entries) == 0 {
		return false
	}
	slices.SortFunc(entries, func(a, b nsec3Entry) int { return b.compare(a) })
	s.nsec3Chain = nsec3Chain{
		iterations: int(binary.BigEndian.Uint16(parameters[2:])),
		salt:       bytes.Clone(parameters[5:]),
		parameters: bytes.Clone(parameters),
		entries:    cow.MakeSorted(entries),
	}
	for n := range s.nodes() {
		if !n.isAuthoritative() {
			continue
		}
		f.asked.set(n.name())
		if e, exact := s.nsec3Chain.atOrBefore(s.nsec3Chain.hash(f.asked.suffix(0))); exact {
			owner := s.at(e.ref)
			n.setDenial(owner.id())
			owner.setDenial(n.id())
		}
	}
	return true
}

// usesParameters reports whether one of the NSEC3 records has the algorithm, the
// iterations and the salt of parameters.
func usesParameters(records [][]byte, parameters []byte) bool {
	const sha1Only = 1
	if parameters[0] != sha1Only || parameters[1] != 0 { // RFC 5155 4.1.2: flags other than 0 are reserved
		return false
	}
	return slices.ContainsFunc(records, func(data []byte) bool {
		return data[0] == parameters[0] && bytes.HasPrefix(data[2:], parameters[2:])
	})
}

// matchOwner returns the hash in the name of an owner of NSEC3 records, if they
// have these parameters. It is the first label, directly below the apex: 32
// digits of base32 with the extended hex alphabet (RFC 5155 3.3).
func (s *Snapshot) matchOwner(name wire.Name, records [][]byte, parameters []byte) (hash [sha1.Size]byte, ok bool) {
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
