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

// check checks the whole zone.
func (f *freezer) check() {
	f.checkApex()
	for id := range uint32(len(f.names.starts)) {
		f.checkNode(id)
	}
	for id := range uint32(len(f.chain.starts)) {
		f.eachSet(f.chain.name, id, f.of(uint32(len(f.names.starts))+id), f.checkSize)
	}
	f.checkIterations()
}

const (
	// maxSetsAtName is what a node can count.
	maxSetsAtName = 1<<16 - 1
	// Each iteration of NSEC3 is a SHA-1 that every name that does not exist
	// costs: RFC 9276 3.1 wants none, and RFC 5155 10.3 allows no more than
	// this.
	manyIterations, maxIterations = 100, 2500
)

// eachSet calls check for each RRset of an owner.
func (f *freezer) eachSet(nameOf func(uint32) wire.Name, id uint32, records []addedRecord, check func(name wire.Name, set []addedRecord)) {
	sets := 0
	for len(records) > 0 {
		n := 1
		for n < len(records) && setOrder(records[n]) == setOrder(records[0]) {
			n++
		}
		if sets++; sets > maxSetsAtName {
			f.problems.Errorf(f.position(records[0]), "%s has more than %d RRsets", nameOf(id), maxSetsAtName)
			return
		}
		check(nameOf(id), records[:n])
		records = records[n:]
	}
}

// checkIterations checks what a proof of absence costs.
func (f *freezer) checkIterations() {
	for _, r := range f.of(apexID) {
		if r.kind() != wire.TypeNSEC3PARAM {
			continue
		}
		switch n := binary.BigEndian.Uint16(r.data()[2:]); {
		case n > maxIterations:
			f.problems.Errorf(f.position(r), "NSEC3 with %d iterations: no more than %d are allowed", n, maxIterations)
		case n > manyIterations:
			f.problems.Warnf(f.position(r), "NSEC3 with %d iterations costs every name that does not exist as many hashes, and resolvers take such zones for unsigned", n)
		}
	}
}

// checkApex checks what the apex must have: one SOA and an NS (RFC 1035 5.2).
func (f *freezer) checkApex() {
	records, hasErrors := f.of(apexID), f.problems.Errors > 0
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

// checkNode checks the records of one name.
func (f *freezer) checkNode(id uint32) {
	all := f.of(id)
	f.eachSet(f.names.name, id, all, f.checkSet)
	f.checkAlone(id)
	if len(all) > 0 && f.underDNAME(f.names.parents[id]) {
		// RFC 6672 2.4
		f.problems.Errorf(f.position(all[0]), "%s is below a name that has a DNAME record", f.names.name(id))
	}
}

// underDNAME reports whether the name or one above it has a DNAME record that
// counts: one that is not itself below a cut.
func (f *freezer) underDNAME(id uint32) bool {
	for ; id != 0; id = f.names.parents[id] {
		if f.flags[id]&flagDNAME != 0 && f.cuts[id] == 0 {
			return true
		}
	}
	return false
}

// checkSet checks the records of one RRset.
func (f *freezer) checkSet(name wire.Name, set []addedRecord) {
	f.checkSize(name, set)
	first, distinct := set[0], 0
	for i, r := range set {
		if i > 0 && isSame(r, set[i-1]) {
			continue
		}
		distinct++
		if r.ttl() != first.ttl() && r.kind() != wire.TypeRRSIG {
			// RFC 2181 5.2
			f.problems.Warnf(f.position(r), "TTL %d differs from the TTL %d of other %s records of %s: the smallest counts", r.ttl(), first.ttl(), r.kind(), name)
			first = r
		}
	}
	switch t := first.kind(); {
	case t == wire.TypeSOA && first.owner() != apexID:
		f.problems.Errorf(f.position(first), "SOA record of %s inside the zone %s", name, f.origin)
	case distinct > 1 && (t == wire.TypeCNAME || t == wire.TypeDNAME):
		f.problems.Errorf(f.position(set[len(set)-1]), "%s has more than one %s record", name, t) // RFC 2181 10.1, RFC 6672 2.4
	case t == wire.TypeNS || t == wire.TypeMX || t == wire.TypeSRV:
		for _, r := range set {
			f.checkTarget(r)
		}
	}
}

// checkSize checks that an RRset fits a message.
func (f *freezer) checkSize(name wire.Name, set []addedRecord) {
	size, distinct := 0, 0
	for i, r := range set {
		if i == 0 || !isSame(r, set[i-1]) {
			distinct++
			size += 12 + len(r.data())
		}
	}
	if size > maxSetSize {
		f.problems.Errorf(f.position(set[0]), "the %d %s records of %s take %d octets and fit no message", distinct, set[0].kind(), name, size)
	}
}

// checkAlone checks that a CNAME has no other data beside it, DNSSEC's own
// excepted (RFC 2181 10.1, RFC 4035 2.5).
func (f *freezer) checkAlone(id uint32) {
	var alias, other addedRecord
	for _, r := range f.of(id) {
		switch r.kind() {
		case wire.TypeCNAME:
			alias = r
		case wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeKEY, wire.TypeSIG, wire.TypeNXT:
		default:
			other = r
		}
	}
	if alias != nil && other != nil {
		f.problems.Errorf(f.position(alias), "%s has a CNAME record and other data: %s at %s", f.names.name(id), other.kind(), f.position(other))
	}
}

// checkTarget warns of records that lead to names of no use as servers.
func (f *freezer) checkTarget(r addedRecord) {
	owner := r.owner()
	target := linkOf[r.kind()](f.names.name(owner), r.data())
	if target.IsZero() || target.IsRoot() || !target.HasSuffix(f.origin) {
		return
	}
	f.asked.set(target)
	label := 0
	id := f.names.find(&f.asked, 0)
	for id == 0 {
		label++
		id = f.names.find(&f.asked, label)
	}
	if label > 0 {
		if f.wildcards[id] != 0 {
			return // the name is there as soon as somebody asks for it
		}
	} else {
		for _, t := range f.of(id) {
			switch t.kind() {
			case wire.TypeA, wire.TypeAAAA:
				return
			case wire.TypeCNAME:
				f.problems.Warnf(f.position(r), "the %s record leads to %s, which is an alias", r.kind(), target) // RFC 2181 10.3
				return
			}
		}
	}
	if cut := f.cuts[id]; r.kind() != wire.TypeNS || cut != 0 && cut != f.cuts[owner] {
		return // servers below another cut are that zone's business
	}
	f.problems.Warnf(f.position(r), "the NS record leads to %s, which has no address in the zone", target)
}
