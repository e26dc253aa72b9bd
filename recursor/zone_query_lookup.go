package recursor

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/names-dns/names/wire"
)

// A zone query begins with the addresses that came with the delegation. If none of
// them works, it looks in other places: see leadStep.

// lead is a name server and the place to look for its addresses next.
type lead struct {
	name wire.Name
	step leadStep
}

// leadStep is a place to look for addresses of a name server.
type leadStep uint8

const (
	// leadLookUp: the name is looked up like any other, for the zone asked is
	// not needed for it.
	leadLookUp leadStep = iota
	// leadOther: the same, for addresses of the family that was not needed yet.
	leadOther
	// leadGlue: the glue that the parent of the name's own zone has sent, if
	// that is in the cache. The zone itself may deny the name, or have an address
	// for it that does not work.
	leadGlue
	// leadParent: the name is in the zone asked, and its glue is missing. The
	// parent is asked for it by name (RFC 9471 3).
	leadParent
)

// lookup is a name server that is looked up, and what came of it.
type lookup struct {
	lead
	addresses []netip.AddrPort
}

// lookupsAtOnce is how many name servers are looked up at the same time.
const lookupsAtOnce = 2

// recordLead notes where addresses of s can be looked for. usable is set if it has
// some that can be asked.
func (z *zoneQuery) recordLead(s *nameServer, usable bool) {
	switch {
	case s.name.IsZero():
	case !s.name.HasSuffix(z.zone.zone):
		if usable {
			z.leads = append(z.leads, lead{s.name, leadLookUp})
		} else {
			z.unknown = append(z.unknown, s.name)
		}
	case len(s.addresses) == 0:
		z.leads = append(z.leads, lead{s.name, leadParent})
	}
}

func (z *zoneQuery) shuffleLeads() {
	rand.Shuffle(len(z.unknown), func(i, j int) { z.unknown[i], z.unknown[j] = z.unknown[j], z.unknown[i] })
	rand.Shuffle(len(z.leads), func(i, j int) { z.leads[i], z.leads[j] = z.leads[j], z.leads[i] })
}

// dig looks for more servers: all that are known were asked. It reports whether
// there are some at once.
func (z *zoneQuery) dig() (found bool) {
	for z.lookups < lookupsAtOnce && len(z.unknown) > 0 {
		name := z.unknown[0]
		z.unknown = z.unknown[1:]
		if !z.lookUp(lead{name, leadLookUp}) {
			z.unknown = nil
		}
	}
	if z.weak != nil || z.t.isShortened(z.question) && len(z.attempts) > 0 {
		return false // there is something else to fall back on
	}
	for !found && z.lookups < lookupsAtOnce && len(z.leads) > 0 {
		l := z.leads[0]
		z.leads = append(z.leads[:0], z.leads[1:]...)
		if l.step == leadGlue {
			found = z.addNew(z.t.r.glueOf(l.name))
		} else if !z.lookUp(l) {
			z.leads = z.leads[:0]
		}
	}
	return found
}

// lookUp begins to look for addresses of a name server. It returns false if
// that would cost too much.
func (z *zoneQuery) lookUp(l lead) bool {
	b := z.t.fetch.budget
	if z.lookedUp == maxNameServers || b.lookups.Add(-1) < 0 || b.missing.Load() < 0 {
		z.t.r.counts.hit(LimitLookups)
		z.blame.add(nil, errLookups, rankSilence, wire.ExtendedErrorNoReachableAuthority, "the zone's name servers are too costly to find")
		return false
	}
	if z.stop == nil {
		z.stop = make(chan struct{})
	}
	z.lookups++
	z.lookedUp++
	z.t.record(StepLookUp, wire.Question{Name: l.name, Type: wire.TypeA, Class: wire.ClassIN}, netip.AddrPort{}, "", nil, 0)
	t, zone, stop := z.t, z.zone.zone, z.stop
	t.r.workers.Do(func() {
		z.events <- zoneEvent{lookup: &lookup{l, t.r.addressesOf(t.fetch, l, zone, stop)}} // has room for all
	})
	return true
}

var errLookups = errors.New("too many name servers to look up")

// takeLookup takes what came of a lookup, and notes where to look next.
func (z *zoneQuery) takeLookup(l *lookup) {
	z.addNew(l.addresses)
	switch {
	case l.step == leadParent:
	case l.step == leadLookUp && len(l.addresses) > 0 && len(z.t.r.addressTypes()) > 1:
		z.leads = append(z.leads, lead{l.name, leadOther})
	default:
		z.leads = append(z.leads, lead{l.name, leadGlue})
	}
}

// addNew is add for addresses of which the zone query may have some already.
func (z *zoneQuery) addNew(addresses []netip.AddrPort) (usable bool) {
	return z.add(slices.DeleteFunc(slices.Clone(addresses), z.hasServer))
}

// hasServer reports whether the server at a is one of the zone query's.
func (z *zoneQuery) hasServer(a netip.AddrPort) bool {
	return slices.ContainsFunc(z.servers, func(s *server) bool { return s.Addr() == a })
}

// addressTypes returns the types of the addresses that can be reached, the
// first to be looked for first.
func (r *Recursor) addressTypes() []wire.Type {
	switch {
	case !r.isReachable(netip.IPv6Unspecified()):
		return []wire.Type{wire.TypeA}
	case !r.isReachable(netip.IPv4Unspecified()):
		return []wire.Type{wire.TypeAAAA}
	}
	return []wire.Type{wire.TypeA, wire.TypeAAAA}
}

// addressesOf looks for addresses of a name server of zone.
func (r *Recursor) addressesOf(parent *fetch, l lead, zone wire.Name, stop <-chan struct{}) []netip.AddrPort {
	types := r.addressTypes()
	if l.step == leadOther {
		types = types[len(types)-1:]
	}
	for _, t := range types {
		q := wire.Question{Name: l.name, Type: t, Class: wire.ClassIN}
		a, err := r.addressAnswer(parent, l, q, zone, stop)
		if errors.Is(err, errExhausted) || err == errAbandoned {
			return nil
		}
		if err == errNoGlue || err == errRecent && l.step == leadParent {
			break
		}
		if err != nil {
			continue
		}
		if addresses := a.addresses(l.name); len(addresses) > 0 {
			return addresses
		}
		if a.rcode == wire.RCodeNXDomain {
			break
		}
	}
	if l.step != leadOther {
		parent.budget.missing.Add(-1)
	}
	return nil
}

func (r *Recursor) addressAnswer(parent *fetch, l lead, q wire.Question, zone wire.Name, stop <-chan struct{}) (*answer, error) {
	if l.step == leadParent {
		return r.fetchGlue(parent, q, zone, stop)
	}
	if a, ok := r.known(q); ok {
		return a, nil
	}
	return r.fetchFor(parent, q, stop)
}

// addresses returns the addresses of a name server in an answer. Those of the
// target of an alias are not (RFC 2181 10.3).
func (a *answer) addresses(name wire.Name) []netip.AddrPort {
	var s nameServer
	for i := range a.answers {
		record := &a.answers[i]
		if !record.Name.Equal(name) {
			continue
		}
		if address, ok := addressOf(record.Type, record.Data); ok {
			s.add(netip.AddrPortFrom(address, dnsPort))
		}
	}
	return s.addresses
}

// glueOf returns the addresses of a name server that came with the delegation
// of a zone it is in, as far as the cache has one.
func (r *Recursor) glueOf(name wire.Name) []netip.AddrPort {
	for in := name; ; {
		zone, m, _, ok := r.cache.FindDelegation(in, wire.ClassIN, nil)
		if !ok {
			return nil
		}
		d, err := readDelegation(new(wire.Reader), m, zone, wire.Root, wire.SectionAuthority)
		if err != nil {
			return nil
		}
		if s := d.server(name); s != nil && len(s.addresses) > 0 {
			return s.addresses
		}
		if zone.IsRoot() {
			return nil
		}
		in = zone.Parent()
	}
}
