package sign

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// nsec3Parameters is the data of the NSEC3PARAM record: SHA-1, no additional
// iterations, no salt (RFC 9276 3.1).
var nsec3Parameters = (&wire.NSEC3PARAM{HashAlgorithm: 1}).AppendTo(nil, nil)

// owner is a name whose signatures are to be made, and the proof it is to have.
type owner struct {
	name    wire.Name
	place   place
	isNSEC3 bool        // name is a hash
	proof   wire.Record // NSEC or NSEC3; without data: none
}

// proveWithNSEC determines the NSEC records of names and of the names before them
// (RFC 4034 4, RFC 4035 2.3).
func (p *pass) proveWithNSEC(names []wire.Name, isFull bool) error {
	if isFull {
		p.proveAll(names)
		p.dropChain(nil)
		return nil
	}
	seen := map[wire.Key]bool{}
	queue := slices.Clone(names)
	for _, name := range names {
		for previous := range p.t.Preceding(name) {
			types := p.types(previous)
			if at := p.placeOf(previous, types); at == ordinary || at == cut {
				queue = append(queue, previous)
				break
			}
		}
	}
	for _, name := range queue {
		if seen[name.Key()] {
			continue
		}
		seen[name.Key()] = true
		types := p.types(name)
		o := owner{name: name, place: p.placeOf(name, types)}
		if o.place == ordinary || o.place == cut {
			next := p.origin
			for following := range p.t.Following(name) {
				if at := p.placeOf(following, p.types(following)); at == ordinary || at == cut {
					next = following
					break
				}
			}
			o.proof = p.nsec(name, next, types, o.place)
		}
		p.owners = append(p.owners, o)
	}
	return nil
}

// proveAll makes the NSEC records of all names, which are in canonical order.
func (p *pass) proveAll(names []wire.Name) {
	last := -1
	var lastTypes []wire.Type
	for _, name := range names {
		types := p.types(name)
		o := owner{name: name, place: p.placeOf(name, types)}
		p.owners = append(p.owners, o)
		if o.place != ordinary && o.place != cut {
			continue
		}
		if last >= 0 {
			l := &p.owners[last]
			l.proof = p.nsec(l.name, name, lastTypes, l.place)
		}
		last, lastTypes = len(p.owners)-1, types
	}
	l := &p.owners[last]
	l.proof = p.nsec(l.name, p.origin, lastTypes, l.place)
}

// nsec is the NSEC record of a name.
func (p *pass) nsec(name, next wire.Name, types []wire.Type, at place) wire.Record {
	have := append(seenTypes(types, at), wire.TypeNSEC, wire.TypeRRSIG)
	data := &wire.NSEC{Next: next.Fold(), Types: wire.AppendTypeBitmap(nil, have)}
	return wire.Record{Name: name, Type: wire.TypeNSEC, Class: p.class, TTL: p.denialTTL, Data: data.AppendTo(nil, nil)}
}

// seenTypes are the types at a name that the zone is authoritative for; of a
// delegation, NS counts too (RFC 4035 2.3, RFC 5155 7.1).
func seenTypes(types []wire.Type, at place) []wire.Type {
	if at != cut {
		return slices.Clone(types)
	}
	var seen []wire.Type
	for _, t := range types {
		if t == wire.TypeNS || t == wire.TypeDS {
			seen = append(seen, t)
		}
	}
	return seen
}

// proveWithNSEC3 determines the NSEC3 records for names and those before them in
// the order of hashes (RFC 5155 7.1).
func (p *pass) proveWithNSEC3(names []wire.Name, isFull bool) error {
	chain, ok := p.t.HashedOwners(nsec3Parameters)
	if isFull || !ok {
		return p.hashAll(names)
	}
	proofs := map[dnssec.Hash]*owner{} // to be made; nil: to be removed
	relink := []dnssec.Hash{}
	types := map[dnssec.Hash][]wire.Type{}
	for _, name := range names {
		kinds := p.types(name)
		o := owner{name: name, place: p.placeOf(name, kinds)}
		p.owners = append(p.owners, o)
		hash, err := dnssec.HashName(name, 0, nil)
		if err != nil {
			return err
		}
		switch is := p.isHashed(o.place, kinds); {
		case is:
			if !chain.Has(hash) {
				chain.Put(hash)
				relink = append(relink, hash)
			}
			proofs[hash], types[hash] = &owner{place: o.place}, kinds
		case chain.Has(hash):
			chain.Remove(hash)
			relink = append(relink, hash)
			proofs[hash] = nil
		}
	}
	changes := p.t.Changes()
	for _, r := range slices.Concat(changes.Removed, changes.Added) { // of the chain itself
		if r.Type != wire.TypeNSEC3 && (r.Type != wire.TypeRRSIG || coveredType(r.Data) != wire.TypeNSEC3) {
			continue
		}
		hash, ok := dnssec.ParseHash(r.Name.FirstLabel())
		if _, isKnown := proofs[hash]; !ok || isKnown {
			continue
		}
		if proofs[hash] = nil; chain.Has(hash) {
			proofs[hash] = &owner{}
		}
	}
	for _, hash := range relink { // what came before points elsewhere now
		previous := dnssec.Hash(chain.Preceding(hash))
		if _, ok := proofs[previous]; !ok {
			proofs[previous] = &owner{}
		}
	}
	for hash, o := range proofs {
		name, err := p.origin.Prepend(hash.Label())
		if err != nil {
			return fmt.Errorf("zone %s: its NSEC3 records: %w", p.origin, err)
		}
		made := owner{name: name, isNSEC3: true}
		switch next := chain.Following(hash); {
		case o == nil:
		case types[hash] == nil && o.place == ordinary: // only its next name changes
			made.proof, err = p.linkedTo(name, next)
		default:
			made.proof = p.nsec3(name, next, types[hash], o.place)
		}
		if err != nil {
			return err
		}
		p.owners = append(p.owners, made)
	}
	return nil
}

// isHashed reports whether a name has a record in the NSEC3 chain.
func (p *pass) isHashed(at place, types []wire.Type) bool {
	switch at {
	case ordinary, empty:
		return true
	case cut:
		return !p.policy.OptOut || slices.Contains(types, wire.TypeDS)
	}
	return false
}

// dropAddedProofs takes back what edits have added to the NSEC3 chain, whose owners are
// hashes: no name that is signed here would tell of them.
func (p *pass) dropAddedProofs() {
	if p.t.IsWhole() {
		return // all of the chain is looked at
	}
	for _, r := range p.t.Changes().Added {
		if r.Type == wire.TypeNSEC3 || r.Type == wire.TypeRRSIG && coveredType(r.Data) == wire.TypeNSEC3 {
			p.t.Remove(r)
		}
	}
}

// hashAll makes the NSEC3 records of all names.
func (p *pass) hashAll(names []wire.Name) error {
	type hashed struct {
		hash  dnssec.Hash
		types []wire.Type
		place place
	}
	var all []hashed
	for _, name := range names {
		types := p.types(name)
		o := owner{name: name, place: p.placeOf(name, types)}
		p.owners = append(p.owners, o)
		if p.isHashed(o.place, types) {
			hash, err := dnssec.HashName(name, 0, nil)
			if err != nil {
				return err
			}
			all = append(all, hashed{hash, types, o.place})
		}
	}
	slices.SortFunc(all, func(a, b hashed) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	wanted := make(map[dnssec.Hash]bool, len(all))
	for i, h := range all {
		if wanted[h.hash] {
			return fmt.Errorf("zone %s: two names have the hash %s", p.origin, h.hash.Label())
		}
		wanted[h.hash] = true
		name, err := p.origin.Prepend(h.hash.Label())
		if err != nil {
			return fmt.Errorf("zone %s: its NSEC3 records: %w", p.origin, err)
		}
		p.owners = append(p.owners, owner{name: name, isNSEC3: true, proof: p.nsec3(name, all[(i+1)%len(all)].hash, h.types, h.place)})
	}
	p.dropChain(wanted)
	return nil
}

// dropChain lists the NSEC3 records of what the edits start from that are not
// wanted, so that they go.
func (p *pass) dropChain(wanted map[dnssec.Hash]bool) {
	for r := range p.t.Base().Unsorted() {
		if r.Type != wire.TypeNSEC3 {
			continue
		}
		if n, err := dnssec.ParseNSEC3(r.Name, r.Data); err != nil || !wanted[n.Owner] {
			p.owners = append(p.owners, owner{name: r.Name.Clone(), isNSEC3: true})
		}
	}
}

// hashedApex is whether the chain of a version leaves delegations out, and its TTL: those of
// the NSEC3 record of the apex.
func (p *pass) hashedApex(s *authority.Snapshot) (isOptOut bool, ttl uint32) {
	hash, err := dnssec.HashName(p.origin, 0, nil)
	if err != nil {
		return false, 0
	}
	name, err := p.origin.Prepend(hash.Label())
	if err != nil {
		return false, 0
	}
	for r := range s.RecordsOf(name) {
		if r.Type == wire.TypeNSEC3 {
			n, err := dnssec.ParseNSEC3(r.Name, r.Data)
			return err == nil && n.OptOut, r.TTL
		}
	}
	return false, 0
}

// nsec3 is the NSEC3 record for a name.
func (p *pass) nsec3(owner wire.Name, next dnssec.Hash, types []wire.Type, at place) wire.Record {
	data := &wire.NSEC3{HashAlgorithm: 1, NextHashed: next[:], Types: hashedTypes(types, at)}
	if p.policy.OptOut {
		data.Flags = wire.FlagOptOut
	}
	return wire.Record{Name: owner, Type: wire.TypeNSEC3, Class: p.class, TTL: p.denialTTL, Data: data.AppendTo(nil, nil)}
}

// linkedTo is the NSEC3 record that the version before has, with another next hash. What the
// edits have done to it does not count.
func (p *pass) linkedTo(owner wire.Name, next dnssec.Hash) (wire.Record, error) {
	for r := range p.t.Base().RecordsOf(owner) {
		if r.Type != wire.TypeNSEC3 {
			continue
		}
		var data wire.NSEC3
		c := wire.CursorOver(r.Data)
		if err := data.Parse(&c); err != nil {
			return r, err
		}
		data.NextHashed = next[:]
		r.Data, r.TTL = data.AppendTo(nil, nil), p.denialTTL
		return r, nil
	}
	return wire.Record{}, fmt.Errorf("zone %s: NSEC3 record of %s is missing", p.origin, owner)
}
