package settings

import "github.com/names-dns/names/wire"

// View is what some clients get in the place of what others get. A client has the
// first view that is for it.
type View struct {
	Name        string
	Clients     []string // as ParseAccess reads them
	NoRecursion bool
	Recursion   Recursion // the servers that are asked in the place of others; none: those of all clients
}

// Asks reports whether the view has servers of its own.
func (v *View) Asks() bool { return len(v.Recursion.Servers)+len(v.Recursion.Zones) > 0 }

// Of returns the settings of what is looked up for a view that asks servers of its
// own.
func (v *View) Of(s Settings) Settings {
	own, all := v.Recursion, &s.Recursion
	own.Forward = len(own.Servers) > 0
	own.Bootstrap, own.Authorities, own.Allow, own.Validation = all.Bootstrap, all.Authorities, all.Allow, all.Validation
	own.Validation.State = "" // the file is that of the others
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

// looksUpInViews reports whether something is looked up for a view only.
func (s *Settings) looksUpInViews() bool {
	for i := range s.Views {
		if s.Views[i].Asks() {
			return true
		}
	}
	return false
}
