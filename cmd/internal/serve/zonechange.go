package serve

import (
	"maps"
	"slices"
)

// serveChange serves zones that files have now, and those that are added to them and not
// those that are removed, for the settings that there are. If nothing depends on other
// zones, these are not looked at. s.mu is held.
func (s *Server) serveChange(added, removed servedZones) error {
	before := s.transfer.current.Load()
	if !isSimple(before, added) || !isSimple(before, removed) {
		return s.serveMembers(nil)
	}
	plan, err := before.with(s.zones, added, removed)
	if err != nil {
		return err
	}
	plan.settings.Zones = s.settings.Zones
	if plan.mayTransfer != before.mayTransfer { // the parts are others then
		return s.apply(s.settings)
	}
	if err := s.transfer.setPipelines(plan, added); err != nil {
		return err
	}
	if err := s.transfer.signing.sign(); err != nil {
		return err
	}
	if err := s.sets.all.Change(added.served(), removed.served()); err != nil {
		return err
	}
	s.transfer.useWithout(plan, s.set)
	s.transfer.aliases.change(plan, added, removed)
	s.produceCatalogs()
	return nil
}

// isSimple reports whether zones can be served, or not any longer, by themselves: all
// clients have the same zones, a file has one, and no list has rules for each zone.
func isSimple(p *transferPlan, zones servedZones) bool {
	s := &p.settings
	return len(s.Views) == 0 && len(s.Catalogs) == 0 && len(s.AllowUpdate) == 0 && !slices.ContainsFunc(zones, func(z servedZone) bool {
		return len(z.zones) > 1 || len(z.from.AllowQuery) > 0 || len(z.from.Updates) > 0
	})
}

// with is the plan with some zones of files more, and others less; ours are all there
// are then.
func (p *transferPlan) with(ours, added, removed servedZones) (*transferPlan, error) {
	next := *p
	next.ours = ours
	saysSomething := func(z servedZone) bool { return z.from.Transfers != nil }
	if slices.ContainsFunc(added, saysSomething) || slices.ContainsFunc(removed, saysSomething) {
		next.zones, next.shared = maps.Clone(p.zones), maps.Clone(p.shared)
		for i := range removed {
			delete(next.zones, removed[i].zones[0])
		}
	}
	for i := range added {
		if err := next.addZone(added[i].from, added[i].zones...); err != nil {
			return nil, err
		}
	}
	return &next, nil
}
