package validate

import (
	"context"
	"slices"
	"time"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// twin is the validator in the plainest way: it remembers only which zones are
// secure, looks at every name from there down for a zone cut, tries every
// signature with every key, and tries every closest encloser there could be.
type twin struct {
	w     *world
	at    time.Time
	known []twinZone // secure ones
}

// twinZone is what the twin knows about a zone.
type twinZone struct {
	apex    wire.Name
	verdict Verdict
	keys    [][]byte

	isSigned bool // DS records that hold say so, or a trust anchor
}

// judge is the verdict about a reply.
func (t *twin) judge(r *Reply) Verdict {
	if r.RCode != wire.RCodeNoError && r.RCode != wire.RCodeNXDomain && r.RCode != wire.RCodeYXDomain {
		return Indeterminate
	}
	worst := Secure
	name := r.Question.Name
	for links := 0; ; links++ {
		if links == maxLinks {
			return Indeterminate
		}
		found := false
		for _, set := range r.Answer {
			if set.Name.Equal(name) && (set.Type == r.Question.Type || r.Question.Type == wire.TypeANY) {
				found = true
				if set.Type == wire.TypeCNAME && len(set.Signatures) == 0 {
					if dname := redirectionOf(r.Answer, name); dname != nil {
						worst = min(worst, t.set(dname, r.Authority))
						target := t.target(dname)
						made, _, err := wire.NameFromWire([]byte(name.Wire()[:name.Len()-dname.Name.Len()] + target.Wire()))
						if target.IsZero() || err != nil || !made.Equal(t.target(set)) {
							return Bogus
						}
						continue
					}
				}
				worst = min(worst, t.set(set, r.Authority))
			}
		}
		if found {
			if r.RCode == wire.RCodeNXDomain && worst == Secure {
				return Bogus
			}
			return worst
		}
		next := wire.Name{}
		cname := find(r.Answer, name, wire.TypeCNAME)
		if cname != nil && len(cname.Signatures) > 0 {
			worst = min(worst, t.set(cname, r.Authority))
			next = t.target(cname)
		} else {
			for n := name.Parent(); !n.IsZero() && next.IsZero(); n = n.Parent() {
				dname := find(r.Answer, n, wire.TypeDNAME)
				if dname == nil {
					continue
				}
				worst = min(worst, t.set(dname, r.Authority))
				target := t.target(dname)
				if target.IsZero() {
					return Bogus
				}
				made, _, err := wire.NameFromWire([]byte(name.Wire()[:name.Len()-n.Len()] + target.Wire()))
				if cname != nil && (err != nil || !t.target(cname).Equal(made)) {
					return Bogus
				}
				if err != nil {
					return worst
				}
				next = made
			}
			if next.IsZero() && cname != nil {
				worst = min(worst, t.set(cname, r.Authority))
				next = t.target(cname)
			}
		}
		if next.IsZero() {
			if cname != nil {
				return Bogus // no target that can be read
			}
			break
		}
		if worst == Bogus {
			return Bogus
		}
		name = next
	}
	if name == r.Question.Name && r.RCode == wire.RCodeYXDomain {
		return Bogus
	}
	return min(worst, t.negative(r, name))
}

// redirectionOf returns the DNAME RRset above name.
func redirectionOf(answer []*RRset, name wire.Name) *RRset {
	for n := name.Parent(); !n.IsZero(); n = n.Parent() {
		if d := find(answer, n, wire.TypeDNAME); d != nil {
			return d
		}
	}
	return nil
}

func (t *twin) target(set *RRset) wire.Name {
	for _, d := range set.Data {
		if string(d) != string(set.Data[0]) {
			return wire.Name{}
		}
	}
	n, l, err := wire.NameFromWire(set.Data[0])
	if err != nil || l != len(set.Data[0]) {
		return wire.Name{}
	}
	return n
}

// zone walks down from the root. For the signer of a signature it first tries
// the DS records of that very name: a chain of signatures is enough.
func (t *twin) zone(name wire.Name, isSigner bool) twinZone {
	if r, err := t.w.Fetch(context.Background(), name, wire.TypeDS); err == nil && isSigner && !name.IsRoot() {
		if ds := find(r.Answer, name, wire.TypeDS); ds != nil {
			for _, sig := range ds.Signatures {
				if !mayDeny(sig.Signer, name, wire.TypeDS) {
					continue
				}
				parent := t.zone(sig.Signer, true)
				if held := t.holds(ds, parent); parent.verdict == Secure && parent.apex.Equal(sig.Signer) && held != nil && int(held.Labels) == dnssec.LabelCount(name) {
					return t.note(t.enter(name, ds.Data))
				}
			}
		}
	}
	z := t.enter(wire.Root, t.w.v.anchors.at(wire.Root).ds)
	for _, k := range t.known {
		if name.HasSuffix(k.apex) && k.apex.LabelCount() > z.apex.LabelCount() {
			z = k
		}
	}
	return t.down(z, name)
}

// note remembers a zone that is secure.
func (t *twin) note(z twinZone) twinZone {
	if z.verdict == Secure {
		t.known = append(t.known, z)
	}
	return z
}

// down walks from a zone to the one that name is in.
func (t *twin) down(z twinZone, name wire.Name) twinZone {
	for labels := z.apex.LabelCount() + 1; labels <= name.LabelCount() && z.verdict == Secure; labels++ {
		cut := name.Ancestor(labels)
		r, err := t.w.Fetch(context.Background(), cut, wire.TypeDS)
		if err != nil || r.RCode > wire.RCodeNXDomain || r.RCode == wire.RCodeServFail {
			return twinZone{apex: cut, verdict: Indeterminate}
		}
		if ds := find(r.Answer, cut, wire.TypeDS); ds != nil {
			if sig := t.holds(ds, z); sig == nil || int(sig.Labels) < dnssec.LabelCount(cut) {
				return twinZone{apex: cut, verdict: Bogus}
			}
			z = t.note(t.enter(cut, ds.Data))
			continue
		}
		alias := find(r.Answer, cut, wire.TypeCNAME)
		for n := cut.Parent(); !n.IsZero(); n = n.Parent() {
			if d := find(r.Answer, n, wire.TypeDNAME); d != nil {
				alias = d
				break
			}
		}
		if alias != nil {
			if t.holds(alias, z) == nil {
				return twinZone{apex: cut, verdict: Bogus}
			}
			if alias.Type == wire.TypeDNAME {
				return z
			}
			continue
		}
		f := t.facts(z, r.Authority)
		switch {
		case f.dear:
			return twinZone{apex: cut, verdict: Insecure}
		case f.typesAt(cut) != nil:
			types := *f.typesAt(cut)
			switch {
			case types.Has(wire.TypeDS) || types.Has(wire.TypeSOA):
				return twinZone{apex: cut, verdict: Bogus}
			case types.Has(wire.TypeNS):
				return twinZone{apex: cut, verdict: Insecure}
			}
		case f.isEmptyNonTerminal(cut):
		case f.denied(cut, false):
			return z
		case f.denied(cut, true):
			return twinZone{apex: cut, verdict: Insecure}
		default:
			return twinZone{apex: cut, verdict: Bogus}
		}
	}
	return z
}

func (t *twin) enter(apex wire.Name, records [][]byte) twinZone {
	var usable []*wire.DS
	best := false
	for _, data := range records {
		ds := new(wire.DS)
		c := wire.CursorOver(data)
		if ds.Parse(&c) == nil && algorithms.Has(ds.Algorithm) && (ds.DigestType == 1 || ds.DigestType == 2 || ds.DigestType == 4) {
			usable = append(usable, ds)
			best = best || ds.DigestType != 1
		}
	}
	if len(usable) == 0 {
		return twinZone{apex: apex, verdict: Insecure}
	}
	r, err := t.w.Fetch(context.Background(), apex, wire.TypeDNSKEY)
	if err != nil {
		return twinZone{apex: apex, verdict: Indeterminate, isSigned: true}
	}
	set := find(r.Answer, apex, wire.TypeDNSKEY)
	if set == nil {
		return twinZone{apex: apex, verdict: Bogus, isSigned: true}
	}
	for _, ds := range usable {
		if best && ds.DigestType == 1 {
			continue
		}
		for _, data := range set.Data {
			if dnssec.KeyTag(data) == ds.KeyTag && len(data) > 3 && data[3] == byte(ds.Algorithm) && dnssec.DigestMatches(ds, apex, data) &&
				t.holds(set, twinZone{apex: apex, keys: [][]byte{data}}) != nil {
				return twinZone{apex, Secure, set.Data, true}
			}
		}
	}
	return twinZone{apex: apex, verdict: Bogus, isSigned: true}
}

// holds returns a signature of set that a key of z made.
func (t *twin) holds(set *RRset, z twinZone) *wire.RRSIG {
	for _, sig := range set.Signatures {
		for _, data := range z.keys {
			key, err := algorithms.ParseKey(data)
			if err != nil || !key.IsZoneKey() || key.IsRevoked() || key.Tag != sig.KeyTag || key.Algorithm != sig.Algorithm {
				continue
			}
			if !sig.Signer.Equal(z.apex) || dnssec.CheckRRSIG(sig, &set.RRset) != nil || dnssec.CheckTime(sig, t.at, time.Hour, day) != nil {
				continue
			}
			var c dnssec.Canonical
			c.Set(&set.RRset)
			message, err := c.AppendSigned(nil, sig)
			if err == nil && key.Verify(message, sig.Signature) {
				return sig
			}
		}
	}
	return nil
}

// tries reports whether z has a key for a signature of set, or one of them is out of
// its time: then it is bogus, and no unsigned zone below z is looked for.
func (t *twin) tries(set *RRset, z twinZone) bool {
	return slices.ContainsFunc(set.Signatures, func(sig *wire.RRSIG) bool {
		if !sig.Signer.Equal(z.apex) || dnssec.CheckRRSIG(sig, &set.RRset) != nil || !algorithms.Has(sig.Algorithm) {
			return false
		}
		return dnssec.CheckTime(sig, t.at, time.Hour, day) != nil || slices.ContainsFunc(z.keys, func(data []byte) bool {
			return len(data) > 3 && dnssec.KeyTag(data) == sig.KeyTag && data[3] == byte(sig.Algorithm)
		})
	})
}

// set is the verdict about an RRset of an answer.
func (t *twin) set(set *RRset, authority []*RRset) Verdict {
	if !dnssec.MayBeSigned(set.Type) {
		return Insecure
	}
	isTried := false
	for _, sig := range nearestFirst([]*RRset{set}) {
		if !mayDeny(sig.Signer, set.Name, set.Type) {
			continue
		}
		z := t.zone(sig.Signer, true)
		if z.verdict == Insecure {
			return Insecure
		}
		isTried = isTried || z.verdict != Secure && z.isSigned
		if z.verdict != Secure || !z.apex.Equal(sig.Signer) {
			continue
		}
		held := t.holds(set, z)
		if held == nil {
			isTried = isTried || t.tries(set, z)
			continue
		}
		if int(held.Labels) == dnssec.LabelCount(set.Name) {
			return Secure
		}
		f := t.facts(z, authority)
		next := set.Name.Ancestor(int(held.Labels) + 1)
		switch {
		case f.dear:
			return Insecure
		case f.gone(next, false):
			return Secure
		case f.gone(next, true):
			return Insecure
		}
		return Bogus // what the wildcard needs is not there
	}
	if isTried {
		return Bogus
	}
	return t.unsigned(set.Name, set.Type)
}

// unsigned is the verdict about what no zone vouches for: that of the zone that
// name is in.
func (t *twin) unsigned(name wire.Name, typ wire.Type) Verdict {
	if typ == wire.TypeDS && !name.IsRoot() {
		name = name.Parent()
	}
	if z := t.zone(name, false); z.verdict != Secure {
		return z.verdict
	}
	return Bogus
}

// nearestFirst returns the signatures of sets, those of the zones with the
// longest names first.
func nearestFirst(sets []*RRset) (sigs []*wire.RRSIG) {
	for _, set := range sets {
		sigs = append(sigs, set.Signatures...)
	}
	slices.SortStableFunc(sigs, func(a, b *wire.RRSIG) int { return b.Signer.LabelCount() - a.Signer.LabelCount() })
	return sigs
}

// negative is the verdict about the absence of records.
func (t *twin) negative(r *Reply, name wire.Name) Verdict {
	typ := r.Question.Type
	isTried := false
	for _, sig := range nearestFirst(denials(r.Authority)) {
		if !mayDeny(sig.Signer, name, typ) {
			continue
		}
		z := t.zone(sig.Signer, true)
		if z.verdict == Insecure {
			return Insecure
		}
		isTried = isTried || z.verdict != Secure && z.isSigned
		if z.verdict != Secure || !z.apex.Equal(sig.Signer) {
			continue
		}
		v := t.facts(z, r.Authority).negative(name, typ, r.RCode == wire.RCodeNXDomain)
		if soa := find(r.Authority, z.apex, wire.TypeSOA); soa != nil && v >= Insecure {
			if t.holds(soa, z) == nil {
				v = Bogus
				isTried = isTried || t.tries(soa, z)
			}
		} else if v < Insecure {
			for _, set := range denials(r.Authority) {
				isTried = isTried || t.holds(set, z) == nil && t.tries(set, z)
			}
		}
		if v >= Insecure {
			return v
		}
	}
	if isTried {
		return Bogus
	}
	return t.unsigned(name, typ)
}

// facts are what the proofs of one zone say that hold.
type facts struct {
	apex  wire.Name
	nsec  []nsecProof
	nsec3 []dnssec.NSEC3
	dear  bool
}

func (t *twin) facts(z twinZone, sets []*RRset) *facts {
	f := &facts{apex: z.apex}
	for _, set := range sets {
		sig := t.holds(set, z)
		if sig == nil || int(sig.Labels) != dnssec.LabelCount(set.Name) {
			continue
		}
		for _, data := range set.Data {
			switch set.Type {
			case wire.TypeNSEC:
				var n wire.NSEC
				c := wire.CursorOver(data)
				if n.Parse(&c) == nil && n.Next.HasSuffix(z.apex) {
					f.nsec = append(f.nsec, nsecProof{set.Name, n.Next, n.Types})
				}
			case wire.TypeNSEC3:
				if n, err := dnssec.ParseNSEC3(set.Name, data); err == nil && n.Zone.Equal(z.apex) {
					if n.Iterations > 50 {
						f.dear = true
						continue
					}
					f.nsec3 = append(f.nsec3, n)
				}
			}
		}
	}
	f.dear = f.dear && len(f.nsec3) == 0
	return f
}

func (f *facts) hash(name wire.Name) dnssec.Hash {
	return signedtree.Hash(name, f.nsec3[0].Iterations, f.nsec3[0].Salt)
}

// typesAt are the types at name, nil if no record says.
func (f *facts) typesAt(name wire.Name) *wire.TypeBitmap {
	if len(f.nsec3) > 0 {
		for i := range f.nsec3 {
			if f.nsec3[i].Owner == f.hash(name) {
				return &f.nsec3[i].Types
			}
		}
		return nil
	}
	for i := range f.nsec {
		if f.nsec[i].owner.Equal(name) {
			return &f.nsec[i].types
		}
	}
	return nil
}

// isBelowCut: the name at owner, with these types, is the last of this zone on
// the way to name.
func isBelowCut(types wire.TypeBitmap, owner, name wire.Name) bool {
	below := name.HasSuffix(owner) && !name.Equal(owner)
	return below && (types.Has(wire.TypeDNAME) || types.Has(wire.TypeNS) && !types.Has(wire.TypeSOA))
}

// gone: no name like this, and none below it. With optOut, it may be a
// delegation.
func (f *facts) gone(name wire.Name, optOut bool) bool {
	if len(f.nsec3) > 0 {
		for i := range f.nsec3 {
			if f.nsec3[i].Covers(f.hash(name)) && f.nsec3[i].OptOut == optOut {
				return true
			}
		}
		return false
	}
	for _, n := range f.nsec {
		if dnssec.Covers(n.owner, n.next, name) && !n.next.HasSuffix(name) && !isBelowCut(n.types, n.owner, name) {
			return !optOut
		}
	}
	return false
}

func (f *facts) isEmptyNonTerminal(name wire.Name) bool {
	if len(f.nsec3) > 0 {
		return false // it has a record of its own
	}
	for _, n := range f.nsec {
		if dnssec.Covers(n.owner, n.next, name) && n.next.HasSuffix(name) && !isBelowCut(n.types, n.owner, name) {
			return true
		}
	}
	return false
}

// enclosers are the names above name that could be its closest encloser: that
// exist, and below which the next one does not.
func (f *facts) enclosers(name wire.Name, optOut bool) (all []wire.Name) {
	for labels := f.apex.LabelCount(); labels < name.LabelCount(); labels++ {
		e := name.Ancestor(labels)
		exists := f.typesAt(e) != nil
		for _, n := range f.nsec {
			if len(f.nsec3) == 0 && (n.next.HasSuffix(e) || n.owner.HasSuffix(e)) {
				exists = true
			}
		}
		if types := f.typesAt(e); types != nil && isBelowCut(*types, e, name) {
			exists = false
		}
		if exists && f.gone(name.Ancestor(labels+1), optOut) {
			all = append(all, e)
		}
	}
	return all
}

// denied: name does not exist.
func (f *facts) denied(name wire.Name, optOut bool) bool { return len(f.enclosers(name, optOut)) > 0 }

func (f *facts) negative(name wire.Name, typ wire.Type, nxdomain bool) Verdict {
	if f.dear {
		return Insecure
	}
	has := func(n wire.Name) bool { // the records of n deny typ
		types := f.typesAt(n)
		if types == nil {
			return false
		}
		if types.Has(typ) || types.Has(wire.TypeCNAME) {
			return false
		}
		if typ == wire.TypeDS && !n.IsRoot() {
			return !types.Has(wire.TypeSOA)
		}
		return types.Has(wire.TypeSOA) || !types.Has(wire.TypeNS)
	}
	if nxdomain {
		for _, optOut := range []bool{false, true} {
			for _, e := range f.enclosers(name, optOut) {
				wildcard, err := e.Prepend("*")
				if err != nil || f.gone(wildcard, false) || f.gone(wildcard, true) {
					if optOut {
						return Insecure
					}
					return Secure
				}
			}
		}
		return Bogus
	}
	if f.typesAt(name) != nil {
		if has(name) {
			return Secure
		}
		return Bogus
	}
	if f.isEmptyNonTerminal(name) {
		return Secure
	}
	for _, e := range f.enclosers(name, false) {
		if wildcard, err := e.Prepend("*"); err == nil && (has(wildcard) || f.isEmptyNonTerminal(wildcard)) {
			return Secure
		}
	}
	if f.denied(name, true) {
		return Insecure
	}
	return Bogus
}
