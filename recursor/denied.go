package recursor

import (
	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/wire"
)

// deniesBelow reports whether "no such name", said by the servers of zone,
// holds for all names below that name too (RFC 8020 2). Servers exist that say
// it of an empty non-terminal, so it has to be proved, or to come from the root
// or a top-level domain, whose servers know what they are saying.
func deniesBelow(zone wire.Name, isSecure bool) bool {
	return isSecure || zone.LabelCount() <= 1
}

// deniedAbove finds what is known of a name above name, or of name itself,
// that does not exist, if that denies name too. denied is that name.
func (r *Recursor) deniedAbove(name wire.Name) (denied wire.Name, a *answer, ok bool) {
	for above := name; ; {
		denied, m, security, ok := r.cache.FindDenied(above, wire.ClassIN, nil)
		if !ok {
			return wire.Name{}, nil, false
		}
		if a, err := readPart(m, security); err == nil && security != cache.Bogus && (denied.Len() == name.Len() || deniesBelow(a.denier(), a.isSecure)) {
			return denied, a, true
		}
		above = denied.Parent()
	}
}

// denier returns the zone that a negative answer comes from.
func (a *answer) denier() wire.Name {
	for i := range a.authority {
		if a.authority[i].Type == wire.TypeSOA {
			return a.authority[i].Name
		}
	}
	return unknownZone
}

// unknownZone stands for a zone that is not known. It is below a top-level
// domain, and so believed about the name itself only.
var unknownZone = wire.MustParseName("unknown.invalid.")
