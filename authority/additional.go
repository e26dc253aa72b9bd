package authority

import "github.com/names-dns/names/wire"

// targetOf returns the name that a record refers to, for each type that calls
// for additional data: RFC 1035 3.3 for MD to MX, RFC 2782 for SRV, RFC 3403 for
// NAPTR, RFC 9460 4.1 for SVCB and HTTPS. The zero name means that the record
// has no target.
var targetOf = map[wire.Type]func(owner wire.Name, data []byte) wire.Name{
	wire.TypeNS:    targetAt(0),
	wire.TypeMD:    targetAt(0),
	wire.TypeMF:    targetAt(0),
	wire.TypeMB:    targetAt(0),
	wire.TypeMX:    targetAt(2),
	wire.TypeAFSDB: targetAt(2),
	wire.TypeRT:    targetAt(2),
	wire.TypeKX:    targetAt(2),
	wire.TypeSRV:   targetAt(6),
	wire.TypeNAPTR: naptrTarget,
	wire.TypeSVCB:  serviceTarget,
	wire.TypeHTTPS: serviceTarget,
}

func targetAt(offset int) func(wire.Name, []byte) wire.Name {
	return func(_ wire.Name, data []byte) wire.Name {
		if offset > len(data) {
			return wire.Name{}
		}
		n, _, _ := wire.BorrowName(data[offset:])
		return n
	}
}

// naptrTarget is the replacement, after order, preference and three strings.
func naptrTarget(_ wire.Name, data []byte) wire.Name {
	at := 4
	for range 3 {
		if at >= len(data) {
			return wire.Name{}
		}
		at += 1 + int(data[at])
	}
	return targetAt(at)(wire.Name{}, data)
}

// serviceTarget is the target name; "." stands for the owner itself in
// ServiceMode and for nothing in AliasMode (RFC 9460 2.5).
func serviceTarget(owner wire.Name, data []byte) wire.Name {
	target := targetAt(2)(owner, data)
	if !target.IsRoot() {
		return target
	}
	if data[0] == 0 && data[1] == 0 {
		return wire.Name{}
	}
	return owner
}

// maxAdditional bounds how many names a reply has additional data for.
const maxAdditional = 64

// additional appends data for the names that the RRsets of the reply refer to,
// as far as there is room. (The glue of a referral is not optional: see
// answer.glue.)
func (a *answer) additional() {
	for i := range a.linked {
		l := &a.linked[i]
		if a.zone != l.zone {
			a.zone, a.described = l.zone, a.described[:0]
		}
		for j := range l.set.count() {
			if id := l.set.link(j); id != 0 {
				a.describe(id, l.targets.of(j), l.set.kind())
			}
		}
	}
}

// describe appends the addresses of a node that a record of type from refers to,
// after the records that the next step of a service look-up needs. The reply has
// the node's name at place, unless that is 0.
func (a *answer) describe(id uint32, place wire.NameOffset, from wire.Type) {
	n := a.zone.node(id)
	if n.cut() != 0 || !a.once(id) {
		return // addresses below a cut may be given only as glue (RFC 2181 5.4.1)
	}
	switch from {
	case wire.TypeNAPTR:
		a.describeWith(n, place, wire.TypeSRV)
	case wire.TypeSVCB, wire.TypeHTTPS:
		a.describeWith(n, place, from)
	}
	a.describeWith(n, place, wire.TypeA)
	a.describeWith(n, place, wire.TypeAAAA)
}

func (a *answer) describeWith(n node, place wire.NameOffset, t wire.Type) {
	inAnswer := t == a.question || a.question == wire.TypeANY
	if inAnswer && a.asked.isSame(n) {
		return
	}
	if set, ok := n.find(t); ok {
		a.appendOptional(n, place, set)
	}
}

// once reports whether the additional section has no data of the node yet, and
// records that it has.
func (a *answer) once(id uint32) bool {
	ref := a.zone.refOf(id)
	for _, d := range a.described {
		if d == ref {
			return false
		}
	}
	if len(a.described) == maxAdditional {
		return false
	}
	a.described = append(a.described, ref)
	return true
}
