package serve

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/catalog"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// catalogs follows catalog zones (RFC 9432), whose members are zones that come from
// primaries.
type catalogs struct {
	log      *slog.Logger
	consumer *catalog.Consumer
	wake     chan struct{}

	settings   atomic.Pointer[[]settings.Catalog]
	configured atomic.Pointer[map[wire.Key]bool] // zones that the settings have

	mu      sync.Mutex
	pending map[wire.Key]*pendingCatalog
	states  map[wire.Key]string // why a catalog is not followed; "" if it is
	left    []catalog.Change    // of catalogs that are not followed any longer
	again   bool                // the settings of members may have changed
	made    []*madeCatalog      // in the order of the settings; what they refer to is guarded, too
}

// pendingCatalog is what has changed in a catalog since it was looked at.
type pendingCatalog struct {
	zone    *authority.Zone
	isWhole bool // all of it is to be looked at
	changes []*authority.ChangeSet
}

// manyPending is how many changes of a catalog are looked at one by one.
const manyPending = 256

// settleTime is how long changes of catalogs are collected: each time the zones
// that are served are worked out anew.
const settleTime = 200 * time.Millisecond

func newCatalogs(log *slog.Logger) *catalogs {
	c := &catalogs{log: log, wake: make(chan struct{}, 1), pending: map[wire.Key]*pendingCatalog{}, states: map[wire.Key]string{}}
	c.settings.Store(new([]settings.Catalog))
	c.configured.Store(new(map[wire.Key]bool))
	c.consumer = catalog.NewConsumer(catalog.ConsumerConfig{
		IsTaken: func(zone wire.Name) bool { return (*c.configured.Load())[zone.Key()] },
		Ignored: func(catalog, zone wire.Name, reason string) {
			log.Warn("member of a catalog zone is ignored", "catalog", catalog.String(), "zone", zone.String(), "reason", reason)
		},
	})
	return c
}

// configure takes what settings say, and looks at all catalogs in set again.
func (c *catalogs) configure(s *settings.Settings, set *authority.Set, ours servedZones) {
	before := *c.settings.Load()
	if len(before)+len(s.Catalogs) == 0 {
		return
	}
	configured := map[wire.Key]bool{}
	for _, z := range ours.served() {
		configured[z.Origin().Key()] = true
	}
	for i := range s.Zones {
		if s.Zones[i].IsCopy() {
			configured[s.Zones[i].Origin.Key()] = true
		}
	}
	c.configured.Store(&configured)
	list := slices.Clone(s.Catalogs)
	c.settings.Store(&list)
	for _, gone := range before {
		if !slices.ContainsFunc(list, func(now settings.Catalog) bool { return now.Zone.Equal(gone.Zone) }) {
			changes := c.consumer.Remove(gone.Zone)
			c.mu.Lock()
			c.left = append(c.left, changes...)
			c.mu.Unlock()
		}
	}
	c.mu.Lock()
	c.again = true
	c.mu.Unlock()
	c.rouse()
	for _, one := range list {
		if zone := set.Find(one.Zone, wire.ClassIN); zone != nil {
			c.note(zone, nil)
		}
	}
}

// receive notes a version of a catalog. It is an [authority.Subscriber].
func (c *catalogs) receive(p authority.Publication) {
	if p.After == nil || c.of(p.Zone.Origin()) == nil {
		return // an expired catalog leaves its members as they are
	}
	c.note(p.Zone, p.Changes)
}

// of returns the settings of a catalog.
func (c *catalogs) of(name wire.Name) *settings.Catalog {
	list := *c.settings.Load()
	for i := range list {
		if list[i].Zone.Equal(name) {
			return &list[i]
		}
	}
	return nil
}

func (c *catalogs) note(zone *authority.Zone, changes *authority.ChangeSet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := zone.Origin().Key()
	p := c.pending[key]
	if p == nil {
		p = &pendingCatalog{zone: zone}
		c.pending[key] = p
	}
	p.zone = zone
	if changes == nil || len(p.changes) >= manyPending {
		p.isWhole, p.changes = true, nil
	}
	if !p.isWhole {
		p.changes = append(p.changes, changes)
	}
	c.rouse()
}

func (c *catalogs) rouse() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// follow takes what is pending, and returns what is to happen to members; again says
// that they are to be served as the settings have them now.
func (c *catalogs) follow() (changes []catalog.Change, again bool) {
	c.mu.Lock()
	pending := c.pending
	c.pending = map[wire.Key]*pendingCatalog{}
	changes, again = c.left, c.again
	c.left, c.again = nil, false
	c.mu.Unlock()
	for key, p := range pending {
		var err error
		take := func(did []catalog.Change, failed error) {
			changes = append(changes, did...)
			err = failed
		}
		if p.isWhole {
			if s := p.zone.Snapshot(); s != nil {
				take(c.consumer.Load(s))
			}
		}
		for _, each := range p.changes {
			take(c.consumer.Apply(p.zone.Origin(), each))
		}
		state := ""
		if err != nil {
			state = err.Error()
			c.log.Error("catalog zone is not processed, and its members stay as they are", "error", err)
		}
		c.mu.Lock()
		c.states[key] = state
		c.mu.Unlock()
	}
	return changes, again
}

// zones returns the members as settings have zones, without those of except.
func (c *catalogs) zones(except map[wire.Key]bool) (all []settings.Zone) {
	configured := *c.configured.Load()
	c.consumer.Members(func(name wire.Name, m catalog.Member) {
		if key := m.Zone.Key(); !except[key] && !configured[key] {
			if how := c.of(name); how != nil {
				all = append(all, how.Member(m.Zone, m.Groups))
			}
		}
	})
	slices.SortFunc(all, func(a, b settings.Zone) int { return a.Origin.Compare(b.Origin) })
	return all
}

// withMembers are settings with the zones of catalogs.
func (c *catalogs) withMembers(s settings.Settings, except map[wire.Key]bool) settings.Settings {
	if len(s.Catalogs) > 0 {
		s.Zones = append(slices.Clip(s.Zones), c.zones(except)...)
	}
	return s
}

// followCatalogs takes what catalogs say until ctx is done.
func (s *Server) followCatalogs(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.catalogs.wake:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(settleTime):
		}
		s.mu.Lock()
		s.changeMembers()
		s.mu.Unlock()
	}
}

// changeMembers makes the zones that are served those that catalogs have now. s.mu is
// held.
func (s *Server) changeMembers() {
	changes, again := s.catalogs.follow()
	if len(changes) == 0 && !again {
		return
	}
	// Nothing is kept of zones that are gone, nor of those that are others now under
	// the name of one that was there: these go first (RFC 9432 5.3, 5.4).
	gone, resets := map[wire.Key]bool{}, map[wire.Key]bool{}
	for _, change := range changes {
		key := change.Zone.Key()
		switch {
		case change.To.IsZero():
			gone[key] = true
		case change.Reset:
			resets[key], gone[key] = true, true
		}
	}
	before := s.transfer.served
	forget := func() {
		for key := range gone {
			if c := before[key]; c != nil {
				s.transfer.forgetCopy(c)
			}
		}
	}
	err := s.serveMembers(resets)
	if err == nil {
		forget()
	}
	if err == nil && len(resets) > 0 {
		err = s.serveMembers(nil)
	}
	if err != nil {
		s.log.Error("members of catalog zones cannot be served", "error", err)
		return
	}
	if len(changes) == 0 {
		return
	}
	s.log.Info("members of catalog zones changed", "changes", len(changes))
	for _, change := range changes[:min(len(changes), 20)] {
		s.log.Info("member of a catalog zone", "zone", change.Zone.String(), "catalog", change.To.String(), "was_in", change.From.String(), "groups", change.Member.Groups)
	}
}

// serveMembers serves the zones that files have now, and those of catalogs without those
// of except.
func (s *Server) serveMembers(except map[wire.Key]bool) error {
	effective := s.catalogs.withMembers(s.settings, except)
	plan, err := s.transfer.plan(s.ctx, effective, s.zones)
	if err != nil {
		return err
	}
	if err := s.transfer.serve(s.sets, plan); err != nil {
		return err
	}
	updated, err := s.updates.plan(&effective, s.set, plan, s.journals, s.log)
	if err != nil {
		return err
	}
	s.updates.zones.Store(updated)
	s.transfer.use(plan, s.set)
	s.produceCatalogs()
	return nil
}

// forgetCopy removes what is kept of a zone that is gone.
func (t *transfers) forgetCopy(c *servedCopy) {
	err := c.secondary.Forget()
	if t.journals != nil {
		if failed := t.journals.Forget(c.zone.Origin(), c.zone.Class()); err == nil {
			err = failed
		}
	}
	if err != nil {
		t.log.Warn("cannot remove what was kept of a zone", "zone", c.zone.Origin().String(), "error", err)
	}
}

// catalogGuard refuses questions about catalog zones, which list customers, to clients
// that may not have them (RFC 9432 7): they may ask for the SOA record.
type catalogGuard struct {
	zones  []wire.Name
	access func(name wire.Name) names.PeerMatcher
}

func (g *catalogGuard) Resolve(_ context.Context, x *names.Exchange) error { return g.TryResolve(x) }

func (g *catalogGuard) TryResolve(x *names.Exchange) error {
	q := &x.Query.Question
	for _, zone := range g.zones {
		if !q.Name.HasSuffix(zone) {
			continue
		}
		if q.Type == wire.TypeSOA && q.Name.Equal(zone) {
			return names.ErrPass
		}
		if a := g.access(zone); a != nil && a.Matches(&x.Peer) {
			return names.ErrPass
		}
		x.RCode = wire.RCodeRefused
		x.AddExtendedError(wire.ExtendedErrorProhibited, "")
		return nil
	}
	return names.ErrPass
}

// guard returns what stands before the zones; nil if there is no catalog.
func (t *transfers) guard(s *settings.Settings, set *authority.Set) names.Resolver {
	if len(s.Catalogs)+len(s.Produced) == 0 {
		return nil
	}
	g := &catalogGuard{zones: slices.Clone(s.Produced), access: func(name wire.Name) names.PeerMatcher {
		if zone := set.Find(name, wire.ClassIN); zone != nil {
			if p := t.zonePlan(zone); p != nil {
				return p.access
			}
		}
		return nil
	}}
	for _, c := range s.Catalogs {
		g.zones = append(g.zones, c.Zone)
	}
	return g
}

// catalogReply is a line of the reply to catalogs.
type catalogReply struct {
	Name    string `json:"name"`
	Serial  uint32 `json:"serial"`
	Members int    `json:"members"`
	State   string `json:"state"`
}

func (s *Server) catalogVerbs() []control.Verb {
	return []control.Verb{
		{Name: "catalogs", What: "The catalog zones that are followed, and those that are made here.", Do: s.doCatalogs, Reply: []catalogReply{}},
		{Name: "catalog members", Arguments: "CATALOG", What: "The members of a catalog zone, with their groups.", Do: s.doCatalogMembers, Reply: []memberReply{}},
	}
}

func (s *Server) doCatalogs(context.Context, []string) (any, error) {
	members := map[wire.Key]int{}
	s.catalogs.consumer.Members(func(name wire.Name, _ catalog.Member) { members[name.Key()]++ })
	set := s.current.Load().set
	list := []catalogReply{}
	s.catalogs.mu.Lock()
	defer s.catalogs.mu.Unlock()
	for _, c := range *s.catalogs.settings.Load() {
		key := c.Zone.Key()
		reply := catalogReply{Name: c.Zone.String(), Members: members[key], State: "good"}
		switch zone := set.Find(c.Zone, wire.ClassIN); {
		case zone == nil:
			reply.State = "there is no zone of that name"
		case s.catalogs.states[key] != "":
			reply.State = s.catalogs.states[key]
		default:
			reply.Serial = uint32(zone.Stats().Serial)
			if zone.State() != authority.Loaded {
				reply.State = zone.State().String()
			}
		}
		list = append(list, reply)
	}
	for _, m := range s.catalogs.made {
		list = append(list, catalogReply{m.zone.Origin().String(), uint32(m.zone.Stats().Serial), m.members, cmp.Or(m.state, "made here")})
	}
	return list, nil
}

// memberReply is a line of the reply to catalog members.
type memberReply struct {
	Zone   string   `json:"zone"`
	ID     string   `json:"id"`
	Groups []string `json:"groups"`
}

func (s *Server) doCatalogMembers(_ context.Context, args []string) (any, error) {
	name, err := wire.ParseName(args[0])
	if err != nil {
		return nil, control.Usagef("%q is not a domain name: %v", args[0], err)
	}
	list := []memberReply{}
	add := func(m catalog.Member) {
		list = append(list, memberReply{m.Zone.String(), m.ID, append([]string{}, m.Groups...)})
	}
	made, isMade := s.madeMembers(name)
	for _, m := range made {
		add(m)
	}
	if !isMade && s.catalogs.of(name) == nil {
		return nil, control.Usagef("%v is not a catalog zone that is followed or made here", name)
	}
	s.catalogs.consumer.Members(func(of wire.Name, m catalog.Member) {
		if of.Equal(name) {
			add(m)
		}
	})
	slices.SortFunc(list, func(a, b memberReply) int { return wire.MustParseName(a.Zone).Compare(wire.MustParseName(b.Zone)) })
	return list, nil
}
