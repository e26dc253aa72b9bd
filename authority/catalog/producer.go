package catalog

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// Producer keeps a catalog zone that has certain members. It is not safe for use by
// several goroutines.
type Producer struct {
	// Serial is how the serial number grows. With [authority.SerialUnixTime] it also
	// grows after what was kept of the zone is lost, and it begins anew.
	Serial authority.SerialPolicy

	zone *authority.Zone
	has  *contents // as the zone was left
}

// NewProducer returns a producer of a catalog zone, which no one else may change. If
// the zone is not loaded it begins without members; else it has those that it has.
func NewProducer(zone *authority.Zone) (*Producer, error) {
	has, err := newContents(zone.Origin())
	if err != nil {
		return nil, err
	}
	p := &Producer{zone: zone, has: has}
	s := zone.Snapshot()
	if s == nil {
		if s, err = empty(zone.Origin()); err != nil {
			return nil, err
		}
		if err := zone.Replace(authority.FromControl, s); err != nil {
			return nil, err
		}
	}
	p.has.load(s)
	return p, p.has.check()
}

// empty is a catalog without members (RFC 9432 4.1).
func empty(origin wire.Name) (*authority.Snapshot, error) {
	var problems diagnostic.List
	b := authority.NewBuilder(origin, wire.ClassIN, &problems)
	invalid := wire.MustParseName("invalid.")
	version, err := origin.Prepend("version")
	if err != nil {
		return nil, fmt.Errorf("catalog zone %v: %w", origin, err)
	}
	soa := wire.SOA{Primary: invalid, Mailbox: invalid, Serial: 1, Refresh: 3600, Retry: 600, Expire: 1 << 31 / 1000, Minimum: 0}
	for _, r := range []wire.Record{
		{Name: origin, Type: wire.TypeSOA, Data: soa.AppendTo(nil, nil)},
		{Name: origin, Type: wire.TypeNS, Data: invalid.AppendTo(nil)},
		{Name: version, Type: wire.TypeTXT, Data: []byte("\x012")},
	} {
		r.Class = wire.ClassIN
		b.Add(r, diagnostic.Position{})
	}
	return b.Freeze()
}

// Set makes the catalog have these members, in one transaction. Members without an
// ID get one that depends on the name of the zone; those that stay keep theirs. Of
// several with one name the first counts.
func (p *Producer) Set(members []Member) (authority.ChangeSet, error) {
	wanted := make(map[wire.Key]bool, len(members))
	var differ []*Member
	for i := range members {
		m := &members[i]
		if key := m.Zone.Key(); !wanted[key] {
			wanted[key] = true
			if !p.hasMember(m) {
				differ = append(differ, m)
			}
		}
	}
	return p.edit(func(t *authority.Txn) error {
		for key, nodes := range p.has.byZone {
			if !wanted[key] {
				for _, n := range nodes {
					if err := p.remove(t, n.id); err != nil {
						return err
					}
				}
			}
		}
		for _, m := range differ {
			if err := p.put(t, *m); err != nil {
				return err
			}
		}
		return nil
	})
}

// hasMember reports whether a member is there, and as it is to be.
func (p *Producer) hasMember(m *Member) bool {
	key := m.Zone.Key()
	if len(p.has.byZone[key]) != 1 {
		return false
	}
	have := p.has.member(key, "")
	return (m.ID == "" || m.ID == have.ID) && have.NewOwner.Equal(m.NewOwner) &&
		slices.Equal(have.Groups, slices.Compact(slices.Sorted(slices.Values(m.Groups))))
}

// Put adds a member, or changes its properties. Its cost does not depend on how many
// others there are.
func (p *Producer) Put(m Member) (authority.ChangeSet, error) {
	return p.edit(func(t *authority.Txn) error { return p.put(t, m) })
}

// Remove removes a member.
func (p *Producer) Remove(zone wire.Name) (authority.ChangeSet, error) {
	return p.edit(func(t *authority.Txn) error {
		for _, n := range p.has.byZone[zone.Key()] {
			if err := p.remove(t, n.id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Len returns how many members there are.
func (p *Producer) Len() int { return len(p.has.byZone) }

// Members returns the members in the order of their names.
func (p *Producer) Members() []Member {
	all := make([]Member, 0, len(p.has.byZone))
	for key := range p.has.byZone {
		all = append(all, *p.has.member(key, ""))
	}
	slices.SortFunc(all, func(a, b Member) int { return a.Zone.Compare(b.Zone) })
	return all
}

func (p *Producer) edit(do func(t *authority.Txn) error) (authority.ChangeSet, error) {
	changes, err := p.zone.Update(authority.FromControl, func(t *authority.Txn) error {
		err := do(t)
		t.AdvanceSerial(p.Serial, time.Now())
		return err
	})
	if err == nil {
		p.has.apply(&changes)
		clear(p.has.changed)
	}
	return changes, err
}

// put makes the records of a member what they are to be.
func (p *Producer) put(t *authority.Txn, m Member) error {
	if have := p.has.byZone[m.Zone.Key()]; len(have) > 0 && (m.ID == "" || m.ID == have[0].id) {
		m.ID, m.Zone = have[0].id, have[0].zones[0] // as it is spelled
	} else {
		for _, n := range have {
			if err := p.remove(t, n.id); err != nil {
				return err
			}
		}
	}
	if m.ID == "" {
		m.ID = idOf(m.Zone)
	}
	node, err := p.has.zones.Prepend(m.ID)
	if err != nil {
		return fmt.Errorf("member %v of catalog zone %v: %w", m.Zone, p.zone.Origin(), err)
	}
	records := []wire.Record{{Name: node, Type: wire.TypePTR, Data: m.Zone.AppendTo(nil)}}
	group, err := node.Prepend("group")
	if err != nil {
		return fmt.Errorf("member %v of catalog zone %v: %w", m.Zone, p.zone.Origin(), err)
	}
	coo, err := node.Prepend("coo")
	if err != nil {
		return fmt.Errorf("member %v of catalog zone %v: %w", m.Zone, p.zone.Origin(), err)
	}
	t.RemoveRRset(group, wire.TypeTXT)
	t.RemoveRRset(coo, wire.TypePTR)
	for _, g := range slices.Sorted(slices.Values(m.Groups)) {
		if len(g) > 255 {
			return fmt.Errorf("member %v of catalog zone %v: group has %d octets, more than 255", m.Zone, p.zone.Origin(), len(g))
		}
		records = append(records, wire.Record{Name: group, Type: wire.TypeTXT, Data: append([]byte{byte(len(g))}, g...)})
	}
	if !m.NewOwner.IsZero() {
		records = append(records, wire.Record{Name: coo, Type: wire.TypePTR, Data: m.NewOwner.AppendTo(nil)})
	}
	for _, r := range records {
		r.Class = wire.ClassIN
		if err := t.Add(r); err != nil {
			return err
		}
	}
	return nil
}

func (p *Producer) remove(t *authority.Txn, id string) error {
	node, err := p.has.zones.Prepend(id)
	if err != nil {
		return err
	}
	t.RemoveName(node)
	for _, property := range []string{"group", "coo"} {
		if name, err := node.Prepend(property); err == nil {
			t.RemoveName(name)
		}
	}
	return nil
}

// idOf is the ID of a member that has none: a part of a hash of its name, so that it
// is the same after a restart and on each of several producers.
func idOf(zone wire.Name) string {
	sum := sha256.Sum256(zone.AppendFolded(nil))
	return strings.ToLower(base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:10]))
}
