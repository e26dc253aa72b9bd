package update

import (
	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Check reports whether the zone is as the prerequisites want it (RFC 2136
// 3.2.5). The error is an [*Error].
func (r *Request) Check(t *authority.Txn) error {
	var exact []wire.Record // RRsets that have to be the same
	for i := range r.Prerequisites {
		p := &r.Prerequisites[i]
		if p.TTL != 0 {
			return refuse(wire.RCodeFormErr, "prerequisite for %v has a TTL", p.Name)
		}
		if err := r.inZone(p); err != nil {
			return err
		}
		switch p.Class {
		case wire.ClassAny, wire.ClassNone:
			if err := checkExistence(t, p); err != nil {
				return err
			}
		case r.Class:
			exact = append(exact, *p)
		default:
			return refuse(wire.RCodeFormErr, "prerequisite for %v has class %v", p.Name, p.Class)
		}
	}
	return checkExact(t, exact)
}

// checkExistence checks a prerequisite that does not depend on data.
func checkExistence(t *authority.Txn, p *wire.Record) error {
	wanted := p.Class == wire.ClassAny
	switch {
	case len(p.Data) != 0:
		return refuse(wire.RCodeFormErr, "prerequisite of class %v for %v has data", p.Class, p.Name)
	case p.Type == wire.TypeANY:
		switch isUsed := isInUse(t, p.Name); {
		case wanted && !isUsed:
			return refuse(wire.RCodeNXDomain, "%v has no records", p.Name)
		case !wanted && isUsed:
			return refuse(wire.RCodeYXDomain, "%v has records", p.Name)
		}
	default:
		switch hasSet := len(t.RRset(p.Name, p.Type)) > 0; {
		case wanted && !hasSet:
			return refuse(wire.RCodeNXRRSet, "%v has no %v records", p.Name, p.Type)
		case !wanted && hasSet:
			return refuse(wire.RCodeYXRRSet, "%v has %v records", p.Name, p.Type)
		}
	}
	return nil
}

// isInUse reports whether a name has records. Empty non-terminals have none (RFC
// 2136 2.4.4), nor have the hashed names of NSEC3.
func isInUse(t *authority.Txn, name wire.Name) bool {
	for record := range t.Records(name) {
		if !isOfChain(&record) {
			return true
		}
	}
	return false
}

// isOfChain reports whether a record proves what does not exist, or signs such a
// record of NSEC3: its owner is a hash, not a name of the zone.
func isOfChain(r *wire.Record) bool {
	if r.Type == wire.TypeRRSIG && len(r.Data) >= 2 {
		return wire.Type(uint16(r.Data[0])<<8|uint16(r.Data[1])) == wire.TypeNSEC3
	}
	return r.Type == wire.TypeNSEC3
}

// setKey identifies an RRset.
type setKey struct {
	name wire.Key
	kind wire.Type
}

// checkExact checks that RRsets have the records that are given, each of them and
// no other (RFC 2136 3.2.3).
func checkExact(t *authority.Txn, records []wire.Record) error {
	if len(records) == 0 {
		return nil
	}
	want := map[setKey]map[string]bool{}
	var order []*wire.Record
	for i := range records {
		key := setKey{records[i].Name.Key(), records[i].Type}
		if want[key] == nil {
			want[key] = map[string]bool{}
			order = append(order, &records[i])
		}
		want[key][canonical(&records[i])] = true
	}
	for _, first := range order {
		set := want[setKey{first.Name.Key(), first.Type}]
		have := t.RRset(first.Name, first.Type)
		isSame := len(have) == len(set)
		for i := range have {
			isSame = isSame && set[canonical(&have[i])]
		}
		if !isSame {
			return refuse(wire.RCodeNXRRSet, "%v has other %v records", first.Name, first.Type)
		}
	}
	return nil
}

// canonical is the data of a record with names in lower case: records with the
// same are equal (RFC 2136 1.1.1).
func canonical(r *wire.Record) string {
	return string(wire.AppendCanonicalRdata(nil, r.Type, r.Data))
}
