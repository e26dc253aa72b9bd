package serve

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/authority/transfer"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// readKeys reads the TSIG keys in files.
func readKeys(paths []string) (*wire.TSIGKeys, error) {
	keys := new(wire.TSIGKeys)
	for _, path := range paths {
		found, err := cli.ReadTSIGKeys(path)
		if err != nil {
			return nil, fmt.Errorf("TSIG keys: %w", err)
		}
		for _, key := range found {
			if err := keys.Add(key); err != nil {
				return nil, fmt.Errorf("TSIG keys: %s: %w", path, err)
			}
		}
	}
	return keys, nil
}

// transfers is what the transfers of a server have in common. It outlives changes of
// the settings.
type transfers struct {
	log      *slog.Logger
	keys     wire.TSIGKeys // that messages are verified with
	journals *journals     // nil: there is none
	signing  *signing
	aliases  *aliases
	history  transfer.History
	pool     transfer.Pool
	copies   transfer.Secondaries
	notifier *transfer.Notifier
	sent     transfer.SenderCounters
	current  atomic.Pointer[transferPlan]
	ways     map[string]*transfer.Transport // to primaries that have a URL, by all that makes them

	follow    authority.Subscriber // of all versions, for catalog zones
	pipelines map[pipelineKind]*authority.Pipeline
	served    servedCopies // of the present plan

	begun sync.WaitGroup
}

// servedCopies is the zones that come from primaries.
type servedCopies map[wire.Key]*servedCopy

type servedCopy struct {
	from      settings.Zone
	primaries []transfer.Primary
	zone      *authority.Zone // that is served
	follower  *sign.Follower  // signs what comes; nil: the zone is served as it comes
	secondary *transfer.Secondary
	notifiers names.AccessList
	isNew     bool // it is not kept yet
	isBehind  bool // the follower has not seen what is kept
}

// transferPlan is what settings say of transfers, put together and checked.
type transferPlan struct {
	settings    settings.Settings
	keys        *wire.TSIGKeys
	copies      servedCopies
	ours        servedZones
	zones       map[*authority.Zone]*zonePlan // that differ from others
	shared      map[*settings.ZoneTransfers]*zonePlan
	others      zonePlan
	mayTransfer bool // some client may have some zone

	over func(s *settings.Transfers, peer settings.Peer, from netip.Addr) (*transfer.Transport, error)
}

// zonePlan is what they say of one zone.
type zonePlan struct {
	access   names.AccessList
	notify   transfer.Notify
	condense bool
}

func newTransfers(s *settings.Settings, j *journals, log *slog.Logger) *transfers {
	t := &transfers{log: log, journals: j, aliases: newAliases(j, log), pipelines: map[pipelineKind]*authority.Pipeline{}}
	t.signing = newSigning(log, &t.keys)
	t.pool.Total, t.pool.PerPrimary = s.Transfers.MaxConnections, s.Transfers.MaxPerPrimary
	t.notifier = transfer.NewNotifier(transfer.NotifierConfig{
		Of: func(z *authority.Zone) transfer.Notify {
			if p := t.zonePlan(z); p != nil {
				return p.notify
			}
			return transfer.Notify{}
		},
		Lookup: func(ctx context.Context, name wire.Name) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name.String())
		},
		IsOwn: func(a netip.Addr) bool { return isOwn(t.current.Load().settings.Listen.Addresses, a) },
		Source: func(server netip.AddrPort) netip.Addr {
			return t.current.Load().source(settings.Peer{Address: server})
		},
		Log: log,
	})
	return t
}

// isOwn reports whether an address is one that the server listens at.
func isOwn(listening []netip.AddrPort, a netip.Addr) bool {
	for _, l := range listening {
		if l.Addr() == a {
			return true
		}
		if !l.Addr().IsUnspecified() {
			continue
		}
		all, _ := net.InterfaceAddrs()
		for _, own := range all {
			if prefix, err := netip.ParsePrefix(own.String()); err == nil && prefix.Addr() == a {
				return true
			}
		}
	}
	return false
}

func (t *transfers) zonePlan(z *authority.Zone) *zonePlan {
	if p := t.current.Load(); p != nil {
		return p.of(z)
	}
	return nil
}

// of is what the plan says of a zone.
func (p *transferPlan) of(z *authority.Zone) *zonePlan {
	if own := p.zones[z]; own != nil {
		return own
	}
	return &p.others
}

// plan works out what settings mean for transfers, and reads keys and the zones that
// are kept on disk. Nothing of it takes effect before use.
func (t *transfers) plan(ctx context.Context, s settings.Settings, ours servedZones) (p *transferPlan, err error) {
	p = &transferPlan{settings: s, ours: ours, copies: servedCopies{}, zones: map[*authority.Zone]*zonePlan{}, shared: map[*settings.ZoneTransfers]*zonePlan{}, over: t.over}
	if p.keys, err = readKeys(s.Transfers.KeyFiles); err != nil {
		return nil, err
	}
	for _, key := range s.Transfers.Keys {
		if err := p.keys.Add(key); err != nil {
			return nil, err
		}
	}
	if err := p.checkKeys(s.AccessKeys()); err != nil {
		return nil, err
	}
	for _, policy := range s.Signing.Policies {
		for _, peer := range policy.ParentUpdate {
			if _, err := p.key(peer.Key); err != nil {
				return nil, fmt.Errorf("policy %s: %w", policy.Name, err)
			}
		}
	}
	if p.others, err = p.zone(new(settings.Zone)); err != nil {
		return nil, err
	}
	directory, err := copiesDirectory(&s)
	if err != nil {
		return nil, err
	}
	for _, c := range s.Catalogs { // what members may need is checked before there are any
		if _, err := p.zone(&c.Template); err != nil {
			return nil, fmt.Errorf("catalog zone %v: %w", c.Zone, err)
		}
		for i := range c.Groups {
			if _, err := p.zone(&c.Groups[i].Template); err != nil {
				return nil, fmt.Errorf("catalog zone %v: %w", c.Zone, err)
			}
		}
	}
	for i := range ours {
		if err := p.addZone(ours[i].from, ours[i].zones...); err != nil {
			return nil, err
		}
	}
	for i := range s.Zones {
		if z := &s.Zones[i]; z.IsCopy() {
			if err := t.planCopy(p, z, directory); err != nil {
				return nil, fmt.Errorf("zone %v: %w", z.Origin, err)
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return p, nil
}

// checkTransfers reads the keys, and checks that those that are named are there.
// Nothing is written, and zones that are kept are not read.
func checkTransfers(ctx context.Context, s settings.Settings) error {
	s.Zones = slices.Clone(s.Zones)
	t := newTransfers(&s, nil, slog.New(slog.DiscardHandler))
	s.Transfers.Directory, s.Journal.Dir = "", ""
	for i := range s.Zones {
		s.Zones[i].Path = ""
	}
	p, err := t.plan(ctx, s, nil)
	for i := range s.Zones {
		if err == nil && s.Zones[i].Transfers != nil {
			_, err = p.zone(&s.Zones[i])
		}
	}
	return err
}

// copiesDirectory is where zones of primaries are kept. It exists, and can be written to.
func copiesDirectory(s *settings.Settings) (string, error) {
	directory := s.Transfers.Directory
	if !slices.ContainsFunc(s.Zones, func(z settings.Zone) bool { return z.IsCopy() }) {
		return "", nil
	}
	if directory == "" && s.Journal.Dir != "" {
		directory = filepath.Join(s.Journal.Dir, "secondary")
		if err := os.MkdirAll(directory, 0o700); err != nil {
			return "", fmt.Errorf("directory for secondary zones: %w", err)
		}
	}
	if directory == "" {
		return "", nil
	}
	return directory, transfer.CheckDirectory(directory)
}

// addZone notes what the settings say of a zone.
func (p *transferPlan) addZone(from *settings.Zone, zones ...*authority.Zone) error {
	if from.Transfers == nil {
		return nil // it is one of the others
	}
	z := p.shared[from.Transfers]
	if z == nil {
		own, err := p.zone(from)
		if err != nil {
			return err
		}
		z = &own
		p.shared[from.Transfers] = z
	}
	for _, zone := range zones {
		p.zones[zone] = z
	}
	return nil
}

func (p *transferPlan) zone(from *settings.Zone) (z zonePlan, err error) {
	z.condense = from.Said().Condense
	if z.access, err = p.access(p.settings.AllowTransfer(from)); err != nil {
		return z, err
	}
	p.mayTransfer = p.mayTransfer || len(z.access) > 0
	targets, servers := p.settings.NotifyTargets(from)
	z.notify.Servers = servers
	z.notify.Targets, err = p.target(targets)
	return z, err
}

// access is who may do something. Keys that are named have to be there.
func (p *transferPlan) access(texts []string) (names.AccessList, error) {
	who, err := p.settings.ParseAccess(texts...)
	if err != nil {
		return nil, err
	}
	return who, p.checkKeys(who.Keys())
}

// checkKeys reports the first key that is not there.
func (p *transferPlan) checkKeys(names []wire.Name) error {
	for _, name := range names {
		if _, err := p.key(name); err != nil {
			return err
		}
	}
	return nil
}

// key finds a key; nil if no name is given.
func (p *transferPlan) key(name wire.Name) (*wire.TSIGKey, error) {
	if name.IsZero() {
		return nil, nil
	}
	key, ok := p.keys.Find(name)
	if !ok {
		return nil, fmt.Errorf("there is no TSIG key %v: neither a [[key]] nor a file of --tsig-key has it", name)
	}
	return &key, nil
}

func (p *transferPlan) target(peers []settings.Peer) (targets []transfer.Target, err error) {
	for _, peer := range peers {
		target := transfer.Target{Address: peer.Address, Source: p.source(peer)}
		if target.Key, err = p.key(peer.Key); err != nil {
			return nil, err
		}
		if target.Over, err = p.over(&p.settings.Transfers, peer, target.Source); err != nil {
			return nil, err
		}
		targets = append(targets, target)
	}
	return targets, nil
}

// source is the address of ours that messages to a server come from: the one that
// is given, or the only one that the server listens at, since others know it by that.
func (p *transferPlan) source(peer settings.Peer) netip.Addr {
	if peer.Source.IsValid() {
		return peer.Source
	}
	var only netip.Addr
	for _, l := range p.settings.Listen.Addresses {
		switch a := l.Addr(); {
		case a.Is4() != peer.Address.Addr().Is4():
		case a.IsUnspecified() || only.IsValid() && only != a:
			return netip.Addr{}
		default:
			only = a
		}
	}
	if only.IsValid() && only.IsLoopback() != peer.Address.Addr().IsLoopback() {
		return netip.Addr{}
	}
	return only
}

// planCopy adds a zone that comes from primaries: the one that is served, if the
// settings of it are the same, or what is kept of it on disk.
func (t *transfers) planCopy(p *transferPlan, from *settings.Zone, directory string) (err error) {
	c := &servedCopy{from: *from}
	for _, peer := range from.Said().Primaries {
		primary := transfer.Primary{Address: peer.Address, Source: p.source(peer)}
		if primary.Key, err = p.key(peer.Key); err != nil {
			return err
		}
		if primary.Over, err = t.over(&p.settings.Transfers, peer, primary.Source); err != nil {
			return err
		}
		c.primaries = append(c.primaries, primary)
	}
	if c.notifiers, err = p.access(from.Said().AllowNotify); err != nil {
		return err
	}
	before := t.served[from.Origin.Key()]
	if before != nil && reflect.DeepEqual(before.from, c.from) && reflect.DeepEqual(before.primaries, c.primaries) && reflect.DeepEqual(before.notifiers, c.notifiers) {
		c = before
	} else {
		config := transfer.SecondaryConfig{
			Primaries: c.primaries, Limits: from.Said().Limits, Timers: from.Said().Timers, WholeOnly: from.Said().WholeOnly,
			Directory: directory, File: from.Path, Pool: &t.pool, Log: t.log,
		}
		if t.journals.covers(from) && from.Sign == "" { // or it has the changes of the signed zone
			config.Journal = t.journals.Journal
		}
		c.isNew = true
		if before != nil && before.from.Path == from.Path && (before.from.Sign == "") == (from.Sign == "") {
			c.zone, c.follower = before.zone, before.follower // with their contents
			config.Served = c.zone
			c.secondary = transfer.NewSecondary(before.secondary.Zone(), config)
		} else {
			c.zone = authority.NewEmptyZone(from.Origin, wire.ClassIN)
			kept := c.zone
			if from.Sign != "" {
				kept = authority.NewEmptyZone(from.Origin, wire.ClassIN)
				c.follower, c.isBehind, config.Served = sign.NewFollower(c.zone), true, c.zone
			}
			c.secondary = transfer.NewSecondary(kept, config)
			c.secondary.Restore()
		}
	}
	p.copies[from.Origin.Key()] = c
	return p.addZone(from, c.zone)
}

// serve makes set serve the zones of a plan, and gives them what their changes pass
// through. Zones that are to be signed are signed then.
func (t *transfers) serve(sets zoneSets, p *transferPlan) error {
	if err := t.setPipelines(p, p.ours); err != nil {
		return err
	}
	for _, c := range p.copies {
		if err := t.setCopyPipelines(p, c); err != nil {
			return err
		}
	}
	if err := t.signing.sign(); err != nil {
		return err
	}
	return sets.setZones(p)
}

// setPipelines gives zones of files what their changes pass through.
func (t *transfers) setPipelines(p *transferPlan, zones servedZones) error {
	for i := range zones {
		from := zones[i].from
		for _, zone := range zones[i].zones {
			pipeline, err := t.signing.pipeline(&p.settings.Signing, from, zone, t.pipelineOf(from, len(p.of(zone).access) > 0))
			if err != nil {
				return err
			}
			zone.SetPipeline(pipeline)
		}
	}
	return nil
}

// setCopyPipelines gives a zone that comes from primaries what its changes pass
// through. One that is signed here goes on from what was published before.
func (t *transfers) setCopyPipelines(p *transferPlan, c *servedCopy) error {
	log := t.log.With("zone", c.zone.Origin().String())
	from := c.from
	if c.follower != nil {
		from.Digest = zonemd.Off // the primary's is verified before it is signed
	}
	if c.isBehind {
		if _, err := t.journals.Replay(c.zone); err != nil {
			log.Warn("journal has no signed version of the zone; its serial number begins after the primary's", "error", err)
			if err := t.journals.Forget(c.zone.Origin(), c.zone.Class()); err != nil {
				return err
			}
		}
	}
	pipeline, err := t.signing.pipeline(&p.settings.Signing, &from, c.zone, t.pipelineOf(&from, len(p.of(c.zone).access) > 0))
	if err != nil {
		return err
	}
	c.zone.SetPipeline(pipeline)
	if c.follower == nil {
		return nil
	}
	kept := c.secondary.Zone()
	kept.SetPipeline(c.follower.Pipeline(withDigest(new(authority.Pipeline), &c.from).Check...))
	if c.isBehind {
		c.isBehind = false
		if err := c.follower.CatchUp(kept.Snapshot()); err != nil {
			log.Error("zone that was kept cannot be signed; what was published before is served until one comes that can be", "error", err)
			c.secondary.Retransfer()
		}
	}
	return nil
}

// use makes a plan the present one. set serves its zones.
func (t *transfers) use(p *transferPlan, set *authority.Set) {
	t.useWithout(p, set)
	t.aliases.keep(p)
}

// useWithout is use, but for ALIAS records.
func (t *transfers) useWithout(p *transferPlan, set *authority.Set) {
	t.current.Store(p)
	t.keys.Take(p.keys)
	for key, c := range p.copies {
		if c.isNew {
			t.copies.Add(c.secondary, c.notifiers)
			c.isNew = false
		}
		delete(t.served, key)
	}
	for _, gone := range t.served {
		t.copies.Remove(gone.zone.Origin())
	}
	t.served = maps.Clone(p.copies)
	t.signing.keep(p)
	if t.journals != nil {
		t.journals.syncs.set(p.ours)
	}
	t.history.Prune(func(z *authority.Zone) bool { return set.Find(z.Origin(), z.Class()) == z })
}

// pipelineKind is what the pipeline of a zone depends on.
type pipelineKind struct {
	isKept       bool // in the journal
	isRemembered bool // in the history
	hasAliases   bool // whose targets are looked up
	digest       zonemd.Policy
	generate     zonemd.Hash
}

// pipelineOf returns the pipeline of a zone, which some client may have or none;
// zones of one kind share it.
func (t *transfers) pipelineOf(z *settings.Zone, isSent bool) *authority.Pipeline {
	kind := pipelineKind{t.journals.covers(z), isSent, hasAliases(z), z.Digest, z.Generate}
	if z.Sign != "" {
		kind.generate = 0 // see withDigest
	}
	kind.isRemembered = kind.isRemembered && !kind.isKept
	if p := t.pipelines[kind]; p != nil {
		return p
	}
	p := authority.Pipeline{Tell: []authority.Subscriber{t.notifier.Receive}}
	if t.follow != nil {
		p.Tell = append(p.Tell, t.follow)
	}
	switch {
	case kind.isKept:
		p.Journal = t.journals
		p.Tell = append(p.Tell, t.journals.syncs.receive)
	case kind.isRemembered:
		p.Tell = append(p.Tell, t.history.Receive)
	}
	made := withDigest(&p, z)
	if kind.hasAliases {
		all := *made
		all.Check = append(slices.Clip(all.Check), t.aliases.Stage) // after the digest of the file
		all.Tell = append(slices.Clip(all.Tell), t.aliases.receive)
		made = &all
	}
	t.pipelines[kind] = made
	return made
}

// sender returns the resolver that sends zones, nil if no client may have any:
// then the zones refuse transfers themselves.
func (t *transfers) sender(zones *authority.Set, p *transferPlan) names.Resolver {
	if !p.mayTransfer {
		return nil
	}
	return &transfer.Sender{
		Zones: zones, History: t, Log: t.log, Counts: &t.sent, Expires: t.copies.Expires,
		ZoneAccess: func(z *authority.Zone) names.PeerMatcher { return t.zonePlan(z).access },
		Condense:   func(z *authority.Zone) bool { return t.zonePlan(z).condense },
	}
}

// first is what comes before the zones; nil if there is nothing.
func (t *transfers) first(s *settings.Settings, set *authority.Set, p *transferPlan) names.Resolver {
	sender, guard := t.sender(set, p), t.guard(s, set)
	switch {
	case guard == nil:
		return sender
	case sender == nil:
		return guard
	}
	return names.Chain{sender, guard}
}

// Between returns what has changed between two versions of a zone.
func (t *transfers) Between(z *authority.Zone, from, to wire.Serial) []authority.ChangeSet {
	if t.journals != nil {
		if changes := t.journals.Between(z, from, to); changes != nil {
			return changes
		}
	}
	return t.history.Between(z, from, to)
}

// start keeps the zones of primaries up to date, and tells secondaries of versions,
// until ctx is done.
func (t *transfers) start(ctx context.Context, zones []*authority.Zone) {
	t.begun.Go(func() { t.copies.Run(ctx) })
	t.begun.Go(func() { t.notifier.Run(ctx) })
	t.begun.Go(func() { t.notifier.Announce(ctx, zones) })
	if t.journals != nil {
		t.begun.Go(func() { t.journals.run(ctx) })
	}
	t.begun.Go(func() { t.signing.run(ctx) })
	t.begun.Go(func() { t.aliases.run(ctx) })
}

// wait waits for the end of what start began.
func (t *transfers) wait() {
	t.begun.Wait()
	t.pool.CloseIdle()
}
