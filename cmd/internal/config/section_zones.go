package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// zone is [[zone]].
type zone struct {
	name                   wire.Name
	file, format, template string
	changes                changes
	updating               updating
	member                 membership
	allow, views           []string
	transfers              settings.ZoneTransfers
	said                   *settings.ZoneTransfers // with what the template says
	at                     Position
}

// folder is [[zones]].
type folder struct {
	directory, match, format, template string
	changes                            changes
	updating                           updating
	member                             membership
	allow                              []string
	at                                 Position
}

// template is [template.NAME].
type template struct {
	file, format string
	changes      changes
	updating     updating
	member       membership
	allow, views []string
	transfers    settings.ZoneTransfers
	shared       *settings.ZoneTransfers // what zones have that say nothing themselves
	at           Position
}

// defaultTemplate is the one of zones that name none.
const defaultTemplate = "default"

var formats = []string{"master", "pyzone"}

func formatOption[T any](field func(*T) *string) option[T] {
	return word(about{
		key: "format", what: "How the file is written: \"master\" is a zone file (RFC 1035), \"pyzone\" the syntax of Twisted Names, which is read and not run.",
		why: "That of the template, or else \"master\".", example: `"master"`, words: formats, others: []string{"type", "kind"},
	}, field)
}

func allowQueryOption[T any](field func(*T) *[]string) option[T] {
	return clients("allow-query", "The clients that may query the zone, in the words of allow-query in [listen]; others get REFUSED.",
		"Those of the template, or else all.", `["private", "key:client"]`, []string{"allow-from", "acl", "allow"}, field)
}

func templateOption[T any](field func(*T) *string) option[T] {
	return text(about{
		key: "template", what: "The template that says what is not said here.",
		why: "[template.default], if there is one.", example: `"default"`, others: []string{"pattern", "inherit"},
	}, field)
}

var zoneSection = listed("zone", "A zone that is served. Options that are not given are those of its template.",
	"[[zone]]\nname = \"example.com\"\nfile = \"zones/example.com\"\n",
	func(r *reader, z zone, at Position) {
		z.at = at
		r.zones = append(r.zones, z)
	},
	func(c *Config) (all []zone) {
		for _, z := range c.Settings.Zones {
			all = append(all, zone{name: z.Origin, file: z.Path, format: formats[z.Format], changes: changesOf(&z), updating: updatingOf(&z), member: membershipOf(&z), allow: z.AllowQuery, views: z.Views, transfers: *z.Said()})
		}
		return all
	},
	append([]option[zone]{domain(about{
		key: "name", what: "The name of the zone.",
		why:     "The file says it: its first $ORIGIN, or its own name, as in example.com or example.com.zone.",
		example: `"example.com"`, others: []string{"zone", "origin", "domain"},
	}, func(z *zone) *wire.Name { return &z.name }),
		path(about{
			key: "file", what: "The file with the zone's records.",
			why:     "That of the template.",
			example: `"zones/example.com"`, others: []string{"bindzone", "zonefile", "zone-file", "path", "pyzone"},
		}, func(z *zone) *string { return &z.file }),
		formatOption(func(z *zone) *string { return &z.format }),
		allowQueryOption(func(z *zone) *[]string { return &z.allow }),
		viewsOption(func(z *zone) *[]string { return &z.views }),
		templateOption(func(z *zone) *string { return &z.template }),
		journalOption(func(z *zone) **bool { return &z.changes.journal }),
		syncOption(func(z *zone) *time.Duration { return &z.changes.sync }),
		serialOption(func(z *zone) *updating { return &z.updating }),
		zonemdOption(func(z *zone) *updating { return &z.updating }),
		generateOption(func(z *zone) *updating { return &z.updating }),
		updateOption(func(z *zone) *updating { return &z.updating }),
		signOption(func(z *zone) *string { return &z.changes.sign })},
		slices.Concat(memberOptions(func(z *zone) *membership { return &z.member }), transferOptions(func(z *zone) *settings.ZoneTransfers { return &z.transfers }))...)...,
)

var zonesSection = listed("zones", "A folder of zone files, each of which is a zone that is served. A reload finds files that were added and removed; \"names ctl reload ZONE\" looks only for the file of that zone. Files whose names begin with a dot or end in ~ are left out, and so are folders.",
	"[[zones]]\ndirectory = \"zones\"\nmatch = \"*.zone\"\n",
	func(r *reader, f folder, at Position) {
		f.at = at
		r.folders = append(r.folders, f)
	},
	func(*Config) []folder { return nil }, // its zones are written as such
	append(memberOptions(func(f *folder) *membership { return &f.member }), required(path(about{
		key: "directory", what: "The folder.", why: "It has to be given.",
		example: `"zones"`, others: []string{"folder", "path", "dir", "file"},
	}, func(f *folder) *string { return &f.directory })),
		text(about{
			key: "match", what: "The files that are zones: in this pattern * is any text, and ? any letter.",
			why: "All files.", example: `"*.zone"`, others: []string{"glob", "pattern", "suffix", "files"},
		}, func(f *folder) *string { return &f.match }),
		formatOption(func(f *folder) *string { return &f.format }),
		allowQueryOption(func(f *folder) *[]string { return &f.allow }),
		templateOption(func(f *folder) *string { return &f.template }),
		journalOption(func(f *folder) **bool { return &f.changes.journal }),
		syncOption(func(f *folder) *time.Duration { return &f.changes.sync }),
		serialOption(func(f *folder) *updating { return &f.updating }),
		zonemdOption(func(f *folder) *updating { return &f.updating }),
		generateOption(func(f *folder) *updating { return &f.updating }),
		updateOption(func(f *folder) *updating { return &f.updating }),
		signOption(func(f *folder) *string { return &f.changes.sign }))...,
)

var templateSection = byName("template", "What many zones have in common. A zone names its template, or else has the one called default.",
	"[template.default]\nfile = \"/var/lib/names/{name}.zone\"\n",
	func(r *reader, key string, t template, at Position) {
		t.at = at
		if !reflect.DeepEqual(t.transfers, settings.ZoneTransfers{}) {
			t.shared = &t.transfers
		}
		r.templates[key] = t
	},
	nil, // what they say is in the zones
	append([]option[template]{path(about{
		key: "file", what: "The files of the zones: {name} is the name of the zone, without the dot at its end.",
		why: "Each zone says it.", example: `"zones/{name}.zone"`, others: []string{"zonefile", "directory"},
	}, func(t *template) *string { return &t.file }),
		formatOption(func(t *template) *string { return &t.format }),
		allowQueryOption(func(t *template) *[]string { return &t.allow }),
		viewsOption(func(t *template) *[]string { return &t.views }),
		journalOption(func(t *template) **bool { return &t.changes.journal }),
		syncOption(func(t *template) *time.Duration { return &t.changes.sync }),
		serialOption(func(t *template) *updating { return &t.updating }),
		zonemdOption(func(t *template) *updating { return &t.updating }),
		generateOption(func(t *template) *updating { return &t.updating }),
		updateOption(func(t *template) *updating { return &t.updating }),
		signOption(func(t *template) *string { return &t.changes.sign })},
		slices.Concat(memberOptions(func(t *template) *membership { return &t.member }), transferOptions(func(t *template) *settings.ZoneTransfers { return &t.transfers }))...)...,
)

// resolveZones makes the zones of the settings out of what the sections say.
func (r *reader) resolveZones() {
	known := map[zoneInView]Position{}
	for _, z := range r.zones {
		t, ok := r.templateOf(z.template, z.at, "zone")
		if !ok {
			continue
		}
		isProduced := r.produces(z.name)
		if isProduced {
			t.file, t.format, t.member = "", "", membership{}
		}
		z.inherit(t)
		if !r.knowsViews(z.views, z.at, "zone") {
			continue
		}
		if len(z.views) > 0 && z.name == (wire.Name{}) {
			r.add(z.at, "zone: name is missing, and views are given; write name = \"example.com\"")
			continue
		}
		switch other, twice := z.twin(known); {
		case z.isCopy() && z.name == (wire.Name{}):
			r.add(z.at, "zone: name is missing, and the zone comes from primaries; write name = \"example.com\"")
			continue
		case z.file == "" && !z.isCopy() && !isProduced:
			r.add(z.at, "zone: file is missing, and no template says it; write file = \"zones/example.com\"")
			continue
		case strings.Contains(z.file, "{name}") && z.name == (wire.Name{}):
			r.add(z.at, "zone: name is missing, and the file of the template depends on it; write name = \"example.com\"")
			continue
		case twice:
			r.add(z.at, "zone %v is given at %v already; delete one of the two", z.name, other)
			continue
		}
		if z.name != (wire.Name{}) {
			for _, view := range z.inViews() {
				known[zoneInView{z.name.Fold(), view}] = z.at
			}
		}
		name := strings.ReplaceAll(strings.TrimSuffix(z.name.Fold().String(), "."), "/", "_") // reverse zones may have / in their names
		all := zoneSettings(z.format, z.allow, z.views, z.changes, z.updating, z.said)
		r.fillMember(&all, z.member, z.at, "zone")
		all.Origin, all.Path = z.name, strings.ReplaceAll(z.file, "{name}", name)
		r.Settings.Zones = append(r.Settings.Zones, all)
	}
	for _, f := range r.folders {
		r.readFolder(f)
	}
}

// zoneInView is the name of a zone in a view, "" for what clients without a view see.
type zoneInView struct {
	name wire.Name
	view string
}

func (z *zone) inViews() []string {
	if len(z.views) == 0 {
		return []string{""}
	}
	return z.views
}

// twin is where a zone of the same name is that is in a view of this one.
func (z *zone) twin(known map[zoneInView]Position) (at Position, ok bool) {
	for _, view := range z.inViews() {
		if at, ok = known[zoneInView{z.name.Fold(), view}]; ok {
			return at, true
		}
	}
	return at, false
}

// isCopy reports whether the zone comes from primaries.
func (z *zone) isCopy() bool { return z.said != nil && len(z.said.Primaries) > 0 }

func (z *zone) inherit(t template) {
	if z.file == "" {
		z.file = t.file
	}
	if z.format == "" {
		z.format = t.format
	}
	z.changes.inherit(t.changes)
	z.updating.inherit(t.updating)
	z.member.inherit(t.member)
	if len(z.allow) == 0 {
		z.allow = t.allow
	}
	if len(z.views) == 0 {
		z.views = t.views
	}
	z.said = inheritTransfers(z.transfers, t)
}

// zoneSettings is what is the same for all zones of a folder.
func zoneSettings(format string, allow, views []string, c changes, u updating, t *settings.ZoneTransfers) settings.Zone {
	z := settings.Zone{AllowQuery: allow, Views: views, Transfers: t}
	if format == "pyzone" {
		z.Format = authority.Pyzone
	}
	c.fill(&z)
	u.fill(&z)
	return z
}

// templateOf finds a template by its name.
func (r *reader) templateOf(name string, at Position, what string) (t template, ok bool) {
	if name == "" {
		return r.templates[defaultTemplate], true
	}
	if t, ok = r.templates[name]; !ok {
		var known []string
		for n := range r.templates {
			known = append(known, n)
		}
		r.add(at, "%s: there is no template %q%s; add [template.%s], or take template out", what, name, didYouMean(name, known), name)
	}
	return t, ok
}

// readFolder adds a zone for each file of a folder.
func (r *reader) readFolder(f folder) {
	t, ok := r.templateOf(f.template, f.at, "zones")
	if !ok {
		return
	}
	if f.format == "" {
		f.format = t.format
	}
	f.changes.inherit(t.changes)
	f.updating.inherit(t.updating)
	f.member.inherit(t.member)
	if len(f.allow) == 0 {
		f.allow = t.allow
	}
	if len(t.views) > 0 {
		r.add(f.at, "zones: the template has views, and files of a folder are in all of them; name another template, or write [[zone]] for each")
		return
	}
	said := inheritTransfers(settings.ZoneTransfers{}, t)
	if said != nil && len(said.Primaries) > 0 {
		r.add(f.at, "zones: the template has primaries, and files of a folder do not come from them; name another template")
		return
	}
	if f.match == "" {
		f.match = "*"
	}
	if _, err := filepath.Match(f.match, ""); err != nil {
		r.add(f.at, "zones.match: %q is not a pattern: a bracket is not closed, or nothing follows a backslash; write match = \"*.zone\"", f.match)
		return
	}
	entries, err := os.ReadDir(f.directory)
	if err != nil {
		r.add(f.at, "zones.directory: cannot list %s: %v", f.directory, cli.WithoutPath(err))
		return
	}
	each := zoneSettings(f.format, f.allow, nil, f.changes, f.updating, said)
	r.fillMember(&each, f.member, f.at, "zones")
	of := Folder{Directory: f.directory, Match: f.match, Each: each, First: len(r.Settings.Zones)}
	start := filepath.Join(f.directory, "x")
	start = start[:len(start)-1]
	r.Settings.Zones = slices.Grow(r.Settings.Zones, len(entries))
	for _, e := range entries { // in the order of their names
		if !of.Takes(e.Name()) || e.IsDir() {
			continue
		}
		each.Path = start + e.Name()
		r.Settings.Zones = append(r.Settings.Zones, each)
	}
	of.Count = len(r.Settings.Zones) - of.First
	r.Folders = append(r.Folders, of)
	if of.Count == 0 {
		r.warn(f.at, "zones: %s has no file that matches %q", f.directory, f.match)
	}
}
