// Package signedtree makes signed zones for tests: it signs the records of a
// zone, with NSEC or NSEC3, and answers from a tree of such zones as a resolver
// does that follows aliases and does not validate.
package signedtree

import (
	"fmt"
	"slices"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Denial is how a zone proves that something is not there.
type Denial uint8

const (
	Unsigned Denial = iota
	NSEC
	NSEC3
)

// Options says how a zone is signed.
type Options struct {
	Denial Denial
	// Keys are the keys of the zone: each is published, and the first signs.
	// All sign the DNSKEY RRset.
	Keys []*dnssec.SigningKey
	// ZoneSigners and KeySigners sign if they are not nil: all RRsets but DNSKEY,
	// and DNSKEY.
	ZoneSigners, KeySigners []*dnssec.SigningKey
	OptOut                  bool
	Iterations              uint16
	Salt                    []byte
	Inception, Expiration   wire.Serial
}

// Sign returns the records of a zone with everything added that a signed zone
// has: DNSKEY, NSEC or NSEC3 records, and signatures. NS records below the apex
// are delegations. The SOA record has to be there.
func Sign(apex wire.Name, records []wire.Record, o Options) ([]wire.Record, error) {
	if o.Denial == Unsigned {
		return records, nil
	}
	s := &signer{apex: apex, Options: o}
	for _, r := range records {
		s.add(r)
	}
	soa := s.find(apex, wire.TypeSOA)
	if soa == nil {
		return nil, fmt.Errorf("zone %v has no SOA record", apex)
	}
	s.ttl = soa.TTL
	for _, k := range o.Keys {
		s.addData(apex, wire.TypeDNSKEY, k.Data())
	}
	var err error
	if o.Denial == NSEC {
		s.addNSEC()
	} else if err = s.addNSEC3(); err != nil {
		return nil, err
	}
	return s.signed()
}

type signer struct {
	Options
	apex wire.Name
	ttl  uint32
	sets []*dnssec.RRset
}

func (s *signer) find(name wire.Name, t wire.Type) *dnssec.RRset {
	for _, set := range s.sets {
		if set.Type == t && set.Name.Equal(name) {
			return set
		}
	}
	return nil
}

func (s *signer) add(r wire.Record) {
	set := s.find(r.Name, r.Type)
	if set == nil {
		set = &dnssec.RRset{Name: r.Name, Type: r.Type, Class: r.Class, TTL: r.TTL}
		s.sets = append(s.sets, set)
	}
	set.Data = append(set.Data, r.Data)
}

func (s *signer) addData(name wire.Name, t wire.Type, data []byte) {
	s.add(wire.Record{Name: name, Type: t, Class: wire.ClassIN, TTL: s.ttl, Data: data})
}

// cutAbove reports whether name is below a delegation.
func (s *signer) cutAbove(name wire.Name) bool {
	for n := name.Parent(); n.LabelCount() > s.apex.LabelCount(); n = n.Parent() {
		if s.find(n, wire.TypeNS) != nil {
			return true
		}
	}
	return false
}

func (s *signer) isCut(name wire.Name) bool {
	return !name.Equal(s.apex) && s.find(name, wire.TypeNS) != nil
}

// owners are the names with authoritative records or a delegation, in
// canonical order.
func (s *signer) owners() (names []wire.Name) {
	seen := map[wire.Key]bool{}
	for _, set := range s.sets {
		if key := set.Name.Key(); !seen[key] && !s.cutAbove(set.Name) {
			seen[key] = true
			names = append(names, set.Name)
		}
	}
	slices.SortFunc(names, wire.Name.Compare)
	return names
}

// types are what a bitmap says is at name.
func (s *signer) types(name wire.Name) (types []wire.Type) {
	for _, set := range s.sets {
		if !set.Name.Equal(name) {
			continue
		}
		if s.isCut(name) && set.Type != wire.TypeNS && set.Type != wire.TypeDS {
			continue // glue
		}
		types = append(types, set.Type)
	}
	if !s.isCut(name) && len(types) > 0 || s.find(name, wire.TypeDS) != nil {
		types = append(types, wire.TypeRRSIG)
	}
	return types
}

func (s *signer) addNSEC() {
	names := s.owners()
	for i, name := range names {
		types := append(s.types(name), wire.TypeNSEC)
		if !slices.Contains(types, wire.TypeRRSIG) {
			types = append(types, wire.TypeRRSIG)
		}
		data := names[(i+1)%len(names)].AppendTo(nil)
		s.addData(name, wire.TypeNSEC, wire.AppendTypeBitmap(data, types))
	}
}

func (s *signer) addNSEC3() error {
	parameters := wire.NSEC3PARAM{HashAlgorithm: 1, Iterations: s.Iterations, Salt: s.Salt}
	s.addData(s.apex, wire.TypeNSEC3PARAM, parameters.AppendTo(nil, nil))
	type hashed struct {
		hash dnssec.Hash
		name wire.Name
	}
	var chain []hashed
	seen := map[wire.Key]bool{}
	for _, name := range s.owners() {
		if s.OptOut && s.isCut(name) && s.find(name, wire.TypeDS) == nil {
			continue
		}
		for n := name; n.HasSuffix(s.apex) && !seen[n.Key()]; n = n.Parent() { // empty non-terminals too
			seen[n.Key()] = true
			h, err := s.hash(n)
			if err != nil {
				return err
			}
			chain = append(chain, hashed{h, n})
		}
	}
	slices.SortFunc(chain, func(a, b hashed) int { return slices.Compare(a.hash[:], b.hash[:]) })
	for i, h := range chain {
		next := chain[(i+1)%len(chain)].hash
		data := wire.NSEC3{HashAlgorithm: 1, Iterations: s.Iterations, Salt: s.Salt, NextHashed: next[:], Types: wire.AppendTypeBitmap(nil, s.types(h.name))}
		if s.OptOut {
			data.Flags = wire.FlagOptOut
		}
		owner, err := s.apex.Prepend(h.hash.Label())
		if err != nil {
			return err
		}
		s.addData(owner, wire.TypeNSEC3, data.AppendTo(nil, nil))
	}
	return nil
}

// hash is without the limit of validators: zones with too many iterations are
// tests as well.
func (s *signer) hash(name wire.Name) (dnssec.Hash, error) {
	return Hash(name, s.Iterations, s.Salt), nil
}

// signed returns all records, those that are authoritative with signatures.
func (s *signer) signed() (records []wire.Record, err error) {
	for _, set := range s.sets {
		for _, data := range set.Data {
			records = append(records, wire.Record{Name: set.Name, Type: set.Type, Class: set.Class, TTL: set.TTL, Data: data})
		}
		isGlue := s.isCut(set.Name) && set.Type != wire.TypeDS && set.Type != wire.TypeNSEC
		if isGlue || s.cutAbove(set.Name) {
			continue
		}
		keys := s.ZoneSigners
		if keys == nil {
			keys = s.Keys[:1]
		}
		if set.Type == wire.TypeDNSKEY {
			if keys = s.KeySigners; keys == nil {
				keys = s.Keys
			}
		}
		for _, k := range keys {
			sig, err := k.Sign(set, s.apex, s.Inception, s.Expiration)
			if err != nil {
				return nil, err
			}
			records = append(records, wire.Record{Name: set.Name, Type: wire.TypeRRSIG, Class: set.Class, TTL: set.TTL, Data: sig.AppendTo(nil, nil)})
		}
	}
	return records, nil
}
