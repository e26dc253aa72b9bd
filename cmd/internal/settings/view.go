package settings

import (
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// View is what some clients get in the place of what others get. A client has the
// first view that is for it.
type View struct {
	Name        string
	Clients     []string // as ParseAccess reads them
	NoRecursion bool
	Recursion   Recursion // the servers that are asked in the place of others; none: those of all clients

	AllowRecursion []string // in the place of Recursion.Allow of all; none: that
	Answers        Answers  // what answers must not say in addition to Answers of all
	Limits         ViewLimits
}

// ViewLimits are limits in the place of those of [Limits]. Nil: those.
type ViewLimits struct {
	Replies, RepliesInAll        *int
	ClientQueries, ClientWaiting *int
	UpstreamQueries              *int
}

// LimitsOf returns the limits of the clients of a view.
func (s *Settings) LimitsOf(v *View) Limits {
	l := s.Limits
	for _, o := range []struct{ own, to *int }{
		{v.Limits.Replies, &l.Replies}, {v.Limits.RepliesInAll, &l.RepliesInAll},
		{v.Limits.ClientQueries, &l.ClientQueries}, {v.Limits.ClientWaiting, &l.ClientWaiting},
		{v.Limits.UpstreamQueries, &l.UpstreamQueries},
	} {
		if o.own != nil {
			*o.to = *o.own
		}
	}
	return l
}

// LimitsClients reports whether the view has a limit of its own of what is looked up for a
// client.
func (v *View) LimitsClients() bool {
	return v.Limits.ClientQueries != nil || v.Limits.ClientWaiting != nil
}

// Asks reports whether the view has servers of its own.
func (v *View) Asks() bool { return len(v.Recursion.Servers)+len(v.Recursion.Zones) > 0 }

// Of returns the settings of what is looked up for a view that asks servers of its
// own.
func (v *View) Of(s Settings) Settings {
	own, all := v.Recursion, &s.Recursion
	own.Forward = len(own.Servers) > 0
	own.Bootstrap, own.Authorities, own.Allow, own.Validation = all.Bootstrap, all.Authorities, all.Allow, all.Validation
	own.Upgrade = all.Upgrade
	own.Validation.State = "" // the file is that of the others
	if len(v.AllowRecursion) > 0 {
		own.Allow = v.AllowRecursion
	}
	s.Limits = s.LimitsOf(v)
	s.Recursion, s.Cache.File = own, ""
	return s
}

func checkViews(s *Settings, found *problems) {
	for i := range s.Views {
		v := &s.Views[i]
		_, err := s.ParseAccess(v.Clients...)
		found.addIf(err != nil, "{view.%s}: %v", v.Name, err)
		found.addIf(len(v.Clients) == 0, "{view.%s} is for no client: it needs {view.clients}", v.Name)
		found.addIf(v.NoRecursion && v.Asks(), "{view.%s}: {view.no-recursion} and {view.forward} exclude each other: give one of them", v.Name)
		checkSources(&Settings{Recursion: v.Recursion}, found)
		checkViewRules(s, v, found)
	}
	first := map[wire.Name]*Zone{}
	for i := range s.Zones {
		z := &s.Zones[i]
		if z.Origin.IsZero() {
			continue
		}
		if first[z.Origin.Fold()] == nil {
			first[z.Origin.Fold()] = z
			continue
		}
		found.addIf(z.IsCopy() || z.Sign != "" || len(z.Updates) > 0 || z.SyncAfter != 0 || s.hasJournal(z),
			"zone %v of {zone.views} %v: of zones with one name the first may have {zone.primaries}, {zone.update}, {zone.sign}, {zone.zonefile-sync} and a journal; write journal = false", z.Origin, z.Views)
	}
}

// checkViewRules checks what is said of a view's recursion, answers and limits.
func checkViewRules(s *Settings, v *View, found *problems) {
	_, err := s.ParseAccess(v.AllowRecursion...)
	found.addIf(err != nil, "{view.%s}: {view.allow-recursion}: %v", v.Name, err)
	_, err = v.Answers.Filter(nil)
	found.addIf(err != nil, "{view.%s}: {view.deny-answers}: %v", v.Name, err)
	setting, ok := anyGiven(given{"view.allow-recursion", len(v.AllowRecursion) > 0}, given{"view.no-private", v.Answers.NoPrivate}, given{"view.deny-answers", len(v.Answers.Deny) > 0},
		given{"view.client-queries", v.Limits.ClientQueries != nil}, given{"view.client-waiting", v.Limits.ClientWaiting != nil})
	found.addIf(ok && v.NoRecursion, "{view.%s}: {%s} is of what is looked up, and {view.no-recursion} is given: give one of them", v.Name, setting)
	found.addIf(ok && !v.NoRecursion && !v.Asks() && !s.Recursion.Answers(), "{view.%s}: {%s} requires {recursion.from-root}, {recursion.recursive}, {recursion.forward} or {view.forward}", v.Name, setting)
	found.addIf(v.Limits.UpstreamQueries != nil && !v.Asks(), "{view.%s}: {view.upstream-queries} requires {view.forward}: without it, other servers are asked for all clients together", v.Name)
	setting, ok = anyGiven(given{"view.exempt-zones", len(v.Answers.ExemptZones) > 0}, given{"view.exempt-networks", len(v.Answers.ExemptNetworks) > 0})
	found.addIf(ok && !v.Answers.Denies(), "{view.%s}: {%s} requires {view.no-private} or {view.deny-answers}", v.Name, setting)
	_, err = names.ParsePeerSet(v.Answers.ExemptNetworks...)
	found.addIf(err != nil, "{view.%s}: {view.exempt-networks}: %v", v.Name, err)
	for _, l := range []struct {
		key   string
		limit *int
	}{
		{"rate-limit", v.Limits.Replies}, {"rate-limit-in-all", v.Limits.RepliesInAll}, {"client-queries", v.Limits.ClientQueries},
		{"client-waiting", v.Limits.ClientWaiting}, {"upstream-queries", v.Limits.UpstreamQueries},
	} {
		found.addIf(l.limit != nil && (*l.limit < 0 || *l.limit > MaxRate), "{view.%s}: {view.%s} is not between 0 and %d", v.Name, l.key, MaxRate)
	}
}

// looksUpInViews reports whether something is looked up for a view only.
func (s *Settings) looksUpInViews() bool {
	for i := range s.Views {
		if s.Views[i].Asks() {
			return true
		}
	}
	return false
}
