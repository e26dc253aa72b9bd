package catalog

import (
	"fmt"
	"slices"
	"sync"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Change is what is to happen to a member zone.
type Change struct {
	Zone wire.Name
	// From and To are the catalogs that the zone was and is a member of. No name
	// says that it was not there, or is to be removed with all that belongs to it.
	From, To wire.Name
	// Member is what To says of it.
	Member Member
	// Reset says that nothing is to be kept of the zone before (RFC 9432 5.4): it is
	// removed and added. Otherwise a zone that was there before is only configured as
	// Member says.
	Reset bool
}

// ConsumerConfig is what a [Consumer] works with.
type ConsumerConfig struct {
	// IsTaken reports whether a zone is configured otherwise: then a member of that
	// name is ignored (RFC 9432 5.2).
	IsTaken func(zone wire.Name) bool
	// Ignored is called with members that are ignored, and why. It may be nil.
	Ignored func(catalog, zone wire.Name, reason string)
	// MaxMembers bounds how many members all catalogs may have. Default: 2 million.
	MaxMembers int
}

// Consumer follows catalog zones. It is safe for use by several goroutines.
type Consumer struct {
	config ConsumerConfig

	mu       sync.Mutex  // guards what follows; only Members calls out under it
	catalogs []*contents // in the order in which they were added
	owned    map[wire.Key]owner
}

// owner is whose a zone is.
type owner struct {
	catalog *contents
	member  Member
}

const maxMembers = 2_000_000

// NewConsumer returns a consumer without catalogs.
func NewConsumer(c ConsumerConfig) *Consumer {
	if c.IsTaken == nil {
		c.IsTaken = func(wire.Name) bool { return false }
	}
	if c.Ignored == nil {
		c.Ignored = func(_, _ wire.Name, _ string) {}
	}
	if c.MaxMembers == 0 {
		c.MaxMembers = maxMembers
	}
	return &Consumer{config: c, owned: map[wire.Key]owner{}}
}

// Members calls do with each member zone that is owned, and the catalog that owns
// it, in no order. do must not call the consumer.
func (c *Consumer) Members(do func(catalog wire.Name, m Member)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, o := range c.owned {
		do(o.catalog.catalog, o.member)
	}
}

// Load takes a version of a catalog, and returns what follows from it. An error says
// that the version must not be processed ([ErrVersion], [ErrBroken]): its members
// stay as they are.
func (c *Consumer) Load(s *authority.Snapshot) ([]Change, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one, err := c.find(s.Origin())
	if err != nil {
		return nil, err
	}
	one.load(s)
	return c.follow(one)
}

// Apply takes what a new version of a catalog has changed. Its cost depends on that,
// and not on how many members there are. A catalog that is not known yet has to be
// loaded instead.
func (c *Consumer) Apply(catalog wire.Name, changes *authority.ChangeSet) ([]Change, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	one, err := c.find(catalog)
	if err != nil {
		return nil, err
	}
	one.apply(changes)
	return c.follow(one)
}

// Remove forgets a catalog. Its members are removed, unless another catalog takes
// them over.
func (c *Consumer) Remove(catalog wire.Name) []Change {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.catalogs, func(one *contents) bool { return one.catalog.Equal(catalog) })
	if i < 0 {
		return nil
	}
	gone := c.catalogs[i]
	c.catalogs = slices.Delete(c.catalogs, i, i+1)
	var changes []Change
	for key, o := range c.owned {
		if o.catalog == gone {
			c.settle(key, &changes)
		}
	}
	return changes
}

func (c *Consumer) find(catalog wire.Name) (*contents, error) {
	for _, one := range c.catalogs {
		if one.catalog.Equal(catalog) {
			return one, nil
		}
	}
	one, err := newContents(catalog.Clone())
	if err == nil {
		c.catalogs = append(c.catalogs, one)
	}
	return one, err
}

// follow settles the zones of a catalog whose nodes have changed since it was last
// processed.
func (c *Consumer) follow(one *contents) (changes []Change, err error) {
	if err := one.check(); err != nil {
		return nil, err
	}
	for key := range one.changed {
		c.settle(key, &changes)
		if o := c.owned[key]; o.catalog != nil && o.catalog != one {
			if m := one.member(key, ""); m != nil && !m.NewOwner.Equal(o.catalog.catalog) { // RFC 9432 5.2
				c.config.Ignored(one.catalog, m.Zone, fmt.Sprintf("it is a member of %v", o.catalog.catalog))
			}
		}
	}
	one.changed = map[wire.Key]bool{} // clear would take as long as after the first version
	// Zones are removed before others are added: a name may be both.
	slices.SortFunc(changes, func(a, b Change) int {
		if isRemoval := a.To.IsZero(); isRemoval != b.To.IsZero() {
			if isRemoval {
				return -1
			}
			return 1
		}
		return a.Zone.Compare(b.Zone)
	})
	return changes, nil
}

// settle works out whose a zone is.
func (c *Consumer) settle(key wire.Key, changes *[]Change) {
	before, was := c.owned[key]
	var next owner
	isMove := false
	if was {
		next, isMove = c.successor(key, before)
	}
	if next.catalog == nil {
		next = c.first(key)
	}
	switch {
	case next.catalog == nil && was:
		delete(c.owned, key)
		*changes = append(*changes, Change{Zone: before.member.Zone, From: before.catalog.catalog})
	case next.catalog == nil:
	case !was:
		if reason := c.refusal(&next); reason != "" {
			c.config.Ignored(next.catalog.catalog, next.member.Zone, reason)
			return
		}
		c.owned[key] = next
		*changes = append(*changes, Change{Zone: next.member.Zone, To: next.catalog.catalog, Member: next.member})
	default:
		c.owned[key] = next
		hasMoved := next.catalog != before.catalog
		isReset := next.member.ID != before.member.ID || hasMoved && !isMove
		if isReset || hasMoved || !slices.Equal(next.member.Groups, before.member.Groups) {
			*changes = append(*changes, Change{Zone: next.member.Zone, From: before.catalog.catalog, To: next.catalog.catalog, Member: next.member, Reset: isReset})
		}
	}
}

// successor is the owner of a zone that stays with its catalog, or moves to the one
// that its catalog has named (RFC 9432 4.3.1). None: its catalog has it no longer.
func (c *Consumer) successor(key wire.Key, before owner) (next owner, isMove bool) {
	if !slices.Contains(c.catalogs, before.catalog) {
		return next, false
	}
	if before.catalog.check() != nil {
		return before, false // what it says now does not count
	}
	m := before.catalog.member(key, before.member.ID)
	if m == nil {
		return next, false
	}
	if !m.NewOwner.IsZero() && !m.NewOwner.Equal(before.catalog.catalog) {
		for _, one := range c.catalogs {
			if one.check() != nil || !one.catalog.Equal(m.NewOwner) {
				continue
			}
			if there := one.member(key, m.ID); there != nil {
				return owner{one, *there}, true
			}
		}
	}
	return owner{before.catalog, *m}, false
}

// first is the first catalog that has a zone.
func (c *Consumer) first(key wire.Key) (next owner) {
	for _, one := range c.catalogs {
		if one.check() != nil {
			continue
		}
		if m := one.member(key, ""); m != nil {
			return owner{one, *m}
		}
	}
	return next
}

// refusal is why a zone is not taken; "" if it is.
func (c *Consumer) refusal(o *owner) string {
	zone := o.member.Zone
	switch {
	case zone.Equal(o.catalog.catalog):
		return "it is the catalog itself"
	case c.config.IsTaken(zone):
		return "a zone of that name is configured otherwise"
	case len(c.owned) >= c.config.MaxMembers:
		return fmt.Sprintf("there are %d members already", len(c.owned))
	}
	return ""
}
