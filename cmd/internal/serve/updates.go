package serve

import (
	"log/slog"
	"sync/atomic"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// updates is what a server does with dynamic updates.
type updates struct {
	receiver *update.Receiver
	zones    atomic.Pointer[updatedZones]
}

// updatedZones are the zones that are served, and how those may be updated that
// may.
type updatedZones struct {
	set     *authority.Set
	configs map[*authority.Zone]*update.ZoneConfig
	kept    []*authority.Zone // those whose changes are in the journal
}

func newUpdates(limits *limitLog, log *slog.Logger) *updates {
	u := new(updates)
	u.zones.Store(&updatedZones{set: new(authority.Set)})
	u.receiver = update.NewReceiver(update.ReceiverConfig{
		Zone: func(name wire.Name, class wire.Class) (*authority.Zone, *update.ZoneConfig) {
			now := u.zones.Load()
			zone := now.set.Find(name, class)
			return zone, now.configs[zone]
		},
		Shed: limits.ofUpdates,
		Log:  log,
	})
	return u
}

// plan works out how the zones may be updated.
func (u *updates) plan(s *settings.Settings, set *authority.Set, t *transferPlan, j *journals, log *slog.Logger) (*updatedZones, error) {
	everywhere, err := ruleForAll(s)
	if err != nil {
		return nil, err
	}
	policyOf := func(from *settings.Zone) (update.Policy, error) {
		policy, err := s.UpdatePolicy(from)
		if err != nil {
			return nil, err
		}
		policy = append(policy, everywhere...)
		return policy, t.checkKeys(keysOf(policy))
	}
	next := &updatedZones{set: set, configs: map[*authority.Zone]*update.ZoneConfig{}}
	unsafe := 0
	for i := range t.ours {
		from := t.ours[i].from
		policy, err := policyOf(from)
		if err != nil {
			return nil, err
		}
		if len(policy) == 0 {
			continue
		}
		zone := t.ours[i].zones[0]
		config := &update.ZoneConfig{Policy: policy, Serial: from.Serial}
		switch {
		case from.IsProduced():
			config.ReadOnly = madeHere(zone.Origin())
		case !j.covers(from):
			unsafe++
		default:
			next.kept = append(next.kept, zone)
		}
		next.configs[zone] = config
	}
	if unsafe > 0 {
		log.Warn("zones can be changed by dynamic updates and have no journal: changes are lost at a restart, or when the zone file is read again", "zones", unsafe)
	}
	for _, c := range t.copies {
		policy, err := policyOf(&c.from)
		if err != nil {
			return nil, err
		}
		if len(policy) == 0 {
			continue
		}
		forward := &update.Forwarder{Keys: t.keys, Dial: dialPrimary(c.primaries)}
		for _, p := range c.primaries {
			forward.Primaries = append(forward.Primaries, p.Address)
		}
		next.configs[c.zone] = &update.ZoneConfig{Policy: policy, Forward: forward}
	}
	return next, nil
}

// expectUpdates has the journal prepare for the first changes of zones.
func (s *Server) expectUpdates(zones *updatedZones) {
	if len(zones.kept) == 0 {
		return
	}
	s.transfer.begun.Go(func() {
		for _, zone := range zones.kept {
			if s.ctx.Err() != nil {
				return
			}
			s.journals.Prepare(zone)
		}
	})
}

// ruleForAll is the policy of the command line, which is about all zones.
func ruleForAll(s *settings.Settings) (update.Policy, error) {
	clients, err := s.ParseAccess(s.AllowUpdate...)
	if err != nil || len(clients) == 0 {
		return nil, err
	}
	return update.Policy{{Clients: clients, Types: []update.TypeLimit{{Type: wire.TypeANY}}}}, nil
}

// keysOf are the keys that a policy names; not those that stand for others.
func keysOf(p update.Policy) (keys []wire.Name) {
	for _, rule := range p {
		if clients, ok := rule.Clients.(names.AccessList); ok {
			keys = append(keys, clients.Keys()...)
		}
		for _, key := range rule.Keys {
			if !key.IsWildcard() {
				keys = append(keys, key)
			}
		}
	}
	return keys
}
