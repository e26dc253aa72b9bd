package config

import (
	"fmt"
	"strings"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// catalog is [[catalog]].
type catalog struct {
	name     wire.Name
	template string
	groups   []string // GROUP=TEMPLATE
	at       Position
}

var catalogSection = listed("catalog", "A catalog zone that is followed (RFC 9432): its members are served as zones that come from primaries, come and go with it, and nothing is kept of those that have gone. The zone itself is a [[zone]] like others. Only clients that may transfer it may ask for more of it than its SOA record.",
	"[[zone]]\nname = \"catalog.example\"\nprimaries = [\"192.0.2.1\"]\n\n[template.member]\nprimaries = [\"192.0.2.1\"]\n\n[[catalog]]\nname = \"catalog.example\"\ntemplate = \"member\"\n",
	func(r *reader, c catalog, at Position) {
		c.at = at
		r.catalogs = append(r.catalogs, c)
	},
	func(*Config) []catalog { return nil }, // templates are not kept
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
)

// resolveCatalogs makes the catalogs of the settings out of what the sections say.
func (r *reader) resolveCatalogs() {
	known := map[wire.Name]Position{}
	for _, c := range r.catalogs {
		if other, twice := known[c.name.Fold()]; twice {
			r.add(c.at, "catalog %v is given at %v already; delete one of the two", c.name, other)
			continue
		}
		known[c.name.Fold()] = c.at
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
	member.SyncAfter = 0
	return member, true
}
