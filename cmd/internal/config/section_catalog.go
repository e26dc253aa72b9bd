package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// catalog is [[catalog]].
type catalog struct {
	name     wire.Name
	template string
	groups   []string // GROUP=TEMPLATE
	produce  bool
	at       Position
}

var catalogSection = listed("catalog", "A catalog zone that is followed (RFC 9432): its members are served as zones that come from primaries, come and go with it, and nothing is kept of those that have gone. The zone itself is a [[zone]] like others. With produce = true it is made here instead, for others to follow. Only clients that may transfer it may ask for more of it than its SOA record.",
	"[[zone]]\nname = \"catalog.example\"\nprimaries = [\"192.0.2.1\"]\n\n[template.member]\nprimaries = [\"192.0.2.1\"]\n\n[[catalog]]\nname = \"catalog.example\"\ntemplate = \"member\"\n",
	func(r *reader, c catalog, at Position) {
		c.at = at
		r.catalogs = append(r.catalogs, c)
	},
	func(c *Config) (all []catalog) { // of those that are followed, the templates are not kept
		for _, name := range c.Settings.Produced {
			all = append(all, catalog{name: name, produce: true})
		}
		return all
	},
	required(domain(about{
		key: "name", what: "The name of the catalog zone.", why: "It has to be given.", example: `"catalog.example"`, others: []string{"zone", "domain"},
	}, func(c *catalog) *wire.Name { return &c.name })),
	text(about{
		key: "template", what: "The template of members, which says their primaries.",
		why: "[template.default].", example: `"member"`, others: []string{"catalog-template"},
	}, func(c *catalog) *string { return &c.template }),
	list(about{
		key: "groups", what: "Templates of members that have a group, as GROUP=TEMPLATE. The first that is a group of the member counts.",
		why: "None: all members have the same template.", example: `["signed=from-signer"]`, others: []string{"group", "catalog-group"},
	}, func(_ *reader, c *catalog, text string) error {
		group, template, ok := strings.Cut(text, "=")
		if !ok || group == "" || template == "" {
			return fmt.Errorf("%q is not a group with its template", text)
		}
		c.groups = append(c.groups, text)
		return nil
	}, func(c *catalog) []string { return c.groups }),
	toggle(about{
		key: "produce", what: "Make the catalog, for others to follow, of the zones that name it as their catalog. Its [[zone]] has neither file nor primaries, and is kept in the journal.",
		why: "false: the catalog is followed.", example: "true", others: []string{"catalog-role", "generate"},
	}, func(c *catalog) *bool { return &c.produce }),
)

// membership is what a zone, or a template, says of the catalog that it is a member of.
type membership struct {
	catalog, newOwner wire.Name
	groups            []string
}

func memberOptions[T any](field func(*T) *membership) []option[T] {
	return []option[T]{
		domain(about{
			key: "catalog", what: "The catalog zone that the zone is a member of: a [[catalog]] with produce = true.",
			why: "That of the template, or else none.", example: `"catalog.example"`, others: []string{"catalog-zone"},
		}, func(t *T) *wire.Name { return &field(t).catalog }),
		list(about{
			key: "catalog-groups", what: "The groups that the zone has in the catalog (RFC 9432 4.3.2): servers that follow it may serve members of a group in another way.",
			why: "Those of the template, or else none.", example: `["signed"]`, others: []string{"catalog-group"},
		}, func(_ *reader, t *T, text string) error {
			field(t).groups = append(field(t).groups, text)
			return nil
		}, func(t *T) []string { return field(t).groups }),
		domain(about{
			key: "catalog-coo", what: "The catalog zone that may take the zone over from this one (RFC 9432 4.3.1: change of ownership).",
			why: "That of the template, or else none.", example: `"other.example"`, others: []string{"coo", "change-of-ownership"},
		}, func(t *T) *wire.Name { return &field(t).newOwner }),
	}
}

func (m *membership) inherit(from membership) {
	if m.catalog.IsZero() {
		m.catalog = from.catalog
	}
	if len(m.groups) == 0 {
		m.groups = from.groups
	}
	if m.newOwner.IsZero() {
		m.newOwner = from.newOwner
	}
}

// fillMember sets what the settings of a zone have of its catalog.
func (r *reader) fillMember(z *settings.Zone, m membership, at Position, what string) {
	switch {
	case !m.catalog.IsZero():
		z.Member = &settings.Membership{Catalog: m.catalog, Groups: m.groups, NewOwner: m.newOwner}
	case len(m.groups) > 0 || !m.newOwner.IsZero():
		r.add(at, "%s: catalog-groups and catalog-coo say how a catalog has the zone, and it is in none; write catalog = \"catalog.example\"", what)
	}
}

// membershipOf is what is written of a zone.
func membershipOf(z *settings.Zone) (m membership) {
	if z.Member != nil {
		m = membership{z.Member.Catalog, z.Member.NewOwner, z.Member.Groups}
	}
	return m
}

// produces reports whether a zone is a catalog that is made here.
func (r *reader) produces(name wire.Name) bool {
	return !name.IsZero() && slices.ContainsFunc(r.catalogs, func(c catalog) bool { return c.produce && c.name.Equal(name) })
}

// resolveCatalogs makes the catalogs of the settings out of what the sections say.
func (r *reader) resolveCatalogs() {
	known := map[wire.Name]Position{}
	for _, c := range r.catalogs {
		if other, twice := known[c.name.Fold()]; twice {
			r.add(c.at, "catalog %v is given at %v already; delete one of the two", c.name, other)
			continue
		}
		known[c.name.Fold()] = c.at
		if c.produce {
			if c.template != "" || len(c.groups) > 0 {
				r.add(c.at, "catalog %v: template and groups are for members of a catalog that is followed, and this one is made here; take them out, or produce", c.name)
				continue
			}
			r.Settings.Produced = append(r.Settings.Produced, c.name)
			continue
		}
		next := settings.Catalog{Zone: c.name}
		var ok bool
		if next.Template, ok = r.memberTemplate(c.template, c.at); !ok {
			continue
		}
		for _, text := range c.groups {
			group, template, _ := strings.Cut(text, "=")
			g := settings.CatalogGroup{Name: group}
			if g.Template, ok = r.memberTemplate(template, c.at); !ok {
				break
			}
			next.Groups = append(next.Groups, g)
		}
		if ok {
			r.Settings.Catalogs = append(r.Settings.Catalogs, next)
		}
	}
}

// memberTemplate is a template as the settings of a zone without a name. Members are
// kept where zones of primaries are, under names that are safe as those of files.
func (r *reader) memberTemplate(name string, at Position) (settings.Zone, bool) {
	t, ok := r.templateOf(name, at, "catalog")
	if !ok {
		return settings.Zone{}, false
	}
	var z zone
	z.inherit(t)
	if !z.isCopy() {
		if name == "" {
			name = defaultTemplate
		}
		r.add(at, "catalog: a member requires primaries, and template %q has none; write primaries = [\"192.0.2.1\"] in it", name)
		return settings.Zone{}, false
	}
	member := settings.Zone{AllowQuery: z.allow, Transfers: z.said}
	z.changes.fill(&member)
	z.updating.fill(&member)
	r.fillMember(&member, t.member, at, "catalog")
	member.SyncAfter = 0
	return member, true
}
