package sign

import (
	"bytes"
	"slices"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// hashChain is the NSEC3 records of a zone that is verified.
type hashChain struct {
	v          *verification
	parameters *wire.NSEC3PARAM
	links      []hashLink // in the order of the hashes
}

type hashLink struct {
	owner wire.Name
	dnssec.NSEC3
	isSeen bool
}

// readChain collects the NSEC3 records with these parameters.
func (v *verification) readChain(parameters *wire.NSEC3PARAM) *hashChain {
	c := &hashChain{v: v, parameters: parameters}
	for r := range v.zone.Unsorted() {
		if r.Type != wire.TypeNSEC3 {
			continue
		}
		n, err := dnssec.ParseNSEC3(r.Name, r.Data)
		if err != nil {
			v.add(r.Name, r.Type, err)
			continue
		}
		if n.Iterations == parameters.Iterations && bytes.Equal(n.Salt, parameters.Salt) {
			c.links = append(c.links, hashLink{owner: r.Name, NSEC3: n})
		}
	}
	slices.SortFunc(c.links, func(a, b hashLink) int { return bytes.Compare(a.Owner[:], b.Owner[:]) })
	for i := range c.links {
		if next := &c.links[(i+1)%len(c.links)]; c.links[i].Next != next.Owner {
			v.add(c.links[i].owner, wire.TypeNSEC3, errWrongNext)
		}
	}
	return c
}

// visit looks at the record of a name. One that is optional may be left out if
// the record before says so (RFC 5155 6).
func (c *hashChain) visit(name wire.Name, types []wire.Type, at place, isOptional bool) {
	hash, err := dnssec.HashName(name, c.parameters.Iterations, c.parameters.Salt)
	if err != nil {
		c.v.add(name, wire.TypeNSEC3, err)
		return
	}
	i, ok := slices.BinarySearchFunc(c.links, hash, func(l hashLink, h dnssec.Hash) int { return bytes.Compare(l.Owner[:], h[:]) })
	if !ok {
		if n := len(c.links); !isOptional || n == 0 || !c.links[(i+n-1)%n].OptOut {
			c.v.add(name, wire.TypeNSEC3, errNoProof)
		}
		return
	}
	c.links[i].isSeen = true
	if string(c.links[i].Types) != string(hashedTypes(types, at)) {
		c.v.add(name, wire.TypeNSEC3, errWrongTypes)
	}
}

// hashedTypes is the bitmap of an NSEC3 record (RFC 5155 7.1).
func hashedTypes(types []wire.Type, at place) []byte {
	have := seenTypes(types, at)
	if at == ordinary || slices.Contains(have, wire.TypeDS) {
		have = append(have, wire.TypeRRSIG)
	}
	return wire.AppendTypeBitmap(nil, have)
}

// finish looks for records of names that are not there.
func (c *hashChain) finish() {
	for i := range c.links {
		if !c.links[i].isSeen {
			c.v.add(c.links[i].owner, wire.TypeNSEC3, errNeedlessly)
		}
	}
}
