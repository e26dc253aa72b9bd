package serve

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// signals keeps the copies of CDS and CDNSKEY records by which signed zones vouch for other
// zones that are served here (RFC 9615), in those that a policy says so of.
type signals struct {
	isStale atomic.Bool // something has changed that the copies depend on
	keeping sync.Mutex  // held for a round: a later one knows more

	mu     sync.Mutex
	served []*authority.Zone
	wanted map[*authority.Zone]sign.Signals // by the zone that has them
}

// serve notes which zones there are.
func (g *signals) serve(zones []*authority.Zone) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.served = zones
	g.isStale.Store(true)
}

// maxSignals bounds the copies in one zone.
const maxSignals = 100_000

// stage keeps the copies when a zone is replaced as a whole.
func (g *signals) stage(t *authority.Txn) error {
	if !t.IsWhole() {
		return nil
	}
	g.mu.Lock()
	wanted, ok := g.wanted[t.Zone()]
	g.mu.Unlock()
	if !ok { // not known yet: what the journal has stays
		return nil
	}
	_, err := wanted.Put(t)
	return err
}

// receiveSignals notes that a version has other records to copy, or other servers.
func (s *signing) receiveSignals(p authority.Publication) {
	if !isSameApex(p.Before, p.After) {
		s.signals.isStale.Store(true)
		s.wake()
	}
}

// isSameApex reports whether two versions have the same CDS, CDNSKEY and NS records.
func isSameApex(a, b *authority.Snapshot) bool {
	texts := func(s *authority.Snapshot) map[string]bool {
		all := map[string]bool{}
		if s == nil {
			return all
		}
		for r := range s.RecordsOf(s.Origin()) {
			if r.Type == wire.TypeCDS || r.Type == wire.TypeCDNSKEY || r.Type == wire.TypeNS {
				all[r.String()] = true
			}
		}
		return all
	}
	return maps.Equal(texts(a), texts(b))
}

// keepSignals brings the copies up to date, if something has changed.
func (s *signing) keepSignals() {
	s.signals.keeping.Lock()
	defer s.signals.keeping.Unlock()
	if !s.signals.isStale.Swap(false) {
		return
	}
	homes, isSecure := map[*authority.Zone]string{}, map[*authority.Zone]bool{}
	s.mu.Lock()
	for zone, z := range s.zones {
		isSecure[zone] = z.keys.IsSecure()
		if z.policy.Signal != "" && z.isSigned && zone.State() == authority.Loaded {
			homes[zone] = z.policy.Signal
		}
	}
	s.mu.Unlock()
	s.signals.mu.Lock()
	served := s.signals.served
	s.signals.mu.Unlock()
	wanted := s.signalsOf(served, homes, isSecure)
	s.signals.mu.Lock()
	s.signals.wanted = wanted
	s.signals.mu.Unlock()
	for home, all := range wanted {
		log := s.log.With("zone", home.Origin().String())
		changed := 0
		_, err := home.Update(authority.FromControl, func(t *authority.Txn) (err error) {
			changed, err = all.Put(t)
			return err
		})
		switch {
		case err != nil:
			s.signals.isStale.Store(true) // again with the next round
			log.Error("records by which the zone vouches for others not changed", "error", err)
		case changed > 0:
			log.Info("zone vouches for other zones", "zones", len(all), "changed", changed)
		}
	}
}

// signalsOf are the copies that these homes are to have.
func (s *signing) signalsOf(served []*authority.Zone, homes map[*authority.Zone]string, isSecure map[*authority.Zone]bool) map[*authority.Zone]sign.Signals {
	wanted := map[*authority.Zone]sign.Signals{}
	byOrigin := map[wire.Key]*authority.Zone{}
	for _, zone := range served {
		byOrigin[zone.Origin().Key()] = zone
	}
	for home := range homes {
		wanted[home] = sign.Signals{}
	}
	tooMany := 0
	for _, zone := range served {
		snapshot := zone.Snapshot()
		if snapshot == nil || len(homes) == 0 {
			continue
		}
		records, servers, ok := sign.SignalOf(snapshot)
		if !ok {
			continue
		}
		for _, server := range servers {
			owner, err := sign.SignalName(zone.Origin(), server)
			if err != nil {
				continue // it cannot vouch for this zone
			}
			home := closest(byOrigin, owner)
			how, ok := homes[home]
			switch {
			case !ok || home == zone || how == settings.SignalUntilDS && isSecure[zone]:
			case len(wanted[home]) == maxSignals:
				tooMany++
			default:
				wanted[home][owner.Key()] = sign.Signal{Owner: owner, Records: records}
			}
		}
	}
	if tooMany > 0 {
		s.log.Warn("a zone vouches for as many others as it can, not for more", "most", maxSignals, "without", tooMany)
	}
	return wanted
}

// closest is the zone that a name is in; nil: in none.
func closest(zones map[wire.Key]*authority.Zone, name wire.Name) *authority.Zone {
	for {
		if zone := zones[name.Key()]; zone != nil || name.IsRoot() {
			return zone
		}
		name = name.Parent()
	}
}
