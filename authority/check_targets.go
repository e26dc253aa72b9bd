package authority

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// Warnings of what records point to.

// checkTarget warns of a record whose target is useless or probably not what was
// meant. to is the number of the target, 0 if it is not in the zone; otherwise
// p.asked is the target.
func (p *packer) checkTarget(from uint32, r addedRecord, target wire.Name, to uint32) {
	if target.IsZero() || target.IsRoot() || p.adviseTarget(r, target, to != 0) || to == 0 {
		return
	}
	var o *owner
	kind, isThere := r.kind(), to < p.names.count
	if isThere {
		o = p.names.at(to)
	} else {
		o = p.closestEncloser()
	}
	if !isThere && (o.wildcard != 0 || p.isRedirected(o)) {
		return // the name exists as soon as a client asks for it
	}
	if o.cut != 0 && (kind != wire.TypeNS || o.cut != p.names.at(from).cut) {
		return // what is below another cut is that zone's business
	}
	switch {
	case isThere && o.facts&(hasIPv4|hasIPv6) != 0:
	case kind == wire.TypeNS && (!isThere || o.facts&hasAlias == 0):
		p.warnTarget(r, target, diagnostic.NoAddress, "which has no address in the zone")
	case !isThere:
		p.warnTarget(r, target, diagnostic.NoTarget, "which does not exist in the zone")
	case kind == wire.TypeCNAME && o.facts&hasAlias != 0:
		p.noteAlias(from, r)
	case !wantsAddress(kind):
	case o.facts&hasAlias != 0:
		p.warnTarget(r, target, diagnostic.AliasTarget, "which is an alias: write the name it stands for") // RFC 2181 10.3
	default:
		p.warnTarget(r, target, diagnostic.NoAddress, "which has no address")
	}
}

// wantsAddress reports whether records of that type point to hosts.
func wantsAddress(t wire.Type) bool { return t == wire.TypeNS || t == wire.TypeMX || t == wire.TypeSRV }

func (p *packer) warnTarget(r addedRecord, target wire.Name, code diagnostic.Code, what string) {
	p.problems.WarnAboutf(p.position(r), code, target.String(), "the %s record points to %s, %s", r.kind(), target, what)
}

// findTarget returns the number of a target for checkTarget, for types whose links
// are not stored. If the name does not exist, the number is not that of a node.
func (p *packer) findTarget(target wire.Name) uint32 {
	if target.IsZero() || !target.HasSuffix(p.origin) {
		return 0
	}
	p.asked.set(target)
	if id := p.names.findSuffix(&p.asked, 0); id != 0 {
		return id
	}
	return p.owners
}

// closestEncloser is the closest encloser of p.asked, which is in the zone.
func (p *packer) closestEncloser() *owner {
	for label := 1; ; label++ {
		if id := p.names.findSuffix(&p.asked, label); id != 0 {
			return p.names.at(id)
		}
	}
}

// isRedirected reports whether a DNAME record covers the names below o.
func (p *packer) isRedirected(o *owner) bool {
	return o.facts&hasDNAME != 0 && o.cut == 0
}

// adviseTarget warns of a target that cannot be meant, whether it exists or not.
func (p *packer) adviseTarget(r addedRecord, target wire.Name, inZone bool) bool {
	name := target.Wire()
	hasColon := strings.IndexByte(name[1:], ':') >= 0
	switch {
	case hasColon && strings.Contains(name, "://"):
		p.warnTarget(r, target, diagnostic.URLName, "which is a URL: write the name of its host; DNS cannot point to a page")
	case (hasColon || name[1] <= '9') && isAddress(target, p.origin):
		p.warnTarget(r, target, diagnostic.AddressName, "which is an address: give a name an A or AAAA record with that address, and write the name here")
	case !isASCII(name):
		p.adviseASCII(r, target, "the "+r.kind().String()+" record points to "+displayName(target)+", which is not a name")
	case inZone && endsTwice(name, p.origin.Wire()):
		p.warnTarget(r, target, diagnostic.MissingDot, "which ends in the zone's name twice: is a dot missing at the end? Write "+endingOnce(target, p.origin).String())
	case wantsAddress(r.kind()) && !isHostLabel(target.FirstLabel()):
		p.warnTarget(r, target, diagnostic.HostName, "which is not the name of a host: those have letters, digits and hyphens only")
	default:
		return false
	}
	return true
}

// isAddress reports whether a name is an IP address, with the name of its zone
// after it or not.
func isAddress(name, origin wire.Name) bool {
	first := name.FirstLabel()
	if first == "" || first[0] > '9' && !strings.Contains(first, ":") {
		return false
	}
	if a, err := netip.ParseAddr(first); err == nil && a.Is6() {
		return true
	}
	rest := name
	for range 4 {
		if rest.IsRoot() {
			return false
		}
		rest = rest.Parent()
	}
	if !rest.IsRoot() && !rest.Equal(origin) {
		return false
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimSuffix(name.String(), rest.String()), "."))
	return err == nil && a.Is4()
}

// adviseSOA warns of names in the SOA record that are probably not what was meant.
func (f *freezer) adviseSOA(soa addedRecord) {
	mname := targetAt(0)(wire.Name{}, soa.data())
	rname := targetAt(mname.Len())(wire.Name{}, soa.data())
	at := f.position(soa)
	if local, domain, ok := mailAddress(rname); ok {
		if once, ok := strings.CutSuffix(domain, "."+f.origin.String()); ok && strings.Contains(once, ".") {
			domain = once + "."
		}
		f.problems.WarnAboutf(at, diagnostic.MailAddress, local+"@"+domain,
			"the SOA's RNAME has an at sign: write it as a name, %s.%s", strings.ReplaceAll(local, ".", `\.`), domain)
	} else if endsTwice(rname.Wire(), f.origin.Wire()) {
		f.problems.WarnAboutf(at, diagnostic.MissingDot, rname.String(),
			"the SOA's RNAME is %s, which ends in the zone's name twice: is a dot missing at the end? Write %s", rname, endingOnce(rname, f.origin))
	}
	switch {
	case endsTwice(mname.Wire(), f.origin.Wire()):
		f.problems.WarnAboutf(at, diagnostic.MissingDot, mname.String(),
			"the SOA's MNAME is %s, which ends in the zone's name twice: is a dot missing at the end? Write %s", mname, endingOnce(mname, f.origin))
	case isAddress(mname, f.origin):
		f.problems.WarnAboutf(at, diagnostic.AddressName, mname.String(), "the SOA's MNAME is %s, an address: write the name of the primary server", mname)
	}
}

// mailAddress takes a name apart that holds a mail address: hostmaster@example.com.
func mailAddress(name wire.Name) (local, domain string, ok bool) {
	if !strings.Contains(name.Wire(), "@") {
		return "", "", false
	}
	var parts []string
	for rest := name; !rest.IsRoot(); rest = rest.Parent() {
		label := rest.FirstLabel()
		if before, after, ok := strings.Cut(label, "@"); ok {
			domain := rest.Parent().String()
			if after != "" {
				domain = after + "." + strings.TrimPrefix(domain, ".")
			}
			return strings.Join(append(parts, before), "."), domain, true
		}
		parts = append(parts, label)
	}
	return "", "", false
}

// maxAliases is how many CNAME records in a row need no warning: resolvers give up
// after ten or so.
const maxAliases = 8

// chainedAlias is a CNAME record that points to another one.
type chainedAlias struct {
	id uint32
	at diagnostic.Position
}

func (p *packer) noteAlias(id uint32, r addedRecord) {
	p.aliases = append(p.aliases, chainedAlias{id, p.position(r)})
}

// checkAliases follows those CNAME records that point to others.
func (f *freezer) checkAliases() {
	if len(f.aliases) == 0 {
		return
	}
	s, inLoop := f.snapshot, map[uint32]bool{}
	var asked lookupName
	next := func(id uint32) (node, bool) {
		set, ok := s.node(id).find(wire.TypeCNAME)
		if !ok {
			return nil, false
		}
		target, _, err := wire.BorrowName(set.first())
		if err != nil || !target.HasSuffix(s.origin) {
			return nil, false
		}
		asked.set(target)
		return s.find(&asked, 0)
	}
	slices.SortFunc(f.aliases, func(a, b chainedAlias) int { return cmp.Compare(a.id, b.id) })
	for _, a := range f.aliases {
		if inLoop[a.id] {
			continue
		}
		path := []uint32{a.id}
		for n, ok := next(a.id); ok && len(path) <= maxAliases; n, ok = next(n.id()) {
			if slices.Contains(path, n.id()) {
				if n.id() == a.id {
					f.reportLoop(a, path, inLoop)
				}
				path = nil
				break // those of the loop have a warning of their own
			}
			if _, ok := n.find(wire.TypeCNAME); ok {
				path = append(path, n.id())
			}
		}
		if len(path) > maxAliases {
			f.problems.Warnf(a.at, diagnostic.AliasChain, "from %s there are more than %d CNAME records in a row: resolvers give up; point it to the last name", s.node(a.id).name(), maxAliases)
		}
	}
}

// reportLoop warns of the names on a path that ends where it begins.
func (f *freezer) reportLoop(a chainedAlias, path []uint32, inLoop map[uint32]bool) {
	var names []string
	for _, id := range path {
		inLoop[id] = true
		names = append(names, f.snapshot.node(id).name().String())
	}
	through := ""
	if len(names) > 1 {
		through = " through " + strings.Join(names[1:], ", ")
	}
	f.problems.Warnf(a.at, diagnostic.AliasLoop, "the CNAME record of %s points back to itself%s: it has no answer", names[0], through)
}
