package testnet

import (
	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
)

// maxAliases is how many aliases of one zone an answer follows.
const maxAliases = 20

// find returns the zone that a question is for: the one with the longest name,
// but for DS the one above, which has these (RFC 4035 3.1.4.1). It is nil
// if zones has none.
func find(zones []*Zone, q wire.Question) *Zone {
	var best, child *Zone
	for _, z := range zones {
		switch {
		case !q.Name.HasSuffix(z.origin):
		case q.Type == wire.TypeDS && q.Name.Equal(z.origin):
			child = z
		case best == nil || z.origin.LabelCount() > best.origin.LabelCount():
			best = z
		}
	}
	if best == nil {
		return child
	}
	return best
}

// answerer makes a reply from a zone.
type answerer struct {
	zone  *Zone
	do    bool
	reply *wire.Message
}

// answer fills in the reply to a question as RFC 1034 4.3.2 says, for a server
// that has zones.
func answer(zones []*Zone, q wire.Question, do bool, reply *wire.Message) {
	z := find(zones, q)
	if z == nil || q.Class != wire.ClassIN {
		reply.RCode = wire.RCodeRefused
		return
	}
	a := answerer{z, do, reply}
	reply.Flags |= wire.FlagAA
	met := map[wire.Key]bool{}
	for name := q.Name; name.HasSuffix(z.origin) && !met[name.Key()] && len(met) < maxAliases; {
		met[name.Key()] = true
		name = a.step(name, q.Type)
	}
	a.addAddresses()
}

// step answers for name; if that is an alias it returns its target.
func (a *answerer) step(name wire.Name, t wire.Type) (alias wire.Name) {
	z := a.zone
	for labels := z.origin.LabelCount(); labels <= name.LabelCount(); labels++ {
		n := name.Ancestor(labels)
		isApex, isName := labels == z.origin.LabelCount(), labels == name.LabelCount()
		if ns := z.at(n, wire.TypeNS); len(ns) > 0 && !isApex && !(isName && t == wire.TypeDS) {
			a.refer(n, ns)
			return wire.Name{}
		}
		if dname := z.at(n, wire.TypeDNAME); len(dname) > 0 && !isName {
			return a.substitute(name, dname)
		}
	}
	if z.exists(name) {
		return a.take(name, name, t)
	}
	encloser := name.Parent()
	for !z.exists(encloser) && !encloser.Equal(z.origin) {
		encloser = encloser.Parent()
	}
	wildcard, err := encloser.Prepend("*")
	if err == nil && z.exists(wildcard) {
		alias = a.take(wildcard, name, t)
		a.prove(func(z *signedtree.Zone) {
			if z.HasNSEC3() && len(a.reply.Answers) == 0 {
				z.Prove(a.reply, z.At(encloser))
			}
			z.Deny(a.reply, name, encloser, wire.Name{})
		})
		return alias
	}
	a.reply.RCode = wire.RCodeNXDomain
	a.deny()
	a.prove(func(z *signedtree.Zone) { z.Deny(a.reply, name, encloser, wildcard) })
	return wire.Name{}
}

// take answers from the records at owner, which for a wildcard is not the
// name asked for (RFC 4592).
func (a *answerer) take(owner, name wire.Name, t wire.Type) (alias wire.Name) {
	z := a.zone
	cname := z.at(owner, wire.TypeCNAME)
	found := false
	for _, set := range z.nodes[owner.Key()] {
		isAsked := set[0].Type == t || t == wire.TypeANY && set[0].Type != wire.TypeRRSIG
		if isAsked || len(cname) > 0 && set[0].Type == wire.TypeCNAME {
			found = true
			a.put(&a.reply.Answers, owner, name, set)
		}
	}
	switch {
	case len(cname) > 0 && t != wire.TypeCNAME && t != wire.TypeANY:
		return target(cname[0])
	case !found:
		a.deny()
		a.prove(func(z *signedtree.Zone) { z.Prove(a.reply, z.At(owner)) })
	}
	return wire.Name{}
}

// put adds an RRset to a section, its owner written as name, with its
// signatures for queries with DO.
func (a *answerer) put(section *[]wire.Record, owner, name wire.Name, set rrset) {
	for _, r := range set {
		r.Name = name
		*section = append(*section, r)
	}
	if !a.do || set[0].Type == wire.TypeRRSIG {
		return
	}
	for _, r := range a.zone.signatures(owner, set[0].Type) {
		r.Name = name
		*section = append(*section, r)
	}
}

// refer refers to the zone below, and with DO says whether that is signed.
func (a *answerer) refer(cut wire.Name, ns rrset) {
	if len(a.reply.Answers) == 0 {
		a.reply.Flags &^= wire.FlagAA
	}
	a.put(&a.reply.Authority, cut, cut, ns)
	if ds := a.zone.at(cut, wire.TypeDS); a.do && len(ds) > 0 {
		a.put(&a.reply.Authority, cut, cut, ds)
	} else {
		a.prove(func(z *signedtree.Zone) { z.Prove(a.reply, z.At(cut)) })
	}
}

// substitute answers with a DNAME record and the alias it makes (RFC 6672).
func (a *answerer) substitute(name wire.Name, dname rrset) (alias wire.Name) {
	owner := dname[0].Name
	a.put(&a.reply.Answers, owner, owner, dname)
	prefix := name.Wire()[:name.Len()-owner.Len()]
	alias, _, err := wire.NameFromWire([]byte(prefix + target(dname[0]).Wire()))
	if err != nil {
		a.reply.RCode = wire.RCodeYXDomain
		return wire.Name{}
	}
	a.reply.Answers = append(a.reply.Answers, wire.Record{
		Name: name, Type: wire.TypeCNAME, Class: wire.ClassIN, TTL: dname[0].TTL, Data: alias.AppendTo(nil),
	})
	return alias
}

// deny adds the SOA record that says how long there is nothing (RFC 2308 3).
func (a *answerer) deny() {
	soa := a.zone.at(a.zone.origin, wire.TypeSOA)[0]
	if d, err := soa.Rdata(); err == nil {
		soa.TTL = min(soa.TTL, d.(*wire.SOA).Minimum)
	}
	a.put(&a.reply.Authority, soa.Name, soa.Name, rrset{soa})
}

// addAddresses adds the addresses of the servers and hosts named so far, as
// far as the zone has them.
func (a *answerer) addAddresses() {
	isThere := map[wire.Key]bool{}
	for _, r := range append(a.reply.Answers[:len(a.reply.Answers):len(a.reply.Answers)], a.reply.Authority...) {
		host := target(r)
		if host.IsZero() || r.Type == wire.TypeCNAME || r.Type == wire.TypeDNAME || isThere[host.Key()] {
			continue
		}
		isThere[host.Key()] = true
		for _, t := range []wire.Type{wire.TypeA, wire.TypeAAAA} {
			if set := a.zone.at(host, t); len(set) > 0 {
				a.put(&a.reply.Additional, host, host, set)
			}
		}
	}
}

// target returns the name that a record refers to, none for most types.
func target(r wire.Record) wire.Name {
	data, err := r.Rdata()
	if err != nil {
		return wire.Name{}
	}
	switch d := data.(type) {
	case *wire.NS:
		return d.Host
	case *wire.CNAME:
		return d.Target
	case *wire.DNAME:
		return d.Target
	case *wire.MX:
		return d.Exchange
	case *wire.SRV:
		return d.Target
	}
	return wire.Name{}
}
