package authority

import (
	"encoding/binary"
	"time"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// Warnings of signatures: those that need no cryptography. Signed zones go wrong
// as a whole, so each kind of fault is one warning, with the number of records and
// the first one.

// expiresSoon is how long before signatures expire a warning says so.
const expiresSoon = 3 * 24 * time.Hour

// signatureFaults counts what is wrong with signatures.
type signatureFaults struct {
	expired, notYet, expiring, missing fault
}

// fault is how often something is wrong, and where: what is nearest to the top
// of the file, for a time the earliest.
type fault struct {
	count int
	at    diagnostic.Position
	owner string
	kind  wire.Type // of the RRset
	when  wire.Serial
}

// add counts r, a signature or a record without one.
func (f *fault) add(p *packer, r addedRecord, owner wire.Name, kind wire.Type, when wire.Serial) {
	f.join(fault{count: 1, when: when}, func(first *fault) {
		first.at, first.owner, first.kind = p.position(r), owner.String(), kind
	})
}

// join adds the count of another one, and keeps the earlier place of both.
func (f *fault) join(o fault, complete func(*fault)) {
	if o.count == 0 {
		return
	}
	if f.count == 0 || o.when.Less(f.when) {
		complete(&o)
		o.count += f.count
		*f = o
		return
	}
	f.count += o.count
}

// checkSignatures looks at an owner of a signed zone.
func (p *packer) checkSignatures(id uint32, name wire.Name, o *owner, records []addedRecord) {
	now := wire.SerialFromTime(p.now)
	for len(records) > 0 {
		n := setLen(records)
		set := records[:n]
		records = records[n:]
		first := set[0]
		if first.kind() == wire.TypeRRSIG {
			for _, r := range set {
				p.checkTimes(name, r, now)
			}
			continue
		}
		isOwn := o == nil || o.cut == 0 || o.cut == id && (first.kind() == wire.TypeDS || first.kind() == wire.TypeNSEC)
		if isOwn && (len(records) == 0 || records[0].covers() != first.kind()) {
			p.signatures.missing.add(p, first, name, first.kind(), 0)
		}
	}
}

// checkTimes checks when a signature is valid (RFC 4034 3.1.5).
func (p *packer) checkTimes(name wire.Name, r addedRecord, now wire.Serial) {
	data := r.data()
	if len(data) < 18 {
		return
	}
	expiration, inception := wire.Serial(binary.BigEndian.Uint32(data[8:])), wire.Serial(binary.BigEndian.Uint32(data[12:]))
	switch {
	case expiration.Less(now):
		p.signatures.expired.add(p, r, name, r.covers(), expiration)
	case now.Less(inception):
		p.signatures.notYet.add(p, r, name, r.covers(), inception)
	case expiration.Less(now + wire.Serial(expiresSoon/time.Second)):
		p.signatures.expiring.add(p, r, name, r.covers(), expiration)
	}
}

// joinSignatures adds what a packer counted. Only one packer does so at a time.
func (f *freezer) joinSignatures(o *signatureFaults) {
	all := &f.signatures
	same := func(*fault) {}
	all.expired.join(o.expired, same)
	all.notYet.join(o.notYet, same)
	all.expiring.join(o.expiring, same)
	all.missing.join(o.missing, same)
}

// reportSignatures warns of what was counted.
func (f *freezer) reportSignatures() {
	when := func(s wire.Serial) string { return s.Time(f.now).Format("2006-01-02 15:04:05 MST") }
	s := &f.signatures
	if e := s.expired; e.count > 0 {
		f.problems.Warnf(e.at, diagnostic.SigExpired, "%d signatures have expired, the first on %s, that of %s %s: sign the zone again", e.count, when(e.when), e.owner, e.kind)
	}
	if e := s.notYet; e.count > 0 {
		f.problems.Warnf(e.at, diagnostic.SigNotYet, "%d signatures are not valid yet, the first of them on %s, that of %s %s: is the clock right?", e.count, when(e.when), e.owner, e.kind)
	}
	if e := s.expiring; e.count > 0 {
		f.problems.Warnf(e.at, diagnostic.SigExpires, "%d signatures expire within three days, the first on %s, that of %s %s: sign the zone again", e.count, when(e.when), e.owner, e.kind)
	}
	if e := s.missing; e.count > 0 {
		f.problems.Warnf(e.at, diagnostic.SigMissing, "%d RRsets of the signed zone have no signature, %s %s for one: sign the zone again", e.count, e.owner, e.kind)
	}
}

// checkOrder warns of a gap in the chain of NSEC records: each is to point to
// the next owner of one, and the last to the apex (RFC 4034 4.1.1).
func (f *freezer) checkOrder(order []orderedName) {
	s, gaps, first := f.snapshot, 0, ""
	for i, o := range order {
		next := order[(i+1)%len(order)]
		n := s.node(o.id)
		set, ok := n.find(wire.TypeNSEC)
		if !ok {
			continue
		}
		name, _, err := wire.BorrowName(set.first())
		if err == nil && name.Equal(s.node(next.id).name()) {
			continue
		}
		if gaps++; gaps == 1 {
			first = n.name().String()
		}
	}
	if gaps > 0 {
		f.problems.Warnf(diagnostic.Position{File: f.Source}, diagnostic.DenialChain,
			"the chain of NSEC records has %d gaps, the first after %s: names in them cannot be denied; sign the zone again", gaps, first)
	}
}
