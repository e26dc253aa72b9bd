package serve

import (
	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// accessGates refuse clients that may not query at all.
func accessGates(s *settings.Settings) []listener.Gate {
	if len(s.AllowQuery) == 0 {
		return nil
	}
	allowed, _ := s.ParseAccess(s.AllowQuery...) // it has been checked
	return []listener.Gate{{Query: func(x *names.Exchange) listener.Verdict {
		if x.RCode == wire.RCodeNoError && !allowed.Matches(&x.Peer) {
			x.RCode = wire.RCodeRefused
			x.AddExtendedError(wire.ExtendedErrorProhibited, "")
		}
		return listener.Continue
	}}}
}

// proxies are the load balancers that say in a header whose the queries are: nil if
// there are none.
func proxies(s *settings.Settings) *names.PeerSet {
	if len(s.Listen.Proxies) == 0 {
		return nil
	}
	set, _ := names.ParsePeerSet(s.Listen.Proxies...) // it has been checked
	return set
}

// zoneAccess says which clients the zones of a plan are for; those that it does not have
// are for all.
func (p *transferPlan) zoneAccess() map[*authority.Zone]names.PeerMatcher {
	allowed := map[*authority.Zone]names.PeerMatcher{}
	matchers := map[*string]names.PeerMatcher{} // of lists that zones share
	add := func(from *settings.Zone, zones ...*authority.Zone) {
		if len(from.AllowQuery) == 0 {
			return
		}
		list := &from.AllowQuery[0]
		if matchers[list] == nil {
			matchers[list], _ = p.settings.ParseAccess(from.AllowQuery...) // it has been checked
		}
		for _, zone := range zones {
			allowed[zone] = matchers[list]
		}
	}
	for i := range p.ours {
		add(p.ours[i].from, p.ours[i].zones...)
	}
	for _, c := range p.copies {
		add(&c.from, c.zone)
	}
	return allowed
}
