package authority

import (
	"cmp"
	"encoding/binary"

	"github.com/names-dns/names/wire"
)

// orderedName is a name of a zone in canonical order (RFC 4034 6.1). A search
// that looked at the names themselves would wait for the memory of twenty nodes
// in a zone of a million; so the octets in which most names differ are stored
// with the number.
type orderedName struct {
	head uint64 // the first octets of the name's key after those of the apex
	tail uint32 // the next
	id   uint32 // number of the node
}

const orderedOctets = 8 + 4

// newOrderedName returns the entry of a name of the zone.
func (s *Snapshot) newOrderedName(name wire.Name, id uint32) orderedName {
	var key [2*wire.MaxNameLen + 1]byte
	var octets [orderedOctets]byte // those that a key lacks are 0: it comes before all that go on
	copy(octets[:], name.AppendKey(key[:0])[s.apexKeyLen:])
	return orderedName{binary.BigEndian.Uint64(octets[:]), binary.BigEndian.Uint32(octets[8:]), id}
}

// compare orders entries by these octets. Different names may compare equal.
func (o orderedName) compare(p orderedName) int {
	if c := cmp.Compare(o.head, p.head); c != 0 {
		return c
	}
	return cmp.Compare(o.tail, p.tail)
}

// covering returns the last name before name, or name itself, that has an NSEC
// record.
func (s *Snapshot) covering(name wire.Name) node {
	wanted := s.newOrderedName(name, 0)
	o, _ := s.nsecOrder.AtOrBefore(func(o orderedName) int {
		if c := o.compare(wanted); c != 0 {
			return c
		}
		return s.node(o.id).name().Compare(name)
	})
	return s.node(o.id)
}
