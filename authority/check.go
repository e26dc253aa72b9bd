package authority

import (
	"encoding/binary"
	"iter"
	"slices"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// What a zone may not contain. A zone with errors is refused; one with warnings
// loads.

// maxMessage is the longest message, in octets (RFC 1035 4.2.2).
const maxMessage = 65535

// fitsMessage reports whether an RRset fits a message that answers a question
// for it: the header, the question, and for each record a pointer to the name in
// the question. size is an upper bound of what the records take: 12 octets each
// and their data.
func fitsMessage(name wire.Name, t wire.Type, class wire.Class, size int, data iter.Seq[[]byte]) bool {
	if wire.HeaderLen+name.Len()+4+size <= maxMessage {
		return true
	}
	var w wire.Writer // names in the data may be compressed
	w.Reset(nil, maxMessage)
	if w.Question(wire.Question{Name: name, Type: t, Class: class}) != nil {
		return false
	}
	w.SetSection(wire.SectionAnswer)
	for d := range data {
		if w.Raw(name, t, class, 0, d) != nil {
			return false
		}
	}
	return true
}

const (
	// maxSetsAtName is what a node can count.
	maxSetsAtName = 1<<16 - 1
	// Each iteration of NSEC3 costs one SHA-1 for every query for a name that does
	// not exist: RFC 9276 3.1 wants none, and RFC 5155 10.3 allows no more than
	// this.
	manyIterations, maxIterations = 100, 2500
)

// checkOwner checks the records of one name.
func (p *packer) checkOwner(id uint32, o *owner, records []addedRecord) {
	name := p.names.wireName(id)
	p.eachSet(name, records, func(name wire.Name, set []addedRecord) { p.checkSet(id, name, set) })
	p.checkAlone(id, records)
	if o.facts&hasALIAS != 0 {
		p.seesALIAS.Store(true)
		if p.ownsAliases {
			p.checkALIAS(id, records)
		}
	}
	if len(records) > 0 {
		owner, _, _ := wire.BorrowName(name)
		p.adviseOwner(owner, o, records)
		if p.isSigned {
			p.checkSignatures(id, owner, o, records)
		}
	}
	if len(records) > 0 && p.underDNAME(o.parent) {
		// RFC 6672 2.4
		p.problems.Errorf(p.position(records[0]), "%s is below a name that has a DNAME record", p.names.name(id))
	}
}

// eachSet calls check for each RRset of an owner.
func (p *packer) eachSet(owner []byte, records []addedRecord, check func(name wire.Name, set []addedRecord)) {
	name, _, _ := wire.BorrowName(owner)
	for sets := 1; len(records) > 0; sets++ {
		if sets > maxSetsAtName {
			p.problems.Errorf(p.position(records[0]), "%s has more than %d RRsets", name, maxSetsAtName)
			return
		}
		n := setLen(records)
		check(name, records[:n])
		records = records[n:]
	}
}

// checkIterations checks the cost of a proof with NSEC3, and returns the problems.
func (f *freezer) checkIterations() *diagnostic.List {
	reports := f.problems.Fork()
	for _, r := range f.names.recordsOf(f.names.at(apexID), nil) {
		if r.kind() != wire.TypeNSEC3PARAM {
			continue
		}
		switch n := binary.BigEndian.Uint16(r.data()[2:]); {
		case n > maxIterations:
			reports.Errorf(f.position(r), "NSEC3 with %d iterations: no more than %d are allowed", n, maxIterations)
		case n > manyIterations:
			reports.Warnf(f.position(r), diagnostic.Iterations, "NSEC3 with %d iterations costs every name that does not exist as many hashes, and resolvers take such zones for unsigned", n)
		}
	}
	return reports
}

// checkApex checks what the apex must have: one SOA and an NS (RFC 1035 5.2).
func (f *freezer) checkApex() {
	records, hasErrors := f.names.recordsOf(f.names.at(apexID), nil), f.problems.Errors > 0
	var soas, servers []addedRecord
	for _, r := range records {
		switch r.kind() {
		case wire.TypeSOA:
			if len(soas) == 0 || !isSame(soas[0], r) {
				soas = append(soas, r)
			}
		case wire.TypeNS:
			servers = append(servers, r)
		}
	}
	switch {
	case len(soas) == 0 && hasErrors: // it may be the line with the error
	case len(soas) == 0 && !f.otherSOA.IsZero():
		f.problems.Errorf(diagnostic.Position{File: f.Source}, "zone %s has no SOA record at its apex, but the file has one for %s: if that is the zone's name, give it as --origin %s or --bindzone %s=FILE", f.origin, f.otherSOA, f.otherSOA, f.otherSOA)
	case len(soas) == 0:
		f.problems.Errorf(diagnostic.Position{File: f.Source}, "zone %s has no SOA record at its apex", f.origin)
	case len(soas) > 1:
		f.problems.Errorf(f.position(soas[1]), "zone %s has more than one SOA record; another is at %s", f.origin, f.position(soas[0]))
	default:
		soa := soas[0]
		f.snapshot.serial = soaSerial(soa.data())
		f.snapshot.negativeTTL = min(soa.ttl(), soaMinimum(soa.data())) // RFC 2308 5
		f.adviseSOA(soa)
	}
	f.isSigned = slices.ContainsFunc(records, func(r addedRecord) bool { return r.covers() == wire.TypeSOA })
	if len(servers) == 0 && !hasErrors {
		f.problems.Errorf(diagnostic.Position{File: f.Source}, "zone %s has no NS record at its apex", f.origin)
	}
}

// underDNAME reports whether the name or one above it has a DNAME record that
// counts: one that is not itself below a cut.
func (p *packer) underDNAME(id uint32) bool {
	for ; id != 0; id = p.names.at(id).parent {
		if o := p.names.at(id); o.facts&hasDNAME != 0 && o.cut == 0 {
			return true
		}
	}
	return false
}

// checkSet checks the records of one RRset.
func (p *packer) checkSet(id uint32, name wire.Name, set []addedRecord) {
	p.checkSize(name, set)
	first, distinct := set[0], 0
	for i, r := range set {
		if i > 0 && isSame(r, set[i-1]) {
			continue
		}
		distinct++
		if r.ttl() != first.ttl() && r.kind() != wire.TypeRRSIG {
			// RFC 2181 5.2
			p.problems.Warnf(p.position(r), diagnostic.TTLsDiffer, "TTL %d differs from the TTL %d of other %s records of %s: the smallest counts", r.ttl(), first.ttl(), r.kind(), name)
			first = r
		}
	}
	switch t := first.kind(); {
	case t == wire.TypeSOA && id != apexID && endsTwice(name.Wire(), p.origin.Wire()):
		p.problems.Errorf(p.position(first), "SOA record of %s inside the zone %s: a dot is missing at the end of its owner; write %s or @", name, p.origin, endingOnce(name, p.origin))
	case t == wire.TypeSOA && id != apexID:
		p.problems.Errorf(p.position(first), "SOA record of %s inside the zone %s: if that is the zone's name, give it as --origin %s or --bindzone %s=FILE", name, p.origin, name, name)
	case distinct > 1 && (t == wire.TypeCNAME || t == wire.TypeDNAME):
		p.problems.Errorf(p.position(set[len(set)-1]), "%s has more than one %s record", name, t) // RFC 2181 10.1, RFC 6672 2.4
	case t == wire.TypeCNAME || t == wire.TypePTR: // of those with links, appendSet checks the targets
		for i, r := range set {
			if i > 0 && isSame(r, set[i-1]) {
				continue
			}
			target := targetAt(0)(name, r.data())
			p.checkTarget(id, r, target, p.findTarget(target))
		}
	case t == wire.TypeTXT || t == wire.TypeSPF:
		p.adviseText(name, set)
	}
}

// checkSize checks that an RRset fits a message.
func (p *packer) checkSize(name wire.Name, set []addedRecord) {
	size, distinct := 0, 0
	for i, r := range set {
		if i == 0 || !isSame(r, set[i-1]) {
			distinct++
			size += 12 + len(r.data())
		}
	}
	if !fitsMessage(name, set[0].kind(), p.class, size, dataOf(set)) {
		p.problems.Errorf(p.position(set[0]), "the %d %s records of %s take %d octets and fit no message", distinct, set[0].kind(), name, size)
	}
}

// dataOf goes through the data of an RRset, each once.
func dataOf(set []addedRecord) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i, r := range set {
			if (i == 0 || !isSame(r, set[i-1])) && !yield(r.data()) {
				return
			}
		}
	}
}

// checkAlone checks that a name with a CNAME record has no other data, except that
// of DNSSEC (RFC 2181 10.1, RFC 4035 2.5).
func (p *packer) checkAlone(id uint32, records []addedRecord) {
	var alias, other addedRecord
	for _, r := range records {
		switch {
		case r.kind() == wire.TypeCNAME:
			alias = r
		case !mayAccompanyAlias(r.kind()):
			other = r
		}
	}
	if alias != nil && other != nil {
		p.problems.Errorf(p.position(alias), "%s has a CNAME record and other data: %s at %s", p.names.name(id), other.kind(), p.position(other))
	}
}

// mayAccompanyAlias reports whether a name with a CNAME record may have type t.
func mayAccompanyAlias(t wire.Type) bool {
	switch t {
	case wire.TypeCNAME, wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeKEY, wire.TypeSIG, wire.TypeNXT:
		return true
	}
	return false
}
