package sign

import (
	"errors"
	"slices"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// onlineAnswer is one answer on its way through a resolver that signs.
type onlineAnswer struct {
	*Online
	*shift
	x         *names.Exchange
	answer    []*rrset
	authority []*rrset
	rcode     wire.RCode

	message   []byte // as the next resolver wrote it
	reader    wire.Reader
	canonical dnssec.Canonical
	signed    []byte
}

// maxKeptMessage is the largest buffer that is used again.
const maxKeptMessage = 4 << 10

// release gives back what begin and its followers have taken hold of.
func (a *onlineAnswer) release() {
	clear(a.answer)
	clear(a.authority)
	a.Online, a.shift, a.x = nil, nil, nil
	if cap(a.message) > maxKeptMessage {
		a.message, a.signed = nil, nil
	}
	answers.Put(a)
}

func (a *onlineAnswer) begin(o *Online, now *shift, x *names.Exchange) {
	a.Online, a.shift, a.x, a.rcode = o, now, x, x.RCode
	a.answer, a.authority = a.answer[:0], a.authority[:0]
}

// lookUp answers what the next resolver has no say in, or has passed.
func (a *onlineAnswer) lookUp() {
	a.x.MarkAnswered("zone")
	q := a.x.Question()
	if q.Name.Equal(a.zone) {
		for _, set := range a.apex {
			if set.Type == q.Type || q.Type == wire.TypeANY {
				a.answer = append(a.answer, set)
			}
		}
	}
	if len(a.answer) == 0 {
		a.deny(q.Name, q.Type, false)
	}
}

// errReferral is returned if the next resolver delegates a part of the zone.
var errReferral = errors.New("an answer that refers to other servers cannot be signed: names below a delegation belong to another zone")

// read takes what the next resolver has written, and denies what it lacks.
func (a *onlineAnswer) read() error {
	a.message = append(a.message[:0], a.x.Reply.Finish()...)
	r := &a.reader
	if err := r.Reset(a.message); err != nil {
		return err
	}
	if err := r.SkipQuestions(); err != nil {
		return err
	}
	var err error
	if a.answer, err = a.readSection(a.answer); err != nil {
		return err
	}
	if err := r.NextSection(); err != nil {
		return err
	}
	authority, err := a.readSection(nil)
	if err != nil {
		return err
	}
	q := a.x.Question()
	last, isThere := a.follow(q)
	isNegative := a.rcode == wire.RCodeNXDomain || slices.ContainsFunc(authority, func(s *rrset) bool { return s.Type == wire.TypeSOA })
	switch {
	case isThere || !last.HasSuffix(a.zone):
	case slices.ContainsFunc(authority, func(s *rrset) bool { return s.Type == wire.TypeNS && !s.Name.Equal(a.zone) }):
		return errReferral
	case isNegative || len(a.answer) == 0:
		a.deny(last, q.Type, a.rcode == wire.RCodeNXDomain)
	}
	return nil
}

// readSection appends the RRsets of a section to sets. Signatures and proofs of names
// in the zone are ours to make.
func (a *onlineAnswer) readSection(sets []*rrset) ([]*rrset, error) {
	for {
		h, err := a.reader.Next()
		if err == wire.ErrSectionDone {
			return sets, nil
		}
		if err != nil {
			return sets, err
		}
		if h.Name.HasSuffix(a.zone) && (h.Type == wire.TypeNSEC || !dnssec.MayBeSigned(h.Type)) {
			continue
		}
		data, err := a.reader.AppendRdata(nil, h.Type)
		if err != nil {
			return sets, err
		}
		i := slices.IndexFunc(sets, func(s *rrset) bool { return s.Type == h.Type && s.Class == h.Class && s.Name.Equal(h.Name) })
		if i < 0 {
			sets = append(sets, &rrset{RRset: dnssec.RRset{Name: h.Name, Type: h.Type, Class: h.Class, TTL: h.TTL}})
			i = len(sets) - 1
		}
		sets[i].TTL = min(sets[i].TTL, h.TTL)
		sets[i].Data = append(sets[i].Data, data)
	}
}

// follow goes along the aliases of the answer, and reports whether what was asked
// for is at their end.
func (a *onlineAnswer) follow(q wire.Question) (last wire.Name, isThere bool) {
	last = q.Name
	for range len(a.answer) + 1 { // each alias once
		alias := -1
		for i, set := range a.answer {
			if !set.Name.Equal(last) {
				continue
			}
			if set.Type == q.Type || q.Type == wire.TypeANY {
				return last, true
			}
			if set.Type == wire.TypeCNAME {
				alias = i
			}
		}
		var data wire.CNAME
		if alias < 0 {
			return last, false
		}
		if c := wire.CursorOver(a.answer[alias].Data[0]); data.Parse(&c) != nil {
			return last, false
		}
		last = data.Target
	}
	return last, true // a loop: there is nothing to deny
}

// deny proves with one NSEC record that name has no records of type t, or, if nothing
// is to be there, no records at all (RFC 9824 3). The record covers no other name.
func (a *onlineAnswer) deny(name wire.Name, t wire.Type, isNothing bool) {
	types := []wire.Type{wire.TypeRRSIG, wire.TypeNSEC}
	isApex := name.Equal(a.zone)
	switch {
	case isNothing && !isApex:
		types = append(types, wire.TypeNXNAME)
		if a.x.DO() && a.x.Query.EDNS.Flags&wire.FlagCO == 0 {
			a.rcode = wire.RCodeNoError // RFC 9824 5
		}
	case isApex:
		a.rcode = wire.RCodeNoError
		types = append(append(types, a.shift.types...), a.Online.types...)
	default:
		types = append(types, a.Online.types...)
	}
	types = slices.DeleteFunc(types, func(have wire.Type) bool { return have == t && t != wire.TypeNSEC })
	nsec := &wire.NSEC{Next: successor(name, a.zone), Types: wire.AppendTypeBitmap(nil, types)}
	proof := &rrset{RRset: dnssec.RRset{Name: name, Type: wire.TypeNSEC, Class: wire.ClassIN, TTL: a.denialTTL, Data: [][]byte{nsec.AppendTo(nil, nil)}}}
	if t == wire.TypeNSEC {
		a.answer = append(a.answer, proof)
		return
	}
	soa := *a.soa
	soa.TTL = a.denialTTL
	a.authority = append(a.authority, &soa)
	if a.x.DO() {
		a.authority = append(a.authority, proof)
	}
}

// successor is the name that follows next after name and everything that could be
// between it and the names of its own: it is its first child, but for names that are
// too long to have one (RFC 4471 3.1.2).
func successor(name, zone wire.Name) wire.Name {
	if child, err := name.Prepend("\x00"); err == nil {
		return child
	}
	for name = name.Fold(); !name.Equal(zone); name = name.Parent() {
		label, parent := name.FirstLabel(), name.Parent()
		if next, err := parent.Prepend(label + "\x00"); err == nil {
			return next
		}
		for i := len(label) - 1; i >= 0; i-- {
			octet := label[i] + 1
			switch octet {
			case 0:
				continue // there is none after 255
			case 'A':
				octet = 'Z' + 1 // capitals are small letters in this order
			}
			if next, err := parent.Prepend(label[:i] + string([]byte{octet})); err == nil {
				return next
			}
		}
	}
	return zone // of the last name
}

// sign gives every RRset of the zone its signatures.
func (a *onlineAnswer) sign(mayMake bool) error {
	for _, sets := range [...]*[]*rrset{&a.answer, &a.authority} {
		for i, set := range *sets {
			if !set.Name.HasSuffix(a.zone) {
				continue
			}
			signed := *set // those of the apex are shared
			var err error
			if signed.signatures, err = a.signaturesOf(&signed, mayMake); err != nil {
				return err
			}
			(*sets)[i] = &signed
		}
	}
	return nil
}

// write makes the reply. If there is no room, the client asks again over TCP.
func (a *onlineAnswer) write() {
	x := a.x
	leadsOn, derived, wildcard := x.LeadsOn, x.Derived, x.Wildcard
	x.Restart()
	x.RCode, x.LeadsOn, x.Derived, x.Wildcard = a.rcode, leadsOn, derived, wildcard
	x.Reply.Flags |= wire.FlagAA
	err := writeSets(x, a.answer)
	if err == nil {
		x.Reply.SetSection(wire.SectionAuthority)
		err = writeSets(x, a.authority)
	}
	if err != nil {
		x.Truncate()
	}
}

func writeSets(x *names.Exchange, sets []*rrset) error {
	for _, set := range sets {
		for _, data := range set.Data {
			if err := x.Reply.Raw(set.Name, set.Type, set.Class, set.TTL, data); err != nil {
				return err
			}
		}
		for _, data := range set.signatures {
			if err := x.Reply.Raw(set.Name, wire.TypeRRSIG, set.Class, set.TTL, data); err != nil {
				return err
			}
		}
	}
	return nil
}
