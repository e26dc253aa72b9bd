package validate

import (
	"errors"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// hash hashes name as the first NSEC3 record wants it; records with other
// parameters are of another chain (RFC 5155 8.2).
func (p *proofs) hash(name wire.Name) (dnssec.Hash, error) {
	if !p.budget.take(Hashes, 1) {
		return dnssec.Hash{}, errExhausted
	}
	return dnssec.HashName(name, p.nsec3[0].Iterations, p.nsec3[0].Salt)
}

var errExhausted = errors.New("validation budget exhausted")

// isSameChain reports whether n has the parameters that hash uses.
func (p *proofs) isSameChain(n *dnssec.NSEC3) bool {
	return n.Iterations == p.nsec3[0].Iterations && string(n.Salt) == string(p.nsec3[0].Salt)
}

// match3 returns the NSEC3 record of name.
func (p *proofs) match3(name wire.Name) (*dnssec.NSEC3, error) {
	h, err := p.hash(name)
	if err != nil {
		return nil, err
	}
	for i := range p.nsec3 {
		if n := &p.nsec3[i]; n.Owner == h && p.isSameChain(n) {
			return n, nil
		}
	}
	return nil, nil
}

// covering3 returns the NSEC3 record that covers the hash of name.
func (p *proofs) covering3(name wire.Name) (*dnssec.NSEC3, error) {
	h, err := p.hash(name)
	if err != nil {
		return nil, err
	}
	for i := range p.nsec3 {
		if n := &p.nsec3[i]; p.isSameChain(n) && n.Covers(h) {
			return n, nil
		}
	}
	return nil, nil
}

// closest is the proof of the closest encloser of a name (RFC 5155 8.3).
type closest struct {
	encloser   wire.Name
	nextCloser wire.Name
	covering   *dnssec.NSEC3 // the record that covers nextCloser, nil if there is none
}

// closestEncloser looks for the longest name above name that an NSEC3 record
// matches. It counts labels down to the apex, and no further.
func (p *proofs) closestEncloser(name wire.Name) (*closest, error) {
	apex := p.zone.name.LabelCount()
	for labels := name.LabelCount() - 1; labels >= apex; labels-- {
		encloser := name.Ancestor(labels)
		n, err := p.match3(encloser)
		if err != nil {
			return nil, err
		}
		if n == nil {
			continue
		}
		if isAncestorOfOther(n.Types, encloser, name) {
			return nil, nil // RFC 5155 8.3: name is in another zone, or below a DNAME record
		}
		found := &closest{encloser: encloser, nextCloser: name.Ancestor(labels + 1)}
		found.covering, err = p.covering3(found.nextCloser)
		return found, err
	}
	return nil, nil
}

// failed3 is the judgement if hashing failed.
func (p *proofs) failed3(err error) judgement {
	if errors.Is(err, dnssec.ErrIterations) {
		return p.iterations()
	}
	j, _ := p.budget.exhausted()
	return j
}

// optOut is the judgement about a name that opt-out leaves open: there may be
// an insecure delegation (RFC 5155 6, 9.2).
func (p *proofs) optOut(name wire.Name) judgement {
	return insecure(wire.ExtendedErrorOther, "%s is in an opt-out range of %s", plain(name), plain(p.zone.name))
}

// noName3 is noName with NSEC3 (RFC 5155 8.4).
func (p *proofs) noName3(name wire.Name) judgement {
	own, err := p.match3(name)
	switch {
	case err != nil:
		return p.failed3(err)
	case own != nil:
		return p.missing("reply is NXDOMAIN, and %s has an NSEC3 record of %s", plain(name), plain(p.zone.name))
	}
	found, err := p.closestEncloser(name)
	switch {
	case err != nil:
		return p.failed3(err)
	case found == nil || found.covering == nil:
		return p.missing("no NSEC3 records of %s prove that %s does not exist", plain(p.zone.name), plain(name))
	}
	if wildcard, err := found.encloser.Prepend("*"); err == nil {
		covering, err := p.covering3(wildcard)
		switch {
		case err != nil:
			return p.failed3(err)
		case covering == nil:
			return p.missing("no NSEC3 record of %s covers %s", plain(p.zone.name), plain(wildcard))
		}
	}
	if found.covering.OptOut {
		return p.optOut(found.nextCloser)
	}
	return secure
}

// noData3 is noData with NSEC3 (RFC 5155 8.5 to 8.7).
func (p *proofs) noData3(name wire.Name, t wire.Type) judgement {
	n, err := p.match3(name)
	switch {
	case err != nil:
		return p.failed3(err)
	case n != nil && deniesData3(n, name, t):
		return secure
	case n != nil:
		return p.missing("NSEC3 record of %s does not deny %s %v", plain(p.zone.name), plain(name), t)
	}
	found, err := p.closestEncloser(name)
	switch {
	case err != nil:
		return p.failed3(err)
	case found == nil || found.covering == nil:
		return p.missing("no NSEC3 records of %s deny %s %v", plain(p.zone.name), plain(name), t)
	}
	if wildcard, err := found.encloser.Prepend("*"); err == nil {
		n, err := p.match3(wildcard)
		switch {
		case err != nil:
			return p.failed3(err)
		case n != nil && deniesData3(n, wildcard, t):
			if found.covering.OptOut {
				return p.optOut(found.nextCloser)
			}
			return secure
		}
	}
	if found.covering.OptOut {
		return p.optOut(found.nextCloser)
	}
	return p.missing("no NSEC3 record of %s denies %s %v", plain(p.zone.name), plain(name), t)
}

func deniesData3(n *dnssec.NSEC3, name wire.Name, t wire.Type) bool {
	return !n.Types.Has(t) && !n.Types.Has(wire.TypeCNAME) && isRightSide(n.Types, name, t)
}

// nextCloser3 judges the proof that a wildcard was rightly expanded.
func (p *proofs) nextCloser3(nextCloser wire.Name) judgement {
	covering, err := p.covering3(nextCloser)
	switch {
	case err != nil:
		return p.failed3(err)
	case covering == nil:
		return p.missing("no NSEC3 record of %s covers %s", plain(p.zone.name), plain(nextCloser))
	case covering.OptOut:
		return p.optOut(nextCloser)
	}
	return secure
}

// delegation3 is delegation with NSEC3 (RFC 5155 8.6, 8.9).
func (p *proofs) delegation3(name wire.Name) delegation {
	n, err := p.match3(name)
	switch {
	case errors.Is(err, dnssec.ErrIterations):
		return delegation{cutInsecure, p.iterations()}
	case err != nil:
		return delegation{judgement: p.failed3(err)}
	case n != nil:
		return p.delegationBy(n.Types, name)
	}
	found, err := p.closestEncloser(name)
	switch {
	case err != nil:
		return delegation{judgement: p.failed3(err)}
	case found == nil || found.covering == nil:
		return p.unproved(name)
	case found.covering.OptOut:
		return delegation{cutInsecure, p.optOut(found.nextCloser)}
	}
	return delegation{kind: cutNoName}
}
