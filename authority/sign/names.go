package sign

import (
	"slices"

	"github.com/names-dns/names/wire"
)

// place is where a name is in the zone.
type place uint8

const (
	ordinary place = iota // the zone answers for it; it has records
	empty                 // an empty non-terminal
	cut                   // a delegation
	below                 // below a delegation: glue, or not seen at all
	gone                  // the zone had it
)

// isDerived reports whether the signer makes records of this type from others.
func isDerived(t wire.Type) bool {
	return t == wire.TypeRRSIG || t == wire.TypeNSEC || t == wire.TypeNSEC3
}

// types are those of the records at a name that are not derived.
func (p *pass) types(name wire.Name) []wire.Type {
	var types []wire.Type
	for r := range p.t.Records(name) {
		if !isDerived(r.Type) && !slices.Contains(types, r.Type) {
			types = append(types, r.Type)
		}
	}
	return types
}

// placeOf says where a name is. types are those of its records.
func (p *pass) placeOf(name wire.Name, types []wire.Type) place {
	if !p.t.HasName(name) {
		return gone
	}
	switch at, isBelow := p.t.CutOf(name); {
	case isBelow && at.Equal(name):
		return cut
	case isBelow:
		return below
	case len(types) == 0:
		return empty
	}
	return ordinary
}

// dropRemains removes proofs and signatures from names that have nothing else left, so
// that the names can go.
func (p *pass) dropRemains(isFull bool) {
	if isFull {
		// What a whole zone brings along is removed where it is not wanted, once
		// that is known; here only names with nothing else.
		for _, name := range p.ownersOfDenial() {
			if len(p.types(name)) == 0 {
				p.removeDerived(name)
			}
		}
		return
	}
	for _, name := range slices.Collect(p.t.ChangedNames()) {
		if len(p.types(name)) == 0 {
			p.removeDerived(name)
		}
	}
}

// ownersOfDenial are the names with NSEC records in what the edits start from.
func (p *pass) ownersOfDenial() []wire.Name {
	var names []wire.Name
	for r := range p.t.Base().Unsorted() {
		if r.Type == wire.TypeNSEC {
			names = append(names, r.Name.Clone())
		}
	}
	return names
}

func (p *pass) removeDerived(name wire.Name) {
	for _, r := range slices.Collect(p.t.Records(name)) {
		if r.Type == wire.TypeNSEC || r.Type == wire.TypeRRSIG {
			p.t.Remove(r)
		}
	}
}

// names are those whose records are to be signed: all of the zone, or those that
// the transaction changes.
func (p *pass) names(isFull bool) []wire.Name {
	if !isFull {
		return slices.Collect(p.t.ChangedNames())
	}
	names := []wire.Name{p.origin}
	return slices.AppendSeq(names, p.t.Following(p.origin))
}
