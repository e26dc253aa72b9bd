package serve

import (
	"context"
	"fmt"
	"slices"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// views answers each client by the resolver of its view, the first that is for it.
// Without views there is no such resolver on the way of a query.
type views struct {
	of     []clientView
	others names.TryResolver
}

// clientView is a view, put together.
type clientView struct {
	clients  names.PeerMatcher
	resolver names.TryResolver
}

func (v *views) choose(p *names.Peer) names.TryResolver {
	for i := range v.of {
		if v.of[i].clients.Matches(p) {
			return v.of[i].resolver
		}
	}
	return v.others
}

func (v *views) Resolve(ctx context.Context, x *names.Exchange) error {
	return v.choose(&x.Peer).Resolve(ctx, x)
}

func (v *views) TryResolve(x *names.Exchange) error { return v.choose(&x.Peer).TryResolve(x) }

// WantsBatches reports whether what clients without a view get is prepared in batches.
func (v *views) WantsBatches() bool { return names.BatchPreparerOf(v.others) != nil }

// PrepareBatch prepares what clients without a view get.
func (v *views) PrepareBatch(queries []wire.Query) {
	if p := names.BatchPreparerOf(v.others); p != nil {
		p.PrepareBatch(queries)
	}
}

// zoneSets are the zones as clients see them. Without views all of them are one set.
type zoneSets struct {
	all    *authority.Set   // for operators, updates and NOTIFY: of zones with one name the first
	others *authority.Set   // of clients without a view
	views  []*authority.Set // of each view
}

func newZoneSets(s *settings.Settings) (sets zoneSets) {
	sets.all = &authority.Set{FullANY: s.AnyInFull}
	sets.others = sets.all
	if len(s.Views) > 0 {
		sets.others = &authority.Set{FullANY: s.AnyInFull}
	}
	for range s.Views {
		sets.views = append(sets.views, &authority.Set{FullANY: s.AnyInFull})
	}
	return sets
}

// setZones serves the zones of a plan.
func (sets *zoneSets) setZones(p *transferPlan) error {
	allowed := p.zoneAccess()
	var everywhere, some []*authority.Zone // in all views, or in those of in
	in := map[*authority.Zone][]string{}
	add := func(from *settings.Zone, zones ...*authority.Zone) {
		if len(from.Views) == 0 {
			everywhere = append(everywhere, zones...)
			return
		}
		some = append(some, zones...)
		for _, zone := range zones {
			in[zone] = from.Views
		}
	}
	for i := range p.ours {
		add(p.ours[i].from, p.ours[i].zones...)
	}
	for _, c := range p.copies {
		add(&c.from, c.zone)
	}
	set := func(set *authority.Set, zones []*authority.Zone) error {
		set.SetAccess(allowed)
		return set.SetZones(zones)
	}
	if len(some) == 0 && sets.others == sets.all {
		return set(sets.all, everywhere)
	}
	for i, s := range sets.views {
		view := p.settings.Views[i].Name
		own := slices.DeleteFunc(slices.Clone(some), func(z *authority.Zone) bool { return !slices.Contains(in[z], view) })
		if err := set(s, withoutTwins(own, everywhere)); err != nil {
			return fmt.Errorf("view %s: %w", view, err)
		}
	}
	if err := set(sets.others, everywhere); err != nil {
		return err
	}
	return set(sets.all, withoutTwins(slices.Clone(everywhere), some))
}

// withoutTwins appends to zones those of more whose names are new.
func withoutTwins(zones, more []*authority.Zone) []*authority.Zone {
	known := map[wire.Key]bool{}
	for _, z := range zones {
		known[z.Origin().Key()] = true
	}
	for _, z := range more {
		if !known[z.Origin().Key()] {
			known[z.Origin().Key()] = true
			zones = append(zones, z)
		}
	}
	return zones
}

// ruled returns what a view's clients get of what access offers, by the view's own rules and
// from its own zones.
func (p *parts) ruled(v *settings.View, access *recursor.Access, own names.Resolver) (names.TryResolver, error) {
	ruled := *access
	ruled.Public = own
	if len(v.AllowRecursion) > 0 {
		allow, err := p.settings.ParseAccess(v.AllowRecursion...)
		if err != nil {
			return nil, err
		}
		ruled.Allow = allow
	}
	if !v.Answers.Denies() && !v.LimitsClients() {
		return &ruled, nil
	}
	next := p.found
	if v.Answers.Denies() {
		filter, err := v.Answers.Filter(next)
		if err != nil {
			return nil, err
		}
		// The hosts file and local names may say anything, as for other clients.
		next = append(slices.Clone(names.Chain(p.early)), filter)
	}
	limits := p.settings.LimitsOf(v)
	ruled.Next = p.limited(&limits, next)
	return &ruled, nil
}

// addViews puts the views together, each with its zones and what comes before them.
// A view that asks no servers of its own shares what the other clients have.
func (p *parts) addViews(ctx context.Context, sets zoneSets, first func(*authority.Set) names.Resolver) error {
	if len(p.settings.Views) == 0 {
		return nil
	}
	all := &views{others: p.resolver}
	for i := range p.settings.Views {
		v := &p.settings.Views[i]
		clients, err := p.settings.ParseAccess(v.Clients...)
		if err != nil {
			return err
		}
		own := p.ownNames(sets.views[i], first(sets.views[i]))
		resolver := names.TryResolver(own)
		switch access, _ := p.resolver.(*recursor.Access); {
		case v.NoRecursion:
		case v.Asks():
			of := &parts{settings: v.Of(p.settings), log: p.log, limits: p.limits, events: p.events, resolver: own}
			p.views = append(p.views, of)
			if err := of.addRecursion(ctx, sets.views[i], nil); err != nil {
				return fmt.Errorf("view %s: %w", v.Name, err)
			}
			resolver = of.resolver
			if v.Answers.Denies() {
				if resolver, err = of.ruled(v, of.resolver.(*recursor.Access), own); err != nil {
					return fmt.Errorf("view %s: %w", v.Name, err)
				}
			}
		case access != nil:
			if resolver, err = p.ruled(v, access, own); err != nil {
				return fmt.Errorf("view %s: %w", v.Name, err)
			}
		}
		all.of = append(all.of, clientView{clients, resolver})
	}
	p.resolver = all
	return nil
}
