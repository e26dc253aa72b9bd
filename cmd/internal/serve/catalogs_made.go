package serve

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/catalog"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// noMembers is the file of a catalog zone that is made here (RFC 9432 4.1). It never
// changes: the journal has what leads from it to the present members.
const noMembers = `@ 0 SOA invalid. invalid. 1 3600 600 2147483 0
@ 0 NS invalid.
version 0 TXT "2"
`

// fileOf is where the contents of a zone come from.
func fileOf(from *settings.Zone) authority.File {
	f := authority.File{Path: from.Path, Format: from.Format, Origin: from.Origin}
	if from.IsProduced() {
		f.Path = "a catalog without members"
		f.Open = func(string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(noMembers)), nil }
	}
	return f
}

// madeHere is why a catalog zone that is made here is not edited.
func madeHere(catalog wire.Name) string {
	return fmt.Sprintf("zone %v is a catalog that is made here: change the zones that name it", catalog)
}

// madeCatalog is a catalog zone that is made of the zones that are served.
type madeCatalog struct {
	zone     *authority.Zone
	producer *catalog.Producer   // nil: it could not be made. Guarded by Server.mu
	version  *authority.Snapshot // that the producer has left
	members  int
	state    string // why it is not up to date; "" if it is
}

// produceCatalogs brings catalog zones that are made here up to the zones that the
// present plan has. s.mu is held.
func (s *Server) produceCatalogs() {
	plan := s.transfer.current.Load()
	var made []*madeCatalog
	for _, name := range plan.settings.Produced {
		i := slices.IndexFunc(plan.ours, func(z servedZone) bool { return z.zones[0].Origin().Equal(name) })
		if i < 0 {
			continue // the settings were checked: there is one
		}
		c := &madeCatalog{zone: plan.ours[i].zones[0]}
		for _, before := range s.catalogs.made {
			if before.zone == c.zone && before.version == c.zone.Snapshot() {
				c.producer = before.producer
			}
		}
		if err := c.make(plan.membersOf(name)); err != nil {
			c.producer, c.state = nil, err.Error()
			s.log.Error("catalog zone is not up to date", "catalog", name.String(), "error", err)
		}
		c.version = c.zone.Snapshot()
		made = append(made, c)
	}
	s.catalogs.mu.Lock()
	s.catalogs.made = made
	s.catalogs.mu.Unlock()
}

// make makes the catalog have these members.
func (c *madeCatalog) make(members []catalog.Member) (err error) {
	if c.producer == nil {
		if c.producer, err = catalog.NewProducer(c.zone); err != nil {
			return err
		}
		c.producer.Serial = authority.SerialUnixTime
	}
	if _, err = c.producer.Set(members); err != nil {
		return err
	}
	c.members = c.producer.Len()
	return nil
}

// membersOf returns the zones that are members of a catalog.
func (p *transferPlan) membersOf(name wire.Name) (members []catalog.Member) {
	add := func(from *settings.Zone, zones ...*authority.Zone) {
		m := from.Member
		if m == nil || !m.Catalog.Equal(name) {
			return
		}
		for _, zone := range zones {
			if !zone.Origin().Equal(name) {
				members = append(members, catalog.Member{Zone: zone.Origin(), Groups: m.Groups, NewOwner: m.NewOwner})
			}
		}
	}
	for i := range p.ours {
		add(p.ours[i].from, p.ours[i].zones...)
	}
	for _, c := range p.copies {
		add(&c.from, c.zone)
	}
	return members
}

// madeMembers returns the members of a catalog that is made here; isMade says whether it
// is.
func (s *Server) madeMembers(name wire.Name) (members []catalog.Member, isMade bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.catalogs.made {
		if m.zone.Origin().Equal(name) {
			if m.producer != nil {
				members = m.producer.Members()
			}
			return members, true
		}
	}
	return nil, false
}
