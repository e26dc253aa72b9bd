package serve

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// onlineZones answers for the zones whose answers are computed, and signed as they pass. It
// passes all other questions. Each view has its own.
type onlineZones []onlineZone

var _ names.TryResolver = onlineZones(nil)

type onlineZone struct {
	origin wire.Name
	online *sign.Online
}

func (o onlineZones) find(x *names.Exchange) (found *sign.Online) {
	q, longest := x.Question(), -1
	for i := range o {
		if labels := o[i].origin.LabelCount(); labels > longest && q.Class == wire.ClassIN && q.Name.HasSuffix(o[i].origin) {
			found, longest = o[i].online, labels
		}
	}
	return found
}

func (o onlineZones) Resolve(ctx context.Context, x *names.Exchange) error {
	if online := o.find(x); online != nil {
		return online.Resolve(ctx, x)
	}
	return names.ErrPass
}

func (o onlineZones) TryResolve(x *names.Exchange) error {
	if online := o.find(x); online != nil {
		return online.TryResolve(x)
	}
	return names.ErrPass
}

// onlinePlan is the zones of settings, with their keys, and what was made of them for
// each view.
type onlinePlan struct {
	zones []settings.Online
	keys  []onlineKeys
	made  onlineZones
}

type onlineKeys struct {
	policy settings.Policy
	of     *zoneSigning
	keys   []*sign.Key
}

// planOnline reads the keys of zones whose answers are signed, of which some are made if need
// be.
func (s *signing) planOnline(how *settings.Signing, zones []settings.Online) (*onlinePlan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := &onlinePlan{zones: zones}
	if len(zones) > 0 {
		s.useHelper(how.Helper)
	}
	for i := range zones {
		policy, _ := how.Policy(zones[i].PolicyName()) // the settings are checked
		_, z := s.onlineZone(zones[i].Zone)
		if z == nil || !z.policy.Equal(&policy) || z.keyDir != how.KeyDir || z.helper != s.helper {
			z = &zoneSigning{policy: policy, keyDir: how.KeyDir, helper: s.helper, since: s.now(), spread: rand.Float64(), isOnline: true, isSigned: true}
			if err := s.advance(zones[i].Zone, z); err != nil {
				return nil, err
			}
			signer, err := sign.New(policy.Policy, z.keys.Keys, s.now)
			if err != nil {
				return nil, fmt.Errorf("zone %v: %w", zones[i].Zone, err)
			}
			z.signer = signer
		}
		if z.helper != nil {
			sign.UseDevice(z.keys.Keys, z.helper)
		}
		p.keys = append(p.keys, onlineKeys{policy, z, z.keys.Keys})
	}
	return p, nil
}

// over signs what a set of zones, or the servers that a zone names, answer.
func (p *onlinePlan) over(set names.Resolver) (all onlineZones, err error) {
	for i := range p.zones {
		zone, keys := &p.zones[i], &p.keys[i]
		next := set
		if len(zone.From) > 0 {
			client, err := names.NewClient(names.ClientConfig{Servers: zone.From, NoHosts: true})
			if err != nil {
				return nil, fmt.Errorf("zone %v: %w", zone.Zone, err)
			}
			next = client
		}
		online, err := sign.NewOnline(next, zone.Config(&keys.policy, keys.keys))
		if err != nil {
			return nil, err
		}
		all = append(all, onlineZone{zone.Zone, online})
	}
	p.made = append(p.made, all...)
	return all, nil
}

// useOnline makes the zones of a plan those whose keys are kept.
func (s *signing) useOnline(p *onlinePlan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for zone, z := range s.zones {
		if z.isOnline {
			delete(s.zones, zone)
		}
	}
	s.online.Store(&p.made)
	for i := range p.zones {
		z := p.keys[i].of
		z.online = nil
		for _, made := range p.made {
			if made.origin.Equal(p.zones[i].Zone) {
				z.online = append(z.online, made.online)
			}
		}
		zone := authority.NewEmptyZone(p.zones[i].Zone, wire.ClassIN)
		s.zones[zone] = z
		if _, err := s.refreshZone(zone, z); err != nil { // the keys may have changed since
			s.log.Error("keys not changed", "zone", zone.Origin().String(), "error", err)
		}
	}
	s.wake()
}

// onlineZone finds a zone whose answers are signed; nil: there is none. s.mu is held.
func (s *signing) onlineZone(origin wire.Name) (*authority.Zone, *zoneSigning) {
	for zone, z := range s.zones {
		if z.isOnline && zone.Origin().Equal(origin) {
			return zone, z
		}
	}
	return nil, nil
}

// onlineMetrics are those of answers that are signed as they pass.
func (s *signing) onlineMetrics() []metrics.Metric {
	all := s.online.Load()
	if all == nil || len(*all) == 0 {
		return nil
	}
	var sum sign.OnlineStats
	for _, o := range *all {
		stats := o.online.Stats()
		sum.Made, sum.Found, sum.Refused = sum.Made+stats.Made, sum.Found+stats.Found, sum.Refused+stats.Refused
	}
	return []metrics.Metric{metrics.By("names_signing_online_signatures_total", metrics.Counter, "Signatures of computed answers, by what became of the need for one.", "result",
		count("made", sum.Made), count("kept", sum.Found), count("refused", sum.Refused))}
}
