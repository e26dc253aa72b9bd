package testnet

import (
	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
)

// Zone is what a server has of a zone.
type Zone struct {
	origin wire.Name
	// nodes are the RRsets of each owner. Names outside the zone are glue that
	// is in the zone, rightly or not.
	nodes map[wire.Key][]rrset
	// encloses has the names that have one with records below them, which are
	// there even without records of their own (RFC 4592 2.2.2).
	encloses map[wire.Key]bool
	proofs   *signedtree.Zone // of a signed zone: what denies names and types
}

// rrset is records of one owner and type, as they stand in the story.
type rrset []wire.Record

// defaultSOA is the SOA record of a zone that has none.
func defaultSOA(origin wire.Name) wire.Record {
	soa := wire.SOA{Primary: origin, Mailbox: origin, Serial: 1, Refresh: 7200, Retry: 3600, Expire: 1209600, Minimum: 300}
	return wire.Record{Name: origin, Type: wire.TypeSOA, Class: wire.ClassIN, TTL: defaultTTL, Data: soa.AppendTo(nil, nil)}
}

// newZone makes a zone of records.
func newZone(origin wire.Name, records []wire.Record) *Zone {
	z := &Zone{origin: origin, nodes: map[wire.Key][]rrset{}, encloses: map[wire.Key]bool{}}
	for _, r := range records {
		z.add(r)
	}
	if len(z.at(origin, wire.TypeSOA)) == 0 {
		z.add(defaultSOA(origin))
	}
	return z
}

func (z *Zone) add(r wire.Record) {
	for above := r.Name.Parent(); !above.IsZero(); above = above.Parent() {
		z.encloses[above.Key()] = true
	}
	z.addHashed(r)
}

// addHashed adds a record whose owner is not a name of the zone.
func (z *Zone) addHashed(r wire.Record) {
	k := r.Name.Key()
	for i, set := range z.nodes[k] {
		if set[0].Type == r.Type && coveredBy(set[0]) == coveredBy(r) {
			z.nodes[k][i] = append(set, r)
			return
		}
	}
	z.nodes[k] = append(z.nodes[k], rrset{r})
}

// coveredBy is the type that an RRSIG record is for: those are RRsets by it.
func coveredBy(r wire.Record) wire.Type {
	if r.Type != wire.TypeRRSIG || len(r.Data) < 2 {
		return wire.TypeNone
	}
	return wire.Type(r.Data[0])<<8 | wire.Type(r.Data[1])
}

// at returns the records of a type that a name has.
func (z *Zone) at(name wire.Name, t wire.Type) rrset {
	for _, set := range z.nodes[name.Key()] {
		if set[0].Type == t && t != wire.TypeRRSIG {
			return set
		}
	}
	return nil
}

// signatures returns the RRSIG records for the RRset of a type.
func (z *Zone) signatures(name wire.Name, t wire.Type) rrset {
	for _, set := range z.nodes[name.Key()] {
		if set[0].Type == wire.TypeRRSIG && coveredBy(set[0]) == t {
			return set
		}
	}
	return nil
}

// exists reports whether a name is there, with records or as an empty
// non-terminal.
func (z *Zone) exists(name wire.Name) bool {
	k := name.Key()
	return len(z.nodes[k]) > 0 || z.encloses[k]
}
