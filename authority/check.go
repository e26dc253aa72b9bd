package authority

import (
	"encoding/binary"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// What a zone may not contain. Errors refuse the zone, warnings let it load.

// maxSetSize is how many octets an RRset may take so that it fits a message:
// 64 KiB less the header and the longest question and an OPT record.
const maxSetSize = 65535 - wire.HeaderLen - wire.MaxNameLen - 4 - 11

const (
	// maxSetsAtName is what a node can count.
	maxSetsAtName = 1<<16 - 1
	// Each iteration of NSEC3 is a SHA-1 that every name that does not exist
	// costs: RFC 9276 3.1 wants none, and RFC 5155 10.3 allows no more than
	// this.
	manyIterations, maxIterations = 100, 2500
)

// checkOwner checks the records of one name.
func (p *packer) checkOwner(id uint32, o *owner, records []addedRecord) {
	name := p.names.wireName(id)
	p.eachSet(name, records, func(name wire.Name, set []addedRecord) { p.checkSet(id, name, set) })
	p.checkAlone(id, records)
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

// checkIterations checks what a proof of absence costs, and returns what is
// wrong with it.
func (f *freezer) checkIterations() *diagnostic.List {
	reports := &diagnostic.List{Limit: f.problems.Limit}
	for _, r := range f.names.recordsOf(f.names.at(apexID), nil) {
		if r.kind() != wire.TypeNSEC3PARAM {
			continue
		}
		switch n := binary.BigEndian.Uint16(r.data()[2:]); {
		case n > maxIterations:
			reports.Errorf(f.position(r), "NSEC3 with %d iterations: no more than %d are allowed", n, maxIterations)
		case n > manyIterations:
			reports.Warnf(f.position(r), "NSEC3 with %d iterations costs every name that does not exist as many hashes, and resolvers take such zones for unsigned", n)
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
	case len(soas) == 0 && hasErrors: // it may be the line that was wrong
	case len(soas) == 0 && !f.otherSOA.IsZero():
		f.problems.Errorf(diagnostic.Position{File: f.Source}, "zone %s has no SOA record at its apex, but the file has one for %s: is that the zone's name?", f.origin, f.otherSOA)
	case len(soas) == 0:
		f.problems.Errorf(diagnostic.Position{File: f.Source}, "zone %s has no SOA record at its apex", f.origin)
	case len(soas) > 1:
		f.problems.Errorf(f.position(soas[1]), "zone %s has more than one SOA record; another is at %s", f.origin, f.position(soas[0]))
	default:
		soa := soas[0]
		f.snapshot.serial = soaSerial(soa.data())
		f.snapshot.negativeTTL = min(soa.ttl(), soaMinimum(soa.data())) // RFC 2308 5
	}
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
			p.problems.Warnf(p.position(r), "TTL %d differs from the TTL %d of other %s records of %s: the smallest counts", r.ttl(), first.ttl(), r.kind(), name)
			first = r
		}
	}
	switch t := first.kind(); {
	case t == wire.TypeSOA && id != apexID:
		p.problems.Errorf(p.position(first), "SOA record of %s inside the zone %s", name, p.origin)
	case distinct > 1 && (t == wire.TypeCNAME || t == wire.TypeDNAME):
		p.problems.Errorf(p.position(set[len(set)-1]), "%s has more than one %s record", name, t) // RFC 2181 10.1, RFC 6672 2.4
	case t == wire.TypeNS || t == wire.TypeMX || t == wire.TypeSRV:
		for _, r := range set {
			p.checkTarget(id, name, r)
		}
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
	if size > maxSetSize {
		p.problems.Errorf(p.position(set[0]), "the %d %s records of %s take %d octets and fit no message", distinct, set[0].kind(), name, size)
	}
}

// checkAlone checks that a CNAME has no other data beside it, DNSSEC's own
// excepted (RFC 2181 10.1, RFC 4035 2.5).
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

// mayAccompanyAlias reports whether records of type t may be beside a CNAME.
func mayAccompanyAlias(t wire.Type) bool {
	switch t {
	case wire.TypeCNAME, wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeKEY, wire.TypeSIG, wire.TypeNXT:
		return true
	}
	return false
}

// checkTarget warns of records that lead to names of no use as servers.
func (p *packer) checkTarget(owner uint32, name wire.Name, r addedRecord) {
	target := linkOf[r.kind()](name, r.data())
	if target.IsZero() || target.IsRoot() || !target.HasSuffix(p.origin) {
		return
	}
	p.asked.set(target)
	label := 0
	id := p.names.findSuffix(&p.asked, 0)
	for id == 0 {
		label++
		id = p.names.findSuffix(&p.asked, label)
	}
	o := p.names.at(id)
	if label > 0 {
		if o.wildcard != 0 {
			return // the name is there as soon as somebody asks for it
		}
	} else {
		switch has := o.facts; {
		case has&hasIPv4 != 0:
			return
		case has&hasAlias != 0:
			p.problems.Warnf(p.position(r), "the %s record leads to %s, which is an alias", r.kind(), target) // RFC 2181 10.3
			return
		case has&hasIPv6 != 0:
			return
		}
	}
	if r.kind() != wire.TypeNS || o.cut != 0 && o.cut != p.names.at(owner).cut {
		return // servers below another cut are that zone's business
	}
	p.problems.Warnf(p.position(r), "the NS record leads to %s, which has no address in the zone", target)
}
