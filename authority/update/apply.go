package update

import (
	"bytes"
	"encoding/binary"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Scan checks the form of the updates (RFC 2136 3.4.1), which no zone is needed
// for. The error is an [*Error].
func (r *Request) Scan() error {
	for i := range r.Updates {
		u := &r.Updates[i]
		if err := r.inZone(u); err != nil {
			return err
		}
		isMeta := u.Type.IsQuestionOnly()
		switch {
		case u.Class == r.Class && isMeta, u.Class == wire.ClassNone && isMeta, u.Class == wire.ClassAny && isMeta && u.Type != wire.TypeANY:
			return refuse(wire.RCodeFormErr, "update of %v: records of type %v cannot be in a zone", u.Name, u.Type)
		case u.Class == r.Class:
			if err := wire.CheckRdata(u.Type, u.Data); err != nil {
				return refuse(wire.RCodeFormErr, "update of %v: %v", u.Name, err)
			}
		case u.Class != wire.ClassAny && u.Class != wire.ClassNone:
			return refuse(wire.RCodeFormErr, "update of %v has class %v", u.Name, u.Class)
		case u.TTL != 0:
			return refuse(wire.RCodeFormErr, "update of class %v of %v has a TTL", u.Class, u.Name)
		case u.Class == wire.ClassAny && len(u.Data) != 0:
			return refuse(wire.RCodeFormErr, "update of class ANY of %v has data", u.Name)
		}
	}
	return nil
}

// Apply makes the updates (RFC 2136 3.4.2), which [Request.Scan] has checked. What
// the RFC has ignored is ignored. Records of NSEC and NSEC3 chains and signatures
// are only removed if they are named: the removal of all records of a name leaves
// them to what has made them (RFC 3007 3.2).
func (r *Request) Apply(t *authority.Txn) error {
	for i := range r.Updates {
		if err := r.applyOne(t, &r.Updates[i]); err != nil {
			return refuse(wire.RCodeRefused, "%v", err)
		}
	}
	return nil
}

func (r *Request) applyOne(t *authority.Txn, u *wire.Record) error {
	switch isApex := u.Name.Equal(r.Zone); {
	case u.Class == r.Class:
		return r.add(t, u)
	case u.Class == wire.ClassAny && u.Type == wire.TypeANY: // RFC 2136 3.4.2.3
		for _, kind := range removable(t, u.Name) {
			if !isApex || kind != wire.TypeSOA && kind != wire.TypeNS {
				t.RemoveRRset(u.Name, kind)
			}
		}
	case u.Class == wire.ClassAny:
		if !isApex || u.Type != wire.TypeSOA && u.Type != wire.TypeNS {
			t.RemoveRRset(u.Name, u.Type)
		}
	case u.Type == wire.TypeSOA: // RFC 2136 3.4.2.4
	case u.Type == wire.TypeNS && isApex && len(t.RRset(u.Name, wire.TypeNS)) <= 1:
	default:
		t.Remove(*u)
	}
	return nil
}

// removable are the types of the records of a name that go with it.
func removable(t *authority.Txn, name wire.Name) (kinds []wire.Type) {
	for record := range t.Records(name) {
		if !isDerived(record.Type) && (len(kinds) == 0 || kinds[len(kinds)-1] != record.Type) {
			kinds = append(kinds, record.Type)
		}
	}
	return kinds
}

// isDerived reports whether records of a type follow from others.
func isDerived(t wire.Type) bool {
	return t == wire.TypeRRSIG || t == wire.TypeNSEC || t == wire.TypeNSEC3
}

// add adds a record (RFC 2136 3.4.2.2), unless that would put an alias next to
// other data, or set the serial number back. It returns an error if the zone
// cannot have it.
func (r *Request) add(t *authority.Txn, u *wire.Record) error {
	if u.Type == wire.TypeSOA {
		soa := t.RRset(u.Name, wire.TypeSOA)
		if len(soa) == 0 {
			return nil
		}
		if now, then := serialOf(soa[0].Data), serialOf(u.Data); now != then && !now.Less(then) {
			return nil
		}
	}
	for record := range t.Records(u.Name) {
		isAlias := record.Type == wire.TypeCNAME
		if u.Type == wire.TypeCNAME && !isAlias && !mayAccompanyAlias(record.Type) || isAlias && u.Type != wire.TypeCNAME && !mayAccompanyAlias(u.Type) {
			return nil
		}
	}
	if u.Type == wire.TypeWKS { // one for each address and protocol
		const identity = 5
		for _, other := range t.RRset(u.Name, wire.TypeWKS) {
			if bytes.Equal(other.Data[:identity], u.Data[:identity]) {
				t.Remove(other)
			}
		}
	}
	return t.Add(*u)
}

// mayAccompanyAlias reports whether a name with a CNAME record may have type t
// (RFC 4035 2.5, RFC 3007 3).
func mayAccompanyAlias(t wire.Type) bool {
	return isDerived(t) || t == wire.TypeKEY || t == wire.TypeSIG || t == wire.TypeNXT
}

// serialOf is the serial number in the data of an SOA record.
func serialOf(soa []byte) wire.Serial {
	return wire.Serial(binary.BigEndian.Uint32(soa[len(soa)-20:]))
}
