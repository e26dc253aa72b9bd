package signedtree

import (
	"crypto/sha1"
	"slices"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Hash is the NSEC3 hash of name with any number of iterations.
func Hash(name wire.Name, iterations uint16, salt []byte) dnssec.Hash {
	h := dnssec.Hash(sha1.Sum(append(name.AppendFolded(nil), salt...)))
	for range iterations {
		h = sha1.Sum(append(h[:], salt...))
	}
	return h
}

// Zone is a zone that can be asked.
type Zone struct {
	Apex    wire.Name
	Records []wire.Record
}

// Tree is zones that are asked together.
type Tree struct{ Zones []*Zone }

// Zone returns the zone that name is in; for DS records the one above a cut.
func (t *Tree) Zone(name wire.Name, typ wire.Type) *Zone {
	if typ == wire.TypeDS && !name.IsRoot() {
		name = name.Parent()
	}
	var best *Zone
	for _, z := range t.Zones {
		if name.HasSuffix(z.Apex) && (best == nil || z.Apex.LabelCount() > best.Apex.LabelCount()) {
			best = z
		}
	}
	return best
}

// Resolve answers a question as a resolver does that sets neither AD nor asks
// for less than everything: signatures and proofs are there, aliases are
// followed from zone to zone.
func (t *Tree) Resolve(q wire.Question) *wire.Message {
	m := &wire.Message{Flags: wire.FlagQR | wire.FlagRA, Questions: []wire.Question{q}}
	name := q.Name
	for range 16 {
		z := t.Zone(name, q.Type)
		if z == nil {
			m.RCode = wire.RCodeServFail
			return m
		}
		next := z.answer(m, name, q.Type)
		if next.IsZero() {
			return m
		}
		name = next
	}
	return m
}

// answer appends what the zone says about name, and returns the name that an
// alias refers to.
func (z *Zone) answer(m *wire.Message, name wire.Name, t wire.Type) wire.Name {
	for n := name.Parent(); n.HasSuffix(z.Apex); n = n.Parent() {
		if target := z.target(n, wire.TypeDNAME); !target.IsZero() {
			m.Answers = append(m.Answers, z.set(n, wire.TypeDNAME, n)...)
			made, _, err := wire.NameFromWire([]byte(name.Wire()[:name.Len()-n.Len()] + target.Wire()))
			if err != nil {
				m.RCode = wire.RCodeYXDomain
				return wire.Name{}
			}
			m.Answers = append(m.Answers, wire.Record{Name: name, Type: wire.TypeCNAME, Class: wire.ClassIN, TTL: 300, Data: made.AppendTo(nil)})
			if t == wire.TypeCNAME || t == wire.TypeANY {
				return wire.Name{}
			}
			return made
		}
	}
	source := name
	if !z.exists(name) {
		encloser := name.Parent()
		for !z.exists(encloser) {
			encloser = encloser.Parent()
		}
		wildcard, err := encloser.Prepend("*")
		if err != nil || !z.exists(wildcard) {
			m.RCode = wire.RCodeNXDomain
			z.Deny(m, name, encloser, wildcard)
			return wire.Name{}
		}
		source = wildcard
		defer func() {
			if z.HasNSEC3() && len(m.Authority) > 0 { // no data: RFC 5155 7.2.5
				z.Prove(m, z.At(encloser))
			}
			z.Deny(m, name, encloser, wire.Name{}) // the next closer name
		}()
	}
	switch records := z.set(source, t, name); {
	case len(records) > 0:
		m.Answers = append(m.Answers, records...)
		return wire.Name{}
	case !z.target(source, wire.TypeCNAME).IsZero() && t != wire.TypeNSEC:
		m.Answers = append(m.Answers, z.set(source, wire.TypeCNAME, name)...)
		return z.target(source, wire.TypeCNAME)
	}
	z.Prove(m, z.set(z.Apex, wire.TypeSOA, z.Apex))
	z.Prove(m, z.At(source))
	return wire.Name{}
}

// Deny appends the proof that name does not exist below encloser, and neither
// does wildcard if that is a name.
func (z *Zone) Deny(m *wire.Message, name, encloser, wildcard wire.Name) {
	if !wildcard.IsZero() {
		z.Prove(m, z.set(z.Apex, wire.TypeSOA, z.Apex))
	}
	nextCloser := name.Ancestor(encloser.LabelCount() + 1)
	if z.parameters() != nil {
		if !wildcard.IsZero() {
			z.Prove(m, z.At(encloser))
		}
		z.Prove(m, z.covering3(nextCloser))
		if !wildcard.IsZero() {
			z.Prove(m, z.covering3(wildcard))
		}
		return
	}
	z.Prove(m, z.covering(name))
	if !wildcard.IsZero() {
		z.Prove(m, z.covering(wildcard))
	}
}

// Prove appends records that are not there yet.
func (z *Zone) Prove(m *wire.Message, records []wire.Record) {
	for _, r := range records {
		if !slices.ContainsFunc(m.Authority, func(o wire.Record) bool {
			return o.Type == r.Type && o.Name.Equal(r.Name) && string(o.Data) == string(r.Data)
		}) {
			m.Authority = append(m.Authority, r)
		}
	}
}

// set returns the records of an RRset with their signatures, as those of owner;
// all RRsets of name for ANY.
func (z *Zone) set(name wire.Name, t wire.Type, owner wire.Name) (records []wire.Record) {
	var sigs []wire.Record
	for _, r := range z.Records {
		if !r.Name.Equal(name) {
			continue
		}
		r.Name = owner
		switch {
		case r.Type == wire.TypeRRSIG && (t == wire.TypeANY || len(r.Data) > 1 && wire.Type(r.Data[0])<<8|wire.Type(r.Data[1]) == t):
			sigs = append(sigs, r)
		case r.Type == t, t == wire.TypeANY:
			records = append(records, r)
		}
	}
	if len(records) == 0 {
		return nil
	}
	return append(records, sigs...)
}

// exists reports whether there are records at name or below it.
func (z *Zone) exists(name wire.Name) bool {
	return slices.ContainsFunc(z.Records, func(r wire.Record) bool {
		return r.Type != wire.TypeNSEC3 && !z.isNSEC3Owner(r) && r.Name.HasSuffix(name)
	})
}

// isNSEC3Owner reports whether r is the signature of an NSEC3 record: hashed
// owners are not names of the zone.
func (z *Zone) isNSEC3Owner(r wire.Record) bool {
	return r.Type == wire.TypeRRSIG && len(r.Data) > 1 && wire.Type(r.Data[0])<<8|wire.Type(r.Data[1]) == wire.TypeNSEC3
}

// target is the name that the CNAME or DNAME record of name refers to.
func (z *Zone) target(name wire.Name, t wire.Type) wire.Name {
	for _, r := range z.Records {
		if r.Type == t && r.Name.Equal(name) {
			n, _, _ := wire.NameFromWire(r.Data)
			return n
		}
	}
	return wire.Name{}
}

// parameters are the NSEC3PARAM of the zone, nil if it has NSEC or nothing.
func (z *Zone) parameters() *wire.NSEC3PARAM {
	for _, r := range z.Records {
		if r.Type == wire.TypeNSEC3PARAM {
			p := new(wire.NSEC3PARAM)
			c := wire.CursorOver(r.Data)
			if p.Parse(&c) == nil {
				return p
			}
		}
	}
	return nil
}

// At is the proof about a name that exists: its own NSEC or NSEC3 record, or
// what an empty non-terminal or an opt-out range has in place of it.
func (z *Zone) At(name wire.Name) []wire.Record {
	p := z.parameters()
	if p == nil {
		if own := z.set(name, wire.TypeNSEC, name); own != nil {
			return own
		}
		return z.covering(name)
	}
	owner, err := z.Apex.Prepend(Hash(name, p.Iterations, p.Salt).Label())
	if err != nil {
		return nil
	}
	if own := z.set(owner, wire.TypeNSEC3, owner); own != nil {
		return own
	}
	// Opt-out: the closest encloser that has a record, and the range.
	for n := name; n.HasSuffix(z.Apex); n = n.Parent() {
		owner, err := z.Apex.Prepend(Hash(n.Parent(), p.Iterations, p.Salt).Label())
		if err != nil {
			return nil
		}
		if own := z.set(owner, wire.TypeNSEC3, owner); own != nil {
			return append(own, z.covering3(n)...)
		}
	}
	return nil
}

// covering is the NSEC RRset whose range name is in.
func (z *Zone) covering(name wire.Name) []wire.Record {
	for _, r := range z.Records {
		if r.Type != wire.TypeNSEC {
			continue
		}
		if next, _, err := wire.NameFromWire(r.Data); err == nil && dnssec.Covers(r.Name, next, name) {
			return z.set(r.Name, wire.TypeNSEC, r.Name)
		}
	}
	return nil
}

// covering3 is the NSEC3 RRset whose range the hash of name is in.
func (z *Zone) covering3(name wire.Name) []wire.Record {
	p := z.parameters()
	h := Hash(name, p.Iterations, p.Salt)
	for _, r := range z.Records {
		if r.Type != wire.TypeNSEC3 {
			continue
		}
		if n, err := dnssec.ParseNSEC3(r.Name, r.Data); err == nil && n.Covers(h) {
			return z.set(r.Name, wire.TypeNSEC3, r.Name)
		}
	}
	return nil
}

// HasNSEC3 reports whether the zone denies with NSEC3.
func (z *Zone) HasNSEC3() bool { return z.parameters() != nil }
